/* SPDX-License-Identifier: MIT
 *
 * Posting and offloading as plugins know them: the mailbox and the helpers, with what was refused
 * counted.
 *
 * Figures belong to one thread each, so a refused post counts for the worker that wanted to send;
 * from a thread that is no worker it is told by the status alone.
 */
#include <errno.h>

#include <evframe/worker.h>

#include "base/assert.h"
#include "base/figures.h"
#include "base/simulated.h"
#include "loop/mailbox.h"
#include "loop/offload.h"
#include "loop/worker.h"

int evf_post(evf_worker *worker, evf_post_fn *fn, void *argument)
{
    EVF_RULE(worker != NULL, "a post goes to a worker");
    int status = evf__sim_fault(EVF__FAULT_MAILBOX)
                     ? -EAGAIN
                     : evf__mailbox_post_mp(&worker->mailbox, fn, argument);
    evf_worker *sender = evf__worker_current;
    if (status == -EAGAIN && sender != NULL)
        evf__figure_add(&sender->figures, EVF__FIGURE_POSTS_REFUSED, 1);
    return status;
}

int evf_post_message(evf_worker *worker, struct evf_message *message, evf_post_fn *fn,
                     void *argument)
{
    EVF_RULE(worker != NULL, "a post goes to a worker");
    return evf__mailbox_post_message_mp(&worker->mailbox, message, fn, argument);
}

int evf_offload(evf_worker *worker, evf_work_fn *work, evf_done_fn *done, void *argument)
{
    EVF__ON_WORKER(worker);
    /* In the last run of the mailboxes the helpers are gone, or about to be. */
    if (worker->offload == NULL || evf__mailbox_closed(&worker->mailbox))
        return -ESHUTDOWN;
    int status = -EAGAIN;
    if (!evf__sim_fault(EVF__FAULT_OFFLOAD))
        status =
            evf__offload_submit(worker->offload, &worker->mailbox, worker, work, done, argument);
    if (status == 0)
        evf__figure_add(&worker->figures, EVF__FIGURE_OFFLOADED, 1);
    else if (status == -EAGAIN)
        evf__figure_add(&worker->figures, EVF__FIGURE_OFFLOAD_REFUSED, 1);
    return status;
}
