/* SPDX-License-Identifier: MIT
 *
 * evf_post, evf_post_message and evf_offload: what they refuse and where it is counted. The worker
 * is only as much of one as they touch.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>

#include "loop/mailbox.h"
#include "loop/offload.h"
#include "loop/worker.h"

static evf_worker here, there;
static unsigned ran;

static void count(evf_worker *worker, void *argument)
{
    cr_assert_eq(worker, argument);
    ran++;
}

static void make(void)
{
    cr_assert_eq(evf__mailbox_init(&here.mailbox, 2), 0);
    cr_assert_eq(evf__mailbox_init(&there.mailbox, 2), 0);
    evf__worker_current = &here;
}

static void nothing_is_left(void)
{
    evf__mailbox_fini(&here.mailbox);
    evf__mailbox_fini(&there.mailbox);
    evf__worker_current = NULL;
}

TestSuite(post, .init = make, .fini = nothing_is_left);

static uint64_t figure(evf_worker *worker, unsigned id)
{
    return evf__figure_get(&worker->figures, id);
}

Test(post, counts_a_refused_post_for_the_worker_that_sent_it)
{
    cr_assert_eq(evf_post(&there, count, &there), 0);
    cr_assert_eq(evf_post(&there, count, &there), 0);
    cr_assert_eq(evf_post(&there, count, &there), -EAGAIN);
    cr_assert_eq(figure(&here, EVF__FIGURE_POSTS_REFUSED), 1);

    evf__worker_current = NULL;
    cr_assert_eq(evf_post(&there, count, &there), -EAGAIN);
    cr_assert_eq(figure(&here, EVF__FIGURE_POSTS_REFUSED), 1);
    cr_assert_eq(figure(&there, EVF__FIGURE_POSTS_REFUSED), 0);

    cr_assert_eq(evf__mailbox_run_sc(&there.mailbox, &there, 10), 2);
    cr_assert_eq(ran, 2);
}

Test(post, does_not_count_what_is_refused_because_of_the_stop)
{
    struct evf_message own = { 0 };
    evf__mailbox_close(&there.mailbox);
    cr_assert_eq(evf_post(&there, count, &there), -ESHUTDOWN);
    cr_assert_eq(evf_post_message(&there, &own, count, &there), -ESHUTDOWN);
    cr_assert_eq(figure(&here, EVF__FIGURE_POSTS_REFUSED), 0);
}

static void work(void *argument)
{
    (void)argument;
}

static void wait_for_an_answer(void)
{
    while (evf__mailbox_run_sc(&here.mailbox, &here, 10) == 0) {
        struct pollfd wake = { .fd = here.mailbox.wake_fd, .events = POLLIN };
        if (!evf__mailbox_sleep_sc(&here.mailbox))
            continue;
        cr_assert_eq(poll(&wake, 1, 20000), 1, "the answer came before the deadline");
        evf__mailbox_awake_sc(&here.mailbox, true);
    }
}

Test(post, offloads_and_counts_until_the_mailbox_is_closed)
{
    here.offload = evf__offload_create(1, 4);
    cr_assert_not_null(here.offload);
    cr_assert_eq(evf_offload(&here, work, count, &here), 0);
    cr_assert_eq(figure(&here, EVF__FIGURE_OFFLOADED), 1);
    wait_for_an_answer();
    cr_assert_eq(ran, 1);
    cr_assert_eq(evf__offload_pending(here.offload), 0);

    evf__offload_close(here.offload);
    cr_assert_eq(evf_offload(&here, work, count, &here), -ESHUTDOWN);
    evf__mailbox_close(&here.mailbox);
    cr_assert_eq(evf_offload(&here, work, count, &here), -ESHUTDOWN);
    cr_assert_eq(figure(&here, EVF__FIGURE_OFFLOADED), 1);
    cr_assert_eq(figure(&here, EVF__FIGURE_OFFLOAD_REFUSED), 0);
    evf__offload_destroy(here.offload);
}

Test(post, refuses_to_offload_where_there_are_no_helpers)
{
    cr_assert_eq(evf_offload(&here, work, count, &here), -ESHUTDOWN);
}
