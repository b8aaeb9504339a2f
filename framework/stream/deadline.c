/* SPDX-License-Identifier: MIT
 *
 * A stream's deadlines: idle time, linger, first byte, lifetime, least rate. The worker's thread.
 *
 * One entry of the wheel serves them all: it waits for the earliest. Activity only stores the time;
 * when the entry fires, what is really due is worked out, and the entry waits for the remainder. A
 * deadline that moves earlier queues it anew at once.
 */
#include <errno.h>

#include "stream/opening.h"
#include "stream/queue.h"
#include "stream/state.h"

/* When the idle time is over; UINT64_MAX when it is off. Only the low half of the clock is stored:
 * times are below 2^31 ms, so the difference tells. */
static uint64_t idle_at(const evf_stream *stream, uint64_t now_ms)
{
    uint32_t idle_ms = evf__limits(stream)->idle_timeout_ms;
    if (idle_ms == 0)
        return UINT64_MAX;
    uint32_t ago_ms = (uint32_t)now_ms - stream->active_ms;
    return now_ms - ago_ms + idle_ms;
}

static uint64_t earlier(uint64_t a, uint64_t b_or_off)
{
    return b_or_off != 0 && b_or_off < a ? b_or_off : a;
}

static uint64_t next_deadline(const evf_stream *stream, uint64_t now_ms)
{
    const struct evf__extra *extra = stream->extra;
    uint64_t at = idle_at(stream, now_ms);
    if (extra == NULL)
        return at;
    if (stream->bytes_read == 0)
        at = earlier(at, extra->first_byte_at_ms);
    at = earlier(at, extra->lifetime_at_ms);
    at = earlier(at, extra->linger_at_ms);
    return earlier(at, extra->rate_at_ms);
}

void evf__deadline_changed(evf_stream *stream)
{
    evf_worker *worker = evf__worker_of(stream);
    uint64_t at = next_deadline(stream, worker->now_ms);
    if (at == UINT64_MAX)
        evf__wheel_stop(&worker->wheel, &stream->deadline);
    else
        evf__wheel_start(&worker->wheel, &stream->deadline, at);
}

/* True when the peer owes us bytes: the rest of a message, or room for ours. */
static bool peer_owes(const evf_stream *stream)
{
    bool input = stream->input != NULL && (stream->flags & EVF__PAUSES) == 0;
    return input || evf__queue_bytes(stream) > 0;
}

/* A look at the rate. True when the peer has owed us bytes at every look of a whole window, and
 * moved less than the rate asks for. */
static bool rate_missed(evf_stream *stream, uint64_t now_ms)
{
    struct evf__extra *extra = stream->extra;
    uint64_t moved = stream->bytes_read + stream->bytes_written;
    extra->rate_at_ms = now_ms + EVF__RATE_LOOK_MS;
    if (!peer_owes(stream)) {
        extra->owing_since_ms = 0;
        return false;
    }
    uint64_t owing_ms = now_ms - extra->owing_since_ms;
    if (extra->owing_since_ms != 0 && owing_ms < EVF__RATE_WINDOW_MS)
        return false;
    bool missed = extra->owing_since_ms != 0 &&
                  (moved - extra->rate_bytes) * 1000 < extra->limits.min_rate * owing_ms;
    extra->owing_since_ms = now_ms;
    extra->rate_bytes = moved;
    return missed;
}

void evf__deadline_open(evf_stream *stream)
{
    evf_worker *worker = evf__worker_of(stream);
    const struct evf__stream_limits *limits = &stream->origin->limits;
    evf__stream_active(stream, worker);
    stream->deadline.kind = EVF__ENTRY_STREAM;
    if (limits->first_byte_ms != 0 || limits->max_lifetime_ms != 0 || limits->min_rate != 0) {
        struct evf__extra *extra = evf__stream_extra(stream);
        if (extra == NULL)
            return;
        if (limits->first_byte_ms != 0)
            extra->first_byte_at_ms = worker->now_ms + limits->first_byte_ms;
        if (limits->max_lifetime_ms != 0)
            extra->lifetime_at_ms = worker->now_ms + limits->max_lifetime_ms;
        if (limits->min_rate != 0)
            extra->rate_at_ms = worker->now_ms + EVF__RATE_LOOK_MS;
    }
    evf__deadline_changed(stream);
}

void evf__deadline_linger(evf_stream *stream)
{
    uint32_t linger_ms = evf__limits(stream)->linger_ms;
    struct evf__extra *extra = evf__stream_extra(stream);
    if (extra == NULL)
        return;
    extra->linger_bytes = stream->bytes_read;
    extra->linger_at_ms = linger_ms != 0 ? evf__worker_of(stream)->now_ms + linger_ms : 0;
    evf__deadline_changed(stream);
}

/* The idle time seems to be over. After a turn that took long, bytes may wait in the kernel: the
 * stream is flushed and read once before it is told. */
static void idle(evf_stream *stream, evf_worker *worker)
{
    if (evf__queue_bytes(stream) > 0)
        evf__stream_flush(stream, false);
    if (evf__stream_reads(stream))
        evf__input_read(stream);
    if ((stream->flags & EVF__CLOSING) != 0 || idle_at(stream, worker->now_ms) > worker->now_ms)
        return;
    const struct evf_handler *handler = stream->origin->handler;
    bool keep = false;
    if (handler->timeout != NULL) {
        evf__enter(worker, EVF__CALLBACK_TIMEOUT, stream->origin->plugin, (void *)handler->timeout,
                   stream);
        keep = handler->timeout(stream);
        evf__leave(worker);
    }
    if ((stream->flags & EVF__CLOSING) != 0)
        return; /* what a timeout that closed returns is ignored */
    if (keep)
        evf__stream_active(stream, worker);
    else
        evf__stream_close(stream, -ETIMEDOUT);
}

void evf__streams_deadline(evf_worker *worker, struct evf__wheel_entry *entry)
{
    evf_stream *stream = EVF__OWNER(entry, evf_stream, deadline);
    const struct evf__extra *extra = stream->extra;
    uint64_t now_ms = worker->now_ms;
    EVF_ASSERT((stream->flags & EVF__CLOSING) == 0);
    if (stream->ready_state == EVF_OPENING) {
        if (stream->origin->accepted)
            evf__arrival_deadline(stream);
        else
            evf__connect_deadline(stream);
        return;
    }
    if (extra != NULL && extra->linger_at_ms != 0 && extra->linger_at_ms <= now_ms)
        evf__stream_close(stream, 0);
    else if (extra != NULL && extra->lifetime_at_ms != 0 && extra->lifetime_at_ms <= now_ms)
        evf__stream_close(stream, EVF_ELIFETIME);
    else if (extra != NULL && extra->first_byte_at_ms != 0 && extra->first_byte_at_ms <= now_ms &&
             stream->bytes_read == 0) {
        if (evf__stream_reads(stream))
            evf__input_read(stream); /* it may wait in the kernel */
        if (stream->bytes_read == 0)
            evf__stream_close(stream, -ETIMEDOUT);
    } else if (extra != NULL && extra->rate_at_ms != 0 && extra->rate_at_ms <= now_ms) {
        if (rate_missed(stream, now_ms))
            evf__stream_close(stream, EVF_ERATE);
    }
    if ((stream->flags & EVF__CLOSING) == 0 && idle_at(stream, now_ms) <= now_ms)
        idle(stream, worker);
    if ((stream->flags & EVF__CLOSING) == 0)
        evf__deadline_changed(stream);
}
