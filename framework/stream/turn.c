/* SPDX-License-Identifier: MIT
 *
 * One turn of a worker. The order of the steps is a contract: see turn.h.
 */
#include "stream/turn.h"

#include "base/limits.h"
#include "loop/resolver.h"
#include "stream/stream.h"

static void run_timers(evf_worker *worker)
{
    struct evf__wheel_entry *entry;
    for (unsigned i = 0; i < EVF__TIMER_BUDGET; i++) {
        entry = evf__wheel_take(&worker->wheel);
        if (entry == NULL)
            return;
        if (entry->kind == EVF__ENTRY_TIMER)
            evf__timer_fire(worker, entry);
        else
            evf__streams_deadline(worker, entry);
    }
}

void evf__turn(evf_worker *worker)
{
    /* 1. Wait for events, read the clock. */
    evf__worker_wait(worker, !worker->arrivals_left && !evf__streams_pending(worker) &&
                                 !evf__resolver_pending(worker));

    /* 2. The mailbox: new connections, then posts and finished work, then finished look-ups. */
    if (worker->take_arrivals != NULL)
        worker->arrivals_left = worker->take_arrivals(worker, worker->arrivals);
    unsigned posts = evf__mailbox_run_sc(&worker->mailbox, worker, EVF__MAILBOX_BUDGET);
    evf__figure_add(&worker->figures, EVF__FIGURE_POSTS_RUN, posts);
    evf__resolver_answer(worker);

    /* 3. Input and output. */
    evf__streams_input_output(worker);

    /* 4. Timers, in the order of their deadlines. */
    run_timers(worker);

    /* 5. Flush what was corked, then close. */
    evf__streams_flush_and_close(worker);
    evf__worker_publish(worker);

    uint64_t end_ms = evf__worker_clock_coarse_ms();
    if (end_ms > worker->now_ms + EVF__LONG_TURN_MS)
        evf__streams_after_stall(worker, end_ms);
}
