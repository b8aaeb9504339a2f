/* SPDX-License-Identifier: MIT
 *
 * The acceptor's thread. See acceptor.h.
 *
 * The loop: a socket is readable: accept a batch. The eventfd is readable: a command, or room in a
 * ring. The timer: a stand-still or a burst of refusals ends. Events are level-triggered, so a
 * batch that was cut goes on in the next round, behind the other sockets.
 */
#include "server/acceptor.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/crash.h"
#include "base/log.h"
#include "server/process.h"

static void write_eventfd(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    EVF_ASSERT(written == (ssize_t)sizeof one || errno == EAGAIN); /* full is readable too */
}

/* -- handing over -- */

/* The workers' own counts are read once per batch; inside it, what was assigned is enough. */
static void read_loads(struct evf__acceptor *self)
{
    for (unsigned i = 0; i < self->worker_count; i++)
        self->loads[i] = self->assigned[i] - atomic_load_explicit(&self->workers[i]->accepted_gone,
                                                                  memory_order_relaxed);
}

static bool has_room(void *argument)
{
    const struct evf__acceptor *self = argument;
    for (unsigned i = 0; i < self->worker_count; i++)
        if (evf__handover_room_sp(self->handovers[i]))
            return true;
    return false;
}

static void deliver(void *argument, const struct evf__arrival *arrival)
{
    struct evf__acceptor *self = argument;
    bool named = arrival->peer_len != 0 && arrival->peer_len != EVF__PEER_IN_KERNEL;
    unsigned worker =
        evf__dispatch_pick(self->policy, self->loads, self->worker_count, &self->dispatch,
                           named ? &arrival->peer.any : NULL, named ? arrival->peer_len : 0);
    while (worker < self->worker_count && !evf__handover_push_sp(self->handovers[worker], arrival))
        worker = evf__dispatch_next(self->policy, self->loads, self->worker_count, &self->dispatch);
    EVF_ASSERT(worker < self->worker_count); /* has_room said so, and only this thread pushes */
    self->assigned[worker]++;
    self->loads[worker]++;
    evf__mailbox_wake_mp(&self->workers[worker]->mailbox);
}

/* -- watching -- */

static void watch(struct evf__acceptor *self, bool on)
{
    self->paused = !on;
    for (unsigned i = 0; i < self->accepting.point_count; i++) {
        struct evf__accept_point *point = &self->accepting.points[i];
        if (point->fd < 0)
            continue;
        int status = on ? event_add(&point->event, NULL) : event_del(&point->event);
        EVF_ASSERT(status == 0);
    }
}

static void close_point(struct evf__acceptor *self, struct evf__accept_point *point)
{
    if (!self->paused && !self->accepting.draining)
        event_del(&point->event);
    evf__accept_point_close(point);
}

/* Every ring was full: asks every worker for a word, and looks once more. True when accepting has
 * to stand still. */
static bool still_full(struct evf__acceptor *self)
{
    for (unsigned i = 0; i < self->worker_count; i++)
        evf__handover_await_sp(self->handovers[i]);
    return !has_room(self);
}

static void accept_from(struct evf__acceptor *self, struct evf__accept_point *point)
{
    read_loads(self);
    switch (evf__accept_batch(&self->accepting, point, evf__process_clock_ms())) {
    case EVF__ACCEPT_EMPTY:
        if (self->accepting.draining)
            close_point(self, point);
        break;
    case EVF__ACCEPT_MORE:
        break;
    case EVF__ACCEPT_FULL:
        if (!self->paused && still_full(self)) {
            evf__figure_add(&self->figures, EVF__FIGURE_ACCEPT_PAUSES, 1);
            watch(self, false);
        }
        break;
    case EVF__ACCEPT_BACKOFF:
        if (!self->paused)
            watch(self, false);
        break;
    case EVF__ACCEPT_BROKEN:
        close_point(self, point);
        break;
    }
}

static void on_ready(evutil_socket_t fd, short events, void *argument)
{
    (void)events;
    struct evf__acceptor *self = argument;
    for (unsigned i = 0; i < self->accepting.point_count && !self->paused; i++)
        if (self->accepting.points[i].fd == fd)
            accept_from(self, &self->accepting.points[i]);
}

static void resume(struct evf__acceptor *self)
{
    if (!self->paused || self->accepting.back_at_ms != 0)
        return;
    if (self->accepting.draining)
        self->paused = false; /* nothing is watched any more */
    else
        watch(self, true);
}

static void on_wake(evutil_socket_t fd, short events, void *argument)
{
    (void)events;
    struct evf__acceptor *self = argument;
    uint64_t count;
    ssize_t got = read((int)fd, &count, sizeof count);
    EVF_ASSERT(got == (ssize_t)sizeof count || errno == EAGAIN);
    resume(self);
    if (atomic_load(&self->drain_asked) && !self->accepting.draining) {
        if (!self->paused)
            watch(self, false);
        self->paused = false;
        evf__accepting_drain(&self->accepting);
    }
}

static void on_timer(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    (void)argument; /* the loop looks at the clock in each round */
}

/* -- the thread -- */

