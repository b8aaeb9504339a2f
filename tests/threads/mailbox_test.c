/* SPDX-License-Identifier: MIT
 *
 * The mailbox under many producers: nothing is lost, doubled or overtaken, the consumer never
 * sleeps through a post, and what a closing mailbox accepted runs.
 *
 * The consumer (the main thread) really sleeps on the eventfd. A wake-up that is lost shows as a
 * wait that runs into its deadline.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "expect.h"
#include "loop/mailbox.h"

enum { PRODUCERS = 4, OWN_MESSAGES = 3, CAPACITY = 64, BUDGET = 32 };

static struct evf__mailbox mailbox;
/* the consumer's */
static unsigned turns, sleeps;

/* Lets up to a microsecond pass, more or less with each number, so that the threads meet at every
 * point of their ways. */
static void dawdle(unsigned number)
{
    for (volatile unsigned i = number * 29 % 601; i > 0; i--)
        continue;
}

/* -- the consumer -- */

/* Runs what waits, sleeping first when there is nothing. */
static void turn(void)
{
    dawdle(turns++);
    if (evf__mailbox_sleep_sc(&mailbox)) {
        EXPECT(await_readable(mailbox.wake_fd), "a wake-up; %s",
               evf__mailbox_empty_sc(&mailbox) ? "nobody posts" : "something waits unseen");
        sleeps++;
        evf__mailbox_awake_sc(&mailbox, true);
    }
    evf__mailbox_run_sc(&mailbox, NULL, BUDGET);
}

/* What a producer sends, in the pointer itself: producer, own message + 1 or 0, number. */
static void *encode(unsigned producer, unsigned message, unsigned number)
{
    return (void *)((uintptr_t)producer << 48 | (uintptr_t)message << 40 | number);
}

static struct producer {
    /* the producer's */
    pthread_t thread;
    unsigned index, count;
    struct evf_message own[OWN_MESSAGES];
    unsigned refused;
    unsigned accepted;

    /* from the consumer to the producer */
    _Atomic bool busy[OWN_MESSAGES];
    _Atomic unsigned ran;
} producers[PRODUCERS];

static void arrive(evf_worker *worker, void *argument)
{
    (void)worker;
    uintptr_t code = (uintptr_t)argument;
    struct producer *producer = &producers[code >> 48];
    unsigned message = (code >> 40) & 0xff, number = (unsigned)code;
    unsigned expected = atomic_load_explicit(&producer->ran, memory_order_relaxed);
    EXPECT(number == expected, "number %u of producer %u, not %u", expected, producer->index,
           number);
    /* Relaxed: whatever orders the message's storage must be the mailbox's own doing. */
    if (message > 0)
        atomic_store_explicit(&producer->busy[message - 1], false, memory_order_relaxed);
    atomic_store_explicit(&producer->ran, expected + 1, memory_order_relaxed);
}

/* -- the producers -- */

/* One item, by a message of its own when `own`, else from the stock. */
static int send_one(struct producer *producer, unsigned number, bool own)
{
    unsigned message = number % OWN_MESSAGES;
    if (!own || atomic_load_explicit(&producer->busy[message], memory_order_relaxed))
        return evf__mailbox_post_mp(&mailbox, arrive, encode(producer->index, 0, number));
    atomic_store_explicit(&producer->busy[message], true, memory_order_relaxed);
    return evf__mailbox_post_message_mp(&mailbox, &producer->own[message], arrive,
                                        encode(producer->index, message + 1, number));
}

static unsigned producing; /* how many producers the present test has */

static void start_producers(unsigned many, void *(*fn)(void *), unsigned count)
{
    memset(producers, 0, sizeof producers);
    int status = evf__mailbox_init(&mailbox, CAPACITY);
    EXPECT(status == 0, "a mailbox, status %d", status);
    producing = many;
    for (unsigned i = 0; i < producing; i++) {
        producers[i].index = i;
        producers[i].count = count;
    }
    for (unsigned i = 0; i < producing; i++)
        producers[i].thread = start_thread(fn, &producers[i]);
}

static void join_producers(void)
{
    for (unsigned i = 0; i < producing; i++)
        join_thread(producers[i].thread);
}

static void *send_all(void *argument)
{
    struct producer *producer = argument;
    uint64_t deadline = clock_ms() + (uint64_t)patience_ms();
    for (unsigned number = 0; number < producer->count;) {
        int status = send_one(producer, number, (number * 7 + producer->index) % 3 == 0);
        EXPECT(status == 0 || status == -EAGAIN, "room or none, status %d", status);
        if (status == 0) {
            number++;
            continue;
        }
        producer->refused++;
        EXPECT(clock_ms() < deadline, "room in time");
        sched_yield();
    }
    return NULL;
}

static unsigned total_ran(void)
{
    unsigned total = 0;
    for (unsigned i = 0; i < producing; i++)
        total += atomic_load_explicit(&producers[i].ran, memory_order_relaxed);
    return total;
}

