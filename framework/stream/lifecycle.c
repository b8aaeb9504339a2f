/* SPDX-License-Identifier: MIT
 *
 * The life of a stream: accepted, opened, its sides ended, closed, given back; the public calls
 * that end it are in ending.c. The worker's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream/connect.h"
#include "stream/opening.h"
#include "stream/queue.h"
#include "stream/state.h"

int evf__streams_init(evf_worker *worker)
{
    struct evf__streams *streams = calloc(1, sizeof *streams);
    if (streams == NULL)
        return -ENOMEM;
    int status = evf__stream_table_init(&streams->table, worker, &worker->extents);
    if (status < 0) {
        free(streams);
        return status;
    }
    evf__slab_init(&streams->extras, &worker->extents, sizeof(struct evf__extra));
    evf__slab_init(&streams->inputs, &worker->extents, sizeof(struct evf__input));
    evf__slab_init(&streams->queues, &worker->extents, sizeof(struct evf__queue));
    evf__slab_init(&streams->pieces, &worker->extents, sizeof(struct evf__piece));
    streams->ready_last = &streams->ready;
    streams->spent_last = &streams->spent;
    evf__list_init(&streams->closing);
    evf__list_init(&streams->corked);
    worker->streams = streams;
    evf__outgoing_init(worker);
    return 0;
}

void evf__streams_fini(evf_worker *worker)
{
    struct evf__streams *streams = worker->streams;
    EVF_ASSERT(streams->ready == NULL && streams->spent == NULL);
    EVF_ASSERT(evf__list_empty(&streams->closing) && evf__list_empty(&streams->corked));
    EVF_ASSERT(streams->accepted == 0);
    evf__outgoing_fini(worker);
    evf__slab_fini(&streams->pieces);
    evf__slab_fini(&streams->queues);
    evf__slab_fini(&streams->inputs);
    evf__slab_fini(&streams->extras);
    evf__stream_table_fini(&streams->table);
    free(streams);
    worker->streams = NULL;
}

struct evf__extra *evf__stream_extra(evf_stream *stream)
{
    if (stream->extra != NULL)
        return stream->extra;
    struct evf__extra *extra = evf__slab_take(&evf__streams_of(stream)->extras);
    if (extra == NULL) {
        evf__stream_close(stream, -ENOMEM);
        return NULL;
    }
    *extra = (struct evf__extra){ .limits = stream->origin->limits };
    stream->extra = extra;
    return extra;
}

int evf__stream_keep_peer(evf_stream *stream, const struct sockaddr *peer, socklen_t len)
{
    stream->family = len > 0 ? (uint8_t)peer->sa_family : AF_UNIX;
    if (stream->family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)peer;
        memcpy(stream->address, &v4->sin_addr, sizeof v4->sin_addr);
        stream->port = ntohs(v4->sin_port);
        return 0;
    }
    if (stream->family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)peer;
        memcpy(stream->address, &v6->sin6_addr, sizeof v6->sin6_addr);
        stream->port = ntohs(v6->sin6_port);
        if (v6->sin6_scope_id == 0)
            return 0;
        if (evf__stream_extra(stream) == NULL)
            return -ENOMEM;
        stream->extra->scope_id = v6->sin6_scope_id;
        return 0;
    }
    if (len <= offsetof(struct sockaddr_un, sun_path))
        return 0;
    struct evf__extra *extra = evf__stream_extra(stream);
    struct sockaddr_un *name = extra != NULL ? calloc(1, sizeof *name) : NULL;
    if (name == NULL)
        return -ENOMEM;
    extra->unix_peer_len = len < sizeof *name ? len : (socklen_t)sizeof *name;
    memcpy(name, peer, extra->unix_peer_len);
    extra->unix_peer = name;
    return 0;
}

/* Tells the acceptor, who counts loads. */
static void accepted_gone(evf_worker *worker)
{
    uint64_t gone = atomic_load_explicit(&worker->accepted_gone, memory_order_relaxed);
    atomic_store_explicit(&worker->accepted_gone, gone + 1, memory_order_relaxed);
}

