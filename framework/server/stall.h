/* SPDX-License-Identifier: MIT
 *
 * Stalls: a callback that holds its worker for too long is told, once, with a backtrace of that
 * very moment.
 *
 * A thread of its own looks at what every worker is doing, four times in the time that is allowed.
 * The workers do nothing for it: what is looked at are their books (evf__enter) and their number of
 * turns. A callback that was there at each look in between has lasted that long. The worker is then
 * asked by a signal where it is; the handler answers from inside the callback.
 *
 * What is no callback's fault is not told:
 *   - the whole process stood still (SIGSTOP, a debugger, a suspended machine): the looks are late
 *     themselves, and a late one counts for two at most;
 *   - the worker alone is stopped by a debugger, or wants to run and is not let: others have the
 *     processors. A blocked one (a system call, a lock) is told.
 * worker_start and worker_stop are not looked at: no stream waits then.
 */
#ifndef EVF_SERVER_STALL_H
#define EVF_SERVER_STALL_H

#include <stdint.h>

struct evf_server;
struct evf__stalls; /* made by start, freed by stop */

/* Begins to watch the workers, which run. 0, with server->stalls NULL where it is turned off, or a
 * negated errno. Main thread. */
int evf__stalls_start(struct evf_server *server);
/* Ends it, before the workers' threads are joined. No effect where it was not started. */
void evf__stalls_stop(struct evf_server *server);

/* How many were told. Any thread, while the server exists. */
uint64_t evf__stalls_count(const struct evf_server *server);

#endif
