/* SPDX-License-Identifier: MIT
 *
 * The public writes: straight to the kernel when nothing is queued, the rest into the queue. The
 * worker's thread; no handler is called from here.
 */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "stream/queue.h"
#include "stream/state.h"

/* 0: go on. Anything else is the write's answer. */
static int begin(evf_stream *stream, size_t len)
{
    if ((stream->flags & (EVF__CLOSING | EVF__END_ASKED)) != 0)
        return -EPIPE;
    return len == 0 ? evf__queue_state(stream) : 0;
}

static bool over_max(const evf_stream *stream, size_t more, unsigned fds)
{
    const struct evf__queue *queue = stream->queue;
    return queue != NULL && queue->bytes > 0 &&
           (queue->memory + more > evf__limits(stream)->write_max ||
            queue->fds + fds > EVF__FDS_QUEUED_MAX);
}

/* 0, or the reason the stream was closed with: a queue that is not empty would hold more than
 * write_max, or too many descriptors. What only a cork holds back is not the peer's fault: it is
 * flushed first. */
static int too_slow(evf_stream *stream, size_t more, unsigned fds)
{
    if (!over_max(stream, more, fds))
        return 0;
    if (!stream->queue->watched) {
        evf__stream_flush(stream, true);
        if ((stream->flags & EVF__CLOSING) != 0)
            return stream->reason;
        if (!over_max(stream, more, fds))
            return 0;
    }
    evf__stream_close(stream, EVF_ESLOW);
    return EVF_ESLOW;
}

/* What a slice adds to the memory held. */
static size_t slice_memory(const evf_stream *stream, evf_slice slice)
{
    if (slice.len < EVF__SLICE_COPY_BELOW)
        return slice.len;
    return evf__queue_holds(stream->queue, slice.page) ? 0 : slice.page->size;
}

/* Sends what the kernel takes now; nothing is queued. 0, or the error the stream was closed with.
 */
static int send_now(evf_stream *stream, const struct iovec *pieces, int count, size_t *ret_sent)
{
    while (count > 0) {
        int batch = count < EVF__PIECES_PER_SEND ? count : EVF__PIECES_PER_SEND;
        size_t total = 0;
        for (int i = 0; i < batch; i++)
            total += pieces[i].iov_len;
        ssize_t sent = stream->origin->transport->send(stream, pieces, batch, false);
        if (sent == -EAGAIN)
            return 0;
        if (sent < 0) {
            evf__stream_close(stream, (int)sent);
            return (int)sent;
        }
        evf__stream_sent(stream, (size_t)sent);
        *ret_sent += (size_t)sent;
        if ((size_t)sent < total)
            return 0;
        pieces += batch;
        count -= batch;
    }
    return 0;
}

/* What could not be queued for lack of memory, of which `sent` bytes are out already. */
static int not_queued(evf_stream *stream, size_t sent, int status)
{
    if (sent > 0) {
        evf__stream_close(stream, status);
        return status;
    }
    if (stream->queue != NULL && stream->queue->bytes == 0 && stream->queue->cork == 0)
        evf__queue_give(stream);
    return status;
}

/* Something was queued: watches or holds back as the cork says, and tells the caller. */
static int queued(evf_stream *stream)
{
    struct evf__queue *queue = stream->queue;
    if (queue->cork == 0) {
        int status = evf__queue_wait(stream);
        if (status < 0) {
            evf__stream_close(stream, status);
            return status;
        }
    } else if (queue->bytes >= evf__limits(stream)->write_high ||
               queue->fds >= EVF__FDS_QUEUED_HIGH) {
        evf__stream_flush(stream, false);
        if ((stream->flags & EVF__CLOSING) != 0)
            return stream->reason;
    }
    int state = evf__queue_state(stream);
    if (stream->origin->handler->drain != NULL) {
        stream->flags |= EVF__OWES_DRAIN;
        if (state == EVF_FLUSHED) /* the cork's limit flushed it all: the debt stands */
            evf__stream_ready(stream, 0);
    } else if (state == EVF_FULL) {
        stream->flags |= EVF__HELD_BACK;
    }
    return state == EVF_FLUSHED ? EVF_QUEUED : state;
}

/* evf_write and evf_writev: what is not sent is copied. */
static int write_copied(evf_stream *stream, const struct iovec *pieces, int count, size_t len)
{
    size_t sent = 0;
    int status = begin(stream, len);
    if (status != 0)
        return status;
    if (stream->queue == NULL) {
        status = send_now(stream, pieces, count, &sent);
        if (status < 0)
            return status;
        if (sent == len)
            return EVF_FLUSHED;
    } else {
        status = too_slow(stream, len, 0);
        if (status < 0)
            return status;
    }
    if (evf__queue_of(stream) == NULL || evf__queue_copy(stream, pieces, count, sent) < 0)
        return not_queued(stream, sent, -ENOMEM);
    return queued(stream);
}

