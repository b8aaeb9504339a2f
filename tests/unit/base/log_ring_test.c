/* SPDX-License-Identifier: MIT
 *
 * The ring of log records, on one thread. What crosses threads is in tests/threads/log_test.c.
 */
#include "base/log_ring.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>

#include "fixture.h"
#include "random.h"

static struct evf__log_ring *ring;

static void make(void)
{
    ring = evf__log_ring_create();
    cr_assert_not_null(ring);
}

static void leave_nothing(void)
{
    PROVE(evf__log_ring_count_sc(ring) == 0, "a line is left");
    evf__log_ring_destroy(ring);
    PROVE_NO_LEAK();
}

TestSuite(log_ring, .init = make, .fini = leave_nothing);

static bool push(uint64_t number)
{
    struct evf__log_record *record = evf__log_ring_claim_sp(ring);
    if (record == NULL)
        return false;
    record->stream_id = number;
    record->worker = (int32_t)(number % 8);
    evf__log_ring_commit_sp(ring);
    return true;
}

static uint64_t pull(void)
{
    uint64_t number = evf__log_ring_first_sc(ring)->stream_id;
    evf__log_ring_take_sc(ring);
    return number;
}

Test(log_ring, gives_nothing_before_something_is_committed)
{
    cr_assert_not(evf__log_ring_waits_sc(ring));
    cr_assert_not_null(evf__log_ring_claim_sp(ring));
    cr_assert_eq(evf__log_ring_count_sc(ring), 0);
    cr_assert_not(evf__log_ring_waits_sc(ring));
}

Test(log_ring, holds_as_many_lines_as_it_says_and_counts_the_others)
{
    for (uint64_t i = 0; i < EVF__LOG_RING_LINES; i++)
        cr_assert(push(i));
    cr_assert_eq(atomic_load(&ring->dropped), 0);

    cr_assert_not(push(1000));
    cr_assert_not(push(1001));
    cr_assert_eq(atomic_load(&ring->dropped), 2);

    for (uint64_t i = 0; i < EVF__LOG_RING_LINES; i++)
        cr_assert_eq(pull(), i);
    cr_assert(evf__log_ring_waits_sc(ring), "the drops are still to be told");
    ring->reported = 2;
    cr_assert_not(evf__log_ring_waits_sc(ring));
}

Test(log_ring, remembers_whose_line_was_taken_last)
{
    cr_assert_eq(ring->worker, -1);
    push(3);
    pull();
    cr_assert_eq(ring->worker, 3);
}

Test(log_ring, has_work_for_its_reader_when_it_is_retired)
{
    evf__log_ring_retire_sp(ring);
    cr_assert(evf__log_ring_waits_sc(ring));
}

Test(log_ring, refuses_to_take_what_is_not_there, .signal = SIGABRT, .fini = NULL)
{
    evf__log_ring_take_sc(ring);
}

Test(log_ring, agrees_with_a_queue_also_when_its_positions_wrap)
{
    uint64_t seed = random_seed(), state = seed, next_in = 0, next_out = 0, refused = 0;
    atomic_store(&ring->committed, UINT32_MAX - 1000);
    atomic_store(&ring->taken, UINT32_MAX - 1000);

    for (int round = 0; round < 200; round++) {
        size_t in = random_below(&state, 300), out = random_below(&state, 300);
        for (size_t i = 0; i < in; i++) {
            bool room = next_in - next_out < EVF__LOG_RING_LINES;
            cr_assert_eq(push(next_in), room, "seed %" PRIu64, seed);
            next_in += room;
            refused += !room;
        }
        cr_assert_eq(evf__log_ring_count_sc(ring), next_in - next_out, "seed %" PRIu64, seed);
        for (size_t i = 0; i < out && next_out < next_in; i++)
            cr_assert_eq(pull(), next_out++, "seed %" PRIu64, seed);
    }
    while (next_out < next_in)
        cr_assert_eq(pull(), next_out++, "seed %" PRIu64, seed);
    cr_assert_eq(atomic_load(&ring->dropped), refused, "seed %" PRIu64, seed);
    cr_assert_gt(next_out, 2000, "the positions did not wrap");
}
