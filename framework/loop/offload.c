/* SPDX-License-Identifier: MIT
 *
 * Helper threads for blocking work.
 *
 * Everything but `references` is under one lock, which is held for a few instructions, and on the
 * first calls for the start of a thread. An item is made by the worker, waits in the queue, is run
 * by a helper, and travels back as a message: from then on the worker's mailbox has it, and the
 * worker frees it just before it calls `done`.
 *
 * `references` counts the owner and every item that exists. So it tells what is pending, and an
 * answer that still lies in a mailbox may outlive evf__offload_destroy.
 */
#include "loop/offload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/crash.h"
#include "base/facts.h"
#include "base/limits.h"
#include "loop/mailbox.h"
#include "loop/worker.h"

struct item {
    struct evf_message answer;
    struct item *next; /* in the queue */
    struct evf__offload *offload;
    struct evf__mailbox *mailbox;
    evf_worker *worker;
    evf_work_fn *work;
    evf_done_fn *done;
    void *argument;
};

struct helper {
    struct evf__offload *offload;
    pthread_t thread;
    evf_work_fn *running; /* NULL while it is idle */
    uint64_t began_ms;
};

struct evf__offload {
    /* set at start */
    unsigned threads_max, queue_max;

    /* under the lock */
    pthread_mutex_t lock;
    pthread_cond_t work_waits; /* something is queued, or `ending` */
    struct item *first, **end; /* the queue; end points at the last link */
    unsigned waiting;          /* items in it */
    unsigned started, idle;    /* helpers; of them, those that wait for work */
    bool closed, ending;

    /* any thread, atomic */
    atomic_size_t references; /* 1 for the owner, 1 for each item */

    struct helper helpers[]; /* threads_max; a helper's fields are under the lock */
};

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct evf__offload *evf__offload_create(unsigned threads, unsigned queue)
{
    EVF_ASSERT(threads >= 1 && threads <= EVF__OFFLOAD_THREADS_MAX);
    EVF_ASSERT(queue >= 1);
    struct evf__offload *offload =
        calloc(1, sizeof *offload + threads * sizeof offload->helpers[0]);
    if (offload == NULL)
        return NULL;
    if (pthread_mutex_init(&offload->lock, NULL) != 0)
        goto no_lock;
    if (pthread_cond_init(&offload->work_waits, NULL) != 0)
        goto no_cond;
    offload->threads_max = threads;
    offload->queue_max = queue;
    offload->end = &offload->first;
    atomic_init(&offload->references, 1);
    return offload;
no_cond:
    pthread_mutex_destroy(&offload->lock);
no_lock:
    free(offload);
    return NULL;
}

/* Release: what was done with it before; acquire: by others, before it is freed. */
static void drop(struct evf__offload *offload)
{
    if (atomic_fetch_sub_explicit(&offload->references, 1, memory_order_acq_rel) == 1)
        free(offload);
}

/* The answer, on the worker: an evf_post_fn. */
static void finish(evf_worker *worker, void *argument)
{
    struct item *item = argument;
    evf_done_fn *done = item->done;
    void *done_argument = item->argument;
    drop(item->offload);
    free(item);
    if (worker != NULL)
        evf__enter_alone(worker, EVF__CALLBACK_POST, NULL, (void *)done);
    done(worker, done_argument); /* the mailbox leaves */
}

/* Takes the oldest item off the queue. Under the lock. */
static struct item *take(struct evf__offload *offload)
{
    struct item *item = offload->first;
    offload->first = item->next;
    if (offload->first == NULL)
        offload->end = &offload->first;
    offload->waiting--;
    return item;
}

/* Waits for an item; NULL when the thread is to end. Under the lock. */
static struct item *await(struct evf__offload *offload)
{
    while (offload->waiting == 0) {
        if (offload->ending)
            return NULL;
        offload->idle++;
        pthread_cond_wait(&offload->work_waits, &offload->lock);
        offload->idle--;
    }
    return take(offload);
}

static void *help(void *argument)
{
    struct helper *helper = argument;
    struct evf__offload *offload = helper->offload;
    char name[16]; /* the kernel's limit; "evf-offload-255" just fits */
    snprintf(name, sizeof name, "evf-offload-%u", (unsigned)(helper - offload->helpers) & 0xff);
    pthread_setname_np(pthread_self(), name);
    evf__crash_thread_begin();

    pthread_mutex_lock(&offload->lock);
    for (;;) {
        struct item *item = await(offload);
        if (item == NULL)
            break;
        helper->running = item->work;
        helper->began_ms = clock_ms();
        pthread_mutex_unlock(&offload->lock);
        evf__doing =
            (struct evf__doing){ .what = "offloaded work", .function = (void *)item->work };
        item->work(item->argument);
        evf__doing.what = NULL;
        int status = evf__mailbox_post_message_mp(item->mailbox, &item->answer, finish, item);
        EVF_RULE(status == 0, "a mailbox closes only when no offloaded work is pending");
        pthread_mutex_lock(&offload->lock);
        helper->running = NULL;
    }
    pthread_mutex_unlock(&offload->lock);
    evf__crash_thread_end();
    return NULL;
}

