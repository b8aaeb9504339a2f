/* SPDX-License-Identifier: MIT
 *
 * The bytes between the two streams of a session, the same in both directions. The worker's thread.
 *
 * What one side receives is written to the other by reference. When that one's queue is full, the
 * side is paused until the queue is empty, so a session holds write_high and a page for each
 * direction at most. What a side ended is ended at the other, behind the queue, and the other
 * direction goes on. A side that fails resets the other: an end would say that all bytes came.
 */
#include <errno.h>

#include "session.h"

/* A stream that may live for days half-closed, and whose queue this file keeps within bounds. */
static void set_up(evf_stream *stream)
{
    size_t high, max;
    evf_write_marks(stream, &high, &max);
    evf_set_write_marks(stream, high, SIZE_MAX);
    evf_set_linger(stream, 0);
}

void socks5_pump_begin(struct socks5_session *session)
{
    evf_stream *client = session->client.stream, *server = session->server.stream;
    set_up(client);
    set_up(server);
    evf_set_timeout(server, evf_timeout(client));
    if (session->client.ended)
        evf_end(server);
    /* The end of a pause presents what was not consumed. */
    evf_pause(client);
    evf_resume(client);
}

size_t socks5_pump_data(evf_stream *stream, evf_slice input)
{
    struct socks5_side *side = socks5_side_of(stream), *other = socks5_other(side);
    if (other->stream == NULL)
        return input.len; /* its end, or its failure, is on the way to this side */
    int result = evf_write_slice(other->stream, input);
    if (result < 0)
        evf_close_with(other->stream, result);
    if (result == EVF_FULL) {
        side->paused = true;
        evf_pause(stream);
    }
    return input.len;
}

void socks5_pump_end(evf_stream *stream)
{
    struct socks5_side *side = socks5_side_of(stream), *other = socks5_other(side);
    side->ended = true;
    if (other->stream != NULL)
        evf_end(other->stream);
}

/* This side's queue is empty: the other side is read again. */
void socks5_pump_drain(evf_stream *stream)
{
    struct socks5_side *other = socks5_other(socks5_side_of(stream));
    if (!other->paused || other->stream == NULL)
        return;
    other->paused = false;
    evf_resume(other->stream);
}

static uint64_t moved(const evf_stream *stream)
{
    return evf_bytes_read(stream) + evf_bytes_written(stream);
}

/* Bytes on one side keep both: a session is idle when the idle time of one side is over and the
 * other has moved nothing since its own was over. */
bool socks5_pump_timeout(evf_stream *stream)
{
    struct socks5_side *side = socks5_side_of(stream), *other = socks5_other(side);
    if (other->stream == NULL)
        return false;
    side->idle = true;
    side->idle_at = moved(stream);
    if (!other->idle || other->idle_at != moved(other->stream))
        return true;
    evf_close_with(other->stream, -ETIMEDOUT);
    return false;
}

void socks5_pump_close(struct socks5_side *side, int reason)
{
    evf_stream *other = socks5_other(side)->stream;
    if (other != NULL && reason != 0)
        evf_reset(other);
}
