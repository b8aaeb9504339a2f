/* SPDX-License-Identifier: MIT
 *
 * The timeout wheel: its promises one by one, in virtual time.
 */
#include "time/wheel.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define DAY_MS ((uint64_t)24 * 60 * 60 * 1000)
#define YEAR_MS (365 * DAY_MS)
#define TIME_END (((uint64_t)1 << 45) - 1)

static struct evf__wheel wheel;
static struct evf__wheel_entry entries[1000];

/* Begins at a time of no special digits. */
static void setup(void)
{
    evf__wheel_init(&wheel, 1234567);
    memset(entries, 0, sizeof entries);
}

static void teardown(void)
{
    evf__wheel_check(&wheel);
    evf__wheel_clear(&wheel);
    cr_assert_eq(wheel.count, 0);
    cr_assert_eq(evf__wheel_next(&wheel), UINT64_MAX);
    for (unsigned i = 0; i < 1000; i++)
        cr_assert(!evf__wheel_running(&entries[i]), "entry %u was left running", i);
}

TestSuite(wheel, .init = setup, .fini = teardown);

static void advance_to(uint64_t now)
{
    evf__wheel_collect(&wheel, now);
    evf__wheel_check(&wheel);
}

static void expect_take(struct evf__wheel_entry *expected)
{
    struct evf__wheel_entry *entry = evf__wheel_take(&wheel);
    cr_assert_eq(entry, expected, "took %td, expected %td", entry ? entry - entries : -1,
                 expected ? expected - entries : -1);
    if (entry != NULL)
        cr_assert(!evf__wheel_running(entry));
}

Test(wheel, entry_is_24_bytes_and_zero_is_a_stopped_one)
{
    struct evf__wheel_entry entry;
    memset(&entry, 0, sizeof entry);
    cr_assert_eq(sizeof entry, 24);
    cr_assert(!evf__wheel_running(&entry));
    evf__wheel_stop(&wheel, &entry);
    cr_assert_eq(wheel.count, 0);
}

Test(wheel, fires_at_its_millisecond_and_never_before)
{
    /* every distance around the borders of levels, from several beginnings */
    static const uint64_t beginnings[] = { 0, 1, 63, 64, 4095, 4096, 1234567, (1ull << 36) - 1 };
    for (unsigned b = 0; b < sizeof beginnings / sizeof *beginnings; b++) {
        for (unsigned bit = 0; bit < 40; bit++) {
            for (int off = -1; off <= 1; off++) {
                uint64_t distance = (1ull << bit) + (uint64_t)off;
                if (distance == 0)
                    continue;
                evf__wheel_init(&wheel, beginnings[b]);
                uint64_t deadline = beginnings[b] + distance;
                evf__wheel_start(&wheel, &entries[0], deadline);
                advance_to(deadline - 1);
                expect_take(NULL);
                advance_to(deadline);
                expect_take(&entries[0]);
            }
        }
    }
}

Test(wheel, fires_when_time_moves_millisecond_by_millisecond)
{
    uint64_t begin = wheel.now;
    for (unsigned i = 0; i < 1000; i++)
        evf__wheel_start(&wheel, &entries[i], begin + 1 + i * 13);
    unsigned fired = 0;
    for (uint64_t now = begin + 1; now <= begin + 1 + 999 * 13; now++) {
        evf__wheel_collect(&wheel, now);
        if ((now - begin - 1) % 13 == 0)
            expect_take(&entries[fired++]);
        expect_take(NULL);
    }
    cr_assert_eq(fired, 1000);
}

Test(wheel, due_entries_come_in_the_order_of_deadlines)
{
    uint64_t begin = wheel.now;
    for (unsigned i = 0; i < 1000; i++)
        evf__wheel_start(&wheel, &entries[(i * 7) % 1000], begin + 1 + (i * 7) % 1000 * 97);
    advance_to(begin + 1000 * 97);
    for (unsigned i = 0; i < 1000; i++)
        expect_take(&entries[i]);
    expect_take(NULL);
}

Test(wheel, equal_deadlines_in_one_slot_come_in_the_order_of_their_starts)
{
    for (unsigned i = 0; i < 10; i++)
        evf__wheel_start(&wheel, &entries[i], wheel.now + 70000);
    advance_to(wheel.now + 80000);
    for (unsigned i = 0; i < 10; i++)
        expect_take(&entries[i]);
}

