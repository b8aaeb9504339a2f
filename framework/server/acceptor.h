/* SPDX-License-Identifier: MIT
 *
 * The acceptor: one thread that owns listening sockets, picks a worker for each connection by the
 * dispatch policy, and hands the descriptor over.
 *
 * Its loop is a libevent base of its own with plain read events. A worker's load is what was
 * assigned to it less what it says is gone. When every worker's ring is full, accepting pauses
 * until a worker has taken from its ring.
 *
 * Made, started, told to end, joined and freed on the main thread.
 */
#ifndef EVF_SERVER_ACCEPTOR_H
#define EVF_SERVER_ACCEPTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <evframe/server.h>

#include "loop/worker.h"
#include "server/accepting.h"
#include "server/dispatch.h"
#include "server/handover.h"

struct evf__acceptor {
    /* set at start */
    unsigned worker_count;
    evf_worker **workers;             /* by index */
    struct evf__handover **handovers; /* by index */
    enum evf_dispatch policy;
    int wake_fd; /* an eventfd: commands, and rings that have room again */
    int tell_fd; /* an eventfd of the main thread's, written when it is done; not owned */
    struct event_base *base;
    struct event wake_event, timer_event;
    pthread_t thread;
    bool running;

    /* acceptor thread */
    struct evf__accepting accepting;
    bool paused;        /* the points' events are off */
    uint64_t *assigned; /* by worker, since the start */
    uint64_t *loads;    /* by worker, for the present batch */
    struct evf__dispatch_state dispatch;

    /* any thread, atomic */
    struct evf__figures figures;
    _Atomic bool drain_asked, give_up, done; /* followed by a write to wake_fd or tell_fd */
};

/* For `points` listening sockets, added with evf__accepting_add(&acceptor->accepting, …) before the
 * start. The arrays workers and handovers live as long as the acceptor. 0 or a negated errno with
 * nothing left behind. `acceptor` is zeroed. */
int evf__acceptor_init(struct evf__acceptor *acceptor, unsigned points, unsigned worker_count,
                       evf_worker **workers, struct evf__handover **handovers,
                       enum evf_dispatch policy, int tell_fd);
/* It does not run. All zero is fine. */
void evf__acceptor_fini(struct evf__acceptor *acceptor);

/* Starts the thread. 0 or a negated errno. */
int evf__acceptor_start(struct evf__acceptor *acceptor);

/* What already waits is accepted and handed over, then the sockets are closed and `done` is set. */
void evf__acceptor_drain(struct evf__acceptor *acceptor);
/* The sockets are closed now, whatever waits. Joins the thread, which may have ended by itself. */
void evf__acceptor_join(struct evf__acceptor *acceptor);

#endif