/* Ends stand-stills and bursts, and sets the timer for the next. */
static void keep_time(struct evf__acceptor *self)
{
    uint64_t now_ms = evf__process_clock_ms();
    bool stood_still = self->accepting.back_at_ms != 0;
    uint64_t next_ms = evf__accepting_tick(&self->accepting, now_ms);
    if (stood_still) /* and not because of full rings: those wake it themselves */
        resume(self);
    if (next_ms == UINT64_MAX)
        return;
    uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
    struct timeval wait = { .tv_sec = (time_t)(wait_ms / 1000),
                            .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000 };
    event_add(&self->timer_event, &wait);
}

static void drain_round(struct evf__acceptor *self)
{
    for (unsigned i = 0; i < self->accepting.point_count && !self->paused; i++)
        if (self->accepting.points[i].fd >= 0)
            accept_from(self, &self->accepting.points[i]);
}

static void *run(void *argument)
{
    struct evf__acceptor *self = argument;
    evf__crash_thread_begin();
    pthread_setname_np(pthread_self(), "evf-accept");
    /* Without memory for a ring its lines are written directly; there are few. */
    (void)evf__log_attach(true, NULL, NULL);
    while (!atomic_load(&self->give_up)) {
        bool busy = false;
        if (self->accepting.draining) {
            drain_round(self);
            if (evf__accepting_open(&self->accepting) == 0)
                break;
            busy = !self->paused;
        }
        keep_time(self);
        event_base_loop(self->base, busy ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
    }
    for (unsigned i = 0; i < self->accepting.point_count; i++)
        close_point(self, &self->accepting.points[i]);
    evf__accepting_tick(&self->accepting, UINT64_MAX); /* every burst is over */
    evf__log_detach();
    evf__crash_thread_end();
    atomic_store(&self->done, true);
    write_eventfd(self->tell_fd);
    return NULL;
}

/* -- main thread -- */

static struct event_base *make_base(void)
{
    struct event_base *base = NULL;
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int evf__acceptor_init(struct evf__acceptor *acceptor, unsigned points, unsigned worker_count,
                       evf_worker **workers, struct evf__handover **handovers,
                       enum evf_dispatch policy, int tell_fd)
{
    int status = evf__accepting_init(&acceptor->accepting, points, &acceptor->figures);
    if (status < 0)
        return status;
    acceptor->accepting.sink = (struct evf__accept_sink){ has_room, deliver, acceptor };
    acceptor->worker_count = worker_count;
    acceptor->workers = workers;
    acceptor->handovers = handovers;
    acceptor->policy = policy;
    acceptor->tell_fd = tell_fd;
    status = -ENOMEM;
    acceptor->assigned = calloc(worker_count, sizeof *acceptor->assigned);
    acceptor->loads = calloc(worker_count, sizeof *acceptor->loads);
    if (acceptor->assigned == NULL || acceptor->loads == NULL)
        goto no_memory;
    acceptor->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (acceptor->wake_fd < 0) {
        status = -errno;
        goto no_memory;
    }
    errno = ENOMEM;
    acceptor->base = make_base();
    if (acceptor->base == NULL) {
        status = -errno;
        goto no_base;
    }
    return 0;
no_base:
    close(acceptor->wake_fd);
no_memory:
    free(acceptor->loads);
    free(acceptor->assigned);
    evf__accepting_fini(&acceptor->accepting);
    return status;
}

void evf__acceptor_fini(struct evf__acceptor *acceptor)
{
    EVF_ASSERT(!acceptor->running);
    if (acceptor->base == NULL)
        return;
    event_base_free(acceptor->base);
    acceptor->base = NULL;
    close(acceptor->wake_fd);
    free(acceptor->loads);
    free(acceptor->assigned);
    evf__accepting_fini(&acceptor->accepting);
}

int evf__acceptor_start(struct evf__acceptor *acceptor)
{
    for (unsigned i = 0; i < acceptor->accepting.point_count; i++) {
        struct evf__accept_point *point = &acceptor->accepting.points[i];
        if (event_assign(&point->event, acceptor->base, point->fd, EV_READ | EV_PERSIST, on_ready,
                         acceptor) < 0 ||
            event_add(&point->event, NULL) < 0)
            return -ENOMEM;
    }
    if (event_assign(&acceptor->wake_event, acceptor->base, acceptor->wake_fd, EV_READ | EV_PERSIST,
                     on_wake, acceptor) < 0 ||
        event_add(&acceptor->wake_event, NULL) < 0 ||
        event_assign(&acceptor->timer_event, acceptor->base, -1, 0, on_timer, acceptor) < 0)
        return -ENOMEM;
    int status = evf__process_start_thread(&acceptor->thread, run, acceptor);
    acceptor->running = status == 0;
    return status;
}

void evf__acceptor_drain(struct evf__acceptor *acceptor)
{
    atomic_store(&acceptor->drain_asked, true);
    write_eventfd(acceptor->wake_fd);
}

void evf__acceptor_join(struct evf__acceptor *acceptor)
{
    if (!acceptor->running)
        return;
    atomic_store(&acceptor->give_up, true);
    write_eventfd(acceptor->wake_fd);
    int status = pthread_join(acceptor->thread, NULL);
    EVF_ASSERT(status == 0);
    acceptor->running = false;
}