/* The slot is the same one each time: what was there before leaves no trace. */
Test(wheel, equal_deadlines_keep_the_order_of_their_starts_however_often_a_slot_was_used)
{
    uint64_t deadline = wheel.now + 5;
    for (unsigned count = 1; count <= 11; count += count == 1 ? 2 : 1) {
        for (unsigned i = 0; i < count; i++)
            evf__wheel_start(&wheel, &entries[i], deadline);
        advance_to(deadline);
        for (unsigned i = 0; i < count; i++)
            expect_take(&entries[i]);
        expect_take(NULL);
        deadline += EVF__WHEEL_SLOTS;
    }
}

Test(wheel, stopped_entry_never_fires)
{
    evf__wheel_start(&wheel, &entries[0], wheel.now + 5);
    evf__wheel_start(&wheel, &entries[1], wheel.now + 5);
    evf__wheel_stop(&wheel, &entries[0]);
    evf__wheel_stop(&wheel, &entries[0]);
    cr_assert(!evf__wheel_running(&entries[0]));
    cr_assert_eq(wheel.count, 1);
    advance_to(wheel.now + 5);
    expect_take(&entries[1]);
    expect_take(NULL);
}

Test(wheel, restart_moves_the_deadline_both_ways)
{
    uint64_t begin = wheel.now;
    evf__wheel_start(&wheel, &entries[0], begin + 10);
    evf__wheel_start(&wheel, &entries[1], begin + 100000);
    evf__wheel_start(&wheel, &entries[0], begin + 100000);
    evf__wheel_start(&wheel, &entries[1], begin + 10);
    cr_assert_eq(wheel.count, 2);
    advance_to(begin + 99999);
    expect_take(&entries[1]);
    expect_take(NULL);
    advance_to(begin + 100000);
    expect_take(&entries[0]);
}

Test(wheel, starting_for_later_leaves_an_entry_in_place_and_fires_it_exactly)
{
    uint64_t begin = wheel.now;
    for (unsigned bit = 0; bit < 40; bit++) {
        wheel = (struct evf__wheel){ 0 };
        evf__wheel_init(&wheel, begin);
        evf__wheel_start(&wheel, &entries[0], begin + 20);
        unsigned place = entries[0].place;
        uint64_t deadline = begin + 21 + (1ull << bit);
        evf__wheel_start(&wheel, &entries[0], deadline);
        cr_assert_eq(entries[0].place, place);
        cr_assert_leq(evf__wheel_next(&wheel), deadline);
        advance_to(begin + 20);
        expect_take(NULL);
        cr_assert(evf__wheel_running(&entries[0]));
        advance_to(deadline - 1);
        expect_take(NULL);
        advance_to(deadline);
        expect_take(&entries[0]);
        cr_assert_eq(wheel.count, 0);
    }
}

Test(wheel, starting_for_earlier_than_the_place_moves_an_entry)
{
    uint64_t begin = wheel.now;
    evf__wheel_start(&wheel, &entries[0], begin + 50000);
    evf__wheel_start(&wheel, &entries[0], begin + 90000); /* stays */
    evf__wheel_start(&wheel, &entries[0], begin + 60000); /* earlier, but not than its place */
    evf__wheel_start(&wheel, &entries[1], begin + 60001);
    evf__wheel_start(&wheel, &entries[0], begin + 7);
    cr_assert_leq(evf__wheel_next(&wheel), begin + 7);
    advance_to(begin + 6);
    expect_take(NULL);
    advance_to(begin + 7);
    expect_take(&entries[0]);
    advance_to(begin + 60001);
    expect_take(&entries[1]);
}

Test(wheel, timer_that_is_put_off_again_and_again_wakes_once_per_timeout)
{
    uint64_t begin = wheel.now, wakes = 0;
    for (uint64_t now = begin; now < begin + 100000; now += 10) {
        if (evf__wheel_next(&wheel) <= now)
            wakes++;
        advance_to(now);
        expect_take(NULL);
        evf__wheel_start(&wheel, &entries[0], now + 1000);
    }
    cr_assert_leq(wakes, 100000 / 1000 * 2, "%lu wakes", (unsigned long)wakes);
}