int evf__stream_accept(evf_worker *worker, int fd, struct evf__origin *origin,
                       const struct sockaddr *peer, socklen_t peer_len)
{
    struct evf__streams *streams = worker->streams;
    evf_stream *stream =
        evf__stream_table_take(&streams->table, origin->handler->stream_state_size);
    if (stream == NULL) {
        origin->transport->discard(fd);
        atomic_fetch_sub_explicit(&origin->open_streams, 1, memory_order_relaxed);
        accepted_gone(worker);
        evf__figure_add(&worker->figures, EVF__FIGURE_REFUSED_MEMORY, 1);
        return -ENOMEM;
    }
    streams->accepted++;
    stream->origin = origin;
    stream->ready_state = EVF_OPENING;
    origin->transport->open(stream, fd);
    if (evf__stream_keep_peer(stream, peer, peer_len) < 0 ||
        (origin->proxy != NULL && evf__arrival_begin(stream) < 0)) {
        evf__stream_close(stream, -ENOMEM);
        return -ENOMEM;
    }
    if (origin->proxy == NULL)
        evf__stream_opened(stream);
    return 0;
}

void evf__stream_opened(evf_stream *stream)
{
    evf_worker *worker = evf__worker_of(stream);
    const struct evf__origin *origin = stream->origin;
    uint32_t why = EVF__READABLE; /* what the peer sends first is often there already: look before
                                     the loop is asked to watch */
    EVF_ASSERT(stream->ready_state == EVF_OPENING && (stream->flags & EVF__OPENED) == 0);
    evf__deadline_open(stream);
    if ((stream->flags & EVF__CLOSING) != 0)
        return; /* for want of memory */
    stream->flags |= EVF__OPENED | (origin->starts_paused ? EVF__PAUSED : 0);
    stream->ready_state = (stream->flags & EVF__END_ASKED) != 0 ? EVF_READ_ONLY : EVF_OPEN;
    if (origin->accepted && worker->stop_deadline_ms != 0)
        stream->flags |= EVF__QUIESCE_AFTER_READ;
    else if (!origin->accepted && worker->streams->quiesces_outgoing)
        stream->flags |= EVF__QUIESCE_DUE;
    if (origin->handler->fd != NULL && origin->transport->is_unix(stream))
        stream->flags |= EVF__TAKES_FDS;
    evf__figure_add(&worker->figures, EVF__FIGURE_STREAMS_OPENED, 1);
    if (stream->queue != NULL && stream->queue->watched) {
        stream->queue->watched = false; /* by nobody: it was written while opening */
        why |= EVF__WRITABLE;
    }
    if (origin->handler->open != NULL)
        EVF__CALL(stream, OPEN, open, stream);
    evf__stream_ready(stream, why);
    evf__stream_settle(stream);
}

void evf__stream_ready(evf_stream *stream, uint32_t why)
{
    stream->flags |= why;
    if ((stream->flags & (EVF__ON_READY | EVF__CLOSING)) != 0)
        return;
    struct evf__streams *streams = evf__streams_of(stream);
    stream->flags |= EVF__ON_READY;
    stream->next = NULL;
    *streams->ready_last = stream;
    streams->ready_last = &stream->next;
}

void evf__stream_watch(evf_stream *stream, bool look_again)
{
    bool wanted = evf__stream_reads(stream);
    bool watched = (stream->flags & EVF__READ_WATCHED) != 0;
    if (wanted == watched)
        return;
    if (wanted && look_again) {
        evf__stream_ready(stream, EVF__READABLE);
        return;
    }
    int status = stream->origin->transport->watch_input(stream, wanted);
    if (status < 0) {
        evf__stream_close(stream, status);
        return;
    }
    stream->flags ^= EVF__READ_WATCHED;
}

void evf__stream_sent(evf_stream *stream, size_t n)
{
    evf_worker *worker = evf__worker_of(stream);
    stream->bytes_written += n;
    evf__stream_active(stream, worker);
    evf__figure_add(&worker->figures, EVF__FIGURE_BYTES_WRITTEN, n);
}

void evf__stream_flush(evf_stream *stream, bool more)
{
    int status = evf__queue_flush(stream, more);
    if (status < 0) {
        evf__stream_close(stream, status);
        return;
    }
    if (status > 0)
        return;
    if ((stream->flags & EVF__HELD_BACK) != 0) {
        stream->flags &= ~EVF__HELD_BACK;
        evf__stream_ready(stream, EVF__REST_DUE);
    }
    if ((stream->flags & EVF__OWES_DRAIN) != 0)
        evf__stream_ready(stream, 0);
    evf__stream_settle(stream);
}