int evf_write(evf_stream *stream, const void *data, size_t len)
{
    EVF__STREAM_RULES(stream);
    EVF_DEBUG_RULE(len == 0 || data != NULL, "bytes are given");
    struct iovec piece = { .iov_base = (void *)data, .iov_len = len };
    return write_copied(stream, &piece, 1, len);
}

int evf_writev(evf_stream *stream, const struct iovec *pieces, int count)
{
    EVF__STREAM_RULES(stream);
    size_t len = 0;
    if (count < 0 || (count > 0 && pieces == NULL))
        return -EINVAL;
    for (int i = 0; i < count; i++) {
        if (pieces[i].iov_len > SSIZE_MAX - len)
            return -EINVAL;
        len += pieces[i].iov_len;
    }
    return write_copied(stream, pieces, count, len);
}

int evf_write_slice(evf_stream *stream, evf_slice slice)
{
    EVF__STREAM_RULES(stream);
    size_t sent = 0;
    struct iovec piece = { .iov_base = (void *)slice.data, .iov_len = slice.len };
    if (slice.page == NULL)
        return write_copied(stream, &piece, 1, slice.len);
    EVF__SLICE_RULES(slice);
    int status = begin(stream, slice.len);
    if (status != 0)
        return status;
    if (stream->queue == NULL) {
        status = send_now(stream, &piece, 1, &sent);
        if (status < 0)
            return status;
        if (sent == slice.len)
            return EVF_FLUSHED;
    } else {
        status = too_slow(stream, slice_memory(stream, slice), 0);
        if (status < 0)
            return status;
    }
    if (evf__queue_of(stream) == NULL)
        return not_queued(stream, sent, -ENOMEM);
    if (slice.len - sent < EVF__SLICE_COPY_BELOW)
        status = evf__queue_copy(stream, &piece, 1, sent);
    else
        status = evf__queue_slice(stream, evf_slice_sub(slice, sent, slice.len - sent));
    return status < 0 ? not_queued(stream, sent, status) : queued(stream);
}

int evf_write_static(evf_stream *stream, const void *data, size_t len)
{
    EVF__STREAM_RULES(stream);
    EVF_DEBUG_RULE(len == 0 || data != NULL, "bytes are given");
    size_t sent = 0;
    struct iovec piece = { .iov_base = (void *)data, .iov_len = len };
    int status = begin(stream, len);
    if (status != 0)
        return status;
    if (stream->queue == NULL) {
        status = send_now(stream, &piece, 1, &sent);
        if (status < 0)
            return status;
        if (sent == len)
            return EVF_FLUSHED;
    } else {
        status = too_slow(stream, sizeof(struct evf__piece), 0);
        if (status < 0)
            return status;
    }
    if (evf__queue_of(stream) == NULL ||
        evf__queue_static(stream, (const uint8_t *)data + sent, len - sent) < 0)
        return not_queued(stream, sent, -ENOMEM);
    return queued(stream);
}

/* evf_write_owned, with a piece that stands ready. */
static int write_owned(evf_stream *stream, struct evf__piece *owned, const void *data, size_t len)
{
    size_t sent = 0;
    struct iovec piece = { .iov_base = (void *)data, .iov_len = len };
    int status = begin(stream, len);
    if (status == 0 && stream->queue == NULL) {
        status = send_now(stream, &piece, 1, &sent);
        if (status == 0 && sent == len)
            status = EVF_FLUSHED;
    } else if (status == 0) {
        status = too_slow(stream, len, 0);
    }
    if (status == 0 && evf__queue_of(stream) == NULL)
        status = not_queued(stream, sent, -ENOMEM);
    if (status != 0) {
        evf__piece_spend(stream, owned);
        return status;
    }
    evf__queue_owned(stream, owned, (const uint8_t *)data + sent, len - sent);
    return queued(stream);
}

int evf_write_owned(evf_stream *stream, const void *data, size_t len, evf_free_fn *release,
                    void *argument)
{
    EVF__STREAM_RULES(stream);
    EVF_DEBUG_RULE(len == 0 || data != NULL, "bytes are given");
    EVF_RULE(release != NULL, "a release function is given");
    struct evf__piece *owned = evf__piece_owned(stream, release, argument);
    if (owned == NULL) {
        release(argument); /* not even this can be remembered */
        return -ENOMEM;
    }
    return write_owned(stream, owned, data, len);
}

