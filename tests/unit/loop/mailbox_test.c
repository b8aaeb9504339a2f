/* SPDX-License-Identifier: MIT
 *
 * The mailbox on one thread: order, bounds, reuse, sleeping and closing. What producers on other
 * threads do to it is tests/threads/mailbox_test.c.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "loop/mailbox.h"
#include "loop/worker.h"

enum { CAPACITY = 8 };

static struct evf__mailbox mailbox;

/* What ran, in order: the arguments. */
static struct {
    uintptr_t numbers[64];
    unsigned count;
} ran;

static void note(evf_worker *worker, void *argument)
{
    (void)worker;
    cr_assert_lt(ran.count, 64);
    ran.numbers[ran.count++] = (uintptr_t)argument;
}

static void make(void)
{
    cr_assert_eq(evf__mailbox_init(&mailbox, CAPACITY), 0);
}

/* Ends every test: fini asserts that nothing waits and that no node was lost. */
static void nothing_is_left(void)
{
    cr_assert(evf__mailbox_empty_sc(&mailbox));
    evf__mailbox_fini(&mailbox);
}

TestSuite(mailbox, .init = make, .fini = nothing_is_left);

static int post(uintptr_t number)
{
    return evf__mailbox_post_mp(&mailbox, note, (void *)number);
}

static unsigned run(unsigned budget)
{
    return evf__mailbox_run_sc(&mailbox, NULL, budget);
}

static bool wake_fd_readable(void)
{
    struct pollfd wake = { .fd = mailbox.wake_fd, .events = POLLIN };
    return poll(&wake, 1, 0) == 1;
}

Test(mailbox, runs_posts_and_messages_in_the_order_of_the_calls)
{
    struct evf_message own[2] = { 0 };
    cr_assert_eq(post(1), 0);
    cr_assert_eq(evf__mailbox_post_message_mp(&mailbox, &own[0], note, (void *)2), 0);
    cr_assert_eq(post(3), 0);
    cr_assert_eq(evf__mailbox_post_message_mp(&mailbox, &own[1], note, (void *)4), 0);

    cr_assert_eq(run(100), 4);

    cr_assert_eq(ran.count, 4);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(ran.numbers[i], i + 1);
    cr_assert_eq(run(100), 0);
}

Test(mailbox, refuses_when_every_node_is_under_way_and_recovers_with_each_run)
{
    for (unsigned i = 0; i < CAPACITY; i++)
        cr_assert_eq(post(i), 0);
    cr_assert_eq(post(99), -EAGAIN);
    cr_assert_eq(run(1), 1);
    cr_assert_eq(post(CAPACITY), 0);
    cr_assert_eq(post(99), -EAGAIN);

    cr_assert_eq(run(100), CAPACITY);
    for (unsigned i = 0; i <= CAPACITY; i++)
        cr_assert_eq(ran.numbers[i], i);
}

Test(mailbox, takes_messages_while_its_stock_is_used_up)
{
    struct evf_message own = { 0 };
    for (unsigned i = 0; i < CAPACITY; i++)
        cr_assert_eq(post(i), 0);
    cr_assert_eq(evf__mailbox_post_message_mp(&mailbox, &own, note, (void *)CAPACITY), 0);
    cr_assert_eq(run(100), CAPACITY + 1);
    cr_assert_eq(ran.numbers[CAPACITY], CAPACITY);
}

Test(mailbox, runs_at_most_its_budget)
{
    for (unsigned i = 0; i < 7; i++)
        cr_assert_eq(post(i), 0);
    cr_assert_eq(run(0), 0);
    cr_assert_eq(run(3), 3);
    cr_assert_not(evf__mailbox_empty_sc(&mailbox));
    cr_assert_eq(run(3), 3);
    cr_assert_eq(run(3), 1);
    cr_assert(evf__mailbox_empty_sc(&mailbox));
}

static void post_again(evf_worker *worker, void *argument)
{
    note(worker, argument);
    cr_assert_eq(post(7), 0);
}

Test(mailbox, leaves_what_a_function_posts_for_the_next_run)
{
    cr_assert_eq(evf__mailbox_post_mp(&mailbox, post_again, (void *)1), 0);
    cr_assert_eq(evf__mailbox_post_mp(&mailbox, post_again, (void *)2), 0);
    cr_assert_eq(run(100), 2);
    cr_assert_not(evf__mailbox_empty_sc(&mailbox));
    cr_assert_eq(run(100), 2);
    cr_assert_eq(ran.count, 4);
}

static void fill_up(evf_worker *worker, void *argument)
{
    note(worker, argument);
    cr_assert_eq(post(1), 0);
    cr_assert_eq(post(2), -EAGAIN);
}

Test(mailbox, frees_a_node_before_its_function_starts)
{
    cr_assert_eq(evf__mailbox_post_mp(&mailbox, fill_up, (void *)0), 0);
    for (unsigned i = 1; i < CAPACITY; i++)
        cr_assert_eq(post(9), 0);
    cr_assert_eq(run(1), 1);
    cr_assert_eq(run(100), CAPACITY);
}

