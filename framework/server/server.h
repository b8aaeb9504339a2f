/* SPDX-License-Identifier: MIT
 *
 * The server from inside: what its main thread, its workers' threads and its acceptor share.
 *
 * Reading order: server.c (making one, listeners, facts), start.c (the start, in its order; its
 * first step is in start_listeners.c), worker_thread.c (what a worker's thread does from its first
 * to its last line), stop.c (the stop, in its order), await.c (how the main thread waits, and finds
 * out who does not return).
 *
 * Who waits for whom. The main thread waits in evf__server_await for anything that others do; they
 * change an atomic and then write server->event_fd. Workers wait for the main thread at a gate
 * before and after they serve; while they serve, it sends them orders through their mailboxes.
 */
#ifndef EVF_SERVER_SERVER_H
#define EVF_SERVER_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <evframe/server.h>

#include "loop/offload.h"
#include "loop/worker.h"
#include "plugin/instance.h"
#include "server/accepting.h"
#include "server/acceptor.h"
#include "server/handover.h"
#include "server/listener.h"
#include "server/options.h"
#include "server/stall.h"

/* How far a worker's thread has come. */
enum evf__worker_step {
    EVF__WORKER_BORN,
    EVF__WORKER_READY,    /* its loop is made, or could not be */
    EVF__WORKER_STARTED,  /* every worker_start was called */
    EVF__WORKER_FINISHED, /* it has left its loop */
    EVF__WORKER_STOPPED,  /* its last messages have run and every worker_stop was called */
    EVF__WORKER_GONE      /* nothing of it is left but its thread */
};

/* What workers wait for; opened by the main thread, one behind the other. */
enum evf__gate {
    EVF__GATE_SHUT,
    EVF__GATE_START,  /* call worker_start */
    EVF__GATE_SERVE,  /* run the loop */
    EVF__GATE_CLOSED, /* all mailboxes are closed: run what they hold, call worker_stop */
    EVF__GATE_HOME    /* leave without anything of that */
};

/* Orders to a worker's loop. Each has a message of its own, so that a worker which stands still in
 * a callback holds up none of them on the others. */
enum evf__order {
    EVF__ORDER_DRAIN,   /* accept what waits, then close your own sockets */
    EVF__ORDER_QUIESCE, /* the graceful stop begins */
    EVF__ORDER_CLOSE,   /* close all streams, refuse more */
    EVF__ORDER_REPORT,  /* say whether you are quiet */
    EVF__ORDER_FINISH,  /* leave the loop */
    EVF__ORDERS
};

struct evf__server_worker {
    evf_worker worker;

    /* set at start */
    evf_server *server;
    pthread_t thread;
    bool running; /* the thread exists */
    pid_t tid;    /* its number; written by itself before its first step */

    /* the start's outcome; read by the main thread behind `step` */
    int status;
    char error[512];

    /* worker thread */
    bool started[EVF__LISTENERS_MAX]; /* by listener: its worker_start succeeded */
    bool draining, quiesced, refusing, finishing;
    struct evf__accepting accepting; /* with accept reuseport */
    struct evf_timer accept_timer;

    /* any thread, atomic; sequentially consistent, and followed by a write to server->event_fd */
    _Atomic unsigned step;     /* enum evf__worker_step */
    _Atomic bool empty;        /* quiesced, and no stream nor anything on its way to be one */
    _Atomic bool refuses;      /* it has carried out EVF__ORDER_CLOSE */
    _Atomic bool quiet;        /* at its last report nothing else was in the mailbox */
    _Atomic uint64_t reports;  /* how many it has made */
    _Atomic uint64_t activity; /* turns since it refuses */

    struct evf_message orders[EVF__ORDERS];
    struct evf__handover handover;
};

enum evf__server_state {
    EVF__SERVER_NEW,
    EVF__SERVER_RUNS,
    EVF__SERVER_STOPPED,
    EVF__SERVER_STUCK /* a callback was given up: nothing can be freed any more */
};

/* Watching one worker for a callback that does not return. Main thread. */
struct evf__watch {
    bool inside;    /* it was in a callback when it was looked at last */
    uint64_t turns; /* and had made so many turns */
    uint64_t since_ms;
};

