/* SPDX-License-Identifier: MIT
 *
 * A test bench for streams: a real worker with its streams, a transport that is played by the test,
 * and virtual time. Nothing sleeps and no socket is used.
 */
#ifndef TESTS_UNIT_STREAM_BENCH_H
#define TESTS_UNIT_STREAM_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/queue.h"
#include "stream/state.h"
#include "stream/turn.h"

enum { WIRE_PASSED_MAX = 4096 };

/* A descriptor that was passed: with which byte of the output, and which file it is. */
struct passed {
    size_t at;
    ino_t file;
};

/* The other side of one stream, as the transport sees it. */
struct wire {
    /* What the peer sends, how far it was received, and the most that one receive gives. */
    const uint8_t *input;
    size_t input_len, input_at, receive_most;
    bool input_ended;
    int receive_error;
    unsigned receives;
    struct evf__received_fds incoming; /* come with the next receive */

    /* What the peer got; how many bytes it takes before it blocks, and the most per send. */
    uint8_t *output;
    size_t output_len, output_room, takes, send_most;
    int send_error;
    unsigned sends, held_sends; /* all; those that said that more follows */
    bool held;    /* what was sent last waits in the kernel: it was said that more follows */
    int fd_error; /* of a send with a descriptor */
    struct passed passed[WIRE_PASSED_MAX];
    unsigned passed_count;

    bool watched_input, watched_output;
    bool shut_down, closed, reset;
};

extern const struct evf__transport wire_transport;

struct bench {
    evf_worker *worker;
    struct evf__origin origin;
    struct wire wire;
    evf_stream *stream;
};

/* Makes the worker and one open stream of this handler; limits are generous. */
void bench_open(struct bench *bench, const struct evf_handler *handler);
/* The same with rules for PROXY headers, and a peer; either may be NULL (len 0). */
void bench_accept(struct bench *bench, const struct evf_handler *handler,
                  const struct evf__proxy_rules *proxy, const struct sockaddr *peer,
                  socklen_t peer_len);
/* One more open stream on the worker of `host`, with a wire of its own. It must leave after the
 * host's bench_finish. */
void bench_join(struct bench *bench, const struct bench *host, const struct evf_handler *handler);
void bench_leave(struct bench *bench);
/* Ends all, and proves that nothing is left: streams, pages, blocks, pieces, timers. */
void bench_finish(struct bench *bench);

/* Steps 3 to 5 of a turn, with room to write when the stream waits for it and the wire takes some.
 */
void bench_turn(struct bench *bench);
/* Turns until nothing is pending, at most a bounded number. */
void bench_settle(struct bench *bench);
/* Lets time pass, with a turn at its end. */
void bench_advance_ms(struct bench *bench, uint64_t ms);
/* Makes the stream readable and runs a turn. */
void bench_receive(struct bench *bench);
/* The peer sends these bytes, received in pieces of at most `most`. */
void bench_input(struct bench *bench, const void *bytes, size_t len, size_t most);

#endif
