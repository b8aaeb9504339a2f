/* SPDX-License-Identifier: MIT
 *
 * What every micro-benchmark is measured with: the clock, the processor's own counters where the
 * kernel lets a process count itself, medians over repetitions, one line of JSON per result.
 *
 *   for each repetition: measure_begin(); the work; measure_end(operations)
 *   measure_print(…)     the medians per operation, and forgets them
 *
 * Instructions, cycles and misses are those of user space; what cannot be counted is left out of
 * the line. One thread.
 */
#ifndef MICRO_MEASURE_H
#define MICRO_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* The repetitions of `[--repetitions N]`, all that most programs take; exits on anything else. */
unsigned measure_arguments(int argc, char **argv, unsigned repetitions);

/* Opens the counters. */
void measure_init(void);

void measure_begin(void);
/* Ends what measure_begin began, and adds it to the present repetition: one may be measured in
 * several parts. */
void measure_end(uint64_t operations);
/* Ends the repetition. */
void measure_repeat(void);

/* {"bench":…,"of":…,"operation":…,"size":…,"repetitions":…,"ns":…,…}. `of` may be NULL. */
void measure_print(const char *bench, const char *of, const char *operation, uint64_t size);

uint64_t measure_now_ns(void);

/* A repeatable pseudo-random number: of a counter, so that no draw waits for the one before. */
static inline uint64_t mix(uint64_t i)
{
    i = (i + 1) * 0x9e3779b97f4a7c15ull;
    i ^= i >> 32;
    i *= 0xd6e8feb86659fd93ull;
    return i ^ i >> 32;
}

/* 0 … size - 1 in a random order; aborts without memory. */
uint32_t *shuffled(size_t size, uint64_t seed);

/* Zeroed memory in pages of 4 KiB, or in huge ones; aborts without memory. */
void *memory_take(size_t size, int huge);
void memory_give(void *memory, size_t size);

/* Keeps the compiler from seeing what happens to a value. */
static inline void opaque(const void *pointer)
{
    __asm__ volatile("" : : "r"(pointer) : "memory");
}

#endif
