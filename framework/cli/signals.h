/* SPDX-License-Identifier: MIT
 *
 * The launcher's signals, taken by a thread of their own with sigwait: nothing runs in a handler,
 * and everything done is an ANY_THREAD function of the server.
 *
 *   SIGTERM, SIGINT   the first: a graceful stop; the second: stop at once
 *   SIGHUP            opens the log file anew
 *   SIGUSR1           logs every figure
 *   SIGPIPE           ignored
 */
#ifndef EVF_CLI_SIGNALS_H
#define EVF_CLI_SIGNALS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <evframe/server.h>

struct evf__cli_watch;

struct evf__cli_signals {
    /* set at start */
    pthread_t thread;
    evf_server *server;
    uint32_t grace_ms;
    struct evf__cli_watch *watch;

    /* main thread writes, the signals' thread reads */
    _Atomic bool serving; /* figures may be read, a stop will be waited for */
    _Atomic bool ending;

    /* the signals' thread, and main when that has ended */
    unsigned stop_requests;
};

/* Blocks the signals in the calling thread and in those that it makes, and ignores SIGPIPE. To be
 * called before any thread is made. */
void evf__cli_signals_block(void);

/* Starts taking them for the server; a stop also ends the watch, where there is one. 0 or a negated
 * errno. Main thread. */
int evf__cli_signals_start(struct evf__cli_signals *signals, evf_server *server, uint32_t grace_ms,
                           struct evf__cli_watch *watch_or_null);

/* The server has started. */
void evf__cli_signals_serving(struct evf__cli_signals *signals);

/* Ends the thread. Before the server is freed. True when a stop was asked for. */
bool evf__cli_signals_stop(struct evf__cli_signals *signals);

#endif
