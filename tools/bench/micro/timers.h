/* SPDX-License-Identifier: MIT
 *
 * What the timers that are compared have in common: a table of whole loops, so that nobody pays for
 * a call through a pointer per operation. Times are virtual, in ms.
 */
#ifndef MICRO_TIMERS_H
#define MICRO_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "measure.h"

/* Timeouts are spread evenly from 1 ms to a minute. */
enum { TIMEOUT_MAX_MS = 60000 };

static inline uint64_t timeout_of(uint64_t i)
{
    return 1 + ((mix(i) >> 32) * TIMEOUT_MAX_MS >> 32);
}

/* `order` says which timers, one after the other; `seed` gives them their timeouts. */
struct timers {
    const char *name;
    void (*create)(size_t size, uint64_t now, int huge);
    void (*destroy)(void);
    /* Starts timers, running ones anew: each with a timeout of its own drawing. */
    void (*start)(const uint32_t *order, size_t count, uint64_t now, uint64_t seed);
    /* Starts running ones anew with the timeout that each always has: never for earlier. */
    void (*refresh)(const uint32_t *order, size_t count, uint64_t now, uint64_t seed);
    void (*stop)(const uint32_t *order, size_t count);
    /* The clock is `now`: fires what is due, and starts it anew when `again`. How many fired. */
    size_t (*expire)(uint64_t now, int again);
    size_t (*running)(void);
};

extern const struct timers evframe_timers, libevent_timers, heap_timers;

#endif
