/* SPDX-License-Identifier: MIT
 *
 * Numbers for random tests. The seed is EVF_SEED, else a fresh one; it is printed when a test
 * fails.
 */
#ifndef EVF_TESTS_UNIT_BASE_RANDOM_H
#define EVF_TESTS_UNIT_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t random_seed(void)
{
    const char *given = getenv("EVF_SEED");
    if (given != NULL)
        return strtoull(given, NULL, 0);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec << 20 ^ (uint64_t)getpid();
}

/* A number below `below`, by xorshift64*. The state is a seed to begin with. */
static inline size_t random_below(uint64_t *state, size_t below)
{
    uint64_t x = *state != 0 ? *state : 1;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (size_t)((x * UINT64_C(2685821657736338717)) >> 33) % below;
}

#endif
