/* SPDX-License-Identifier: MIT
 *
 * Timers and clocks of a worker.
 *
 * A timer is embedded in the caller's own memory and must be stopped, or have run, before that
 * memory goes; debug builds assert this for a stream's and a worker's state.
 */
#ifndef EVFRAME_TIMER_H
#define EVFRAME_TIMER_H

#include <evframe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 64 bytes for ever. All zero is a stopped timer. */
struct evf_timer {
    uint64_t private_[8];
};

/* Called once for each start, in the timer step of the worker's turn, in the order of deadlines.
 * The timer is stopped when it begins: it may be started again, and its memory may be freed.
 * Everything may be called inside. */
typedef void evf_timer_fn(evf_worker *worker, struct evf_timer *timer, void *argument);

/* Starts the timer, or starts a running one anew: fn is called ms milliseconds from evf_now, never
 * earlier, and at most one millisecond and one turn later. With 0 ms, or when started in the timer
 * step, it runs in the next turn. */
EVF_API void evf_timer_start(evf_worker *worker, struct evf_timer *timer, uint32_t ms,
                             evf_timer_fn *fn, void *argument);

/* Stops a running timer, also one that is due in this very turn. No effect on a stopped one. */
EVF_API void evf_timer_stop(struct evf_timer *timer);

/* True from evf_timer_start until the timer is stopped or its callback begins. */
EVF_API bool evf_timer_running(const struct evf_timer *timer);

/* The monotonic clock as read at the beginning of this turn, in milliseconds. */
EVF_API uint64_t evf_now(const evf_worker *worker);

/* The calendar clock of this turn: milliseconds since 1970-01-01 00:00 UTC. */
EVF_API uint64_t evf_wall_ms(const evf_worker *worker);

/* A pseudo-random number from the worker's own seeded generator. Not for keys and secrets. */
EVF_API uint64_t evf_random(evf_worker *worker);

#ifdef __cplusplus
}
#endif

#endif
