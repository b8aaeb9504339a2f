/* SPDX-License-Identifier: MIT
 *
 * Latencies counted in classes: 64 for each power of two, so that a percentile is at most 1.6 %
 * above the truth, and nothing is allocated while a load runs. One thread.
 */
#ifndef BENCH_LATENCIES_H
#define BENCH_LATENCIES_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { LATENCY_SHIFT = 6, LATENCY_CLASSES = (64 - LATENCY_SHIFT + 1) << LATENCY_SHIFT };

struct latencies {
    uint64_t count;
    uint32_t classes[LATENCY_CLASSES];
};

static inline uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Values below 128 have a class each; above, the six bits below the highest choose. */
static inline unsigned latency_class(uint64_t ns)
{
    unsigned high = 63 - (unsigned)__builtin_clzll(ns | (1u << LATENCY_SHIFT));
    unsigned shift = high - LATENCY_SHIFT;
    return (shift << LATENCY_SHIFT) + (unsigned)(ns >> shift);
}

/* The largest value of the class. */
static inline uint64_t latency_of_class(unsigned class)
{
    unsigned shift = class >> LATENCY_SHIFT;
    if (shift != 0)
        shift--;
    return ((uint64_t)(class - (shift << LATENCY_SHIFT) + 1) << shift) - 1;
}

static inline void latencies_add(struct latencies *latencies, uint64_t ns)
{
    latencies->count++;
    latencies->classes[latency_class(ns)]++;
}

/* The least value that `share` of all values do not exceed, in microseconds. */
static inline double latencies_us(const struct latencies *latencies, double share)
{
    uint64_t below = 0;
    for (unsigned i = 0; i < LATENCY_CLASSES; i++) {
        below += latencies->classes[i];
        if (below != 0 && (double)below >= share * (double)latencies->count)
            return (double)latency_of_class(i) / 1000;
    }
    return 0;
}

/* The report that harness/parsers.py reads. */
static inline void latencies_print(const struct latencies *latencies, double seconds,
                                   unsigned long errors)
{
    printf("{\"requests\": %llu, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"p999_us\": %.1f, \"errors\": %lu}\n",
           (unsigned long long)latencies->count, seconds, latencies_us(latencies, 0.50),
           latencies_us(latencies, 0.99), latencies_us(latencies, 0.999), errors);
}

#endif
