/* SPDX-License-Identifier: MIT
 *
 * The hand-over ring alone: order, capacity, and who is woken when. Its two threads meet in
 * tests/threads/handover_test.c.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/handover.h"

static struct evf__handover *ring;
static struct evf__origin origin;
static int acceptor_fd;

static void make_ring(void)
{
    ring = aligned_alloc(64, sizeof *ring);
    cr_assert_not_null(ring);
    memset(ring, 0, sizeof *ring);
    acceptor_fd = eventfd(0, EFD_NONBLOCK);
    cr_assert_geq(acceptor_fd, 0);
    evf__handover_init(ring, acceptor_fd);
}

static void nothing_is_left(void)
{
    cr_assert(evf__handover_empty_sc(ring), "every descriptor was taken");
    close(acceptor_fd);
    free(ring);
}

TestSuite(handover, .init = make_ring, .fini = nothing_is_left);

static bool push(int fd)
{
    struct evf__arrival arrival = { .fd = fd,
                                    .origin = &origin,
                                    .peer_len = sizeof arrival.peer.in };
    arrival.peer.in.sin_family = AF_INET;
    arrival.peer.in.sin_port = (in_port_t)fd;
    return evf__handover_push_sp(ring, &arrival);
}

static void expect_pop(int fd)
{
    struct evf__arrival arrival;
    cr_assert(evf__handover_pop_sc(ring, &arrival), "descriptor %d", fd);
    cr_assert_eq(arrival.fd, fd);
    cr_assert_eq(arrival.origin, &origin);
    cr_assert_eq(arrival.peer_len, sizeof arrival.peer.in);
    cr_assert_eq(arrival.peer.in.sin_port, (in_port_t)fd);
}

/* How often the acceptor was woken since the last look. */
static unsigned wakes(void)
{
    uint64_t count;
    return read(acceptor_fd, &count, sizeof count) == (ssize_t)sizeof count ? (unsigned)count : 0;
}

Test(handover, gives_nothing_when_nothing_was_pushed)
{
    struct evf__arrival arrival;
    cr_assert(evf__handover_empty_sc(ring));
    cr_assert_not(evf__handover_pop_sc(ring, &arrival));
}

Test(handover, keeps_order_across_many_rounds)
{
    int next_in = 0, next_out = 0;
    while (next_out < 5 * EVF__HANDOVER_CAPACITY) {
        for (int i = 0; i < 700 && next_in < 5 * EVF__HANDOVER_CAPACITY; i++)
            if (push(next_in))
                next_in++;
        for (int i = 0; i < 300 && next_out < next_in; i++)
            expect_pop(next_out++);
    }
}

Test(handover, refuses_when_full_and_takes_again_after_a_pop)
{
    for (int fd = 0; fd < EVF__HANDOVER_CAPACITY; fd++) {
        cr_assert(evf__handover_room_sp(ring));
        cr_assert(push(fd));
    }
    cr_assert_not(evf__handover_room_sp(ring));
    cr_assert_not(push(9999));
    expect_pop(0);
    cr_assert(evf__handover_room_sp(ring));
    cr_assert(push(EVF__HANDOVER_CAPACITY));
    cr_assert_not(evf__handover_room_sp(ring));
    for (int fd = 1; fd <= EVF__HANDOVER_CAPACITY; fd++)
        expect_pop(fd);
}

Test(handover, works_when_positions_wrap_around)
{
    unsigned start = (unsigned)-3;
    atomic_store(&ring->head, start);
    atomic_store(&ring->tail, start);
    for (int fd = 0; fd < EVF__HANDOVER_CAPACITY; fd++)
        cr_assert(push(fd));
    cr_assert_not(evf__handover_room_sp(ring));
    for (int fd = 0; fd < EVF__HANDOVER_CAPACITY; fd++)
        expect_pop(fd);
}

Test(handover, wakes_the_acceptor_once_and_only_when_it_waits)
{
    push(1);
    push(2);
    push(3);
    expect_pop(1);
    evf__handover_took_sc(ring);
    cr_assert_eq(wakes(), 0, "nobody waits");
    evf__handover_await_sp(ring);
    expect_pop(2);
    evf__handover_took_sc(ring);
    cr_assert_eq(wakes(), 1);
    expect_pop(3);
    evf__handover_took_sc(ring);
    cr_assert_eq(wakes(), 0, "it was woken already");
}

Test(handover, needs_nobody_to_wake)
{
    evf__handover_init(ring, -1);
    push(1);
    evf__handover_await_sp(ring);
    expect_pop(1);
    evf__handover_took_sc(ring);
}
