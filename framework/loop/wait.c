/* SPDX-License-Identifier: MIT
 *
 * How a worker waits for events, and where its clocks and its random numbers come from: all of the
 * outside world that the loop itself touches, so that a simulation has one file to put in its
 * place (testkit/clock.c). The worker's thread.
 *
 * libevent gives the wait and nothing else: its callbacks only note what became ready, and the turn
 * (stream/turn.c) does the work in the promised order. Deadlines are the wheel's; one timerfd,
 * never read and edge-triggered, wakes the loop for the earliest, and is set anew only when that
 * moves earlier or has passed.
 */
#include <errno.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "loop/worker.h"

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t evf__clock_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

uint64_t evf__clock_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

void evf__random_seed(evf_worker *worker)
{
    ssize_t got = getrandom(worker->random, sizeof worker->random, GRND_NONBLOCK);
    if (got != (ssize_t)sizeof worker->random) {
        worker->random[0] = clock_ms(CLOCK_REALTIME);
        worker->random[1] = worker->index;
    }
    worker->random[0] |= 1; /* the generator must not start at zero */
}

static void on_timer(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    evf_worker *worker = argument;
    worker->armed_for_ms = UINT64_MAX;
}

static void on_wake(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    evf_worker *worker = argument;
    worker->wake_seen = true;
}

static struct event_base *make_base(void)
{
    struct event_base *base = NULL;
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    int features = EV_FEATURE_ET | EV_FEATURE_O1;
    int flags = EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_NO_CACHE_TIME;
    if (event_config_require_features(config, features) == 0 &&
        event_config_set_flag(config, flags) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

/* Watches the timerfd and the mailbox's eventfd. */
static int watch_own(evf_worker *worker)
{
    int timer_bits = EV_READ | EV_ET | EV_PERSIST;
    if (event_assign(&worker->timer_event, worker->base, worker->timer_fd, (short)timer_bits,
                     on_timer, worker) < 0 ||
        event_add(&worker->timer_event, NULL) < 0)
        return -ENOMEM;
    if (event_assign(&worker->wake_event, worker->base, worker->mailbox.wake_fd,
                     EV_READ | EV_PERSIST, on_wake, worker) < 0 ||
        event_add(&worker->wake_event, NULL) < 0)
        return -ENOMEM;
    return 0;
}

int evf__wait_init(evf_worker *worker)
{
    worker->armed_for_ms = UINT64_MAX;
    worker->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (worker->timer_fd < 0)
        return -errno;
    int status;
    worker->base = make_base();
    if (worker->base == NULL) {
        status = errno != 0 ? -errno : -ENOMEM;
        goto no_base;
    }
    status = watch_own(worker);
    if (status < 0)
        goto no_watch;
    return 0;
no_watch:
    event_base_free(worker->base);
no_base:
    close(worker->timer_fd);
    return status;
}

void evf__wait_fini(evf_worker *worker)
{
    event_del(&worker->wake_event);
    event_del(&worker->timer_event);
    event_base_free(worker->base);
    close(worker->timer_fd);
}

/* Sets the timerfd to the wheel's next deadline, when that is earlier than what it is set to. */
static void arm(evf_worker *worker, uint64_t next_ms)
{
    if (next_ms >= worker->armed_for_ms)
        return;
    struct itimerspec when = {
        .it_value = { .tv_sec = (time_t)(next_ms / 1000),
                      .tv_nsec = (long)(next_ms % 1000) * 1000000 },
    };
    int set = timerfd_settime(worker->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    EVF_ASSERT(set == 0);
    worker->armed_for_ms = next_ms;
}

/* True when the worker may block now: everything that could wait was looked at after `asleep` was
 * set, so that whoever adds something later writes the eventfd. */
static bool fall_asleep(evf_worker *worker)
{
    if (!evf__mailbox_sleep_sc(&worker->mailbox))
        return false;
    if (worker->arrivals_wait != NULL && worker->arrivals_wait(worker, worker->arrivals)) {
        evf__mailbox_awake_sc(&worker->mailbox, false);
        return false;
    }
    return true;
}

void evf__worker_wait(evf_worker *worker, bool may_sleep)
{
    uint64_t next_ms = evf__wheel_next(&worker->wheel);
    bool asleep = may_sleep && next_ms > worker->now_ms && fall_asleep(worker);
    if (asleep)
        arm(worker, next_ms);
    worker->wake_seen = false;
    event_base_loop(worker->base, asleep ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
    if (asleep || worker->wake_seen)
        evf__mailbox_awake_sc(&worker->mailbox, worker->wake_seen);
    worker->now_ms = clock_ms(CLOCK_MONOTONIC);
    worker->wall_ms = 0;
    evf__wheel_collect(&worker->wheel, worker->now_ms);
}

uint64_t evf__worker_clock_coarse_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC_COARSE);
}
