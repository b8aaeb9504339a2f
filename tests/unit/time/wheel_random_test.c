/* SPDX-License-Identifier: MIT
 *
 * A million random operations on the wheel beside a model that cannot be wrong: an array of
 * deadlines. Starts, restarts and stops, also of due entries between two takes; budgets that leave
 * due entries behind; steps of time from 0 ms to years.
 */
#include <criterion/criterion.h>

#include "../random.h"
#include "time/wheel.h"

enum { ENTRIES = 200, OPERATIONS = 1000000, CHECK_EVERY = 4096 };

enum state { STOPPED, RUNNING, DUE };

static struct evf__wheel wheel;
static struct evf__wheel_entry entries[ENTRIES];
static struct random randomness;

/* The model. */
static enum state states[ENTRIES];
static uint64_t deadlines[ENTRIES];
static uint64_t now;
static unsigned operations;
static unsigned fired, overdue, left_over, far_off, stayed;
static bool exhausted; /* the last take gave NULL */

/* Mostly near, sometimes far, sometimes past. */
static uint64_t random_deadline(void)
{
    uint64_t distance = random_next(&randomness) >> (64 - random_below(&randomness, 42) - 1);
    switch (random_below(&randomness, 16)) {
    case 0:
        return now;
    case 1:
        overdue++;
        return distance < now ? now - distance : 0;
    case 2: /* many equal ones */
        return (now | 63) + 1;
    default:
        far_off += distance >> 32 != 0;
        return now + distance;
    }
}

static void start(unsigned i)
{
    unsigned place = entries[i].place;
    deadlines[i] = random_deadline();
    evf__wheel_start(&wheel, &entries[i], deadlines[i]);
    stayed += states[i] != STOPPED && entries[i].place == place;
    states[i] = RUNNING;
}

static void start_or_stop_any(void)
{
    unsigned i = (unsigned)random_below(&randomness, ENTRIES);
    operations++;
    if (random_below(&randomness, 3) > 0) {
        start(i);
    } else {
        evf__wheel_stop(&wheel, &entries[i]);
        states[i] = STOPPED;
    }
    cr_assert_eq(evf__wheel_running(&entries[i]), states[i] != STOPPED);
}

static void expect_next(void)
{
    uint64_t earliest = UINT64_MAX, next = evf__wheel_next(&wheel);
    for (unsigned i = 0; i < ENTRIES; i++)
        if (states[i] != STOPPED && deadlines[i] < earliest)
            earliest = deadlines[i];
    if (earliest == UINT64_MAX)
        cr_assert_eq(next, UINT64_MAX);
    else
        cr_assert(next <= earliest || (earliest <= now && next <= now));
    cr_assert(earliest <= now || next > now || !exhausted, "a wait for nothing");
}

static void collect(void)
{
    uint64_t step = 0;
    switch (random_below(&randomness, 8)) {
    case 0:
        break;
    case 1:
        step = random_next(&randomness) >> (64 - random_below(&randomness, 38) - 1);
        break;
    case 2: { /* just before, at, or just after what the wheel asks for */
        uint64_t next = evf__wheel_next(&wheel);
        if (next != UINT64_MAX && next > now)
            step = next - now - (next - now > 1 && random_below(&randomness, 2));
        break;
    }
    default:
        step = random_below(&randomness, 20);
    }
    now += step;
    operations++;
    evf__wheel_collect(&wheel, now);
    for (unsigned i = 0; i < ENTRIES; i++)
        if (states[i] == RUNNING && deadlines[i] <= now)
            states[i] = DUE;
}

/* What is due comes earliest first, all of it, and nothing else comes. */
static void take_due(void)
{
    unsigned budget = random_below(&randomness, 8) == 0 ? 3 : UINT32_MAX;
    for (unsigned taken = 0; taken < budget; taken++) {
        unsigned count = 0;
        uint64_t earliest = UINT64_MAX;
        for (unsigned i = 0; i < ENTRIES; i++) {
            if (states[i] != DUE)
                continue;
            count++;
            if (deadlines[i] < earliest)
                earliest = deadlines[i];
        }
        operations++;
        struct evf__wheel_entry *entry = evf__wheel_take(&wheel);
        cr_assert_eq(entry == NULL, count == 0, "%u are due", count);
        exhausted = entry == NULL;
        if (exhausted)
            return;
        unsigned i = (unsigned)(entry - entries);
        cr_assert_eq(states[i], DUE);
        cr_assert_eq(deadlines[i], earliest, "out of order");
        cr_assert_leq(deadlines[i], now, "early");
        cr_assert(!evf__wheel_running(entry));
        states[i] = STOPPED;
        fired++;
        for (uint64_t n = random_below(&randomness, 3); n > 0; n--)
            start_or_stop_any();
    }
    left_over++;
}

Test(wheel_random, agrees_with_a_trivial_model_over_a_million_operations)
{
    randomness = random_start();
    now = random_next(&randomness) >> 20;
    evf__wheel_init(&wheel, now);
    unsigned wanted = random_rounds(OPERATIONS), checked = 0;
    while (operations < wanted) {
        for (uint64_t n = random_below(&randomness, 30); n > 0; n--)
            start_or_stop_any();
        expect_next();
        collect();
        take_due();
        if (operations / CHECK_EVERY > checked) {
            checked = operations / CHECK_EVERY;
            evf__wheel_check(&wheel);
        }
        if (now >> 44 != 0) { /* begin anew before time ends */
            evf__wheel_clear(&wheel);
            for (unsigned i = 0; i < ENTRIES; i++)
                states[i] = STOPPED;
            now = 0;
            evf__wheel_init(&wheel, now);
        }
    }

    /* the test itself has been everywhere */
    cr_assert(fired > wanted / 50 && overdue > 1000 && left_over > 100 && far_off > 1000 &&
                  stayed > wanted / 50,
              "%u fired, %u overdue, %u left over, %u far off, %u stayed", fired, overdue,
              left_over, far_off, stayed);

    size_t running = 0;
    for (unsigned i = 0; i < ENTRIES; i++)
        running += states[i] != STOPPED;
    evf__wheel_check(&wheel);
    cr_assert_eq(evf__wheel_clear(&wheel), running);
}

/* Everything that waits, however it is spread, is there within a bounded number of wakes. */
Test(wheel_random, following_next_alone_fires_each_entry_at_its_very_deadline)
{
    randomness = random_start();
    now = random_next(&randomness) >> 30;
    evf__wheel_init(&wheel, now);
    for (unsigned round = 0; round < random_rounds(200); round++) {
        unsigned steps = 0, running = 0;
        for (unsigned i = 0; i < ENTRIES; i++) {
            deadlines[i] = now + 1 + (random_next(&randomness) >> (64 - 1 - i % 36));
            evf__wheel_start(&wheel, &entries[i], deadlines[i]);
            running++;
        }
        while (running > 0) {
            now = evf__wheel_next(&wheel);
            evf__wheel_collect(&wheel, now);
            cr_assert_leq(++steps, ENTRIES * (EVF__WHEEL_LEVELS + 1));
            for (struct evf__wheel_entry *entry; (entry = evf__wheel_take(&wheel)) != NULL;) {
                cr_assert_eq(deadlines[entry - entries], now);
                running--;
            }
        }
        evf__wheel_check(&wheel);
        cr_assert_eq(evf__wheel_next(&wheel), UINT64_MAX);
    }
}
