/* SPDX-License-Identifier: MIT
 *
 * The worker's loop: making it, waiting for events, and its public facts.
 *
 * libevent gives the wait and nothing else: its callbacks only note what became ready, and the turn
 * (stream/turn.c) does the work in the promised order. Deadlines are the wheel's; one timerfd,
 * never read and edge-triggered, wakes the loop for the earliest, and is set anew only when that
 * moves earlier or has passed.
 */
#include "loop/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

_Thread_local evf_worker *evf__worker_current;

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
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

static void seed_random(evf_worker *worker)
{
    ssize_t got = getrandom(worker->random, sizeof worker->random, GRND_NONBLOCK);
    if (got != (ssize_t)sizeof worker->random) {
        worker->random[0] = clock_ms(CLOCK_REALTIME);
        worker->random[1] = worker->index;
    }
    worker->random[0] |= 1; /* the generator must not start at zero */
}

int evf__worker_init(evf_worker *worker, const struct evf__worker_settings *settings)
{
    int status;
    EVF_ASSERT(evf__worker_current == NULL);
    worker->index = settings->index;
    worker->offload = settings->offload;
    worker->armed_for_ms = UINT64_MAX;
    worker->now_ms = clock_ms(CLOCK_MONOTONIC);
    evf__list_init(&worker->timers);
    seed_random(worker);
    evf__wheel_init(&worker->wheel, worker->now_ms);
    evf__extents_init(&worker->extents);
    evf__pages_init(&worker->pages, &worker->extents, settings->page_size);
    status = evf__mailbox_init(&worker->mailbox, settings->mailbox);
    if (status < 0)
        goto no_mailbox;
    worker->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (worker->timer_fd < 0) {
        status = -errno;
        goto no_timer;
    }
    worker->base = make_base();
    if (worker->base == NULL) {
        status = errno != 0 ? -errno : -ENOMEM;
        goto no_base;
    }
    status = watch_own(worker);
    if (status < 0)
        goto no_watch;
    status = evf__resolver_init(worker, &settings->resolver);
    if (status < 0)
        goto no_resolver;
    evf__worker_current = worker;
    return 0;
no_resolver:
    event_del(&worker->wake_event);
    event_del(&worker->timer_event);
no_watch:
    event_base_free(worker->base);
no_base:
    close(worker->timer_fd);
no_timer:
    evf__mailbox_fini(&worker->mailbox);
no_mailbox:
    evf__pages_fini(&worker->pages);
    evf__extents_fini(&worker->extents);
    return status;
}

void evf__worker_fini(evf_worker *worker)
{
    EVF_ASSERT(worker == evf__worker_current);
    evf__resolver_fini(worker);
    size_t dropped = evf__wheel_clear(&worker->wheel);
    if (dropped > 0)
        evf_log(EVF_DEBUG, "%zu running timers dropped at the stop", dropped);
    event_del(&worker->wake_event);
    event_del(&worker->timer_event);
    event_base_free(worker->base);
    close(worker->timer_fd);
    evf__mailbox_fini(&worker->mailbox);
    evf__pages_fini(&worker->pages);
    evf__extents_fini(&worker->extents);
    evf__worker_current = NULL;
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

void evf__worker_publish(evf_worker *worker)
{
    struct evf__figures *figures = &worker->figures;
    evf__figure_add(figures, EVF__FIGURE_TURNS, 1);
    evf__figure_set(figures, EVF__FIGURE_TIMERS, worker->wheel.count);
    evf__figure_set(figures, EVF__FIGURE_PAGES, worker->pages.pages_in_use);
    evf__figure_set(figures, EVF__FIGURE_BLOCKS, worker->pages.blocks_in_use);
}

const char *evf__callback_name(int callback)
{
    static const char *const names[] = {
#define EVF__CALLBACK_TEXT(id, text) text,
        EVF__CALLBACKS(EVF__CALLBACK_TEXT)
#undef EVF__CALLBACK_TEXT
    };
    EVF_ASSERT(callback >= 0 && (size_t)callback < sizeof names / sizeof *names);
    return names[callback];
}

void evf__worker_facts(const evf_worker *worker, struct evf__facts *ret)
{
    int callback = atomic_load_explicit(&worker->callback, memory_order_relaxed);
    ret->source.worker = (int)worker->index;
    if (callback == EVF__CALLBACK_NONE)
        return;
    ret->callback = evf__callback_name(callback);
    ret->source.plugin = atomic_load_explicit(&worker->callback_plugin, memory_order_relaxed);
    ret->function = atomic_load_explicit(&worker->callback_function, memory_order_relaxed);
}

evf_worker *evf_worker_self(void)
{
    return evf__worker_current;
}

unsigned evf_worker_index(const evf_worker *worker)
{
    return worker->index;
}

bool evf_stopping(const evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    return worker->stop_deadline_ms != 0;
}

uint64_t evf_stop_deadline(const evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    return worker->stop_deadline_ms;
}

uint64_t evf_now(const evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    return worker->now_ms;
}

uint64_t evf_wall_ms(const evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    evf_worker *mine = (evf_worker *)worker; /* only what was already asked for is remembered */
    if (mine->wall_ms == 0)
        mine->wall_ms = clock_ms(CLOCK_REALTIME);
    return mine->wall_ms;
}

/* xorshift128+ */
uint64_t evf_random(evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    uint64_t a = worker->random[0], b = worker->random[1];
    worker->random[0] = b;
    a ^= a << 23;
    worker->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return worker->random[1] + b;
}

int evf_slice_new(evf_worker *worker, const void *data, size_t len, evf_slice *ret)
{
    EVF__ON_WORKER(worker);
    return evf__slice_new(&worker->pages, data, len, ret);
}
