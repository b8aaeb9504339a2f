/* SPDX-License-Identifier: MIT
 *
 * A pair: a client and the upstream stream that its bytes go to. The worker's thread.
 *
 *     waiting ------> connecting ------> connected ------> (one side closed) ------> freed
 *     for a name  ^       |  ^ |  open                close             close of the other
 *                 |       |  +-+
 *          client's open  |  failed: the next upstream server
 *                         +--> none is left: the client is reset
 *
 * A pair is made in the client's `open` and freed in the last `close` of its two streams; each
 * stream's state points to it. `stream` of a side is NULL before that stream was made and from its
 * `close` on; so whoever finds one may call everything on it.
 */
#ifndef PROXY_PAIR_H
#define PROXY_PAIR_H

#include "worker.h"

struct proxy_pair;

struct proxy_side {
    struct proxy_pair *pair;
    evf_stream *stream;
    evf_counter *sent; /* bytes sent to this side */
    bool ended;        /* it has finished sending */
    bool paused;       /* the other side's queue is full */
    bool idle;         /* its idle time was over when it had moved so many bytes */
    uint64_t idle_at;
};

struct proxy_pair {
    struct proxy_side client, upstream;
    struct proxy_worker *worker;
    struct proxy_upstream *server; /* while there is an upstream stream */
    bool connected;
    bool probe; /* the attempt is the server's probe */

    /* Until connected. */
    uint64_t key;
    struct proxy_tried tried;
    struct evf_timer timer;          /* the most that it waits for a name */
    struct proxy_pair *next, **link; /* among those that wait; link is NULL: it does not */
};

/* The state of both sides' streams. */
struct proxy_end {
    struct proxy_side *side; /* NULL: there was no memory for a pair */
};

static inline struct proxy_side *proxy_side_of(evf_stream *stream)
{
    struct proxy_end *end = evf_stream_state(stream);
    return end->side;
}

static inline struct proxy_side *proxy_other(struct proxy_side *side)
{
    struct proxy_pair *pair = side->pair;
    return side == &pair->client ? &pair->upstream : &pair->client;
}

/* pair.c */

/* The next upstream server for a client that stands and has none. */
void proxy_pair_go_on(struct proxy_pair *pair);
/* Nobody is there for it. */
void proxy_pair_refuse(struct proxy_pair *pair);

/* waiting.c */

/* The client waits for a name. */
void proxy_wait_start(struct proxy_pair *pair);
/* It does not any more. Nothing, when it did not. */
void proxy_wait_stop(struct proxy_pair *pair);

/* pump.c: the slots that both handlers share. */

/* Both streams are open: marks and idle time, and the client's early bytes are presented. */
void proxy_pump_begin(struct proxy_pair *pair);
size_t proxy_pump_data(evf_stream *stream, evf_slice input);
void proxy_pump_end(evf_stream *stream);
void proxy_pump_drain(evf_stream *stream);
bool proxy_pump_timeout(evf_stream *stream);

#endif
