/* SPDX-License-Identifier: MIT
 *
 * The bytes between the two streams of a pair, the same in both directions. The worker's thread.
 *
 * What one side receives is written to the other by reference. When that one's queue is full, the
 * side is paused until the queue is empty: so a pair holds write_high and a page for each direction
 * at most, and the framework's own limit for slow readers is never met. What a side ended is ended
 * at the other, behind the queue.
 *
 * Before the upstream stream is open a client's bytes stay where they are, unconsumed, and the
 * client goes on being read, so that one that vanishes is noticed; from PROXY_EARLY_MAX on, or when
 * it has ended, it is paused. (A pause in the last `data` keeps the bytes and defers `end`.)
 */
#include "pair.h"

#include <errno.h>

/* Settings of a stream that may live for days half-closed. */
static void set_up(evf_stream *stream)
{
    size_t high, max;
    evf_write_marks(stream, &high, &max);
    /* Not more is queued than high and a slice: a write that comes then must not close it. */
    evf_set_write_marks(stream, high, SIZE_MAX);
    evf_set_linger(stream, 0);
}

void proxy_pump_begin(struct proxy_pair *pair)
{
    set_up(pair->client.stream);
    set_up(pair->upstream.stream);
    evf_set_timeout(pair->upstream.stream, evf_timeout(pair->client.stream));
    if (pair->client.ended)
        evf_end(pair->upstream.stream);
    /* The end of a pause presents what was not consumed. */
    evf_pause(pair->client.stream);
    evf_resume(pair->client.stream);
}

/* A client's bytes whose upstream stream is not open. */
static size_t hold_back(evf_stream *client, evf_slice input)
{
    size_t most = evf_max_frame(client);
    if (most > PROXY_EARLY_MAX)
        most = PROXY_EARLY_MAX;
    if (input.len >= most || evf_input_ended(client))
        evf_pause(client);
    return 0;
}

size_t proxy_pump_data(evf_stream *stream, evf_slice input)
{
    struct proxy_side *side = proxy_side_of(stream);
    if (!side->pair->connected)
        return hold_back(stream, input);
    struct proxy_side *other = proxy_other(side);
    if (other->stream == NULL)
        return input.len; /* its end, or its failure, is on the way to this side */
    int result = evf_write_slice(other->stream, input);
    if (result < 0) {
        evf_close_with(other->stream, result);
        return input.len;
    }
    evf_counter_add(other->sent, input.len);
    if (result == EVF_FULL) {
        side->paused = true;
        evf_pause(stream);
    }
    return input.len;
}

void proxy_pump_end(evf_stream *stream)
{
    struct proxy_side *side = proxy_side_of(stream), *other = proxy_other(side);
    side->ended = true;
    if (side->pair->connected && other->stream != NULL)
        evf_end(other->stream);
}

/* This side's queue is empty: the other side is read again. */
void proxy_pump_drain(evf_stream *stream)
{
    struct proxy_side *other = proxy_other(proxy_side_of(stream));
    if (!other->paused || other->stream == NULL)
        return;
    other->paused = false;
    evf_resume(other->stream);
}

static uint64_t moved(const evf_stream *stream)
{
    return evf_bytes_read(stream) + evf_bytes_written(stream);
}

/* Bytes on one side keep both: a pair is idle when the idle time of one side is over and the other
 * has moved nothing since its own was over. A connect has a bound of its own. */
bool proxy_pump_timeout(evf_stream *stream)
{
    struct proxy_side *side = proxy_side_of(stream), *other = proxy_other(side);
    if (!side->pair->connected)
        return true;
    if (other->stream == NULL)
        return false;
    side->idle = true;
    side->idle_at = moved(stream);
    if (!other->idle || other->idle_at != moved(other->stream))
        return true;
    evf_close_with(other->stream, -ETIMEDOUT);
    return false;
}