Test(mailbox, never_shows_the_same_free_list_twice)
{
    /* What a producer saw that was stopped in the middle of taking a node. */
    uint64_t seen = atomic_load(&mailbox.free);
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_eq(post(i), 0);
        cr_assert_eq(run(1), 1);
        cr_assert_neq(atomic_load(&mailbox.free), seen, "it would take a node that is in use");
    }
}

static struct evf_message again;

static void post_own_again(evf_worker *worker, void *argument)
{
    uintptr_t left = (uintptr_t)argument;
    note(worker, argument);
    if (left > 0)
        cr_assert_eq(
            evf__mailbox_post_message_mp(&mailbox, &again, post_own_again, (void *)(left - 1)), 0);
}

Test(mailbox, lets_a_message_be_posted_anew_by_its_own_function)
{
    cr_assert_eq(evf__mailbox_post_message_mp(&mailbox, &again, post_own_again, (void *)3), 0);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(run(100), 1);
    cr_assert_eq(run(100), 0);
    cr_assert_eq(ran.count, 4);
}

Test(mailbox, asserts_that_a_message_under_way_is_not_posted, .signal = SIGABRT)
{
    struct evf_message own = { 0 };
    cr_assert_eq(evf__mailbox_post_message_mp(&mailbox, &own, note, NULL), 0);
    evf__mailbox_post_message_mp(&mailbox, &own, note, NULL);
}

Test(mailbox, asserts_that_nothing_waits_at_its_end, .signal = SIGABRT)
{
    cr_assert_eq(post(1), 0);
    evf__mailbox_fini(&mailbox);
}

Test(mailbox, writes_the_eventfd_once_and_only_for_a_sleeper)
{
    cr_assert_eq(post(1), 0);
    cr_assert_not(wake_fd_readable());
    cr_assert_not(evf__mailbox_sleep_sc(&mailbox), "something waits");
    cr_assert_eq(run(100), 1);

    cr_assert(evf__mailbox_sleep_sc(&mailbox));
    cr_assert_eq(post(2), 0);
    cr_assert(wake_fd_readable());
    evf__mailbox_awake_sc(&mailbox, true);
    cr_assert_eq(post(3), 0);
    cr_assert_not(wake_fd_readable(), "read empty, and nobody sleeps");
    cr_assert_eq(run(100), 2);

    cr_assert(evf__mailbox_sleep_sc(&mailbox));
    evf__mailbox_awake_sc(&mailbox, false);
    evf__mailbox_wake_mp(&mailbox);
    cr_assert_not(wake_fd_readable());
    cr_assert(evf__mailbox_sleep_sc(&mailbox));
    evf__mailbox_wake_mp(&mailbox);
    cr_assert(wake_fd_readable(), "another queue's item wakes too");
    evf__mailbox_awake_sc(&mailbox, true);
}

Test(mailbox, wakes_a_sleeper_with_the_first_of_many_posts)
{
    cr_assert(evf__mailbox_sleep_sc(&mailbox));
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(post(i), 0);
    uint64_t writes = 0;
    cr_assert_eq(read(mailbox.wake_fd, &writes, sizeof writes), (ssize_t)sizeof writes);
    cr_assert_eq(writes, 1);
    evf__mailbox_awake_sc(&mailbox, true); /* already read empty: harmless */
    cr_assert_eq(run(100), 5);
}

/* A producer stopped between taking its place and linking it, by hand. */
static struct evf__message *stop_in_the_gap(struct evf__message *message)
{
    message->fn = note;
    message->argument = (void *)1;
    atomic_store(&message->state, 1);
    atomic_store(&message->next, NULL);
    return atomic_exchange(&mailbox.tail, message);
}

Test(mailbox, counts_a_post_that_is_half_done_as_waiting)
{
    /* In front of nothing. */
    static struct evf__message half;
    struct evf__message *former = stop_in_the_gap(&half);
    cr_assert_not(evf__mailbox_empty_sc(&mailbox));
    cr_assert_not(evf__mailbox_sleep_sc(&mailbox));
    cr_assert_eq(run(100), 0);
    atomic_store(&former->next, &half);
    cr_assert_eq(run(100), 1);
    cr_assert(evf__mailbox_empty_sc(&mailbox));

    /* Between two that are done: neither may overtake. */
    cr_assert_eq(post(0), 0);
    former = stop_in_the_gap(&half);
    cr_assert_eq(post(2), 0);
    cr_assert_eq(run(100), 0, "the first one's own link is not known yet");
    cr_assert_not(evf__mailbox_sleep_sc(&mailbox));
    cr_assert_not(evf__mailbox_empty_sc(&mailbox));
    atomic_store(&former->next, &half);
    cr_assert_eq(run(100), 3);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(ran.numbers[i + 1], i);
    cr_assert_eq(ran.numbers[0], 1);
}