Test(wheel, due_entry_put_off_by_a_callback_is_not_fired)
{
    uint64_t begin = wheel.now;
    for (unsigned i = 0; i < 20; i++)
        evf__wheel_start(&wheel, &entries[i], begin + 1 + i / 10);
    advance_to(begin + 10);
    expect_take(&entries[0]);
    for (unsigned i = 1; i < 20; i++)
        if (i != 5 && i != 15)
            evf__wheel_start(&wheel, &entries[i], begin + 11 + i); /* of this slot, and the next */
    evf__wheel_check(&wheel);
    expect_take(&entries[5]);
    expect_take(&entries[15]);
    expect_take(NULL);
    for (unsigned i = 1; i < 20; i++) {
        advance_to(begin + 11 + i);
        expect_take(i != 5 && i != 15 ? &entries[i] : NULL);
    }
}

Test(wheel, what_is_left_and_what_came_later_keep_the_order_of_deadlines)
{
    uint64_t begin = wheel.now;
    for (unsigned i = 0; i < 10; i++)
        evf__wheel_start(&wheel, &entries[i], begin + 1 + i * 300); /* over several levels */
    advance_to(begin + 4000);
    expect_take(&entries[0]);
    expect_take(&entries[1]);
    for (unsigned i = 0; i < 9; i++) /* overdue, on both sides of where the wheel stands */
        evf__wheel_start(&wheel, &entries[100 + i], begin + 2 + i * 300);
    advance_to(begin + 4001);
    expect_take(&entries[100]);
    expect_take(&entries[101]);
    for (unsigned i = 2; i < 9; i++) {
        expect_take(&entries[i]);
        expect_take(&entries[100 + i]);
    }
    expect_take(&entries[9]);
    expect_take(NULL);
}

Test(wheel, clearing_a_part_of_memory_stops_what_lies_there_wherever_it_waits)
{
    evf__wheel_start(&wheel, &entries[0], wheel.now + 1);
    evf__wheel_start(&wheel, &entries[500], wheel.now + 1);
    advance_to(wheel.now + 2);
    for (unsigned i = 1; i < 50; i++) {
        evf__wheel_start(&wheel, &entries[i], wheel.now + (1ull << i % 40));
        evf__wheel_start(&wheel, &entries[500 + i], wheel.now + (1ull << i % 40));
    }
    evf__wheel_start(&wheel, &entries[50], 1); /* late at the next collect */
    evf__wheel_start(&wheel, &entries[550], 1);
    advance_to(wheel.now);
    evf__wheel_start(&wheel, &entries[51], wheel.now);
    cr_assert_eq(evf__wheel_clear_within(&wheel, &entries[0], sizeof entries / 2), 52);
    evf__wheel_check(&wheel);
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_eq(evf__wheel_running(&entries[i]), i >= 500 && i <= 550);
    expect_take(&entries[550]);
    expect_take(&entries[500]);
    cr_assert_eq(evf__wheel_clear(&wheel), 49);
}

Test(wheel, overdue_becomes_due_at_the_next_collect_only)
{
    advance_to(wheel.now + 1000);
    evf__wheel_start(&wheel, &entries[0], wheel.now);       /* now */
    evf__wheel_start(&wheel, &entries[1], wheel.now - 500); /* long ago */
    cr_assert_eq(evf__wheel_next(&wheel), wheel.now);
    expect_take(NULL);
    advance_to(wheel.now); /* time need not move */
    expect_take(&entries[1]);
    expect_take(&entries[0]);
    expect_take(NULL);
}

Test(wheel, overdue_entries_are_due_in_order_before_and_between_what_is_left)
{
    uint64_t begin = wheel.now;
    for (unsigned i = 0; i < 10; i++)
        evf__wheel_start(&wheel, &entries[i * 2], begin + 10 + i * 2);
    advance_to(begin + 100);
    expect_take(&entries[0]); /* a budget ends here: nine are left */
    for (unsigned i = 10; i-- > 0;)
        evf__wheel_start(&wheel, &entries[i * 2 + 1], begin + 10 + i * 2 + 1);
    evf__wheel_start(&wheel, &entries[100], begin + 101);
    expect_take(&entries[2]);
    advance_to(begin + 101);
    expect_take(&entries[1]);
    for (unsigned i = 3; i < 20; i++)
        expect_take(&entries[i]);
    expect_take(&entries[100]);
    expect_take(NULL);
}

