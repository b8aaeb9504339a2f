/* SPDX-License-Identifier: MIT
 *
 * The mailbox: what a message costs to post and to run.
 *
 *   post, take      one thread does both, a batch at a time: the bare work, without contention
 *   post+take of N  N producers on their own threads, one consumer; time from the first post to the
 *                   last run, per message; `size` is the number of producers
 *
 * Usage: mailbox [--repetitions N]
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/mailbox.h"
#include "measure.h"

enum { CAPACITY = 1024, MESSAGES = 400000, PRODUCERS_MAX = 4 };

static struct evf__mailbox mailbox;
static unsigned repetitions = 5;
static uint64_t ran;
static atomic_bool go;

static void count(evf_worker *worker, void *argument)
{
    (void)worker;
    (void)argument;
    ran++;
}

static void measure_alone(bool posts)
{
    for (unsigned r = 0; r < repetitions; r++) {
        for (unsigned done = 0; done < MESSAGES; done += CAPACITY) {
            if (posts)
                measure_begin();
            for (unsigned i = 0; i < CAPACITY; i++)
                if (evf__mailbox_post_mp(&mailbox, count, NULL) != 0)
                    abort();
            if (posts)
                measure_end(CAPACITY);
            else
                measure_begin();
            evf__mailbox_run_sc(&mailbox, NULL, CAPACITY);
            if (!posts)
                measure_end(CAPACITY);
        }
        measure_repeat();
    }
    measure_print("mailbox", NULL, posts ? "post" : "take", CAPACITY);
}

/* Posts its share; a full mailbox is tried again when somebody else has run. */
static void *produce(void *argument)
{
    unsigned share = *(unsigned *)argument;
    while (!atomic_load(&go))
        sched_yield();
    for (unsigned i = 0; i < share; i++)
        while (evf__mailbox_post_mp(&mailbox, count, NULL) != 0)
            sched_yield();
    return NULL;
}

static void measure_producers(unsigned producers)
{
    for (unsigned r = 0; r < repetitions; r++) {
        pthread_t threads[PRODUCERS_MAX];
        unsigned share = MESSAGES / producers;
        atomic_store(&go, false);
        ran = 0;
        for (unsigned i = 0; i < producers; i++)
            if (pthread_create(&threads[i], NULL, produce, &share) != 0)
                abort();
        measure_begin();
        atomic_store(&go, true);
        while (ran < (uint64_t)share * producers)
            if (evf__mailbox_run_sc(&mailbox, NULL, 256) == 0)
                sched_yield();
        measure_end(ran);
        for (unsigned i = 0; i < producers; i++)
            pthread_join(threads[i], NULL);
        measure_repeat();
    }
    measure_print("mailbox", NULL, "post+take", producers);
}

int main(int argc, char **argv)
{
    repetitions = measure_arguments(argc, argv, repetitions);
    measure_init();
    if (evf__mailbox_init(&mailbox, CAPACITY) != 0)
        return 1;
    measure_alone(true);
    measure_alone(false);
    for (unsigned producers = 1; producers <= PRODUCERS_MAX; producers *= 2)
        measure_producers(producers);
    evf__mailbox_fini(&mailbox);
    return 0;
}
