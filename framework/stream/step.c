/* SPDX-License-Identifier: MIT
 *
 * What one turn does for streams: input and output (step 3), flush and close (step 5), and the
 * graceful stop. The worker's thread.
 *
 * Both steps work on the list as it stood when they began; what is added meanwhile waits for the
 * next turn, which does not sleep then. Streams with little input are received from in batches and
 * presented then, each in its place: what one callback does to another stream of the batch (closing
 * or pausing it) holds for the bytes that are not presented yet.
 */
#include <errno.h>

#include "stream/opening.h"
#include "stream/queue.h"
#include "stream/state.h"

static void pay_drain(evf_stream *stream)
{
    if ((stream->flags & (EVF__OWES_DRAIN | EVF__CLOSING)) != EVF__OWES_DRAIN ||
        evf__queue_bytes(stream) > 0)
        return;
    stream->flags &= ~(uint32_t)EVF__OWES_DRAIN;
    EVF__CALL(stream, DRAIN, drain, stream);
    evf__stream_settle(stream);
}

/* True while bytes that were received are still to be presented: the framework holds them back,
 * because the queue is full, or did until a moment ago. */
static bool rest_to_come(const evf_stream *stream)
{
    return stream->input != NULL && stream->input->len > 0 && (stream->flags & EVF__PAUSED) == 0 &&
           (stream->flags & (EVF__HELD_BACK | EVF__REST_DUE)) != 0;
}

/* True when `quiesce` is due: what was readable at the stop has been presented, or will not be. A
 * stream that the framework holds back because its queue is full goes on when that is out. */
static bool quiesces(const evf_stream *stream)
{
    uint32_t flags = stream->flags;
    const struct evf__extra *extra = stream->extra;
    if ((flags & (EVF__QUIESCE_AFTER_READ | EVF__QUIESCE_DUE)) == 0 || rest_to_come(stream))
        return false;
    if ((flags & EVF__QUIESCE_AFTER_READ) != 0)
        return stream->bytes_read > 0 || (flags & EVF__PEER_ENDED) != 0;
    return extra == NULL || stream->bytes_read >= extra->quiesce_at ||
           (flags & (EVF__PAUSED | EVF__PEER_ENDED)) != 0;
}

static void quiesce(evf_stream *stream)
{
    stream->flags &= ~(uint32_t)(EVF__QUIESCE_DUE | EVF__QUIESCE_AFTER_READ);
    if (stream->origin->handler->quiesce != NULL)
        EVF__CALL(stream, QUIESCE, quiesce, stream);
    else if (stream->origin->accepted)
        (void)evf_end(stream);
}

static void opening_step(evf_stream *stream)
{
    if (stream->origin->accepted)
        evf__arrival_step(stream);
    else
        evf__connect_step(stream);
}

/* What was received in this step and is still to be presented. */
struct batch {
    struct evf__received received[EVF__RECEIVE_BATCH];
    bool more_followed[EVF__RECEIVE_BATCH]; /* other streams were served behind it */
    unsigned count;
    size_t bytes;
};

/* What follows when a stream has been read. look_again: as evf__stream_watch has it. */
static void after_reading(evf_stream *stream, bool look_again)
{
    if ((stream->flags & EVF__CLOSING) != 0)
        return;
    if (quiesces(stream))
        quiesce(stream);
    evf__stream_watch(stream, look_again);
}

static void present_all(struct batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        const struct evf__received *received = &batch->received[i];
        evf__input_take(received);
        after_reading(received->stream, batch->more_followed[i] && received->got > 0);
    }
    batch->count = 0;
    batch->bytes = 0;
}

/* Receives for the batch; false when the stream must be read by itself. */
static bool receive(evf_worker *worker, evf_stream *stream, bool more_follow, struct batch *batch)
{
    struct evf__received *received = &batch->received[batch->count];
    if (!evf__input_receive(stream, worker, received))
        return false;
    batch->more_followed[batch->count++] = more_follow;
    if (received->got > 0)
        batch->bytes += (size_t)received->got;
    return true;
}

/* Flush, drain, read: in this order. more_follow: other streams are served behind this one. */
static void step(evf_worker *worker, evf_stream *stream, bool more_follow, struct batch *batch)
{
    if (stream->ready_state == EVF_OPENING) {
        opening_step(stream);
        return;
    }
    uint32_t why = stream->flags;
    uint64_t had = stream->bytes_read;
    stream->flags &= ~(uint32_t)(EVF__READABLE | EVF__WRITABLE | EVF__REST_DUE);
    if ((why & EVF__WRITABLE) != 0 && evf__queue_bytes(stream) > 0)
        evf__stream_flush(stream, false);
    pay_drain(stream);
    if ((why & EVF__REST_DUE) != 0)
        evf__input_present_rest(stream);
    if ((why & EVF__READABLE) != 0) {
        if (receive(worker, stream, more_follow, batch))
            return;
        evf__input_read(stream);
    }
    after_reading(stream, more_follow && stream->bytes_read != had);
}