Test(wheel, overdue_entries_of_equal_deadlines_keep_the_order_of_their_starts)
{
    uint64_t begin = wheel.now;
    evf__wheel_start(&wheel, &entries[900], begin + 50);
    evf__wheel_start(&wheel, &entries[901], begin + 50);
    advance_to(begin + 60);
    expect_take(&entries[900]); /* the wheel has turned to there */
    /* Runs of 30, 20 and 10, each over four times: the order of starts within each. */
    for (unsigned i = 0; i < 48; i++)
        evf__wheel_start(&wheel, &entries[i], begin + 30 - i / 4 % 3 * 10);
    advance_to(begin + 61);
    for (unsigned time = 3; time-- > 0;)
        for (unsigned i = 0; i < 48; i++)
            if (i / 4 % 3 == time && time > 0)
                expect_take(&entries[i]);
    /* Those of begin + 30 are late; as many again come behind them. */
    for (unsigned i = 100; i < 120; i++)
        evf__wheel_start(&wheel, &entries[i], begin + 30 - (i % 2 != 0));
    advance_to(begin + 62);
    for (unsigned i = 101; i < 120; i += 2)
        expect_take(&entries[i]);
    for (unsigned i = 0; i < 48; i++)
        if (i / 4 % 3 == 0)
            expect_take(&entries[i]);
    for (unsigned i = 100; i < 120; i += 2)
        expect_take(&entries[i]);
    expect_take(&entries[901]);
    expect_take(NULL);
}

Test(wheel, callback_may_stop_and_restart_due_entries)
{
    uint64_t begin = wheel.now;
    for (unsigned i = 0; i < 6; i++)
        evf__wheel_start(&wheel, &entries[i], begin + 1 + i);
    advance_to(begin + 100);
    expect_take(&entries[0]);
    evf__wheel_stop(&wheel, &entries[1]);               /* the next one */
    evf__wheel_start(&wheel, &entries[2], begin + 200); /* a due one, for later */
    evf__wheel_start(&wheel, &entries[3], begin + 100); /* a due one, for now */
    evf__wheel_start(&wheel, &entries[0], begin + 100); /* itself */
    evf__wheel_stop(&wheel, &entries[5]);               /* the last one */
    evf__wheel_check(&wheel);
    expect_take(&entries[4]);
    expect_take(NULL);
    cr_assert(!evf__wheel_running(&entries[1]));
    advance_to(begin + 100);
    expect_take(&entries[3]);
    expect_take(&entries[0]);
    expect_take(NULL);
    advance_to(begin + 200);
    expect_take(&entries[2]);
}

Test(wheel, zero_timer_that_restarts_itself_does_not_hold_up_a_collect)
{
    evf__wheel_start(&wheel, &entries[0], wheel.now);
    for (unsigned i = 0; i < 100; i++) {
        advance_to(wheel.now + i % 2);
        expect_take(&entries[0]);
        evf__wheel_start(&wheel, &entries[0], wheel.now);
        expect_take(NULL);
    }
    evf__wheel_stop(&wheel, &entries[0]);
}

Test(wheel, jump_over_years_keeps_order_and_loses_nothing)
{
    uint64_t begin = wheel.now, at = 1;
    unsigned count = 0;
    for (; count < 50; count++, at = at * 9 / 5 + 1)
        evf__wheel_start(&wheel, &entries[count], begin + at);
    cr_assert_gt(at, 100 * YEAR_MS);
    advance_to(begin + at);
    for (unsigned i = 0; i < count; i++)
        expect_take(&entries[i]);
    expect_take(NULL);
}

Test(wheel, entries_beyond_the_span_wait_and_come_exactly)
{
    static const uint64_t distances[] = {
        (1ull << 32) - 1, 1ull << 32, (1ull << 32) + 1, 3 * YEAR_MS, 7 * YEAR_MS, 300 * YEAR_MS,
    };
    enum { COUNT = sizeof distances / sizeof *distances };
    uint64_t begin = wheel.now;
    for (unsigned i = 0; i < COUNT; i++)
        evf__wheel_start(&wheel, &entries[i], begin + distances[i]);
    evf__wheel_check(&wheel);
    for (unsigned i = 0; i < COUNT; i++) {
        for (uint64_t now = wheel.now; now + 200 * DAY_MS < begin + distances[i];) {
            now += 200 * DAY_MS;
            advance_to(now);
            expect_take(NULL);
        }
        advance_to(begin + distances[i] - 1);
        expect_take(NULL);
        advance_to(begin + distances[i]);
        expect_take(&entries[i]);
    }
}

