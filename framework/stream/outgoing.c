/* SPDX-License-Identifier: MIT
 *
 * Pairs of origins for outgoing streams: see connect.h. The worker's thread.
 *
 * A pair is found by the connector, the handler's address and its content: a plugin may fill the
 * same memory anew. Those used last are in front, and only so many are looked at; a pair that is
 * not found is made anew, which costs memory but is never wrong. Some are kept while no stream uses
 * them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream/connecting.h"

void evf__outgoing_init(evf_worker *worker)
{
    struct evf__streams *streams = worker->streams;
    evf__list_init(&streams->outgoing);
    evf__list_init(&streams->outgoing_idle);
    evf__slab_init(&streams->openings, &worker->extents, sizeof(struct evf__opening));
    evf__slab_init(&streams->attempts, &worker->extents, sizeof(struct evf__attempt));
}

static void destroy(struct evf__streams *streams, struct evf__outgoing *outgoing)
{
    EVF_ASSERT(outgoing->users == 0);
    evf__list_remove(&outgoing->link);
    evf__list_remove(&outgoing->idle);
    streams->outgoing_idle_count--;
    free(outgoing);
}

void evf__outgoing_fini(evf_worker *worker)
{
    struct evf__streams *streams = worker->streams;
    struct evf__list *next;
    for (struct evf__list *at = streams->outgoing.next; at != &streams->outgoing; at = next) {
        struct evf__outgoing *outgoing = EVF__OWNER(at, struct evf__outgoing, link);
        next = at->next;
        EVF_ASSERT(outgoing->users == 0);
        streams->outgoing_idle_count--;
        free(outgoing);
    }
    EVF_ASSERT(streams->outgoing_idle_count == 0);
    evf__slab_fini(&streams->attempts);
    evf__slab_fini(&streams->openings);
}

/* As the loader does for a plugin's own handler: what a shorter struct lacks is zero. */
static int copy_handler(const struct evf_handler *given, struct evf_handler *ret)
{
    uint32_t size;
    memset(ret, 0, sizeof *ret);
    if (given == NULL)
        return -EINVAL;
    memcpy(&size, given, sizeof size);
    if (size < EVF__HANDLER_SIZE_1_0 || size % _Alignof(struct evf_handler) != 0)
        return -EINVAL;
    memcpy(ret, given, size < sizeof *ret ? size : sizeof *ret);
    return ret->stream_state_size <= EVF__STREAM_STATE_MAX ? 0 : -EINVAL;
}

static bool same_limits(const struct evf__stream_limits *given, const struct evf__origin *origin)
{
    return given->max_frame == origin->limits.max_frame &&
           given->write_high == origin->limits.write_high &&
           given->write_max == origin->limits.write_max &&
           given->linger_ms == origin->limits.linger_ms;
}

static struct evf__outgoing *find(const struct evf__streams *streams,
                                  const struct evf__connector *connector,
                                  const struct evf_handler *given, const struct evf_handler *copy)
{
    unsigned searched = 0;
    for (struct evf__list *at = streams->outgoing.next;
         at != &streams->outgoing && searched < EVF__OUTGOING_SEARCHED; at = at->next, searched++) {
        struct evf__outgoing *outgoing = EVF__OWNER(at, struct evf__outgoing, link);
        if (outgoing->open.given == given && outgoing->open.instance == connector->instance &&
            memcmp(&outgoing->handler, copy, sizeof *copy) == 0 &&
            same_limits(connector->limits, &outgoing->open))
            return outgoing;
    }
    return NULL;
}

static struct evf__outgoing *make(const struct evf__connector *connector,
                                  const struct evf_handler *given, const struct evf_handler *copy)
{
    struct evf__outgoing *outgoing = calloc(1, sizeof *outgoing);
    if (outgoing == NULL)
        return NULL;
    outgoing->handler = *copy;
    struct evf__origin *const both[] = { &outgoing->opening, &outgoing->open };
    for (unsigned i = 0; i < 2; i++) {
        both[i]->handler = &outgoing->handler;
        both[i]->given = given;
        both[i]->instance = connector->instance;
        both[i]->plugin = connector->plugin;
        both[i]->limits = (struct evf__stream_limits){
            .max_frame = connector->limits->max_frame,
            .write_high = connector->limits->write_high,
            .write_max = connector->limits->write_max,
            .linger_ms = connector->limits->linger_ms,
        };
    }
    outgoing->opening.transport = &evf__opening_transport;
    outgoing->open.transport = &evf__socket_transport;
    return outgoing;
}

int evf__outgoing_take(evf_worker *worker, const struct evf__connector *connector,
                       const struct evf_handler *handler, struct evf__outgoing **ret)
{
    struct evf__streams *streams = worker->streams;
    struct evf_handler copy;
    int status = copy_handler(handler, &copy);
    if (status < 0)
        return status;
    struct evf__outgoing *outgoing = find(streams, connector, handler, &copy);
    if (outgoing == NULL) {
        outgoing = make(connector, handler, &copy);
        if (outgoing == NULL)
            return -ENOMEM;
    } else if (outgoing->users == 0) {
        evf__list_remove(&outgoing->idle);
        streams->outgoing_idle_count--;
    }
    if (streams->outgoing.next != &outgoing->link) {
        evf__list_remove(&outgoing->link);
        evf__list_prepend(&streams->outgoing, &outgoing->link);
    }
    outgoing->users++;
    *ret = outgoing;
    return 0;
}

void evf__outgoing_drop(evf_worker *worker, struct evf__outgoing *outgoing)
{
    struct evf__streams *streams = worker->streams;
    EVF_ASSERT(outgoing->users > 0);
    if (--outgoing->users > 0)
        return;
    evf__list_append(&streams->outgoing_idle, &outgoing->idle);
    if (++streams->outgoing_idle_count > EVF__OUTGOING_IDLE_MAX)
        destroy(streams, EVF__OWNER(streams->outgoing_idle.next, struct evf__outgoing, idle));
}

struct evf__outgoing *evf__outgoing_of(const evf_stream *stream)
{
    return stream->origin->transport == &evf__opening_transport
               ? EVF__OWNER(stream->origin, struct evf__outgoing, opening)
               : EVF__OWNER(stream->origin, struct evf__outgoing, open);
}

void evf__outgoing_release(evf_stream *stream)
{
    evf__outgoing_drop(evf__worker_of(stream), evf__outgoing_of(stream));
}