Test(mailbox, ends_a_run_also_where_the_stub_is_last)
{
    /* A producer came between the consumer's look at the tail and its pushing the stub. */
    static struct evf__message half;
    cr_assert_eq(evf__mailbox_post_mp(&mailbox, post_again, (void *)0), 0);
    struct evf__message *former = stop_in_the_gap(&half);
    cr_assert_eq(run(100), 0);
    atomic_store(&mailbox.stub.next, NULL);
    cr_assert_eq(atomic_exchange(&mailbox.tail, &mailbox.stub), &half);
    atomic_store(&half.next, &mailbox.stub);
    cr_assert_not(evf__mailbox_empty_sc(&mailbox), "the stub is the tail, but not the head");
    atomic_store(&former->next, &half);

    cr_assert_eq(run(100), 2);
    cr_assert_not(evf__mailbox_empty_sc(&mailbox));
    cr_assert_eq(run(100), 1);
    cr_assert_eq(ran.numbers[2], 7);
}

Test(mailbox, refuses_once_closed_and_still_runs_what_it_had)
{
    struct evf_message own[2] = { 0 };
    cr_assert_eq(post(1), 0);
    cr_assert_eq(evf__mailbox_post_message_mp(&mailbox, &own[0], note, (void *)2), 0);
    cr_assert_not(evf__mailbox_closed(&mailbox));

    evf__mailbox_close(&mailbox);

    cr_assert(evf__mailbox_closed(&mailbox));
    cr_assert_eq(post(3), -ESHUTDOWN);
    cr_assert_eq(evf__mailbox_post_message_mp(&mailbox, &own[1], note, (void *)4), -ESHUTDOWN);
    cr_assert_eq(own[1].private_[3], 0, "a refused message stays free");
    cr_assert_eq(run(100), 2);
    cr_assert_eq(ran.numbers[1], 2);
}

static evf_worker worker;

static void look_at_worker(evf_worker *given, void *argument)
{
    (void)argument;
    cr_assert_eq(given, &worker);
    cr_assert_eq(atomic_load(&worker.callback), EVF__CALLBACK_POST);
    cr_assert_eq(atomic_load(&worker.callback_function), (void *)look_at_worker);
    ran.count++;
}

Test(mailbox, tells_the_worker_what_runs)
{
    cr_assert_eq(evf__mailbox_post_mp(&mailbox, look_at_worker, NULL), 0);
    cr_assert_eq(evf__mailbox_run_sc(&mailbox, &worker, 100), 1);
    cr_assert_eq(ran.count, 1);
    cr_assert_eq(atomic_load(&worker.callback), EVF__CALLBACK_NONE);
}

/* -- against a model: a list of numbers, and a count of the nodes in use -- */

enum { STEPS = 200000, MESSAGES = 5, QUEUE_MAX = CAPACITY + MESSAGES };

static struct {
    struct {
        uint64_t number;
        int message; /* -1: a node */
    } waits[QUEUE_MAX];
    unsigned count, nodes;
    bool busy[MESSAGES];
    uint64_t posted;
} model;

static struct evf_message messages[MESSAGES];

static void expect_next(evf_worker *given, void *argument)
{
    (void)given;
    cr_assert_gt(model.count, 0);
    cr_assert_eq(model.waits[0].number, (uintptr_t)argument);
    if (model.waits[0].message >= 0)
        model.busy[model.waits[0].message] = false;
    else
        model.nodes--;
    model.count--;
    memmove(&model.waits[0], &model.waits[1], model.count * sizeof model.waits[0]);
}

static void step_post(int message)
{
    uint64_t number = ++model.posted;
    int status;
    if (message < 0) {
        status = evf__mailbox_post_mp(&mailbox, expect_next, (void *)(uintptr_t)number);
        cr_assert_eq(status, model.nodes < CAPACITY ? 0 : -EAGAIN);
        model.nodes += status == 0;
    } else {
        status = evf__mailbox_post_message_mp(&mailbox, &messages[message], expect_next,
                                              (void *)(uintptr_t)number);
        cr_assert_eq(status, 0);
        model.busy[message] = true;
    }
    if (status < 0)
        return;
    model.waits[model.count].number = number;
    model.waits[model.count++].message = message;
}

static uint64_t seed(void)
{
    const char *given = getenv("EVF_SEED");
    uint64_t value = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    fprintf(stderr, "EVF_SEED=%llu\n", (unsigned long long)value);
    return value;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

Test(mailbox, agrees_with_a_list_over_random_steps)
{
    uint64_t state = seed();
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned dice = (unsigned)(next_random(&state) % 8);
        int message = (int)(next_random(&state) % MESSAGES);
        if (dice < 3)
            step_post(-1);
        else if (dice < 5 && !model.busy[message])
            step_post(message);
        unsigned budget = (unsigned)(next_random(&state) % 4), before = model.count;
        if (dice >= 5)
            cr_assert_eq(run(budget), budget < before ? budget : before);
        if (dice == 7) {
            bool may_sleep = evf__mailbox_sleep_sc(&mailbox);
            cr_assert_eq(may_sleep, model.count == 0);
            if (may_sleep)
                evf__mailbox_awake_sc(&mailbox, wake_fd_readable());
        }
        cr_assert_eq(evf__mailbox_empty_sc(&mailbox), model.count == 0);
    }
    unsigned rest = model.count;
    cr_assert_eq(run(100), rest);
}
