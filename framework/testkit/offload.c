/* SPDX-License-Identifier: MIT
 *
 * In place of loop/offload.c: offloaded work runs between two turns, on no worker, as on a helper
 * thread; when, and in which order, is for the dice. Its answer comes by the mailbox.
 */
#include "loop/offload.h"

#include <errno.h>
#include <stdlib.h>

#include "testkit/sim.h"

struct item {
    struct evf__list link;
    struct evf_message answer;
    evf_worker *worker;
    evf_work_fn *work;
    evf_done_fn *done;
    void *argument;
};

static void finish(evf_worker *worker, void *argument)
{
    struct item *item = argument;
    evf_done_fn *done = item->done;
    void *done_argument = item->argument;
    free(item);
    if (worker != NULL)
        evf__enter(worker, EVF__CALLBACK_POST, NULL, (void *)done, NULL);
    done(worker, done_argument); /* the mailbox leaves */
}

int evf__offload_submit(struct evf__offload *offload, struct evf__mailbox *mailbox,
                        evf_worker *worker, evf_work_fn *work, evf_done_fn *done, void *argument)
{
    (void)offload;
    (void)mailbox;
    EVF_RULE(work != NULL && done != NULL, "offloaded work has a work and a done function");
    struct item *item = calloc(1, sizeof *item);
    if (item == NULL)
        return -ENOMEM;
    item->worker = worker;
    item->work = work;
    item->done = done;
    item->argument = argument;
    evf__list_append(&evf__sim_current->offloads, &item->link);
    return 0;
}

bool evf__offload_is_answer(evf_post_fn *fn)
{
    return fn == finish;
}

static void run(evf_sim *sim, struct item *item)
{
    evf_worker *worker = evf__worker_current;
    evf__list_remove(&item->link);
    evf__sim_note(sim, "offloaded work runs");
    evf__worker_current = NULL; /* as on a helper */
    sim->function = (void *)item->work;
    item->work(item->argument);
    sim->function = NULL;
    evf__worker_current = worker;
    int status = evf_post_message(item->worker, &item->answer, finish, item);
    EVF_ASSERT(status == 0);
}

void evf__sim_offload_turn(evf_sim *sim)
{
    struct evf__list *next;
    for (struct evf__list *at = sim->offloads.next; at != &sim->offloads; at = next) {
        next = at->next;
        if (!evf__sim_late(sim, EVF_SIM_ORDER))
            run(sim, EVF__OWNER(at, struct item, link));
    }
}

void evf__sim_offload_drop(evf_sim *sim)
{
    struct evf__list *node;
    while ((node = evf__list_take(&sim->offloads)) != NULL)
        free(EVF__OWNER(node, struct item, link));
}
