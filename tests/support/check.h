/* SPDX-License-Identifier: MIT
 *
 * What all of tests/support shares: failing with the place of the test's own line, deadlines, and
 * waiting for something outside this process.
 *
 * The support functions are called through macros of the same name, which record where the test
 * stood; so a failure deep inside names the test's line. Nothing here sleeps: waits end when the
 * awaited thing happens, and a test that waits in vain fails at its deadline.
 *
 * Environment:
 *   EVF_TEST_SLOWNESS  multiplies every deadline (1; say 5 under a sanitizer)
 *   EVF_TEST_SCALE     divides counts where a test says so (1)
 *   EVF_SEED           seed of random tests; printed when not given
 */
#ifndef EVF_TESTS_SUPPORT_CHECK_H
#define EVF_TESTS_SUPPORT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Records where the test stands, then makes the call. Support's own files make it directly. */
#ifdef SUPPORT_INSIDE
#define SUPPORT_HERE(call) call
#else
#define SUPPORT_HERE(call) (support_here(__FILE__, __LINE__), call)
#endif
void support_here(const char *file, int line);

/* Ends the test as failed: the recorded line, the message, and what every running server logged
 * last. */
__attribute__((noreturn, format(printf, 1, 2))) void support_fail(const char *format, ...);

/* Called by support_fail before the test ends; server.c adds its logs. */
void support_on_failure(void (*report)(void));

/* The monotonic clock in milliseconds: not scaled. */
uint64_t clock_ms(void);

/* How many times slower than usual this run may be, at least 1. */
unsigned test_slowness(void);

/* count, divided by EVF_TEST_SCALE, at least 1. */
unsigned test_scaled(unsigned count);

/* The seed of this run: EVF_SEED, else a fresh one, which is printed. */
uint64_t test_seed(void);

/* The next number of a small generator (splitmix64). */
uint64_t test_random(uint64_t *state);

/* A point in time by which something must have happened: ms (scaled) from now. */
uint64_t deadline_in(unsigned ms);

/* The usual one: 10 s (scaled). */
uint64_t deadline_usual(void);

/* Milliseconds left, 0 when it has passed; for poll. */
int deadline_left(uint64_t deadline);

/* Waits for poll's events on fd; false at the deadline. */
bool wait_for_fd(int fd, short events, uint64_t deadline);

/* Asks again and again, a millisecond or a few apart, until condition(argument) holds. Only for
 * state of another process that gives no event to wait for. False at the deadline. */
typedef bool wait_condition(void *argument);
bool wait_until(uint64_t deadline, wait_condition *condition, void *argument);

/* Lets real time pass, for tests whose subject is time itself ('it is still there after …'). The
 * wait is on a descriptor: it ends early, and returns true, when fd becomes readable or fails. */
bool wait_quietly(int fd, unsigned ms);

/* Allocates or ends the test. */
void *test_allocate(size_t size);

#endif
