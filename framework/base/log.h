/* SPDX-License-Identifier: MIT
 *
 * The one door to the log: evf_log, for the library itself as for plugins.
 *
 * A thread that must not block (a worker, the acceptor) attaches a ring of its own with one reader,
 * the writing thread. Threads without a ring write themselves, under a lock. Lines carry a time, a
 * level, and what the thread's describe function says of its present callback.
 */
#ifndef EVF_BASE_LOG_H
#define EVF_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <evframe/log.h>

/* What a line says about its origin. Zero, NULL and "" are left out. */
struct evf__log_source {
    int worker;         /* index, or -1 */
    const char *plugin; /* its name */
    uint64_t stream_id; /* 0: none */
    char peer[128];     /* the stream's peer, unescaped */
};

/* Fills ret with the calling thread's present origin. Called on that thread, only when a line is
 * really written. */
typedef void evf__log_describe_fn(struct evf__log_source *ret, void *argument);

struct evf__log_settings {
    enum evf_level level; /* lines below it are dropped before they are formatted */
    bool json;
    const char *file; /* NULL: standard error */
};

/* Sets up the log of this process and starts the writing thread when it does not run yet; may be
 * called again to change the settings. All signals are blocked in the writing thread. 0 or a
 * negated errno (the file cannot be opened; the old settings stay). Main thread. */
int evf__log_open(const struct evf__log_settings *settings);

/* Writes what still waits, ends the writing thread, closes the file; afterwards lines go to
 * standard error directly. Pairs with evf__log_open (calls are counted). Main thread. */
void evf__log_close(void);

/* Asks the writing thread to open the file anew. Any thread, also a signal handler. */
void evf__log_reopen(void);

/* True when a line of that level would be written: to save the work of making its arguments. */
bool evf__log_wants(enum evf_level level);

/* Gives the calling thread a ring and a describe function (either may be absent: ring false, or
 * NULL). 0 or -ENOMEM. evf__log_detach gives both back; what waits is still written. */
int evf__log_attach(bool ring, evf__log_describe_fn *describe, void *argument);
void evf__log_detach(void);

/* Where lines go now, for what cannot go through the log: the report of a crash. Any thread, also a
 * signal handler. */
int evf__log_descriptor(void);

/* Lines dropped for want of room in a ring, since the start of the process. Any thread. */
uint64_t evf__log_dropped(void);

#endif