Test(wheel, last_millisecond_of_all_can_be_reached)
{
    evf__wheel_start(&wheel, &entries[0], TIME_END);
    evf__wheel_start(&wheel, &entries[1], TIME_END - 1);
    advance_to(TIME_END - 1);
    expect_take(&entries[1]);
    expect_take(NULL);
    advance_to(TIME_END);
    expect_take(&entries[0]);
}

Test(wheel, next_never_lies_behind_the_earliest_deadline_and_always_makes_progress)
{
    for (unsigned bit = 0; bit < 44; bit++) {
        uint64_t deadline = wheel.now + (1ull << bit) + bit;
        evf__wheel_start(&wheel, &entries[0], deadline);
        uint64_t steps = EVF__WHEEL_LEVELS + (1ull << bit) / (255ull << 24) + 1;
        struct evf__wheel_entry *entry = NULL;
        while (entry == NULL) {
            uint64_t next = evf__wheel_next(&wheel);
            cr_assert(next > wheel.now && next <= deadline);
            cr_assert_gt(steps--, 0);
            advance_to(next);
            entry = evf__wheel_take(&wheel);
        }
        cr_assert_eq(wheel.now, deadline);
    }
    cr_assert_eq(evf__wheel_next(&wheel), UINT64_MAX);
}

Test(wheel, next_asks_for_no_wait_while_due_entries_are_left)
{
    evf__wheel_start(&wheel, &entries[0], wheel.now + 1);
    evf__wheel_start(&wheel, &entries[1], wheel.now + 2);
    advance_to(wheel.now + 10);
    expect_take(&entries[0]);
    cr_assert_leq(evf__wheel_next(&wheel), wheel.now);
    expect_take(&entries[1]);
    cr_assert_eq(evf__wheel_next(&wheel), UINT64_MAX);
}

Test(wheel, collect_without_time_or_entries_does_nothing)
{
    evf__wheel_start(&wheel, &entries[0], wheel.now + 1);
    for (unsigned i = 0; i < 3; i++) {
        advance_to(wheel.now);
        expect_take(NULL);
    }
    evf__wheel_stop(&wheel, &entries[0]);
    advance_to(wheel.now + 10 * YEAR_MS);
    expect_take(NULL);
}

Test(wheel, kind_belongs_to_the_owner)
{
    entries[0].kind = 200;
    evf__wheel_start(&wheel, &entries[0], wheel.now + 100000);
    advance_to(wheel.now + 100000);
    expect_take(&entries[0]);
    cr_assert_eq(entries[0].kind, 200);
}

Test(wheel, clear_stops_all_wherever_they_are)
{
    evf__wheel_start(&wheel, &entries[0], wheel.now + 1);
    evf__wheel_start(&wheel, &entries[1], wheel.now + 2);
    advance_to(wheel.now + 2);
    evf__wheel_start(&wheel, &entries[2], 1);
    advance_to(wheel.now); /* late now */
    evf__wheel_start(&wheel, &entries[3], wheel.now);
    for (unsigned i = 4; i < 300; i++)
        evf__wheel_start(&wheel, &entries[i], wheel.now + (1ull << i % 44));
    cr_assert_eq(evf__wheel_clear(&wheel), 300);
    cr_assert_eq(evf__wheel_clear(&wheel), 0);
    advance_to(wheel.now + YEAR_MS);
    expect_take(NULL);
}

Test(wheel, time_that_goes_backwards_is_asserted, .signal = SIGABRT)
{
    evf__wheel_collect(&wheel, wheel.now - 1);
}

Test(wheel, deadline_beyond_45_bits_is_asserted, .signal = SIGABRT)
{
    evf__wheel_start(&wheel, &entries[0], TIME_END + 1);
}

Test(wheel, time_beyond_45_bits_is_asserted, .signal = SIGABRT)
{
    evf__wheel_collect(&wheel, TIME_END + 1);
}

Test(wheel, beginning_beyond_45_bits_is_asserted, .signal = SIGABRT)
{
    evf__wheel_init(&wheel, TIME_END + 1);
}
