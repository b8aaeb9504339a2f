/* SPDX-License-Identifier: MIT
 *
 * What a thread is doing: which callback of which plugin, for which stream; for reports of crashes,
 * stalls and broken rules.
 *
 * A worker keeps books of its own (loop/worker.h), which the server's describe function reads.
 * Other threads that call into a plugin (the main thread, helpers) say so by evf__doing.
 */
#ifndef EVF_BASE_FACTS_H
#define EVF_BASE_FACTS_H

#include "base/line.h"
#include "base/log.h"

/* The calling thread's present call into a plugin; `what` NULL: none. */
struct evf__doing {
    const char *what;     /* "start", "offloaded work", "loading" */
    const char *plugin;   /* its name; NULL: told by the function */
    const char *file;     /* of "loading" */
    const void *function; /* may be NULL */
};
extern _Thread_local struct evf__doing evf__doing __attribute__((tls_model("initial-exec")));

struct evf__facts {
    struct evf__log_source source; /* worker, plugin, stream and peer */
    const char *callback;          /* NULL: no callback of a plugin runs */
    const char *version, *file;    /* of the plugin; NULL: not known, or part of the program */
    const void *function;          /* the callback; may be NULL */
};

/* Fills ret for the calling thread. Also in a signal handler. */
void evf__facts_take(struct evf__facts *ret);

/* The stream's part: apart, because it reads more memory, which may be what is broken. */
void evf__facts_take_stream(struct evf__facts *ret);

/* Who knows about workers: fills the worker's part, and with `stream` the stream's. Set once. From
 * then on a broken rule tells who broke it. */
typedef void evf__facts_fn(struct evf__facts *ret, bool stream);
void evf__facts_set(evf__facts_fn *fn);

/* `data` of plugin echo 1.0.0 (./echo.so) on worker 0 */
void evf__facts_add(struct evf__line *line, const struct evf__facts *facts);
/* stream 4294967296 with 127.0.0.1:4711; nothing when there is none */
void evf__facts_add_stream(struct evf__line *line, const struct evf__facts *facts);

#endif