/* Sends what the kernel takes of the file now. As send_now. */
static int send_file_now(evf_stream *stream, int fd, off_t offset, size_t len, size_t *ret_sent)
{
    while (*ret_sent < len && *ret_sent < EVF__FILE_BUDGET) {
        ssize_t sent = stream->origin->transport->send_file(stream, fd, &offset, len - *ret_sent);
        if (sent == -EAGAIN)
            return 0;
        if (sent <= 0) {
            int status = sent == 0 ? -EIO : (int)sent;
            evf__stream_close(stream, status);
            return status;
        }
        evf__stream_sent(stream, (size_t)sent);
        *ret_sent += (size_t)sent;
    }
    return 0;
}

int evf_sendfile(evf_stream *stream, int fd, off_t offset, size_t len)
{
    EVF__STREAM_RULES(stream);
    size_t sent = 0;
    struct stat file;
    int status = begin(stream, len);
    if (status != 0)
        return status;
    if (offset < 0 || len > SSIZE_MAX)
        return -EINVAL;
    if (fstat(fd, &file) < 0)
        return -errno;
    if (!S_ISREG(file.st_mode))
        return -EINVAL;
    /* A cork holds small writes back to go out together with what follows: that is the file. */
    if (stream->queue != NULL && !stream->queue->watched) {
        evf__stream_flush(stream, true);
        if ((stream->flags & EVF__CLOSING) != 0)
            return stream->reason;
    }
    if (evf__queue_bytes(stream) == 0) {
        status = send_file_now(stream, fd, offset, len, &sent);
        if (status < 0)
            return status;
        if (sent == len)
            return EVF_FLUSHED;
    }
    if (evf__queue_of(stream) == NULL)
        return not_queued(stream, sent, -ENOMEM);
    status = evf__queue_file(stream, fd, offset + (off_t)sent, len - sent);
    return status < 0 ? not_queued(stream, sent, status) : queued(stream);
}

/* As send_now, with a descriptor. What is wrong with the descriptor alone leaves the stream as it
 * is. */
static int send_fd_now(evf_stream *stream, const struct iovec *piece, int fd, size_t *ret_sent)
{
    ssize_t sent = stream->origin->transport->send_fd(stream, piece, 1, false, fd);
    if (sent == -EAGAIN)
        return 0;
    if (sent == -EBADF || sent == -EINVAL || sent == -ETOOMANYREFS)
        return (int)sent;
    if (sent < 0) {
        evf__stream_close(stream, (int)sent);
        return (int)sent;
    }
    evf__stream_sent(stream, (size_t)sent);
    *ret_sent = (size_t)sent;
    return 0;
}

int evf_send_fd(evf_stream *stream, int fd, const void *data, size_t len)
{
    EVF__STREAM_RULES(stream);
    EVF_DEBUG_RULE(len == 0 || data != NULL, "bytes are given");
    size_t sent = 0;
    struct iovec piece = { .iov_base = (void *)data, .iov_len = len };
    if (len == 0)
        return -EINVAL;
    int status = begin(stream, len);
    if (status != 0)
        return status;
    if (!stream->origin->transport->is_unix(stream))
        return -EOPNOTSUPP;
    if (stream->queue == NULL) {
        status = send_fd_now(stream, &piece, fd, &sent);
        if (status < 0)
            return status;
        if (sent == len)
            return EVF_FLUSHED;
    } else {
        status = too_slow(stream, len, 1);
        if (status < 0)
            return status;
    }
    if (evf__queue_of(stream) == NULL)
        return not_queued(stream, sent, -ENOMEM);
    if (sent > 0) /* the descriptor went with the first byte */
        status = evf__queue_copy(stream, &piece, 1, sent);
    else
        status = evf__queue_fd(stream, fd, data, len);
    return status < 0 ? not_queued(stream, sent, status) : queued(stream);
}

void evf_cork(evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    if ((stream->flags & (EVF__CLOSING | EVF__END_ASKED)) != 0)
        return;
    struct evf__queue *queue = evf__queue_of(stream);
    if (queue == NULL)
        return; /* without memory writes go out one by one: slower, but right */
    if (queue->cork++ == 0)
        evf__list_append(&evf__streams_of(stream)->corked, &queue->corked);
}

void evf_uncork(evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    struct evf__queue *queue = stream->queue;
    if (queue == NULL || queue->cork == 0 || (stream->flags & EVF__CLOSING) != 0)
        return;
    if (--queue->cork > 0)
        return;
    evf__list_remove(&queue->corked);
    if (!queue->watched) /* else it goes on when there is room */
        evf__stream_flush(stream, false);
}
