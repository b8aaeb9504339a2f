/* SPDX-License-Identifier: MIT
 *
 * The timeout wheel beside libevent's timers and a binary heap, from a thousand timers to ten
 * million. Per operation:
 *
 *   start     timers in a random order, all stopped at first
 *   restart   a random timer with a random timeout: earlier or later
 *   refresh   a random timer, as long from now as it was started for, while time goes on: later
 *   expire    time goes on by steps in which some 16 timers fire, or by a millisecond
 *   stop      timers in a random order, until none is left
 *   mixed     time goes on; in each step refreshes, stops and starts, and what fires starts again
 *
 * Usage: wheel [--of NAME] [--size N]… [--repetitions N] [--huge]
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timers.h"

enum {
    OPERATIONS_MIN = 400000,  /* in a repetition: small sizes go round more than once */
    OPERATIONS_MAX = 1000000, /* large ones are measured in part */
    SIZES_MAX = 16,
    FIRED_PER_STEP = 16,
};

#define SLOW_NS 20000000000u /* after this long an operation is not repeated */

static unsigned repetitions = 5;
static bool huge;

/* A run over one size: `order` is drawn anew for each. */
struct run {
    const struct timers *timers;
    size_t size, part; /* part: what is measured at a time */
    uint64_t now, seed, step_ms;
    uint32_t *order, *other, *third;
};

static uint64_t fresh_seed(struct run *run)
{
    return run->seed += 1 << 26;
}

static unsigned rounds(const struct run *run)
{
    size_t more = OPERATIONS_MIN / run->size;
    return more < 1 ? 1 : (unsigned)more;
}

static void print(const struct run *run, const char *operation)
{
    measure_print("wheel", run->timers->name, operation, run->size);
}

static void start_all(struct run *run)
{
    run->timers->start(run->order, run->size, run->now, fresh_seed(run));
}

/* Makes the beginning of `third` the beginning of `other` in another order. */
static void shuffle_part(struct run *run)
{
    uint64_t seed = fresh_seed(run);
    for (size_t i = 0; i < run->part; i++) {
        size_t at = mix(seed + i) % (i + 1);
        run->third[i] = run->third[at];
        run->third[at] = run->other[i];
    }
}

/* Starts and stops measured apart, the part last in the order, so that the rest runs meanwhile. */
static void measure_start_stop(struct run *run, bool stops)
{
    const struct timers *timers = run->timers;
    for (unsigned r = 0; r < repetitions; r++) {
        for (unsigned i = 0; i < rounds(run); i++) {
            if (stops) {
                measure_begin();
                timers->stop(run->other, run->part);
                measure_end(run->part);
                timers->start(run->order, run->size, run->now, fresh_seed(run));
            } else {
                timers->stop(run->other, run->part);
                measure_begin();
                timers->start(run->other, run->part, run->now, fresh_seed(run));
                measure_end(run->part);
            }
        }
        measure_repeat();
    }
    print(run, stops ? "stop" : "start");
}

/* Each timer once after a start: what it costs does not depend on how often that was done before.
 */
static void measure_restart(struct run *run)
{
    for (unsigned r = 0; r < repetitions; r++) {
        for (unsigned i = 0; i < rounds(run); i++) {
            run->timers->stop(run->other, run->part);
            run->timers->start(run->other, run->part, run->now, fresh_seed(run));
            shuffle_part(run);
            measure_begin();
            run->timers->start(run->third, run->part, run->now, fresh_seed(run));
            measure_end(run->part);
        }
        measure_repeat();
    }
    print(run, "restart");
}

/* Time goes on so slowly that nothing fires: each timer is refreshed before. */
static void measure_refresh(struct run *run)
{
    run->timers->refresh(run->order, run->size, run->now, 0);
    for (unsigned r = 0; r < repetitions; r++) {
        for (unsigned i = 0; i < rounds(run); i++) {
            shuffle_part(run);
            measure_begin();
            run->timers->refresh(run->third, run->part, run->now, 0);
            measure_end(run->part);
            run->now++;
            run->timers->expire(run->now, 1);
        }
        measure_repeat();
    }
    print(run, "refresh");
}

