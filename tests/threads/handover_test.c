/* SPDX-License-Identifier: MIT
 *
 * The hand-over between two threads that sleep: the worker when nothing waits, through its mailbox,
 * and the acceptor when the ring is full, on its eventfd. Neither may sleep through the other's
 * word, and nothing is lost or out of order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "expect.h"
#include "loop/mailbox.h"
#include "server/handover.h"

enum { ARRIVALS = 300000 };

static struct evf__handover *ring;
static struct evf__mailbox mailbox;
static struct evf__origin origin;
static int acceptor_fd;
static unsigned acceptor_slept, worker_slept;

static void wait_for_room(void)
{
    evf__handover_await_sp(ring);
    if (evf__handover_room_sp(ring))
        return;
    uint64_t count;
    EXPECT(await_readable(acceptor_fd), "a word from the worker");
    ssize_t got = read(acceptor_fd, &count, sizeof count);
    EXPECT(got == (ssize_t)sizeof count, "an eventfd, errno %d", errno);
    acceptor_slept++;
}

static void *be_acceptor(void *argument)
{
    (void)argument;
    for (int fd = 0; fd < (int)scaled(ARRIVALS); fd++) {
        struct evf__arrival arrival = { .fd = fd, .origin = &origin };
        while (!evf__handover_push_sp(ring, &arrival))
            wait_for_room();
        evf__mailbox_wake_mp(&mailbox);
    }
    return NULL;
}

static void sleep_until_woken(void)
{
    if (!evf__mailbox_sleep_sc(&mailbox))
        return;
    if (!evf__handover_empty_sc(ring)) {
        evf__mailbox_awake_sc(&mailbox, false);
        return;
    }
    EXPECT(await_readable(mailbox.wake_fd), "a word from the acceptor");
    evf__mailbox_awake_sc(&mailbox, true);
    worker_slept++;
}

static void be_worker(void)
{
    struct evf__arrival arrival;
    int next = 0;
    while (next < (int)scaled(ARRIVALS)) {
        unsigned taken = 0;
        for (; taken < EVF__ARRIVAL_BUDGET && evf__handover_pop_sc(ring, &arrival); taken++) {
            EXPECT(arrival.fd == next, "%d in its turn, not %d", next, arrival.fd);
            EXPECT(arrival.origin == &origin, "its origin");
            next++;
        }
        if (taken > 0)
            evf__handover_took_sc(ring);
        else
            sleep_until_woken();
    }
}

int main(void)
{
    ring = aligned_alloc(64, sizeof *ring);
    acceptor_fd = eventfd(0, EFD_NONBLOCK);
    EXPECT(ring != NULL && acceptor_fd >= 0, "memory and an eventfd");
    memset(ring, 0, sizeof *ring);
    evf__handover_init(ring, acceptor_fd);
    int status = evf__mailbox_init(&mailbox, 1);
    EXPECT(status == 0, "a mailbox, status %d", status);

    pthread_t acceptor = start_thread(be_acceptor, NULL);
    be_worker();
    join_thread(acceptor);
    EXPECT(evf__handover_empty_sc(ring), "nothing left");
    EXPECT(worker_slept + acceptor_slept > 0, "that somebody slept at all");

    evf__mailbox_fini(&mailbox);
    close(acceptor_fd);
    free(ring);
    return 0;
}
