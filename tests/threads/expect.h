/* SPDX-License-Identifier: MIT
 *
 * What the plain programs about threads share: saying what was expected and ending, deadlines, and
 * counts that sanitizers may lower.
 */
#ifndef EVF_TESTS_THREADS_EXPECT_H
#define EVF_TESTS_THREADS_EXPECT_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Ends the whole program as failed: with other threads about, there is nothing to tidy up. */
#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: expected %s: ", __FILE__, __LINE__, #condition);               \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            _Exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static inline uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The number that the environment gives, at least 1. */
static inline unsigned from_environment(const char *name)
{
    const char *text = getenv(name);
    unsigned value = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 1;
    return value >= 1 ? value : 1;
}

/* How long anything here may take before it counts as lost. */
static inline int patience_ms(void)
{
    return (int)(20000 * from_environment("EVF_TEST_SLOWNESS"));
}

static inline unsigned scaled(unsigned count)
{
    unsigned left = count / from_environment("EVF_TEST_SCALE");
    return left >= 1 ? left : 1;
}

/* True when fd became readable, false when patience ended. */
static inline bool await_readable(int fd)
{
    struct pollfd one = { .fd = fd, .events = POLLIN };
    return poll(&one, 1, patience_ms()) == 1;
}

static inline pthread_t start_thread(void *(*fn)(void *), void *argument)
{
    pthread_t thread;
    int status = pthread_create(&thread, NULL, fn, argument);
    EXPECT(status == 0, "a thread, status %d", status);
    return thread;
}

static inline void join_thread(pthread_t thread)
{
    int status = pthread_join(thread, NULL);
    EXPECT(status == 0, "the end of a thread, status %d", status);
}

#endif
