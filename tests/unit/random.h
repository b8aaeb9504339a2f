/* SPDX-License-Identifier: MIT
 *
 * Random numbers for tests that are the same again with the same EVF_SEED, which is printed.
 */
#ifndef EVF_TESTS_UNIT_RANDOM_H
#define EVF_TESTS_UNIT_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct random {
    uint64_t state;
};

/* splitmix64 */
static inline uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 … limit - 1 */
static inline uint64_t random_below(struct random *random, uint64_t limit)
{
    return random_next(random) % limit;
}

/* The seed from EVF_SEED, else a fresh one. */
static inline struct random random_start(void)
{
    const char *text = getenv("EVF_SEED");
    uint64_t seed = 1;
    if (text != NULL)
        seed = strtoull(text, NULL, 10);
    else if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = 2;
    fprintf(stderr, "EVF_SEED=%llu\n", (unsigned long long)seed);
    return (struct random){ .state = seed };
}

/* How often a random test turns: count, divided by EVF_TEST_SCALE in slow builds. */
static inline unsigned random_rounds(unsigned count)
{
    const char *text = getenv("EVF_TEST_SCALE");
    unsigned long scale = text != NULL ? strtoul(text, NULL, 10) : 1;
    return scale > 1 ? (unsigned)(count / scale) + 1 : count;
}

#endif
