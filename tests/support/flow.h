/* SPDX-License-Identifier: MIT
 *
 * Bulk transfers of pattern bytes (pattern.h), checked byte for byte.
 */
#ifndef EVF_TESTS_SUPPORT_FLOW_H
#define EVF_TESTS_SUPPORT_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"

struct flow {
    uint64_t total;               /* bytes there and back */
    size_t send_least, send_most; /* sizes of the pieces, drawn anew for each */
    size_t read_most;             /* the most that one read takes */
    bool slow_reader;             /* reads only when the server takes no more */
    uint64_t seed;
    void (*watch)(void *argument, uint64_t received); /* now and then; may be NULL */
    void *argument;
};

/* Sends `total` bytes to an echoing server and checks what comes back. */
void flow_echo(int fd, const struct flow *flow);
#define flow_echo(...) SUPPORT_HERE((flow_echo)(__VA_ARGS__))

/* The next len bytes must be the pattern's from offset on; read_most bytes a read, 0: any. */
void flow_expect(int fd, uint64_t offset, uint64_t len, size_t read_most);
#define flow_expect(...) SUPPORT_HERE((flow_expect)(__VA_ARGS__))

/* Sends pattern bytes, all of them. */
void flow_send(int fd, uint64_t offset, uint64_t len);
#define flow_send(...) SUPPORT_HERE((flow_send)(__VA_ARGS__))

/* Sends pattern bytes until the kernel has taken none for a while: the server has stopped reading.
 * Returns how many were taken in all. */
uint64_t flow_send_until_stuck(int fd, uint64_t offset, uint64_t most);
#define flow_send_until_stuck(...) SUPPORT_HERE((flow_send_until_stuck)(__VA_ARGS__))

#endif
