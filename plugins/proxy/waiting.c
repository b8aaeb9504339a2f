/* SPDX-License-Identifier: MIT
 *
 * Clients that wait for the first answer about a name, in the order of their coming. The worker's
 * thread.
 *
 * Each waits as long as a connect may take. When an answer has come they go on, a batch each turn.
 */
#include "pair.h"

void proxy_wait_stop(struct proxy_pair *pair)
{
    struct proxy_worker *worker = pair->worker;
    if (pair->link == NULL)
        return;
    *pair->link = pair->next;
    if (pair->next != NULL)
        pair->next->link = pair->link;
    else
        worker->waiting_last = pair->link;
    pair->link = NULL;
    evf_timer_stop(&pair->timer);
}

static void waited_long(evf_worker *evf, struct evf_timer *timer, void *argument)
{
    struct proxy_pair *pair = argument;
    (void)evf;
    (void)timer;
    proxy_wait_stop(pair);
    proxy_pair_refuse(pair);
}

void proxy_wait_start(struct proxy_pair *pair)
{
    struct proxy_worker *worker = pair->worker;
    pair->next = NULL;
    pair->link = worker->waiting_last;
    *pair->link = pair;
    worker->waiting_last = &pair->next;
    evf_timer_start(worker->worker, &pair->timer, worker->proxy->connect_timeout_ms, waited_long,
                    pair);
}

/* With one upstream server in the table nobody needs to wait any longer: one is always in service.
 */
static void wake(evf_worker *evf, struct evf_timer *timer, void *argument)
{
    struct proxy_worker *worker = argument;
    (void)timer;
    for (unsigned i = 0; i < PROXY_WAKE_BATCH && worker->waiting != NULL; i++) {
        struct proxy_pair *pair = worker->waiting;
        if (worker->table.count == 0 && proxy_names_awaited(worker))
            return;
        proxy_wait_stop(pair);
        proxy_pair_go_on(pair);
    }
    if (worker->waiting != NULL)
        evf_timer_start(evf, &worker->waking, 0, wake, worker);
}

void proxy_wait_over(struct proxy_worker *worker)
{
    if (worker->waiting != NULL)
        evf_timer_start(worker->worker, &worker->waking, 0, wake, worker);
}