/* All of them, so that everybody sees the same times of the wheel's levels. Slow ones are measured
 * less often. */
static void measure_expire(struct run *run)
{
    uint64_t began_ns = measure_now_ns();
    for (unsigned r = 0; r < repetitions && measure_now_ns() - began_ns < SLOW_NS; r++) {
        for (unsigned i = 0; i < rounds(run); i++) {
            size_t fired = 0;
            start_all(run);
            measure_begin();
            while (fired < run->size) {
                run->now += run->step_ms;
                fired += run->timers->expire(run->now, 0);
            }
            measure_end(fired);
            if (run->timers->running() != 0)
                exit(3); /* more were running than were started */
        }
        measure_repeat();
    }
    print(run, "expire");
}

static void measure_mixed(struct run *run)
{
    size_t fires = run->size * run->step_ms / TIMEOUT_MAX_MS, refreshes = 4 * fires;
    size_t stops = fires / 2, at = 0;
    start_all(run);
    for (unsigned r = 0; r < repetitions; r++) {
        uint64_t operations = 0;
        measure_begin();
        while (operations < OPERATIONS_MAX) {
            if (at + refreshes > run->size)
                at = 0;
            const uint32_t *some = run->third + at;
            run->timers->refresh(some, refreshes, run->now, 0);
            run->timers->stop(some, stops);
            run->timers->refresh(some, stops, run->now, 0);
            run->now += run->step_ms;
            operations += refreshes + 2 * stops + run->timers->expire(run->now, 1);
            at += refreshes;
        }
        measure_end(operations);
        measure_repeat();
    }
    print(run, "mixed");
}

static void run_size(const struct timers *timers, size_t size)
{
    struct run run = { .timers = timers, .size = size, .now = 1000000 };
    run.part = size < OPERATIONS_MAX ? size : OPERATIONS_MAX;
    run.step_ms = FIRED_PER_STEP * TIMEOUT_MAX_MS / size + 1;
    run.order = shuffled(size, 1);
    run.other = shuffled(size, 1ull << 32);
    run.third = shuffled(size, 1ull << 33);
    timers->create(size, run.now, huge);
    start_all(&run);
    measure_start_stop(&run, false);
    measure_restart(&run);
    measure_refresh(&run);
    measure_mixed(&run);
    start_all(&run);
    measure_start_stop(&run, true);
    measure_expire(&run);
    timers->destroy();
    memory_give(run.order, size * sizeof *run.order);
    memory_give(run.other, size * sizeof *run.other);
    memory_give(run.third, size * sizeof *run.third);
}

int main(int argc, char **argv)
{
    static const struct timers *const all[] = { &evframe_timers, &libevent_timers, &heap_timers };
    size_t sizes[SIZES_MAX] = { 1000, 10000, 100000, 1000000, 10000000 };
    unsigned count = 5, given = 0;
    const char *of = NULL;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--huge") == 0) {
            huge = true;
            continue;
        } else if (strcmp(argv[i], "--of") == 0) {
            of = value;
        } else if (strcmp(argv[i], "--size") == 0 && given < SIZES_MAX && atol(value) >= 100) {
            sizes[given++] = (size_t)atol(value);
            count = given;
        } else if (strcmp(argv[i], "--repetitions") == 0 && atoi(value) > 0 && atoi(value) <= 64) {
            repetitions = (unsigned)atoi(value);
        } else {
            fprintf(stderr, "usage: wheel [--of NAME] [--size N]... [--repetitions N] [--huge]\n");
            return 2;
        }
        i++;
    }
    measure_init();
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        for (unsigned s = 0; s < count && (of == NULL || strcmp(of, all[i]->name) == 0); s++)
            run_size(all[i], sizes[s]);
    return 0;
}
