/* SPDX-License-Identifier: MIT
 *
 * The inside of a stream; for stream/ only. The worker's thread.
 *
 * The ready state (drawn in <evframe/stream.h>) is the one truth about which sides are open. The
 * flags below it say how far the work on a side has come:
 *
 *   opening   EVF_OPENING: connect.c or arrival.c -> OPENED, `open`
 *   reading   READABLE -> bytes presented -> PEER_ENDED (end of file seen) -> rest presented once
 *             more -> read side ends, `end` -> END_DONE
 *   writing   queue flushed -> debt of drain paid -> END_ASKED: half-close -> FIN_SENT, linger
 *   closing   both sides ended and flushed, or by force: CLOSING, on the closing list -> step 5:
 *             `close`, descriptor closed, memory given back
 *
 * evf__stream_settle moves a stream along these lines; it is called after everything that may have
 * completed a step and decides alone whether the half-close or the close is due.
 */
#ifndef EVF_STREAM_STATE_H
#define EVF_STREAM_STATE_H

#include <netinet/in.h>
#include <sys/un.h>

#include <evframe/evframe.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "loop/worker.h"
#include "stream/stream.h"
#include "stream/table.h"
#include "stream/transport.h"

enum evf__stream_flag {
    EVF__IN_USE = 1u << 0, /* the slot holds a stream */
    EVF__OPENED = 1u << 1, /* `open` was called */

    /* The ready list of step 3, and why the stream is on it. */
    EVF__ON_READY = 1u << 2,
    EVF__READABLE = 1u << 3,
    EVF__WRITABLE = 1u << 4,
    EVF__REST_DUE = 1u << 5, /* a pause ended: present the rest, or the deferred end */

    EVF__READ_WATCHED = 1u << 6, /* the transport watches for input */
    EVF__PAUSED = 1u << 7,       /* by the plugin */
    EVF__HELD_BACK = 1u << 8,    /* by the framework: the queue is full and `drain` is empty */

    EVF__OWES_DRAIN = 1u << 9,
    EVF__END_ASKED = 1u << 10,
    EVF__FIN_SENT = 1u << 11,
    EVF__PEER_ENDED = 1u << 12,
    EVF__END_DONE = 1u << 13,

    EVF__CLOSING = 1u << 14,
    EVF__RESET = 1u << 15,
    EVF__GONE = 1u << 16, /* closed, but still on the ready list: its memory waits for that */

    EVF__QUIESCE_DUE = 1u << 17,        /* as soon as what was readable is presented */
    EVF__QUIESCE_AFTER_READ = 1u << 18, /* accepted during the stop */

    EVF__TAKES_FDS = 1u << 19, /* a unix stream whose handler has an `fd` slot */
    EVF__FDS_LOST = 1u << 20,  /* that some were lost was logged */
};

#define EVF__PAUSES (EVF__PAUSED | EVF__HELD_BACK)

struct evf__opening; /* an outgoing stream until its connection stands: connecting.h */
struct evf__header;  /* an accepted stream's PROXY header: arrival.c */

/* What few streams have. From a slab; made when first needed. */
struct evf__extra {
    struct evf__header *header;       /* may be NULL */
    struct evf__stream_limits limits; /* this stream's own */
    /* Deadlines on the worker's clock; 0 is off. */
    uint64_t first_byte_at_ms, lifetime_at_ms, linger_at_ms, rate_at_ms;
    uint64_t owing_since_ms; /* the peer owes us bytes since then; 0: it does not */
    uint64_t rate_bytes;     /* moved by then */
    uint64_t linger_bytes;   /* received when the linger began */
    uint64_t quiesce_at; /* received when all that waited at the stop is in; 0: nothing waited */
    uint32_t scope_id;   /* of an IPv6 peer */
    socklen_t unix_peer_len;
    struct sockaddr_un *unix_peer; /* of a peer with a name, else NULL */
};

/* Unconsumed input, and what the handler asked for. From a slab; made when first needed. */
struct evf__input {
    struct evf_page *block; /* holds the rest; NULL: no rest */
    size_t start, len;      /* of the rest inside the block */
    size_t need;            /* evf_need */
};

