/* SPDX-License-Identifier: MIT
 *
 * The write queue. See queue.h.
 */
#include "stream/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "stream/state.h"

enum {
    COPY_BLOCK_MAX = 64 * 1024,
    COPY_BLOCK_MIN = 1024,
    PIECE_OVERHEAD = sizeof(struct evf__piece) + sizeof(struct evf_page),
};

struct evf__queue *evf__queue_of(evf_stream *stream)
{
    if (stream->queue != NULL)
        return stream->queue;
    struct evf__queue *queue = evf__slab_take(&evf__streams_of(stream)->queues);
    if (queue == NULL)
        return NULL;
    *queue = (struct evf__queue){ .stream = stream };
    queue->last = &queue->first;
    stream->queue = queue;
    return queue;
}

size_t evf__queue_bytes(const evf_stream *stream)
{
    return stream->queue != NULL ? stream->queue->bytes : 0;
}

int evf__queue_state(const evf_stream *stream)
{
    const struct evf__queue *queue = stream->queue;
    if (queue == NULL || queue->bytes == 0)
        return EVF_FLUSHED;
    size_t high = evf__limits(stream)->write_high;
    bool full = queue->bytes >= high || queue->memory >= high || queue->fds >= EVF__FDS_QUEUED_HIGH;
    return full ? EVF_FULL : EVF_QUEUED;
}

static struct evf__piece *make_piece(evf_stream *stream, enum evf__piece_kind kind,
                                     const uint8_t *data, size_t len, size_t memory)
{
    struct evf__piece *piece = evf__slab_take(&evf__streams_of(stream)->pieces);
    if (piece != NULL)
        *piece = (struct evf__piece){
            .kind = kind, .data = data, .len = len, .memory = memory, .fd = -1
        };
    return piece;
}

static void append(struct evf__queue *queue, struct evf__piece *piece)
{
    piece->next = NULL;
    *queue->last = piece;
    queue->last = &piece->next;
    queue->tail = piece;
    queue->bytes += piece->len;
    queue->memory += piece->memory;
}

void evf__piece_spend(evf_stream *stream, struct evf__piece *piece)
{
    struct evf__streams *streams = evf__streams_of(stream);
    piece->next = NULL;
    *streams->spent_last = piece;
    streams->spent_last = &piece->next;
}

/* The descriptor of a copy has gone with its first byte, or is dropped with it. */
static void close_fd(struct evf__queue *queue, struct evf__piece *piece)
{
    close(piece->fd);
    piece->fd = -1;
    queue->fds--;
}

/* A piece is done with: what it held is given back. */
static void free_piece(evf_stream *stream, struct evf__piece *piece)
{
    switch (piece->kind) {
    case EVF__PIECE_COPY:
        if (piece->fd >= 0)
            close_fd(stream->queue, piece);
        evf__page_drop(piece->page);
        break;
    case EVF__PIECE_SLICE:
        evf__page_drop(piece->page);
        break;
    case EVF__PIECE_STATIC:
        break;
    case EVF__PIECE_OWNED:
        evf__piece_spend(stream, piece);
        return;
    case EVF__PIECE_FILE:
        close(piece->fd);
        break;
    }
    evf__slab_give(&evf__streams_of(stream)->pieces, piece);
}

static void remove_first(evf_stream *stream)
{
    struct evf__queue *queue = stream->queue;
    struct evf__piece *piece = queue->first;
    struct evf__piece *next = piece->next;
    queue->first = next;
    if (next == NULL) {
        queue->last = &queue->first;
        queue->tail = NULL;
    }
    /* A page that several slices hold is counted once, with the first of them. */
    if (piece->kind == EVF__PIECE_SLICE && next != NULL && next->kind == EVF__PIECE_SLICE &&
        next->page == piece->page && next->memory == 0) {
        next->memory = piece->memory;
    } else {
        queue->memory -= piece->memory;
    }
    free_piece(stream, piece);
}