void evf__stream_settle(evf_stream *stream)
{
    uint32_t flags = stream->flags, wanted = EVF__OPENED | EVF__END_ASKED;
    if ((flags & (wanted | EVF__CLOSING)) != wanted || evf__queue_bytes(stream) > 0)
        return;
    if ((flags & EVF__END_DONE) != 0) {
        if ((flags & EVF__OWES_DRAIN) == 0)
            evf__stream_close(stream, 0);
        return;
    }
    if ((flags & EVF__FIN_SENT) != 0)
        return;
    int status = stream->origin->transport->shut_down(stream);
    if (status == -EAGAIN)
        return;
    if (status < 0) {
        evf__stream_close(stream, status);
        return;
    }
    evf__deadline_linger(stream);
    stream->flags |= EVF__FIN_SENT;
}

void evf__stream_end_input(evf_stream *stream)
{
    stream->ready_state = stream->ready_state == EVF_READ_ONLY ? EVF_CLOSED : EVF_WRITE_ONLY;
    stream->flags |= EVF__END_DONE;
    evf__input_drop(stream);
    if (stream->origin->handler->end != NULL)
        EVF__CALL(stream, END, end, stream);
    else
        (void)evf_end(stream); /* which does nothing when our side has ended already */
    evf__stream_settle(stream);
}

void evf__stream_close(evf_stream *stream, int reason)
{
    if ((stream->flags & EVF__CLOSING) != 0)
        return;
    evf_worker *worker = evf__worker_of(stream);
    stream->flags |= EVF__CLOSING;
    stream->ready_state = EVF_CLOSED;
    stream->reason = reason;
    evf__queue_drop(stream);
    evf__input_drop(stream);
    if ((stream->flags & EVF__READ_WATCHED) != 0) {
        (void)stream->origin->transport->watch_input(stream, false);
        stream->flags &= ~(uint32_t)EVF__READ_WATCHED;
    }
    evf__wheel_stop(&worker->wheel, &stream->deadline);
    evf__list_append(&worker->streams->closing, &stream->deadline.link);
}

static void count_close(evf_worker *worker, int reason)
{
    evf__figure_add(&worker->figures, EVF__FIGURE_STREAMS_CLOSED, 1);
    if (reason != 0)
        evf__figure_add(&worker->figures, EVF__FIGURE_STREAMS_FAILED, 1);
    if (reason == -ETIMEDOUT)
        evf__figure_add(&worker->figures, EVF__FIGURE_STREAMS_TIMED_OUT, 1);
    if (reason == EVF_ESLOW)
        evf__figure_add(&worker->figures, EVF__FIGURE_STREAMS_SLOW, 1);
}

void evf__stream_finish(evf_stream *stream)
{
    evf_worker *worker = evf__worker_of(stream);
    struct evf__streams *streams = worker->streams;
    struct evf__origin *origin = stream->origin;
    EVF_ASSERT((stream->flags & EVF__CLOSING) != 0);
    bool opened = (stream->flags & EVF__OPENED) != 0;
    if (opened)
        count_close(worker, stream->reason);
    else
        evf__figure_add(&worker->figures,
                        origin->accepted ? EVF__FIGURE_NEVER_OPENED : EVF__FIGURE_CONNECTS_FAILED,
                        1);
    if ((opened || !origin->accepted) && origin->handler->close != NULL)
        EVF__CALL(stream, CLOSE, close, stream, stream->reason);
    origin->transport->close(stream, (stream->flags & EVF__RESET) != 0);
    if (stream->queue != NULL)
        evf__queue_give(stream);
    if (stream->extra != NULL) {
        evf__arrival_give(stream);
        free(stream->extra->unix_peer);
        evf__slab_give(&streams->extras, stream->extra);
    }
    EVF_ASSERT(stream->input == NULL);
#if defined(EVF_DEBUG_CHECKS)
    evf__enter(worker, EVF__CALLBACK_CLOSE, origin->plugin, NULL, stream);
    evf__timers_assert_outside(worker, stream + 1, origin->handler->stream_state_size,
                               "the stream's state");
    evf__leave(worker);
#endif
    if (origin->accepted) {
        streams->accepted--;
        atomic_fetch_sub_explicit(&origin->open_streams, 1, memory_order_relaxed);
        accepted_gone(worker);
    } else {
        evf__outgoing_release(stream);
    }
    /* Still on the ready list: step 3 of the next turn takes it off and gives it back. */
    if ((stream->flags & EVF__ON_READY) != 0)
        stream->flags |= EVF__GONE;
    else
        evf__stream_table_give(&streams->table, stream);
}
