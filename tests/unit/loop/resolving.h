/* SPDX-License-Identifier: MIT
 *
 * A worker on a real loop, and the name server that it asks, played by the test itself: so every
 * moment between a question and its answer can be had. Turns never sleep: each begins with a post.
 */
#ifndef EVF_TESTS_UNIT_LOOP_RESOLVING_H
#define EVF_TESTS_UNIT_LOOP_RESOLVING_H

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/resolver_inside.h"

enum { TYPE_A = 1, TYPE_AAAA = 28, QUERIES_MAX = 1024 };

struct query {
    uint8_t bytes[512];
    size_t len;
    struct sockaddr_in from;
    unsigned type;
    char name[256];
};

extern evf_worker *worker;
extern struct query queries[QUERIES_MAX]; /* received and not answered */
extern unsigned query_count, queries_in_all;

/* Before and after each test: a worker whose hosts file has `known` at 127.0.0.5. */
void begin_resolving(void);
void end_resolving(void);

/* The worker with another time for look-ups. */
void make_worker(uint32_t timeout_ms);
void unmake_worker(void);

/* One turn; then the server receives what was asked. */
void turn(void);

/* Answers query number i with `count` addresses of that time to live in seconds, or with a code.
 * Another takes its number. */
void reply(unsigned i, unsigned code, unsigned count, unsigned ttl);

/* Answers query number i: there is no such name, which holds for `ttl` seconds. */
void reply_no_name(unsigned i, unsigned ttl);

/* Turns until the condition holds; ends the test after many seconds. */
#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        uint64_t end_ms_ = evf_now(worker) + 20000;                                                \
        while (!(condition)) {                                                                     \
            turn();                                                                                \
            cr_assert_lt(evf_now(worker), end_ms_, "in vain: " #condition);                        \
        }                                                                                          \
    } while (0)

#endif
