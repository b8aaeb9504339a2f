/* SPDX-License-Identifier: MIT
 *
 * A plain binary heap of pointers: what one writes when there is no time to think. Each timer knows
 * its place, so that stopping and starting anew take O(log n).
 */
#include <string.h>

#include "timers.h"

/* 64 bytes, as evframe's. */
struct timer {
    uint64_t deadline;
    size_t place; /* in the heap, from 1; 0: stopped */
    uint64_t owner[6];
};

static struct timer *all;
static struct timer **heap; /* heap[1] is the earliest */
static size_t heap_size, all_bytes, heap_bytes;

static void put(size_t place, struct timer *timer)
{
    heap[place] = timer;
    timer->place = place;
}

static void move_up(size_t place, struct timer *timer)
{
    for (; place > 1 && timer->deadline < heap[place / 2]->deadline; place /= 2)
        put(place, heap[place / 2]);
    put(place, timer);
}

static void move_down(size_t place, struct timer *timer)
{
    for (size_t child; (child = 2 * place) <= heap_size; place = child) {
        if (child < heap_size && heap[child + 1]->deadline < heap[child]->deadline)
            child++;
        if (timer->deadline <= heap[child]->deadline)
            break;
        put(place, heap[child]);
    }
    put(place, timer);
}

/* Finds the place of a timer that may stand too low or too high there. */
static void settle(size_t place, struct timer *timer)
{
    if (place > 1 && timer->deadline < heap[place / 2]->deadline)
        move_up(place, timer);
    else
        move_down(place, timer);
}

static void start_one(struct timer *timer, uint64_t deadline)
{
    timer->deadline = deadline;
    if (timer->place != 0)
        settle(timer->place, timer);
    else
        move_up(++heap_size, timer);
}

static void stop_one(struct timer *timer)
{
    size_t place = timer->place;
    if (place == 0)
        return;
    struct timer *last = heap[heap_size--];
    timer->place = 0;
    if (last != timer)
        settle(place, last);
}

static void create(size_t size, uint64_t now, int huge)
{
    (void)now;
    all_bytes = size * sizeof *all;
    heap_bytes = (size + 1) * sizeof *heap;
    all = memory_take(all_bytes, huge);
    heap = memory_take(heap_bytes, huge);
    heap_size = 0;
}

static void destroy(void)
{
    memory_give(all, all_bytes);
    memory_give(heap, heap_bytes);
}

static void start(const uint32_t *order, size_t count, uint64_t now, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        start_one(&all[order[i]], now + timeout_of(seed + i));
}

static void refresh(const uint32_t *order, size_t count, uint64_t now, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        start_one(&all[order[i]], now + timeout_of(seed + order[i]));
}

static void stop(const uint32_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++)
        stop_one(&all[order[i]]);
}

static size_t expire(uint64_t now, int again)
{
    size_t fired = 0;
    while (heap_size > 0 && heap[1]->deadline <= now) {
        struct timer *timer = heap[1];
        stop_one(timer);
        fired++;
        if (again)
            start_one(timer, now + timeout_of((uint64_t)(timer - all)));
    }
    return fired;
}

static size_t running(void)
{
    return heap_size;
}

const struct timers heap_timers = {
    "heap", create, destroy, start, refresh, stop, expire, running,
};
