/* SPDX-License-Identifier: MIT
 *
 * New connections on the worker's side: those that the acceptor hands over, and with accept
 * reuseport those from the worker's own listening sockets. The worker's thread.
 *
 * Both are taken in step 2 of a turn, within a budget. A socket's event only notes that it is
 * ready; accepting is done by the hook.
 */
#include <errno.h>
#include <event2/event.h>
#include <unistd.h>

#include "base/log.h"
#include "server/server.h"
#include "stream/stream.h"

static struct evf__server_worker *owner_of(evf_worker *worker)
{
    return EVF__OWNER(worker, struct evf__server_worker, worker);
}

static bool points_ready(const struct evf__server_worker *self)
{
    for (unsigned i = 0; i < self->accepting.point_count; i++)
        if (self->accepting.points[i].ready)
            return true;
    return false;
}

bool evf__server_worker_expects_none(const struct evf__server_worker *self)
{
    return evf__handover_empty_sc(&self->handover) && evf__accepting_open(&self->accepting) == 0;
}

/* Changes the count that the acceptor subtracts from what it assigned to this worker. */
static void count_gone(struct evf__server_worker *self, uint64_t change)
{
    uint64_t gone = atomic_load_explicit(&self->worker.accepted_gone, memory_order_relaxed);
    atomic_store_explicit(&self->worker.accepted_gone, gone + change, memory_order_relaxed);
}

/* Past the deadline of a stop: it is closed without ever having been a stream. */
static void turn_away(struct evf__server_worker *self, const struct evf__arrival *arrival)
{
    close(arrival->fd);
    atomic_fetch_sub_explicit(&arrival->origin->open_streams, 1, memory_order_relaxed);
    count_gone(self, 1);
    evf__figure_add(&self->worker.figures, EVF__FIGURE_NEVER_OPENED, 1);
}

static void take_one(struct evf__server_worker *self, const struct evf__arrival *arrival)
{
    struct sockaddr_storage named;
    const struct sockaddr *peer = &arrival->peer.any;
    socklen_t peer_len = arrival->peer_len;
    if (self->refusing) {
        turn_away(self, arrival);
        return;
    }
    if (peer_len == EVF__PEER_IN_KERNEL) {
        peer = (const struct sockaddr *)&named;
        peer_len = sizeof named;
        if (getpeername(arrival->fd, (struct sockaddr *)&named, &peer_len) < 0)
            peer_len = 0;
    }
    /* A failure was counted, and the descriptor closed, where it happened. */
    (void)evf__stream_accept(&self->worker, arrival->fd, arrival->origin, peer, peer_len);
}

static bool take_handed_over(struct evf__server_worker *self)
{
    struct evf__arrival arrival;
    unsigned taken = 0;
    while (taken < EVF__ARRIVAL_BUDGET && evf__handover_pop_sc(&self->handover, &arrival)) {
        take_one(self, &arrival);
        taken++;
    }
    if (taken > 0)
        evf__handover_took_sc(&self->handover);
    return taken == EVF__ARRIVAL_BUDGET && !evf__handover_empty_sc(&self->handover);
}

/* -- its own sockets -- */

static bool has_room(void *argument)
{
    (void)argument; /* a worker has room for its own: they become streams at once */
    return true;
}

/* The acceptor never assigned it, so it is taken off beforehand from what the acceptor subtracts.
 */
static void deliver(void *argument, const struct evf__arrival *arrival)
{
    struct evf__server_worker *self = argument;
    count_gone(self, UINT64_MAX);
    take_one(self, arrival);
}

static void on_ready(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    struct evf__accept_point *point = argument;
    point->ready = true;
}

static void watch(struct evf__server_worker *self, bool on)
{
    for (unsigned i = 0; i < self->accepting.point_count; i++) {
        struct evf__accept_point *point = &self->accepting.points[i];
        point->ready = false;
        if (point->fd < 0)
            continue;
        int status = on ? event_add(&point->event, NULL) : event_del(&point->event);
        EVF_ASSERT(status == 0);
    }
}