/* The kernel took n bytes of the queue's memory pieces. */
static void advance(evf_stream *stream, size_t n)
{
    struct evf__queue *queue = stream->queue;
    EVF_ASSERT(n <= queue->bytes);
    queue->bytes -= n;
    while (n > 0) {
        struct evf__piece *piece = queue->first;
        size_t part = n < piece->len ? n : piece->len;
        piece->data += part;
        piece->len -= part;
        n -= part;
        if (piece->len == 0)
            remove_first(stream);
    }
}

/* Sends the memory pieces at the head, up to the next file or descriptor. 1 when the kernel took
 * all of them, 0 when not, else a negative code. */
static int send_memory(evf_stream *stream, bool more)
{
    struct evf__queue *queue = stream->queue;
    struct iovec pieces[EVF__PIECES_PER_SEND];
    int count = 0;
    size_t total = 0;
    struct evf__piece *head = queue->first;
    const struct evf__piece *piece = head;
    const struct evf__transport *transport = stream->origin->transport;
    do {
        pieces[count].iov_base = (void *)piece->data;
        pieces[count].iov_len = piece->len;
        total += piece->len;
        count++;
        piece = piece->next;
    } while (piece != NULL && piece->fd < 0 && count < EVF__PIECES_PER_SEND);
    more = more || piece != NULL;
    ssize_t sent = head->fd < 0 ? transport->send(stream, pieces, count, more)
                                : transport->send_fd(stream, pieces, count, more, head->fd);
    if (sent == -EAGAIN)
        return 0;
    if (sent < 0)
        return (int)sent;
    if (head->fd >= 0)
        close_fd(queue, head);
    evf__stream_sent(stream, (size_t)sent);
    advance(stream, (size_t)sent);
    return (size_t)sent == total;
}

/* The same for the file range at the head. */
static int send_file(evf_stream *stream, size_t *budget)
{
    struct evf__piece *piece = stream->queue->first;
    size_t want = piece->len < *budget ? piece->len : *budget;
    if (want == 0)
        return 0;
    ssize_t sent = stream->origin->transport->send_file(stream, piece->fd, &piece->offset, want);
    if (sent == -EAGAIN)
        return 0;
    if (sent < 0)
        return (int)sent;
    if (sent == 0)
        return -EIO; /* the file is shorter than the range */
    evf__stream_sent(stream, (size_t)sent);
    *budget -= (size_t)sent;
    stream->queue->bytes -= (size_t)sent;
    piece->len -= (size_t)sent;
    if (piece->len == 0)
        remove_first(stream);
    return (size_t)sent == want;
}

static int watch(evf_stream *stream, bool on)
{
    struct evf__queue *queue = stream->queue;
    if (queue->watched == on)
        return 0;
    int status = stream->origin->transport->watch_output(stream, on);
    if (status == 0)
        queue->watched = on;
    return status;
}

int evf__queue_wait(evf_stream *stream)
{
    return watch(stream, true);
}

int evf__queue_flush(evf_stream *stream, bool more)
{
    struct evf__queue *queue = stream->queue;
    size_t budget = EVF__FILE_BUDGET;
    while (queue->first != NULL) {
        int went = queue->first->kind == EVF__PIECE_FILE ? send_file(stream, &budget)
                                                         : send_memory(stream, more);
        if (went < 0)
            return went;
        if (went == 0) {
            int status = watch(stream, true);
            return status < 0 ? status : 1;
        }
    }
    EVF_ASSERT(queue->bytes == 0 && queue->memory == 0);
    int status = watch(stream, false);
    if (status < 0)
        return status;
    if (queue->cork == 0)
        evf__queue_give(stream);
    return 0;
}

/* Room for a copy behind the tail block's bytes. */
static size_t tail_room(const struct evf__queue *queue)
{
    const struct evf__piece *tail = queue->tail;
    if (tail == NULL || tail->kind != EVF__PIECE_COPY || tail->page->holds > 1)
        return 0;
    return (size_t)(tail->page->data + tail->page->size - (tail->data + tail->len));
}

