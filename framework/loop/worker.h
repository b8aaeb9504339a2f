/* SPDX-License-Identifier: MIT
 *
 * The worker: one thread's event loop and all that it owns.
 *
 * Everything here belongs to the worker's thread, but for what stands under 'any thread'. The
 * layers above hang their own parts in: `streams` (stream/) and `arrivals` (server/).
 */
#ifndef EVF_LOOP_WORKER_H
#define EVF_LOOP_WORKER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <evframe/evframe.h>

#include "base/assert.h"
#include "base/facts.h"
#include "base/figures.h"
#include "base/simulated.h"
#include "loop/mailbox.h"
#include "loop/resolver.h"
#include "memory/extent.h"
#include "memory/page.h"
#include "time/wheel.h"

struct evf__offload;
struct evf__streams;

/* The kinds of callbacks: what a worker is doing, for the log and for naming what does not return.
 */
#define EVF__CALLBACKS(X)                                                                          \
    X(NONE, "")                                                                                    \
    X(OPEN, "open")                                                                                \
    X(DATA, "data")                                                                                \
    X(END, "end")                                                                                  \
    X(DRAIN, "drain")                                                                              \
    X(TIMEOUT, "timeout")                                                                          \
    X(QUIESCE, "quiesce")                                                                          \
    X(FD, "fd")                                                                                    \
    X(CLOSE, "close")                                                                              \
    X(RESOLVED, "look-up")                                                                         \
    X(TIMER, "timer")                                                                              \
    X(POST, "post")                                                                                \
    X(FREE, "free")                                                                                \
    X(WORKER_START, "worker_start")                                                                \
    X(WORKER_STOP, "worker_stop")

enum evf__callback {
#define EVF__CALLBACK_ID(id, text) EVF__CALLBACK_##id,
    EVF__CALLBACKS(EVF__CALLBACK_ID)
#undef EVF__CALLBACK_ID
};

/* The kinds of wheel entries. */
enum evf__entry_kind { EVF__ENTRY_TIMER = 1, EVF__ENTRY_STREAM = 2 };

struct evf__worker_settings {
    unsigned index;
    unsigned mailbox; /* capacity */
    size_t page_size;
    struct evf__offload *offload; /* shared by all workers; may be NULL */
    struct evf__resolver_settings resolver;
};

struct evf_worker {
    /* set at start */
    unsigned index;
    struct event_base *base;
    struct evf__offload *offload;
    struct evf__extents extents;
    int timer_fd;
    struct event timer_event, wake_event;

    /* owner thread */
    uint64_t now_ms;       /* the monotonic clock of this turn */
    uint64_t wall_ms;      /* the calendar clock, read when first asked for in a turn; 0: not yet */
    uint64_t armed_for_ms; /* what timer_fd is set to; UINT64_MAX: not armed */
    uint64_t random[2];
    uint64_t stop_deadline_ms; /* 0: not stopping */
    bool wake_seen;            /* the eventfd was readable in this turn */
    struct evf__wheel wheel;
    struct evf__pages pages;
    struct evf__streams *streams;
    struct evf__resolver *resolver;
    struct evf__list timers; /* plugins' running timers, in debug builds */

    /* New connections: the server's hooks, set at start, may be NULL. take_arrivals, in step 2:
     * takes what waits, at most a budget; true when more is left. arrivals_wait: true when
     * something waits; asked once more when `asleep` is set already, so that a hand-over that came
     * in between cannot be slept through. */
    bool (*take_arrivals)(evf_worker *worker, void *argument);
    bool (*arrivals_wait)(const evf_worker *worker, void *argument);
    void *arrivals;
    bool arrivals_left; /* what take_arrivals said last */

    /* any thread, atomic */
    struct evf__mailbox mailbox;
    struct evf__figures figures;
    /* Accepted connections given to this worker that are gone again: closed streams, and those
     * whose evf__stream_accept failed. Counted by the owner together with origin->open_streams; the
     * acceptor subtracts it from what it assigned. Relaxed. */
    _Atomic uint64_t accepted_gone;
    /* What runs now; written by the owner, relaxed; read, relaxed, to name what does not return.
     * plugin is NULL where it is not known (timers, posts); others than the owner only compare
     * in_stream. */
    _Atomic(evf_stream *) in_stream; /* whose callback runs */
    _Atomic uint64_t alone; /* how many callbacks without a stream there were: tells them apart */
    _Atomic(const char *) callback_plugin;
    _Atomic(void *) callback_function;
    _Atomic int callback;
};

