/* SPDX-License-Identifier: MIT
 *
 * What a plugin asks of a stream and sets on it. The worker's thread.
 *
 * Settings of a closed stream do nothing; facts stay right until `close` returns.
 */
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/address.h"
#include "stream/connect.h"
#include "stream/opening.h"
#include "stream/queue.h"
#include "stream/state.h"

const struct evf_handler *evf_stream_handler(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return stream->origin->given;
}

void *evf_stream_state(evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return stream->origin->handler->stream_state_size > 0 ? stream + 1 : NULL;
}

enum evf_ready_state evf_ready_state(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return (enum evf_ready_state)stream->ready_state;
}

uint64_t evf_bytes_read(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return stream->bytes_read;
}

uint64_t evf_bytes_written(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return stream->bytes_written;
}

size_t evf_queued(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return evf__queue_bytes(stream);
}

uint64_t evf_stream_id(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return evf__stream_table_id(stream);
}

evf_worker *evf_stream_worker(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return evf__worker_of(stream);
}

evf_instance *evf_stream_instance(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return stream->origin->instance;
}

evf_stream *evf_stream_find(evf_worker *worker, uint64_t id)
{
    EVF__ON_WORKER(worker);
    evf_stream *stream = evf__stream_table_find(&worker->streams->table, id);
    return stream != NULL && stream->ready_state != EVF_CLOSED ? stream : NULL;
}

/* No stream can be opened inside the walk, because callbacks do not nest: what is made during it
 * has not had its `open` and is passed over. Memory is given back in step 5 only, so what is closed
 * during the walk still stands. */
void evf_each_stream(evf_worker *worker, evf_instance *instance, evf_each_fn *fn, void *argument)
{
    const struct evf__stream_table *table = &worker->streams->table;
    EVF__ON_WORKER(worker);
    for (uint32_t chunk = 0; chunk < table->chunk_count; chunk++) {
        for (uint32_t index = 0; index < EVF__CHUNK_STREAMS_MAX; index++) {
            evf_stream *stream = evf__stream_table_at(table, chunk, index);
            if (stream != NULL && (stream->flags & EVF__OPENED) != 0 &&
                stream->ready_state != EVF_CLOSED && stream->origin->instance == instance)
                fn(stream, argument);
        }
    }
}

socklen_t evf__stream_peer(const evf_stream *stream, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (stream->family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
        *v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(stream->port) };
        memcpy(&v4->sin_addr, stream->address, sizeof v4->sin_addr);
        return sizeof *v4;
    }
    if (stream->family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
        *v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(stream->port) };
        memcpy(&v6->sin6_addr, stream->address, sizeof v6->sin6_addr);
        if (stream->extra != NULL)
            v6->sin6_scope_id = stream->extra->scope_id;
        return sizeof *v6;
    }
    if (stream->extra != NULL && stream->extra->unix_peer != NULL) {
        memcpy(ret, stream->extra->unix_peer, stream->extra->unix_peer_len);
        return stream->extra->unix_peer_len;
    }
    ret->ss_family = AF_UNIX;
    return sizeof(sa_family_t);
}

int evf_peer_address(const evf_stream *stream, struct sockaddr_storage *ret)
{
    EVF__STREAM_RULES(stream);
    if ((stream->flags & EVF__OPENED) == 0)
        return -ENOTCONN;
    (void)evf__stream_peer(stream, ret);
    return 0;
}

int evf_local_address(const evf_stream *stream, struct sockaddr_storage *ret)
{
    EVF__STREAM_RULES(stream);
    struct sockaddr_storage address, plain;
    socklen_t len, plain_len;
    if ((stream->flags & EVF__OPENED) == 0)
        return -ENOTCONN;
    if (evf__arrival_destination(stream, ret))
        return 0;
    memset(&address, 0, sizeof address);
    int status = stream->origin->transport->local_address(stream, &address, &len);
    if (status < 0)
        return status;
    memset(&plain, 0, sizeof plain);
    evf__address_unmap((const struct sockaddr *)&address, len, &plain, &plain_len);
    *ret = plain;
    return 0;
}

const char *evf_peer_name(const evf_stream *stream, char *buffer, size_t size)
{
    EVF__STREAM_RULES(stream);
    if (!stream->origin->accepted && (stream->flags & EVF__OPENED) == 0)
        return evf__connect_name(stream, buffer, size);
    struct sockaddr_storage address;
    socklen_t len = evf__stream_peer(stream, &address);
    return evf__address_format((const struct sockaddr *)&address, len, buffer, size);
}

