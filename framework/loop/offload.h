/* SPDX-License-Identifier: MIT
 *
 * Helper threads for blocking work that plugins hand off (evf_offload).
 *
 * One bounded queue under a lock; up to a fixed number of threads, each started when work waits and
 * no helper is idle. The answer travels to the worker's mailbox in the work item itself, so it
 * cannot fail. All signals are blocked in the helpers.
 *
 * The order of a stop: evf__offload_close; the mailboxes go on running until evf__offload_pending
 * is 0; only then may the mailboxes close (an answer that finds its mailbox closed is asserted).
 */
#ifndef EVF_LOOP_OFFLOAD_H
#define EVF_LOOP_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <evframe/worker.h>

struct evf__mailbox;
struct evf__offload;

/* threads: 1 … EVF__OFFLOAD_THREADS_MAX; queue: how many may wait, 1 and more. NULL without memory.
 * Main thread. */
struct evf__offload *evf__offload_create(unsigned threads, unsigned queue);

/* Ends the threads, after what waits has run, and frees all. Answers that are in a mailbox then
 * still run there, and must. NULL is fine. Main thread. */
void evf__offload_destroy(struct evf__offload *offload);

/* From now on work is refused with -ESHUTDOWN; what was taken is done. Any thread. */
void evf__offload_close(struct evf__offload *offload);

/* Hands work to a helper; its done runs through the mailbox, on `worker`. 0, -EAGAIN when `queue`
 * items wait, -ESHUTDOWN, -ENOMEM, or a negated errno when not even one thread could be started. On
 * failure the argument stays the caller's. Any thread. */
int evf__offload_submit(struct evf__offload *offload, struct evf__mailbox *mailbox,
                        evf_worker *worker, evf_work_fn *work, evf_done_fn *done, void *argument);

/* True for the function of those messages that carry an answer back. Any thread. */
bool evf__offload_is_answer(evf_post_fn *fn);

/* Work that waits, runs, or whose done has not begun. Any thread. */
size_t evf__offload_pending(struct evf__offload *offload);

/* The function that some helper has been running since before `since_ms` (on CLOCK_MONOTONIC), or
 * NULL: to name what does not return. Any thread. */
evf_work_fn *evf__offload_stuck(struct evf__offload *offload, uint64_t since_ms);

#endif
