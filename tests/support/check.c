/* SPDX-License-Identifier: MIT
 *
 * Failing, clocks and waiting; see check.h.
 */
#define SUPPORT_INSIDE
#include "check.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *here_file = "(unknown)";
static int here_line;
static void (*failure_report)(void);

void support_here(const char *file, int line)
{
    here_file = file;
    here_line = line;
}

void support_on_failure(void (*report)(void))
{
    failure_report = report;
}

void support_fail(const char *format, ...)
{
    char message[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (failure_report != NULL)
        failure_report();
    cr_assert_fail("%s:%d: %s", here_file, here_line, message);
    abort();
}

uint64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned number_from_environment(const char *name)
{
    const char *text = getenv(name);
    unsigned long value = text == NULL ? 1 : strtoul(text, NULL, 10);

    return value < 1 ? 1 : value > 1000 ? 1000 : (unsigned)value;
}

unsigned test_slowness(void)
{
    return number_from_environment("EVF_TEST_SLOWNESS");
}

unsigned test_scaled(unsigned count)
{
    unsigned scaled = count / number_from_environment("EVF_TEST_SCALE");

    return scaled == 0 ? 1 : scaled;
}

uint64_t test_seed(void)
{
    const char *text = getenv("EVF_SEED");
    uint64_t seed;

    if (text != NULL)
        return strtoull(text, NULL, 10);
    seed = clock_ms() * 2654435761u ^ (uint64_t)getpid();
    fprintf(stderr, "EVF_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

uint64_t test_random(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

uint64_t deadline_in(unsigned ms)
{
    return clock_ms() + (uint64_t)ms * test_slowness();
}

uint64_t deadline_usual(void)
{
    return deadline_in(10000);
}

int deadline_left(uint64_t deadline)
{
    uint64_t now = clock_ms();

    return now >= deadline ? 0 : deadline - now > 600000 ? 600000 : (int)(deadline - now);
}

bool wait_for_fd(int fd, short events, uint64_t deadline)
{
    for (;;) {
        struct pollfd entry = { .fd = fd, .events = events };
        int left = deadline_left(deadline);
        int count = poll(&entry, 1, left);

        if (count > 0)
            return true;
        if (count < 0 && errno != EINTR)
            support_fail("poll: %m");
        if (left == 0)
            return false;
    }
}

bool wait_until(uint64_t deadline, wait_condition *condition, void *argument)
{
    int pause_ms = 1;

    while (!condition(argument)) {
        if (deadline_left(deadline) == 0)
            return false;
        poll(NULL, 0, pause_ms);
        if (pause_ms < 8)
            pause_ms++;
    }
    return true;
}

bool wait_quietly(int fd, unsigned ms)
{
    uint64_t until = clock_ms() + ms;

    return wait_for_fd(fd, POLLIN, until);
}

void *test_allocate(size_t size)
{
    void *memory = calloc(1, size == 0 ? 1 : size);

    if (memory == NULL)
        support_fail("no memory for %zu bytes", size);
    return memory;
}