void evf__stream_describe(const evf_stream *stream, struct evf__log_source *ret)
{
    ret->plugin = stream->origin->plugin;
    ret->stream_id = evf_stream_id(stream);
    (void)evf_peer_name(stream, ret->peer, sizeof ret->peer);
}

/* This stream's own limits, to be changed; NULL when it is closed or there is no memory. */
static struct evf__stream_limits *own_limits(evf_stream *stream)
{
    if ((stream->flags & EVF__CLOSING) != 0)
        return NULL;
    struct evf__extra *extra = evf__stream_extra(stream);
    return extra != NULL ? &extra->limits : NULL;
}

size_t evf_max_frame(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return evf__limits(stream)->max_frame;
}

void evf_set_max_frame(evf_stream *stream, size_t len)
{
    EVF__STREAM_RULES(stream);
    struct evf__stream_limits *limits = own_limits(stream);
    if (limits != NULL)
        limits->max_frame = len > 0 ? len : 1;
}

void evf_set_write_marks(evf_stream *stream, size_t high, size_t max)
{
    EVF__STREAM_RULES(stream);
    struct evf__stream_limits *limits = own_limits(stream);
    if (limits == NULL)
        return;
    limits->write_high = high;
    limits->write_max = max > high ? max : high;
}

void evf_write_marks(const evf_stream *stream, size_t *ret_high, size_t *ret_max)
{
    EVF__STREAM_RULES(stream);
    *ret_high = evf__limits(stream)->write_high;
    *ret_max = evf__limits(stream)->write_max;
}

static uint32_t cut(uint32_t ms)
{
    return ms < EVF__TIMEOUT_MAX_MS ? ms : EVF__TIMEOUT_MAX_MS;
}

void evf_set_linger(evf_stream *stream, uint32_t ms)
{
    EVF__STREAM_RULES(stream);
    struct evf__stream_limits *limits = own_limits(stream);
    if (limits == NULL)
        return;
    limits->linger_ms = cut(ms);
    if ((stream->flags & EVF__FIN_SENT) != 0)
        evf__deadline_linger(stream);
}

void evf_set_timeout(evf_stream *stream, uint32_t ms)
{
    EVF__STREAM_RULES(stream);
    struct evf__stream_limits *limits = own_limits(stream);
    if (limits == NULL)
        return;
    limits->idle_timeout_ms = cut(ms);
    if (stream->ready_state == EVF_OPENING)
        return; /* it runs from `open` */
    evf__stream_active(stream, evf__worker_of(stream));
    evf__deadline_changed(stream);
}

uint32_t evf_timeout(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return evf__limits(stream)->idle_timeout_ms;
}

static int set_option(evf_stream *stream, int level, int name, int value)
{
    return stream->origin->transport->set_option(stream, level, name, value);
}

/* 0 when options of a TCP socket may be set. */
static int may_set(evf_stream *stream)
{
    if ((stream->flags & EVF__CLOSING) != 0)
        return -EPIPE;
    return evf__arrival_family(stream) == AF_UNIX ? -EOPNOTSUPP : 0;
}

int evf_set_nodelay(evf_stream *stream, bool on)
{
    EVF__STREAM_RULES(stream);
    int status = may_set(stream);
    return status < 0 ? status : set_option(stream, IPPROTO_TCP, TCP_NODELAY, on);
}

int evf_set_keepalive(evf_stream *stream, bool on, unsigned idle_s, unsigned interval_s,
                      unsigned count)
{
    EVF__STREAM_RULES(stream);
    const struct {
        int name;
        unsigned value;
    } options[] = {
        { TCP_KEEPIDLE, idle_s },
        { TCP_KEEPINTVL, interval_s },
        { TCP_KEEPCNT, count },
    };
    int status = may_set(stream);
    for (size_t i = 0; status == 0 && on && i < sizeof options / sizeof *options; i++)
        if (options[i].value > 0)
            status = set_option(stream, IPPROTO_TCP, options[i].name, (int)options[i].value);
    return status < 0 ? status : set_option(stream, SOL_SOCKET, SO_KEEPALIVE, on);
}

int evf_set_tos(evf_stream *stream, int tos)
{
    EVF__STREAM_RULES(stream);
    int status = may_set(stream);
    if (status < 0)
        return status;
    if (evf__arrival_family(stream) == AF_INET6)
        return set_option(stream, IPPROTO_IPV6, IPV6_TCLASS, tos);
    return set_option(stream, IPPROTO_IP, IP_TOS, tos);
}