void evf__streams_input_output(evf_worker *worker)
{
    struct evf__streams *streams = worker->streams;
    struct batch batch;
    evf_stream *stream = streams->ready;
    streams->ready = NULL;
    streams->ready_last = &streams->ready;
    batch.count = 0;
    batch.bytes = 0;
    while (stream != NULL) {
        evf_stream *next = stream->next;
        stream->flags &= ~(uint32_t)EVF__ON_READY;
        if ((stream->flags & EVF__GONE) != 0)
            evf__stream_table_give(&streams->table, stream);
        else if ((stream->flags & EVF__CLOSING) == 0)
            step(worker, stream, next != NULL, &batch);
        if (batch.count == EVF__RECEIVE_BATCH || batch.bytes >= EVF__RECEIVE_BATCH_BYTES)
            present_all(&batch);
        stream = next;
    }
    present_all(&batch);
}

static void flush_corked(struct evf__streams *streams)
{
    struct evf__list *link;
    while ((link = evf__list_take(&streams->corked)) != NULL) {
        struct evf__queue *queue = EVF__OWNER(link, struct evf__queue, corked);
        queue->cork = 0;
        if (!queue->watched)
            evf__stream_flush(queue->stream, false);
    }
}

void evf__streams_flush_and_close(evf_worker *worker)
{
    struct evf__streams *streams = worker->streams;
    struct evf__list closing, *link;
    evf__list_init(&closing);
    evf__list_move_all(&closing, &streams->closing);
    flush_corked(streams);
    while ((link = evf__list_take(&closing)) != NULL)
        evf__stream_finish(EVF__OWNER(link, evf_stream, deadline.link));
    evf__pieces_release(worker);
    evf__figure_set(&worker->figures, EVF__FIGURE_STREAMS, streams->table.count);
    evf__figure_set(&worker->figures, EVF__FIGURE_QUEUES, streams->queues.in_use);
    evf__figure_set(&worker->figures, EVF__FIGURE_CONNECTING, streams->openings.in_use);
}

bool evf__streams_pending(const evf_worker *worker)
{
    const struct evf__streams *streams = worker->streams;
    return streams->ready != NULL || streams->spent != NULL ||
           !evf__list_empty(&streams->closing) || !evf__list_empty(&streams->corked);
}

size_t evf__streams_count(const evf_worker *worker)
{
    return worker->streams->table.count;
}

void evf__streams_after_stall(evf_worker *worker, uint64_t end_ms)
{
    const struct evf__stream_table *table = &worker->streams->table;
    for (uint32_t chunk = 0; chunk < table->chunk_count; chunk++) {
        for (uint32_t index = 0; index < EVF__CHUNK_STREAMS_MAX; index++) {
            evf_stream *stream = evf__stream_table_at(table, chunk, index);
            if (stream != NULL && (stream->flags & EVF__CLOSING) == 0 &&
                stream->active_ms == (uint32_t)worker->now_ms)
                stream->active_ms = (uint32_t)end_ms;
        }
    }
}

typedef void each_fn(evf_stream *stream, int reason);

static void each(evf_worker *worker, each_fn *fn, int reason)
{
    const struct evf__stream_table *table = &worker->streams->table;
    for (uint32_t chunk = 0; chunk < table->chunk_count; chunk++) {
        for (uint32_t index = 0; index < EVF__CHUNK_STREAMS_MAX; index++) {
            evf_stream *stream = evf__stream_table_at(table, chunk, index);
            if (stream != NULL && (stream->flags & EVF__CLOSING) == 0)
                fn(stream, reason);
        }
    }
}

static void ask_quiesce(evf_stream *stream)
{
    if (stream->ready_state == EVF_OPENING || (stream->flags & EVF__QUIESCE_AFTER_READ) != 0)
        return; /* what opens during the stop gets it after its first reading */
    size_t waiting = 0;
    if ((stream->flags & (EVF__PAUSED | EVF__PEER_ENDED)) == 0)
        waiting = stream->origin->transport->waiting(stream);
    if (waiting > 0) {
        struct evf__extra *extra = evf__stream_extra(stream);
        if (extra == NULL)
            return; /* closed for want of memory */
        extra->quiesce_at = stream->bytes_read + waiting;
    }
    evf__stream_ready(stream, EVF__READABLE | EVF__QUIESCE_DUE);
}

static void ask_accepted(evf_stream *stream, int reason)
{
    (void)reason;
    if (stream->origin->accepted)
        ask_quiesce(stream);
}

void evf__streams_quiesce(evf_worker *worker)
{
    EVF_ASSERT(worker->stop_deadline_ms != 0);
    each(worker, ask_accepted, 0);
}

static void ask_outgoing(evf_stream *stream, int reason)
{
    (void)reason;
    if (!stream->origin->accepted && stream->origin->handler->quiesce != NULL)
        ask_quiesce(stream);
}

void evf__streams_quiesce_outgoing(evf_worker *worker)
{
    struct evf__streams *streams = worker->streams;
    if (streams->accepted > 0 || streams->quiesces_outgoing)
        return;
    streams->quiesces_outgoing = true;
    each(worker, ask_outgoing, 0);
}

void evf__streams_close_all(evf_worker *worker, int reason)
{
    worker->streams->refuses = true;
    each(worker, evf__stream_close, reason);
}