/* Makes enough blocks for len more bytes behind what the tail has room for, as a chain of empty
 * pieces; NULL when none are needed. */
static int make_blocks(evf_stream *stream, size_t len, struct evf__piece **ret)
{
    struct evf__piece *first = NULL, **last = &first;
    while (len > 0) {
        size_t want = len < COPY_BLOCK_MIN ? COPY_BLOCK_MIN : len;
        if (want > COPY_BLOCK_MAX)
            want = COPY_BLOCK_MAX;
        struct evf_page *block = evf__block_take(&evf__worker_of(stream)->pages, want);
        struct evf__piece *piece = NULL;
        if (block != NULL)
            piece = make_piece(stream, EVF__PIECE_COPY, block->data, 0, PIECE_OVERHEAD);
        if (piece == NULL) {
            if (block != NULL)
                evf__page_drop(block);
            while (first != NULL) {
                struct evf__piece *next = first->next;
                free_piece(stream, first);
                first = next;
            }
            return -ENOMEM;
        }
        piece->page = block;
        *last = piece;
        last = &piece->next;
        len -= len < block->size ? len : block->size;
    }
    *ret = first;
    return 0;
}

/* Copies as much as fits behind the tail's bytes. */
static size_t fill_tail(struct evf__queue *queue, const uint8_t *data, size_t len)
{
    size_t part = tail_room(queue);
    if (part > len)
        part = len;
    if (part == 0)
        return 0;
    memcpy((uint8_t *)queue->tail->data + queue->tail->len, data, part);
    queue->tail->len += part;
    queue->tail->memory += part;
    queue->bytes += part;
    queue->memory += part;
    return part;
}

/* Copies all of it behind the tail's bytes, and on into the blocks that were made for it. */
static void fill(struct evf__queue *queue, const uint8_t *data, size_t len,
                 struct evf__piece **blocks)
{
    while (len > 0) {
        size_t part = fill_tail(queue, data, len);
        data += part;
        len -= part;
        if (len > 0) {
            struct evf__piece *next = *blocks;
            EVF_ASSERT(next != NULL);
            *blocks = next->next;
            append(queue, next);
        }
    }
}

int evf__queue_copy(evf_stream *stream, const struct iovec *pieces, int count, size_t skip)
{
    struct evf__queue *queue = stream->queue;
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += pieces[i].iov_len;
    EVF_ASSERT(skip <= total);
    total -= skip;
    size_t room = tail_room(queue);
    struct evf__piece *blocks = NULL;
    if (total > room && make_blocks(stream, total - room, &blocks) < 0)
        return -ENOMEM;
    for (int i = 0; i < count; i++) {
        const uint8_t *data = pieces[i].iov_base;
        size_t len = pieces[i].iov_len;
        size_t pass = skip < len ? skip : len;
        skip -= pass;
        fill(queue, data + pass, len - pass, &blocks);
    }
    EVF_ASSERT(blocks == NULL);
    return 0;
}

int evf__queue_fd(evf_stream *stream, int fd, const void *data, size_t len)
{
    struct evf__queue *queue = stream->queue;
    struct evf__piece *blocks = NULL;
    EVF_ASSERT(len > 0);
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0)
        return -errno;
    if (make_blocks(stream, len, &blocks) < 0) {
        close(own);
        return -ENOMEM;
    }
    struct evf__piece *first = blocks; /* never what the tail has room for: it begins with the fd */
    blocks = first->next;
    first->fd = own;
    queue->fds++;
    append(queue, first);
    fill(queue, data, len, &blocks);
    EVF_ASSERT(blocks == NULL);
    return 0;
}

bool evf__queue_holds(const struct evf__queue *queue, const struct evf_page *page)
{
    const struct evf__piece *tail = queue->tail;
    return tail != NULL && tail->kind == EVF__PIECE_SLICE && tail->page == page;
}

