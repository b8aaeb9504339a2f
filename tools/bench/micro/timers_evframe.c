/* SPDX-License-Identifier: MIT
 *
 * evframe's wheel, its entries where a plugin's timer has them: in 64 bytes.
 */
#include <evframe/timer.h>

#include "time/wheel.h"
#include "timers.h"

union timer {
    struct evf__wheel_entry entry;
    struct evf_timer public;
};

static struct evf__wheel wheel;
static union timer *all;
static size_t all_size;

static void create(size_t size, uint64_t now, int huge)
{
    all_size = size * sizeof *all;
    all = memory_take(all_size, huge);
    evf__wheel_init(&wheel, now);
}

static void destroy(void)
{
    evf__wheel_clear(&wheel);
    memory_give(all, all_size);
}

static void start(const uint32_t *order, size_t count, uint64_t now, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        evf__wheel_start(&wheel, &all[order[i]].entry, now + timeout_of(seed + i));
}

static void refresh(const uint32_t *order, size_t count, uint64_t now, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        evf__wheel_start(&wheel, &all[order[i]].entry, now + timeout_of(seed + order[i]));
}

static void stop(const uint32_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++)
        evf__wheel_stop(&wheel, &all[order[i]].entry);
}

static size_t expire(uint64_t now, int again)
{
    size_t fired = 0;
    struct evf__wheel_entry *entry;
    evf__wheel_collect(&wheel, now);
    while ((entry = evf__wheel_take(&wheel)) != NULL) {
        fired++;
        if (again)
            evf__wheel_start(&wheel, entry,
                             now + timeout_of((uint64_t)((union timer *)entry - all)));
    }
    return fired;
}

static size_t running(void)
{
    return wheel.count;
}

const struct timers evframe_timers = {
    "evframe", create, destroy, start, refresh, stop, expire, running,
};