/* 240 bytes, so that with 16 bytes of handler state (`http`) a stream takes 256: 128 of libevent's
 * event, 24 of the wheel's entry, five pointers, two counters, and 32 bytes of the rest. */
struct evf_stream {
    union {
        struct event read_event;      /* the transport's */
        struct evf__opening *opening; /* of an outgoing stream that is not, or never was, open */
        void *connection;             /* of a transport without events */
    };
    /* Idle time and the other deadlines; once CLOSING, its link is on the closing list. */
    struct evf__wheel_entry deadline;
    struct evf__origin *origin;
    struct evf__queue *queue; /* NULL: nothing queued, no cork */
    struct evf__input *input; /* may be NULL */
    struct evf__extra *extra; /* may be NULL */
    evf_stream *next;         /* on the ready list, or free in its chunk */
    uint64_t bytes_read, bytes_written;
    uint32_t generation; /* stays when the slot is free: see table.h */
    uint32_t flags;
    union {
        uint32_t active_ms; /* the clock's low half when a byte moved last */
        int32_t reason;     /* once CLOSING */
    };
    uint8_t address[16]; /* of the peer: 4 bytes used for IPv4, none for unix */
    uint16_t port;       /* host byte order */
    uint8_t family;
    uint8_t ready_state;
};

_Static_assert(sizeof(struct evf_stream) == 240, "the budget above");
_Static_assert(sizeof(struct evf_stream) % 16 == 0, "the handler's state behind it is aligned");

/* One worker's streams and what they need. */
struct evf__streams {
    struct evf__stream_table table;
    struct evf__slab extras, inputs, queues, pieces;
    struct evf__slab openings, attempts; /* of outgoing streams */
    evf_stream *ready, **ready_last;
    struct evf__list closing;               /* by deadline.link */
    struct evf__list corked;                /* by evf__queue.corked */
    struct evf__piece *spent, **spent_last; /* memory given away, to be released in step 5 */
    size_t accepted;                        /* accepted streams that exist */
    struct evf__list outgoing;              /* struct evf__outgoing, those used last in front */
    struct evf__list outgoing_idle;         /* those without a stream, idle longest in front */
    unsigned outgoing_idle_count;
    bool quiesces_outgoing; /* the stop has come to outgoing streams: see evf__streams_quiesce */
    bool refuses;           /* the stop's deadline is past: evf_connect refuses */

    /* Of lines about connections that arrival.c refused: how many, and until when they count. */
    unsigned refusals_told;
    uint64_t refusals_until_ms;
};

static inline evf_worker *evf__worker_of(const evf_stream *stream)
{
    return evf__stream_chunk(stream)->worker;
}

static inline struct evf__streams *evf__streams_of(const evf_stream *stream)
{
    return evf__worker_of(stream)->streams;
}

static inline const struct evf__stream_limits *evf__limits(const evf_stream *stream)
{
    return stream->extra != NULL ? &stream->extra->limits : &stream->origin->limits;
}

static inline void evf__stream_active(evf_stream *stream, const evf_worker *worker)
{
    EVF_DEBUG_ASSERT((stream->flags & EVF__CLOSING) == 0);
    stream->active_ms = (uint32_t)worker->now_ms;
}

/* What every public function asks of the stream that it is given, in debug builds. The memory of a
 * closed stream is used again as late as possible there (table.c), so that a pointer that was kept
 * is found out. */
#define EVF__STREAM_RULES(stream)                                                                  \
    do {                                                                                           \
        EVF_DEBUG_RULE((stream) != NULL, "a stream is given");                                     \
        EVF_DEBUG_RULE(evf__worker_of(stream) == evf__worker_current,                              \
                       "called on the stream's own worker's thread");                              \
        EVF_DEBUG_RULE(((stream)->flags & (EVF__IN_USE | EVF__GONE)) == EVF__IN_USE,               \
                       "no stream is used after its `close` has returned");                        \
    } while (0)

