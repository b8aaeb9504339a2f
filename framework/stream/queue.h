/* SPDX-License-Identifier: MIT
 *
 * The write queue: what the kernel did not take, in order, as pieces. The worker's thread.
 *
 * A stream has a queue only while bytes wait or a cork is on. Pieces are copies (in blocks of at
 * most 64 KiB, so that memory is given back as it is sent), slices held by reference, static
 * memory, memory given away, and file ranges. Every partial write goes on at the exact byte: a
 * piece keeps where it stands, whatever it came from.
 *
 * Two sums are kept: `bytes` that wait, and `memory` held for them: copies with their overhead,
 * whole pages for slices, given memory; of static memory and files only the pieces themselves, so
 * that nothing is unbounded. EVF_FULL looks at the larger of the two, write_max at the second.
 *
 * A descriptor to be passed on is a duplicate that rides on the first byte of a copy. The bytes in
 * front of it go out in a send of their own, so that it comes with its own byte, and it is closed
 * as soon as that byte is out: it goes once.
 *
 * Memory given away is released by its callback in step 5, never inside a call (but where there is
 * no memory to remember it by).
 */
#ifndef EVF_STREAM_QUEUE_H
#define EVF_STREAM_QUEUE_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include <evframe/evframe.h>

#include "base/list.h"

enum evf__piece_kind {
    EVF__PIECE_COPY,
    EVF__PIECE_SLICE,
    EVF__PIECE_STATIC,
    EVF__PIECE_OWNED,
    EVF__PIECE_FILE,
};

struct evf__piece {
    struct evf__piece *next;
    const uint8_t *data; /* the first byte that waits; of a file, unused */
    size_t len;          /* bytes that wait */
    size_t memory;       /* counted for it */
    enum evf__piece_kind kind;
    int fd;                /* FILE; COPY: goes with the first byte; else -1 */
    off_t offset;          /* FILE */
    struct evf_page *page; /* COPY: its block; SLICE: the page held */
    evf_free_fn *release;  /* OWNED */
    void *argument;        /* OWNED */
};

struct evf__queue {
    struct event write_event; /* the transport's */
    struct evf__piece *first, **last;
    struct evf__piece *tail; /* the last piece; NULL when empty */
    size_t bytes, memory;
    evf_stream *stream;
    unsigned cork;
    unsigned fds;            /* descriptors that wait to be passed on */
    bool watched;            /* the write event is added */
    struct evf__list corked; /* on the worker's list of corked streams */
};

/* The queue, made when missing; NULL without memory. */
struct evf__queue *evf__queue_of(evf_stream *stream);

/* Bytes that wait. */
size_t evf__queue_bytes(const evf_stream *stream);
/* EVF_FLUSHED, EVF_QUEUED or EVF_FULL. */
int evf__queue_state(const evf_stream *stream);

/* Sends what can be sent, whatever the cork. `more`: something follows at once. 0: all is out; 1:
 * some waits for room, which is watched for; else the kernel's error: the caller closes. An empty
 * queue without a cork is given back. */
int evf__queue_flush(evf_stream *stream, bool more);

/* True when the last piece is a slice of this page, whose memory is counted already. */
bool evf__queue_holds(const struct evf__queue *queue, const struct evf_page *page);

/* Watches for room: bytes wait that the kernel just refused. 0 or a negative code. */
int evf__queue_wait(evf_stream *stream);

/* Appends. All or nothing: 0 or -ENOMEM. The stream has a queue. */
int evf__queue_copy(evf_stream *stream, const struct iovec *pieces, int count, size_t skip);
/* A copy with a duplicate of fd on its first byte. 0, -ENOMEM or the negated errno of dup. */
int evf__queue_fd(evf_stream *stream, int fd, const void *data, size_t len);
int evf__queue_slice(evf_stream *stream, evf_slice slice);
int evf__queue_static(evf_stream *stream, const void *data, size_t len);
/* Takes a duplicate of fd. 0, -ENOMEM or the negated errno of dup. */
int evf__queue_file(evf_stream *stream, int fd, off_t offset, size_t len);

/* Memory given away: the piece is made first, so that nothing can fail later; NULL without memory.
 * Then it is appended with what the kernel did not take, or spent. */
struct evf__piece *evf__piece_owned(evf_stream *stream, evf_free_fn *release, void *argument);
void evf__queue_owned(evf_stream *stream, struct evf__piece *piece, const void *data, size_t len);
void evf__piece_spend(evf_stream *stream, struct evf__piece *piece);

/* Drops every piece and all watching; `bytes` still tells what was dropped. */
void evf__queue_drop(evf_stream *stream);
/* Gives the queue back. It holds no piece. */
void evf__queue_give(evf_stream *stream);

/* Step 5: releases memory given away that was spent before now. */
void evf__pieces_release(evf_worker *worker);

/* Asserts every invariant of the stream's queue. */
void evf__queue_check(const evf_stream *stream);

#endif
