/* SPDX-License-Identifier: MIT
 *
 * Workers: who runs what, posting between threads, and blocking work off the loop.
 *
 * A worker's turn is: wait; mailbox (new connections, posts, finished offloaded work); input and
 * output of ready streams; timers; flush what was corked, then close callbacks. In this order,
 * always.
 */
#ifndef EVFRAME_WORKER_H
#define EVFRAME_WORKER_H

#include <evframe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs on the worker it was posted to, in that worker's mailbox step. */
typedef void evf_post_fn(evf_worker *worker, void *argument);
/* Runs on a helper thread. It may block; of evframe it may call only EVF_ANY_THREAD functions. */
typedef void evf_work_fn(void *argument);
/* Runs on the worker that offloaded, in its mailbox step, after the work returned. */
typedef void evf_done_fn(evf_worker *worker, void *argument);
/* Visits one stream of evf_each_stream. Everything may be called inside. */
typedef void evf_each_fn(evf_stream *stream, void *argument);

/* The sender's own storage for evf_post_message. Zeroed before its first use. */
struct evf_message {
    uint64_t private_[4];
};

/* The calling thread's worker, or NULL on a thread that is no worker. */
EVF_ANY_THREAD evf_worker *evf_worker_self(void);

/* 0 … count - 1. */
EVF_ANY_THREAD unsigned evf_worker_index(const evf_worker *worker);

/* How many workers the server has. Known already in start. */
EVF_ANY_THREAD unsigned evf_worker_count(const evf_instance *instance);

/* The worker of that index; NULL in start, when workers do not exist yet, and for an index that is
 * too high. */
EVF_ANY_THREAD evf_worker *evf_worker_at(const evf_instance *instance, unsigned index);

/* Runs fn(worker, argument) on the worker, in order for one sender. 0: it will run, always (but for
 * a start that fails: then what waits is dropped, because some plugin's state is missing).
 * -EAGAIN: the mailbox is full (--mailbox). -ESHUTDOWN: the server is past the point where posts
 * run. On failure the argument stays the caller's. */
EVF_ANY_THREAD int evf_post(evf_worker *worker, evf_post_fn *fn, void *argument);

/* The same with the sender's own storage, so that it cannot fail for want of room: 0 or -ESHUTDOWN.
 * The message must live until fn starts; from then on it is free again. Meant for replies. A
 * message that is still under way must not be posted again (asserted). */
EVF_ANY_THREAD int evf_post_message(evf_worker *worker, struct evf_message *message,
                                    evf_post_fn *fn, void *argument);

/* Runs work(argument) on a helper thread, then done(worker, argument) here, exactly once and before
 * worker_stop. -EAGAIN: too many wait (--offload-queue). -ESHUTDOWN: posts no longer run. -ENOMEM.
 * Keep a stream's id in the argument, not its pointer. */
EVF_API int evf_offload(evf_worker *worker, evf_work_fn *work, evf_done_fn *done, void *argument);

/* Calls fn for this worker's streams of the instance, accepted and outgoing, whose open was called
 * and that are not closed. Streams made during the walk are not visited. Everything may be called
 * inside, another walk too. */
EVF_API void evf_each_stream(evf_worker *worker, evf_instance *instance, evf_each_fn *fn,
                             void *argument);

/* This worker's stream of that id in O(1); NULL when it is gone or closed. What to keep across a
 * post or offloaded work. */
EVF_API evf_stream *evf_stream_find(evf_worker *worker, uint64_t id);

/* True from the moment this worker begins the graceful stop. */
EVF_API bool evf_stopping(const evf_worker *worker);

/* When what is still open will be closed by force, on the clock of evf_now; 0 while the server is
 * not stopping. */
EVF_API uint64_t evf_stop_deadline(const evf_worker *worker);

#ifdef __cplusplus
}
#endif

#endif