/* Starts one more helper, all signals blocked. 0 or a negated errno. Under the lock. */
static int start_helper(struct evf__offload *offload)
{
    sigset_t all, before;
    sigfillset(&all);
    int status = pthread_sigmask(SIG_SETMASK, &all, &before);
    EVF_ASSERT(status == 0);
    struct helper *helper = &offload->helpers[offload->started];
    helper->offload = offload;
    status = pthread_create(&helper->thread, NULL, help, helper);
    if (status == 0)
        offload->started++;
    int restored = pthread_sigmask(SIG_SETMASK, &before, NULL);
    EVF_ASSERT(restored == 0);
    return -status;
}

/* Queues the item and sees to it that somebody comes for it. 0, or why not. Under the lock. */
static int enqueue(struct evf__offload *offload, struct item *item)
{
    if (offload->closed)
        return -ESHUTDOWN;
    if (offload->waiting >= offload->queue_max)
        return -EAGAIN;
    /* Helpers who were woken but do not have the lock yet still count as idle: hence the
     * comparison with all that wait. */
    if (offload->waiting >= offload->idle && offload->started < offload->threads_max) {
        int status = start_helper(offload);
        if (status < 0 && offload->started == 0)
            return status; /* with others at work, this one only waits longer */
    }
    item->next = NULL;
    *offload->end = item;
    offload->end = &item->next;
    offload->waiting++;
    /* Relaxed: the item's own way back, over the lock and the mailbox, orders the rest. */
    atomic_fetch_add_explicit(&offload->references, 1, memory_order_relaxed);
    pthread_cond_signal(&offload->work_waits);
    return 0;
}

int evf__offload_submit(struct evf__offload *offload, struct evf__mailbox *mailbox,
                        evf_worker *worker, evf_work_fn *work, evf_done_fn *done, void *argument)
{
    EVF_RULE(work != NULL && done != NULL, "offloaded work has a work and a done function");
    struct item *item = malloc(sizeof *item);
    if (item == NULL)
        return -ENOMEM;
    *item = (struct item){ .offload = offload,
                           .mailbox = mailbox,
                           .worker = worker,
                           .work = work,
                           .done = done,
                           .argument = argument };
    pthread_mutex_lock(&offload->lock);
    int status = enqueue(offload, item);
    pthread_mutex_unlock(&offload->lock);
    if (status < 0)
        free(item);
    return status;
}

bool evf__offload_is_answer(evf_post_fn *fn)
{
    return fn == finish;
}

void evf__offload_close(struct evf__offload *offload)
{
    pthread_mutex_lock(&offload->lock);
    offload->closed = true;
    pthread_mutex_unlock(&offload->lock);
}

void evf__offload_destroy(struct evf__offload *offload)
{
    if (offload == NULL)
        return;
    pthread_mutex_lock(&offload->lock);
    offload->closed = offload->ending = true;
    pthread_cond_broadcast(&offload->work_waits);
    pthread_mutex_unlock(&offload->lock);
    /* Nobody starts a helper any more: `started` stays. */
    for (unsigned i = 0; i < offload->started; i++) {
        int status = pthread_join(offload->helpers[i].thread, NULL);
        EVF_ASSERT(status == 0);
    }
    EVF_ASSERT(offload->waiting == 0 && offload->first == NULL);
    pthread_cond_destroy(&offload->work_waits);
    pthread_mutex_destroy(&offload->lock);
    drop(offload);
}

size_t evf__offload_pending(struct evf__offload *offload)
{
    /* Acquire: pairs with the release in drop, so that who sees 0 sees that every answer has left
     * its mailbox. */
    return atomic_load_explicit(&offload->references, memory_order_acquire) - 1;
}

evf_work_fn *evf__offload_stuck(struct evf__offload *offload, uint64_t since_ms)
{
    evf_work_fn *stuck = NULL;
    pthread_mutex_lock(&offload->lock);
    for (unsigned i = 0; i < offload->started && stuck == NULL; i++)
        if (offload->helpers[i].running != NULL && offload->helpers[i].began_ms < since_ms)
            stuck = offload->helpers[i].running;
    pthread_mutex_unlock(&offload->lock);
    return stuck;
}
