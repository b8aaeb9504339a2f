/* SPDX-License-Identifier: MIT
 *
 * Many connections at once, up to about 19 000 in one process.
 */
#ifndef EVF_TESTS_SUPPORT_CROWD_H
#define EVF_TESTS_SUPPORT_CROWD_H

#include <stddef.h>
#include <stdint.h>

#include "check.h"

struct crowd {
    unsigned count;
    int *fds; /* -1 where closed */
};

/* Starts `count` connections in one burst, without waiting between them, then waits for all. */
void crowd_connect(struct crowd *crowd, const char *address, unsigned count);
#define crowd_connect(...) SUPPORT_HERE((crowd_connect)(__VA_ARGS__))

/* Each receives exactly one byte, stored by index. */
void crowd_read_bytes(struct crowd *crowd, uint8_t *ret_bytes);
#define crowd_read_bytes(...) SUPPORT_HERE((crowd_read_bytes)(__VA_ARGS__))

/* Sends the text on each. */
void crowd_send_text(struct crowd *crowd, const char *text);
#define crowd_send_text(...) SUPPORT_HERE((crowd_send_text)(__VA_ARGS__))

/* Waits until `count` of them were ended or reset by the server; returns nothing, closes those and
 * sets them to -1. More than that many fails too when seen. */
void crowd_expect_gone(struct crowd *crowd, unsigned count);
#define crowd_expect_gone(...) SUPPORT_HERE((crowd_expect_gone)(__VA_ARGS__))

/* How many still stand, as known here. */
unsigned crowd_standing(const struct crowd *crowd);

/* Closes all: by RST, which leaves no port waiting, or the usual way. Frees the table. */
void crowd_reset(struct crowd *crowd);
void crowd_close(struct crowd *crowd);

#endif