struct evf_server {
    /* main thread; read by anyone once it runs */
    struct evf__server_settings settings;
    int settings_status;
    char settings_error[256];
    bool log_open;
    _Atomic(enum evf__server_state) state;
    char error[1024];
    struct evf__listener *listeners[EVF__LISTENERS_MAX];
    unsigned listener_count;
    struct evf__figure_registry *figures;
    struct evf__offload *offload;
    unsigned worker_count;
    struct evf__server_worker **workers; /* kept until the server is freed, for their figures */
    evf_worker **worker_list;            /* the same, as instances and the acceptor see them */
    struct evf__handover **handovers;
    struct evf__acceptor acceptor;
    struct evf__watch *watches;
    bool stuck_warned;
    struct evf__stalls *stalls; /* NULL: not watched for */
    uint64_t rounds;            /* of reports, that were ordered */
    uint64_t activity_seen;     /* of all workers, at the last look */

    /* at the gate, under its lock */
    pthread_mutex_t gate_lock;
    pthread_cond_t gate_opened;
    enum evf__gate gate;
    bool aborting; /* a start failed: no post may run */

    /* any thread, atomic; followed by a write to event_fd */
    int event_fd;
    _Atomic unsigned stop_requests;
    _Atomic uint64_t stop_deadline_ms; /* UINT64_MAX: none yet */

    /* any thread, atomic */
    _Atomic uint64_t stalls_told;
};

/* -- server.c -- */

/* Keeps the sentence for evf_server_error and gives the status back. */
__attribute__((format(printf, 3, 4))) int evf__server_fail(evf_server *server, int status,
                                                           const char *format, ...);
/* Wakes the main thread out of evf__server_await. Any thread, also a signal handler. */
void evf__server_tell(evf_server *server);

/* -- await.c -- */

/* Waits until done(server). 1, or with to_deadline 0 when the deadline of the stop comes first.
 * EVF_ESTUCK when a callback or offloaded work does not return and a second stop request allows to
 * give it up: it has been named in the log. */
int evf__server_await(evf_server *server, bool (*done)(const evf_server *server), bool to_deadline);
/* True when every worker's thread has come that far. */
bool evf__server_at_step(const evf_server *server, enum evf__worker_step step);
/* Waits for that, without a deadline. 0 or EVF_ESTUCK. */
int evf__server_await_step(evf_server *server, enum evf__worker_step step);

/* -- worker_thread.c -- */

int evf__server_worker_start(struct evf__server_worker *self);
/* Opens the gate for all workers. */
void evf__server_open_gate(evf_server *server, enum evf__gate gate);
/* Sends an order to every worker. The one before of the same kind must have been carried out. */
void evf__server_order(evf_server *server, enum evf__order order);

/* -- worker_arrivals.c -- */

/* Sets the worker's hooks and begins to watch its own listening sockets. 0 or -ENOMEM. */
int evf__server_worker_accept(struct evf__server_worker *self);
/* Begins to drain its own sockets. */
void evf__server_worker_drain(struct evf__server_worker *self);
/* Closes its own sockets now. */
void evf__server_worker_accept_stop(struct evf__server_worker *self);
/* True when no connection is on its way to this worker any more. */
bool evf__server_worker_expects_none(const struct evf__server_worker *self);

/* -- start_listeners.c -- */

/* With accept reuseport every worker has a socket of its own for a TCP listener. */
bool evf__server_per_worker(const evf_server *server, const struct evf__listener *listener);
/* Looks up the names of listeners. 0 or a negative code. */
int evf__server_resolve_listeners(evf_server *server);
/* Opens every listener and gives its sockets away; the parts are made. 0 or a negative code: what
 * is open then, evf__server_destroy_parts closes. */
int evf__server_open_listeners(evf_server *server);

/* -- start.c -- */

/* Joins the threads of workers, all of which are gone. */
void evf__server_join_workers(evf_server *server);
/* Frees what the start made, but for the workers' memory; closes listeners that are still open.
 * No thread runs. */
void evf__server_destroy_parts(evf_server *server);

/* -- stop.c -- */

/* The last part of a stop, also of a start that failed after workers ran: messages and offloaded
 * work run out, mailboxes close together, every worker_stop that is due is called, the threads are
 * joined. 0 or EVF_ESTUCK. */
int evf__server_finish(evf_server *server);
/* Calls `stop` of every started instance, in reverse. */
void evf__server_stop_instances(evf_server *server);

#endif