/* While draining nothing is watched: what waits is asked for until it is used up. */
static void mark_all_ready(struct evf__server_worker *self)
{
    for (unsigned i = 0; i < self->accepting.point_count; i++)
        self->accepting.points[i].ready = self->accepting.points[i].fd >= 0;
}

static void keep_time(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct evf__server_worker *self = argument;
    bool stood_still = self->accepting.back_at_ms != 0;
    uint64_t next_ms = evf__accepting_tick(&self->accepting, worker->now_ms);
    if (stood_still && self->accepting.back_at_ms == 0) {
        if (self->draining)
            mark_all_ready(self);
        else
            watch(self, true);
    }
    if (next_ms != UINT64_MAX)
        evf_timer_start(worker, timer, (uint32_t)(next_ms - worker->now_ms), keep_time, self);
}

static void close_point(struct evf__accept_point *point)
{
    if (point->fd >= 0)
        event_del(&point->event);
    evf__accept_point_close(point);
}

static void accept_from(struct evf__server_worker *self, struct evf__accept_point *point)
{
    evf_worker *worker = &self->worker;
    switch (evf__accept_batch(&self->accepting, point, worker->now_ms)) {
    case EVF__ACCEPT_EMPTY:
        point->ready = false;
        if (self->draining)
            close_point(point);
        break;
    case EVF__ACCEPT_MORE:
        break;
    case EVF__ACCEPT_BACKOFF:
        watch(self, false);
        evf_timer_stop(&self->accept_timer);
        break;
    case EVF__ACCEPT_FULL:
    case EVF__ACCEPT_BROKEN:
        close_point(point);
        break;
    }
    if (evf__accepting_timed(&self->accepting) && !evf_timer_running(&self->accept_timer))
        keep_time(worker, &self->accept_timer, self);
}

/* -- the hooks -- */

static bool take_arrivals(evf_worker *worker, void *argument)
{
    struct evf__server_worker *self = argument;
    EVF_ASSERT(self == owner_of(worker));
    bool more = take_handed_over(self);
    for (unsigned i = 0; i < self->accepting.point_count; i++)
        if (self->accepting.points[i].ready)
            accept_from(self, &self->accepting.points[i]);
    return more || points_ready(self);
}

static bool arrivals_wait(const evf_worker *worker, void *argument)
{
    const struct evf__server_worker *self = argument;
    EVF_ASSERT(&self->worker == worker);
    return !evf__handover_empty_sc(&self->handover) || points_ready(self);
}

int evf__server_worker_accept(struct evf__server_worker *self)
{
    evf_worker *worker = &self->worker;
    self->accepting.sink = (struct evf__accept_sink){ has_room, deliver, self };
    for (unsigned i = 0; i < self->accepting.point_count; i++) {
        struct evf__accept_point *point = &self->accepting.points[i];
        if (event_assign(&point->event, worker->base, point->fd, EV_READ | EV_PERSIST, on_ready,
                         point) < 0 ||
            event_add(&point->event, NULL) < 0)
            return -ENOMEM;
    }
    worker->arrivals = self;
    worker->take_arrivals = take_arrivals;
    worker->arrivals_wait = arrivals_wait;
    return 0;
}

void evf__server_worker_drain(struct evf__server_worker *self)
{
    self->draining = true;
    watch(self, false);
    evf__accepting_drain(&self->accepting);
    if (self->accepting.back_at_ms == 0)
        mark_all_ready(self);
}

void evf__server_worker_accept_stop(struct evf__server_worker *self)
{
    for (unsigned i = 0; i < self->accepting.point_count; i++)
        close_point(&self->accepting.points[i]);
    evf_timer_stop(&self->accept_timer);
    if (self->accepting.points != NULL)
        evf__accepting_tick(&self->accepting, UINT64_MAX); /* every burst is over */
}
