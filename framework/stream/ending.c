/* SPDX-License-Identifier: MIT
 *
 * The public calls that end a stream: orderly, with last words, or by force. What follows from them
 * is decided in lifecycle.c. The worker's thread; no handler is called from here.
 */
#include <errno.h>

#include "stream/queue.h"
#include "stream/state.h"

int evf_end(evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    if (stream->ready_state == EVF_CLOSED)
        return -EPIPE;
    if ((stream->flags & EVF__END_ASKED) != 0)
        return 0;
    stream->flags |= EVF__END_ASKED;
    if (stream->ready_state == EVF_OPENING)
        return 0; /* acts after `open` */
    stream->ready_state = stream->ready_state == EVF_WRITE_ONLY ? EVF_CLOSED : EVF_READ_ONLY;
    if (stream->queue != NULL) {
        stream->queue->cork = 0;
        evf__list_remove(&stream->queue->corked);
        evf__stream_flush(stream, true); /* the half-close follows at once */
    }
    evf__stream_settle(stream);
    return 0;
}

/* Sends what the kernel takes of the last bytes while nothing is queued: they wait there for the
 * half-close, which then needs no segment of its own. 0, or the error the stream was closed with.
 */
static int send_last(evf_stream *stream, const void *data, size_t len, size_t *ret_sent)
{
    struct iovec piece = { .iov_base = (void *)data, .iov_len = len };
    ssize_t sent = stream->origin->transport->send(stream, &piece, 1, true);
    if (sent == -EAGAIN)
        return 0;
    if (sent < 0) {
        evf__stream_close(stream, (int)sent);
        return (int)sent;
    }
    evf__stream_sent(stream, (size_t)sent);
    *ret_sent = (size_t)sent;
    return 0;
}

int evf_write_last(evf_stream *stream, const void *data, size_t len)
{
    size_t sent = 0;
    int status = 0;
    EVF__STREAM_RULES(stream);
    EVF_DEBUG_RULE(len == 0 || data != NULL, "bytes are given");
    bool ended = (stream->flags & (EVF__CLOSING | EVF__END_ASKED)) != 0;
    if (len > 0 && !ended && stream->queue == NULL && stream->ready_state != EVF_OPENING)
        status = send_last(stream, data, len, &sent);
    if (status == 0 && sent > 0 && sent == len)
        status = EVF_FLUSHED;
    else if (status == 0)
        status = evf_write(stream, (const uint8_t *)data + sent, len - sent);
    if (status > 0)
        (void)evf_end(stream);
    else if (sent > 0)
        evf__stream_close(stream, status); /* a part is out already */
    return status;
}

void evf_close_with(evf_stream *stream, int reason)
{
    EVF__STREAM_RULES(stream);
    EVF_RULE(reason <= 0, "a reason is 0 or negative");
    evf__stream_close(stream, reason);
}

void evf_close(evf_stream *stream)
{
    evf_close_with(stream, 0);
}

void evf_reset(evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    if ((stream->flags & EVF__CLOSING) == 0)
        stream->flags |= EVF__RESET;
    evf__stream_close(stream, 0);
}
