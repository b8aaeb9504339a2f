/* SPDX-License-Identifier: MIT
 *
 * libevent's own timers: event_add with a timeout, in a base without locks. Its clock is ours, and
 * its wait returns at once, so that what is measured is its timers and no system call.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "timers.h"

static uint64_t clock_ms;
static struct event_base *base;
static struct event *all;
static size_t all_bytes, fired;
static int starts_again;

/* libevent finds these two before libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ret)
{
    (void)id;
    ret->tv_sec = (time_t)(clock_ms / 1000);
    ret->tv_nsec = (long)(clock_ms % 1000 * 1000000);
    return 0;
}

__attribute__((visibility("default"))) int epoll_wait(int fd, struct epoll_event *events, int max,
                                                      int timeout)
{
    (void)fd;
    (void)events;
    (void)max;
    (void)timeout;
    return 0;
}

static void start_one(struct event *timer, uint64_t timeout_ms)
{
    struct timeval timeout = { (time_t)(timeout_ms / 1000),
                               (suseconds_t)(timeout_ms % 1000 * 1000) };
    event_add(timer, &timeout);
}

static void on_timer(evutil_socket_t fd, short events, void *argument)
{
    struct event *timer = argument;
    (void)fd;
    (void)events;
    fired++;
    if (starts_again)
        start_one(timer, timeout_of((uint64_t)(timer - all)));
}

static void create(size_t size, uint64_t now, int huge)
{
    struct event_config *config = event_config_new();
    clock_ms = now;
    if (config == NULL || event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) != 0 ||
        (base = event_base_new_with_config(config)) == NULL) {
        fprintf(stderr, "libevent: no base\n");
        exit(1);
    }
    event_config_free(config);
    all_bytes = size * sizeof *all;
    all = memory_take(all_bytes, huge);
    for (size_t i = 0; i < size; i++)
        evtimer_assign(&all[i], base, on_timer, &all[i]);
}

static void stop(const uint32_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++)
        event_del(&all[order[i]]);
}

static void destroy(void)
{
    for (size_t i = 0; i < all_bytes / sizeof *all; i++)
        event_del(&all[i]);
    event_base_free(base);
    memory_give(all, all_bytes);
}

static void start(const uint32_t *order, size_t count, uint64_t now, uint64_t seed)
{
    clock_ms = now;
    for (size_t i = 0; i < count; i++)
        start_one(&all[order[i]], timeout_of(seed + i));
}

static void refresh(const uint32_t *order, size_t count, uint64_t now, uint64_t seed)
{
    clock_ms = now;
    for (size_t i = 0; i < count; i++)
        start_one(&all[order[i]], timeout_of(seed + order[i]));
}

static size_t expire(uint64_t now, int again)
{
    clock_ms = now;
    fired = 0;
    starts_again = again;
    event_base_loop(base, EVLOOP_NONBLOCK);
    return fired;
}

static size_t running(void)
{
    return (size_t)event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);
}

const struct timers libevent_timers = {
    "libevent", create, destroy, start, refresh, stop, expire, running,
};