static void delivers_everything_once_and_in_order(void)
{
    unsigned count = scaled(100000), refused = 0;
    start_producers(PRODUCERS, send_all, count);
    while (total_ran() < PRODUCERS * count)
        turn();
    join_producers();
    for (unsigned i = 0; i < producing; i++)
        refused += producers[i].refused;
    evf__mailbox_fini(&mailbox);
    printf("flood: %u delivered, %u refused for want of room\n", PRODUCERS * count, refused);
}

static void *send_and_wait(void *argument)
{
    struct producer *producer = argument;
    for (unsigned number = 0; number < producer->count; number++) {
        int status = send_one(producer, number, number % 2 == 0);
        EXPECT(status == 0, "room for one of each producer, status %d", status);
        uint64_t deadline = clock_ms() + (uint64_t)patience_ms();
        for (unsigned look = 1;
             atomic_load_explicit(&producer->ran, memory_order_relaxed) == number; look++) {
            if (look % 256 != 0)
                continue;
            EXPECT(clock_ms() < deadline, "producer %u's number %u to run", producer->index,
                   number);
            sched_yield();
        }
    }
    return NULL;
}

/* With one producer nobody else's post can make up for a wake-up that was lost; with several, each
 * other's wake-ups get into the way. */
static void never_sleeps_through_a_post(unsigned many)
{
    unsigned count = scaled(60000) / (many * many);
    sleeps = 0;
    start_producers(many, send_and_wait, count);
    while (total_ran() < many * count)
        turn();
    join_producers();
    evf__mailbox_fini(&mailbox);
    EXPECT(sleeps > 0, "the consumer to have slept");
    printf("one at a time: %u by each of %u, %u sleeps\n", count, many, sleeps);
}

/* -- another queue behind the same door -- */

static _Atomic unsigned arrivals_sent, arrivals_taken;

static void *bring(void *argument)
{
    unsigned count = *(unsigned *)argument;
    uint64_t deadline = clock_ms() + (uint64_t)patience_ms();
    for (unsigned i = 0; i < count; i++) {
        atomic_fetch_add(&arrivals_sent, 1);
        evf__mailbox_wake_mp(&mailbox);
        while (atomic_load_explicit(&arrivals_taken, memory_order_relaxed) <= i) {
            EXPECT(clock_ms() < deadline, "arrival %u to be taken", i);
            sched_yield();
        }
    }
    return NULL;
}

static void wakes_for_another_queue_too(void)
{
    unsigned count = scaled(20000), taken = 0;
    int status = evf__mailbox_init(&mailbox, CAPACITY);
    EXPECT(status == 0, "a mailbox, status %d", status);
    pthread_t thread = start_thread(bring, &count);
    while (taken < count) {
        bool asleep = evf__mailbox_sleep_sc(&mailbox);
        EXPECT(asleep, "an empty mailbox");
        bool signalled = false;
        if (atomic_load(&arrivals_sent) == taken) {
            signalled = await_readable(mailbox.wake_fd);
            EXPECT(signalled, "a wake-up for arrival %u", taken);
        }
        evf__mailbox_awake_sc(&mailbox, signalled);
        taken = atomic_load(&arrivals_sent);
        atomic_store_explicit(&arrivals_taken, taken, memory_order_relaxed);
    }
    join_thread(thread);
    evf__mailbox_fini(&mailbox);
}

/* -- closing -- */

static void *send_until_closed(void *argument)
{
    struct producer *producer = argument;
    for (;;) {
        int status = send_one(producer, producer->accepted, producer->accepted % 3 == 0);
        if (status == -ESHUTDOWN)
            return NULL;
        EXPECT(status == 0 || status == -EAGAIN, "taken, full or closed, status %d", status);
        producer->accepted += status == 0;
    }
}

static void *close_mailbox(void *argument)
{
    evf__mailbox_close(&mailbox);
    atomic_store((_Atomic bool *)argument, true);
    return NULL;
}

static void runs_what_a_closing_mailbox_accepted(void)
{
    unsigned rounds = scaled(400), total = 0;
    for (unsigned round = 0; round < rounds; round++) {
        _Atomic bool closed = false;
        start_producers(PRODUCERS, send_until_closed, 0);
        while (total_ran() < round % 50)
            turn();
        pthread_t closer = start_thread(close_mailbox, &closed);
        /* In every other round the consumer goes on meanwhile. */
        while (round % 2 == 0 && !atomic_load(&closed))
            evf__mailbox_run_sc(&mailbox, NULL, BUDGET);
        join_thread(closer);

        evf__mailbox_run_sc(&mailbox, NULL, UINT32_MAX);

        EXPECT(evf__mailbox_empty_sc(&mailbox), "all that was accepted within reach of one run");
        unsigned ran = total_ran(), accepted = 0;
        join_producers();
        for (unsigned i = 0; i < producing; i++)
            accepted += producers[i].accepted;
        EXPECT(accepted == ran, "%u accepted, %u ran", accepted, ran);
        total += ran;
        evf__mailbox_fini(&mailbox);
    }
    printf("closing: %u rounds, %u delivered\n", rounds, total);
}

int main(void)
{
    delivers_everything_once_and_in_order();
    never_sleeps_through_a_post(1);
    never_sleeps_through_a_post(PRODUCERS);
    wakes_for_another_queue_too();
    runs_what_a_closing_mailbox_accepted();
    return 0;
}