int evf__queue_slice(evf_stream *stream, evf_slice slice)
{
    struct evf__queue *queue = stream->queue;
    size_t memory = evf__queue_holds(queue, slice.page) ? 0 : slice.page->size;
    struct evf__piece *piece = make_piece(stream, EVF__PIECE_SLICE, slice.data, slice.len, memory);
    if (piece == NULL)
        return -ENOMEM;
    evf__slice_hold(slice);
    piece->page = slice.page;
    append(queue, piece);
    return 0;
}

int evf__queue_static(evf_stream *stream, const void *data, size_t len)
{
    struct evf__piece *piece = make_piece(stream, EVF__PIECE_STATIC, data, len, sizeof *piece);
    if (piece == NULL)
        return -ENOMEM;
    append(stream->queue, piece);
    return 0;
}

int evf__queue_file(evf_stream *stream, int fd, off_t offset, size_t len)
{
    struct evf__piece *piece = make_piece(stream, EVF__PIECE_FILE, NULL, len, sizeof *piece);
    if (piece == NULL)
        return -ENOMEM;
    piece->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (piece->fd < 0) {
        int status = -errno;
        evf__slab_give(&evf__streams_of(stream)->pieces, piece);
        return status;
    }
    piece->offset = offset;
    append(stream->queue, piece);
    return 0;
}

struct evf__piece *evf__piece_owned(evf_stream *stream, evf_free_fn *release, void *argument)
{
    struct evf__piece *piece = make_piece(stream, EVF__PIECE_OWNED, NULL, 0, 0);
    if (piece != NULL) {
        piece->release = release;
        piece->argument = argument;
    }
    return piece;
}

void evf__queue_owned(evf_stream *stream, struct evf__piece *piece, const void *data, size_t len)
{
    piece->data = data;
    piece->len = len;
    piece->memory = len + PIECE_OVERHEAD;
    append(stream->queue, piece);
}

void evf__queue_drop(evf_stream *stream)
{
    struct evf__queue *queue = stream->queue;
    if (queue == NULL)
        return;
    (void)watch(stream, false);
    evf__list_remove(&queue->corked);
    while (queue->first != NULL)
        remove_first(stream);
}

void evf__queue_give(evf_stream *stream)
{
    struct evf__queue *queue = stream->queue;
    EVF_ASSERT(queue->first == NULL && !queue->watched);
    evf__list_remove(&queue->corked);
    stream->queue = NULL;
    evf__slab_give(&evf__streams_of(stream)->queues, queue);
}

void evf__pieces_release(evf_worker *worker)
{
    struct evf__streams *streams = worker->streams;
    struct evf__piece *piece = streams->spent;
    streams->spent = NULL;
    streams->spent_last = &streams->spent;
    while (piece != NULL) {
        struct evf__piece *next = piece->next;
        evf_free_fn *release = piece->release;
        void *argument = piece->argument;
        evf__slab_give(&streams->pieces, piece);
        evf__enter_alone(worker, EVF__CALLBACK_FREE, NULL, (void *)release);
        release(argument);
        evf__leave(worker);
        piece = next;
    }
}

void evf__queue_check(const evf_stream *stream)
{
    const struct evf__queue *queue = stream->queue;
    if (queue == NULL)
        return;
    size_t bytes = 0, memory = 0;
    unsigned fds = 0;
    const struct evf__piece *tail = NULL;
    for (const struct evf__piece *piece = queue->first; piece != NULL; piece = piece->next) {
        EVF_ASSERT(piece->len > 0);
        bytes += piece->len;
        memory += piece->memory;
        fds += piece->kind == EVF__PIECE_COPY && piece->fd >= 0;
        tail = piece;
    }
    EVF_ASSERT(tail == queue->tail && memory == queue->memory && bytes == queue->bytes);
    EVF_ASSERT(fds == queue->fds);
}
