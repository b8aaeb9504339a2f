/* SPDX-License-Identifier: MIT
 *
 * Helper threads for blocking work that plugins hand off (evf_offload).
 *
 * One bounded queue under a lock, a fixed number of threads, which start with the first work. The
 * answer travels to the worker's mailbox in the work item itself, so it cannot fail. All signals
 * are blocked in the helpers.
 */
#ifndef EVF_LOOP_OFFLOAD_H
#define EVF_LOOP_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <evframe/worker.h>

struct evf__mailbox;
struct evf__offload;

/* threads: 1 … 256; queue: how many may wait. NULL without memory. Main thread. */
struct evf__offload *evf__offload_create(unsigned threads, unsigned queue);

/* Ends the threads, after what waits has run, and frees all. NULL is fine. Main thread. */
void evf__offload_destroy(struct evf__offload *offload);

/* Hands work to a helper; its done runs through the mailbox, on `worker`. 0, -EAGAIN when `queue`
 * items wait, -ENOMEM, or a negated errno when not even one thread could be started. Any thread. */
int evf__offload_submit(struct evf__offload *offload, struct evf__mailbox *mailbox,
                        evf_worker *worker, evf_work_fn *work, evf_done_fn *done, void *argument);

/* Work that waits, runs, or whose done has not begun. Any thread. */
size_t evf__offload_pending(struct evf__offload *offload);

/* The function that some helper has been running since before `since_ms` (on CLOCK_MONOTONIC), or
 * NULL: to name what does not return. Any thread. */
evf_work_fn *evf__offload_stuck(struct evf__offload *offload, uint64_t since_ms);

#endif