/* Calls a slot of the stream's handler with the worker's books kept. */
#define EVF__CALL(stream, id, slot, ...)                                                           \
    do {                                                                                           \
        evf_worker *worker_ = evf__worker_of(stream);                                              \
        evf__enter(worker_, EVF__CALLBACK_##id, (stream)->origin->plugin,                          \
                   (void *)(stream)->origin->handler->slot, stream);                               \
        (stream)->origin->handler->slot(__VA_ARGS__);                                              \
        evf__leave(worker_);                                                                       \
    } while (0)

/* lifecycle.c */

/* The extra part, made when missing. NULL without memory: the stream then closes with -ENOMEM. */
struct evf__extra *evf__stream_extra(evf_stream *stream);
/* Puts the stream on the ready list for this reason, or the reason to those it has. */
void evf__stream_ready(evf_stream *stream, uint32_t why);
/* Decides what follows from what has been done: see the top. */
void evf__stream_settle(evf_stream *stream);
/* Closes by force: everything stops now, `close` comes in step 5. The first reason wins. */
void evf__stream_close(evf_stream *stream, int reason);
/* Ends the read side and calls `end`, or does what an empty slot means. */
void evf__stream_end_input(evf_stream *stream);
/* Flushes and does what follows: closes on an error; at the emptied queue lifts the framework's own
 * pause and puts an owed drain on the ready list. */
void evf__stream_flush(evf_stream *stream, bool more);
/* Books n bytes that the kernel took. */
void evf__stream_sent(evf_stream *stream, size_t n);
/* Lets the transport watch for input when, and only when, the stream wants to be read. One that is
 * not watched yet is first looked at once more in the next turn, if `look_again` says that this is
 * worth it: what the peer answers, or its end, has often come by then, and a connection that is
 * over so soon need not be watched at all. */
void evf__stream_watch(evf_stream *stream, bool look_again);
/* Step 5 for one stream: `close`, then everything is given back. */
void evf__stream_finish(evf_stream *stream);
void evf__stream_give(evf_stream *stream);

/* True when the stream is to be read: open for input and not paused. */
static inline bool evf__stream_reads(const evf_stream *stream)
{
    return (stream->flags & (EVF__OPENED | EVF__CLOSING | EVF__PEER_ENDED | EVF__PAUSES)) ==
           EVF__OPENED;
}

/* facts.c */

/* The peer's address, also while opening. */
socklen_t evf__stream_peer(const evf_stream *stream, struct sockaddr_storage *ret);

/* input.c */

/* Puts bytes in front of what is still to be received, as if they had come that way. Before the
 * stream is open. 0 or -ENOMEM. */
int evf__input_put(evf_stream *stream, const uint8_t *data, size_t len);
/* Receives within the budget and presents. */
void evf__input_read(evf_stream *stream);

/* The same in two parts, between which other streams may come: one receive into the worker's page,
 * and presenting it, after which reading goes on when more may wait. */
struct evf__received {
    evf_stream *stream;
    ssize_t got;     /* what the transport said */
    bool filled;     /* all of the room */
    evf_slice slice; /* the bytes, when got > 0: not settled yet */
};
/* False: nothing was received; the stream is to be read by evf__input_read. */
bool evf__input_receive(evf_stream *stream, evf_worker *worker, struct evf__received *ret);
/* Also for a stream that was closed or paused meanwhile. Once for each receive, in the same step.
 */
void evf__input_take(const struct evf__received *received);
/* Presents the rest once more, without waiting for bytes; then the end, when the peer has ended. */
void evf__input_present_rest(evf_stream *stream);
void evf__input_drop(evf_stream *stream);

/* descriptor.c */

/* Calls `fd` for each descriptor, and tells when some were lost. */
void evf__stream_hand_over(evf_stream *stream, const struct evf__received_fds *received);

/* deadline.c */

/* Starts what runs from `open`. */
void evf__deadline_open(evf_stream *stream);
/* The linger begins: our side is flushed and half-closed. */
void evf__deadline_linger(evf_stream *stream);
/* The earliest deadline may have moved: queue the entry anew. */
void evf__deadline_changed(evf_stream *stream);

#endif