/* The calling thread's worker; NULL elsewhere. Set by evf__worker_init. One load, also in a shared
 * library: 8 bytes of static TLS are there for a library that is loaded later. */
extern _Thread_local evf_worker *evf__worker_current __attribute__((tls_model("initial-exec")));

/* Makes the loop of the calling thread. `worker` is zeroed memory aligned to 64. 0, or a negated
 * errno with nothing left behind. */
int evf__worker_init(evf_worker *worker, const struct evf__worker_settings *settings);
/* Drops running timers (telling how many), asserts that pages and mailbox are empty. */
void evf__worker_fini(evf_worker *worker);

/* wait.c: what the loop itself needs of the world outside. */

/* What the worker waits with; the mailbox is made before. 0, or a negated errno with nothing left
 * behind. */
int evf__wait_init(evf_worker *worker);
void evf__wait_fini(evf_worker *worker);
/* The monotonic and the calendar clock now. */
uint64_t evf__clock_ms(void);
uint64_t evf__clock_wall_ms(void);
/* Where the worker's random numbers begin. */
void evf__random_seed(evf_worker *worker);

/* Step 1 of a turn: waits for events (without blocking when `may_sleep` is false, or when mail or a
 * due timer waits), reads the clock, collects what is due. Readiness callbacks append to the turn's
 * lists only. */
void evf__worker_wait(evf_worker *worker, bool may_sleep);

/* Around every callback into a plugin. Leaving goes back to 'none': callbacks do not nest. */
static inline void evf__enter(evf_worker *worker, enum evf__callback callback, const char *plugin,
                              void *function, evf_stream *stream)
{
    evf__sim_enter(worker, callback, function, stream);
    atomic_store_explicit(&worker->in_stream, stream, memory_order_relaxed);
    atomic_store_explicit(&worker->callback_plugin, plugin, memory_order_relaxed);
    atomic_store_explicit(&worker->callback_function, function, memory_order_relaxed);
    atomic_store_explicit(&worker->callback, callback, memory_order_relaxed);
}

/* The same for a callback without a stream. */
static inline void evf__enter_alone(evf_worker *worker, enum evf__callback callback,
                                    const char *plugin, void *function)
{
    uint64_t alone = atomic_load_explicit(&worker->alone, memory_order_relaxed);
    atomic_store_explicit(&worker->alone, alone + 1, memory_order_relaxed);
    evf__enter(worker, callback, plugin, function, NULL);
}

static inline void evf__leave(evf_worker *worker)
{
    atomic_store_explicit(&worker->in_stream, NULL, memory_order_relaxed);
    atomic_store_explicit(&worker->callback, EVF__CALLBACK_NONE, memory_order_relaxed);
    evf__sim_leave();
}

/* The monotonic clock now, at or up to one tick of the system before: cheap. */
uint64_t evf__worker_clock_coarse_ms(void);

/* The struct evf_timer whose place in worker->timers that is. */
void *evf__timer_of_link(struct evf__list *link);

/* Asserts, in debug builds, that no running timer lies in memory that is being freed; `what` names
 * the memory. */
void evf__timers_assert_outside(evf_worker *worker, const void *memory, size_t size,
                                const char *what);

/* Writes what the worker holds into its gauges, once a turn. */
void evf__worker_publish(evf_worker *worker);

/* Fires a plugin's timer whose entry the wheel gave out. */
void evf__timer_fire(evf_worker *worker, struct evf__wheel_entry *entry);

/* Fills in which callback runs, whose, on which worker. On the worker's thread, also in a signal
 * handler; what it read a moment ago may be over on any other. */
void evf__worker_facts(const evf_worker *worker, struct evf__facts *ret);

/* The text of enum evf__callback. */
const char *evf__callback_name(int callback);

/* Every public function that belongs to a worker's thread says so first, in debug builds. */
#define EVF__ON_WORKER(worker)                                                                     \
    EVF_DEBUG_RULE((worker) == evf__worker_current, "called on the worker's own thread")

#endif
