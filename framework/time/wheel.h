/* SPDX-License-Identifier: MIT
 *
 * The timeout wheel: hierarchical, 1 ms ticks, intrusive entries, start, stop and take O(1);
 * what is due is sorted once by deadline.
 *
 * There is no clock inside: `now` is a parameter. One thread. Use:
 *
 *   evf__wheel_collect(wheel, now)   once a turn: moves everything that is due at `now` to the due
 *                                    list, in the order of deadlines
 *   evf__wheel_take(wheel)           again and again: the next due entry, stopped; its owner calls
 *                                    back and may start and stop any entry, also due ones
 *
 * An entry that is started with a deadline at or before the last collected `now` becomes due at the
 * next collect, never at a take before it. Entries of equal deadlines come in the order in which
 * they were started, as far as they sit in the same slot; do not rely on it. Never early: an entry
 * is due only when its deadline <= now.
 */
#ifndef EVF_TIME_WHEEL_H
#define EVF_TIME_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

/* All zero is a stopped entry. 24 bytes, and inside struct evf_timer for ever. */
struct evf__wheel_entry {
    struct evf__list link;  /* in its slot, or in the due or overdue list */
    uint64_t deadline : 56; /* ms */
    uint64_t kind : 8;      /* the owner's: says what the entry is embedded in */
};

/* 6 levels of 64 slots span 2^36 ms, two years; what lies further off waits in the last level and
 * is placed again when it comes near. */
enum { EVF__WHEEL_BITS = 6, EVF__WHEEL_SLOTS = 1 << EVF__WHEEL_BITS, EVF__WHEEL_LEVELS = 6 };

struct evf__wheel {
    uint64_t now;                         /* of the last collect */
    size_t count;                         /* entries that run, due ones included */
    uint64_t occupied[EVF__WHEEL_LEVELS]; /* one bit per slot that is not empty */
    struct evf__list overdue, due;
    struct evf__list slots[EVF__WHEEL_LEVELS][EVF__WHEEL_SLOTS];
};

void evf__wheel_init(struct evf__wheel *wheel, uint64_t now);

/* Starts an entry, or starts a running one anew. Deadlines are below 2^56. */
void evf__wheel_start(struct evf__wheel *wheel, struct evf__wheel_entry *entry, uint64_t deadline);
/* No effect on a stopped one. */
void evf__wheel_stop(struct evf__wheel *wheel, struct evf__wheel_entry *entry);

static inline bool evf__wheel_running(const struct evf__wheel_entry *entry)
{
    return evf__list_on(&entry->link);
}

/* `now` must not go backwards (asserted). */
void evf__wheel_collect(struct evf__wheel *wheel, uint64_t now);
/* The next due entry, stopped; NULL when none is left. */
struct evf__wheel_entry *evf__wheel_take(struct evf__wheel *wheel);

/* When the wheel wants its next collect: at or before the earliest deadline, at or before `now`
 * when something is due or overdue; UINT64_MAX when nothing runs. */
uint64_t evf__wheel_next(const struct evf__wheel *wheel);

/* Stops every entry; returns how many ran. */
size_t evf__wheel_clear(struct evf__wheel *wheel);

/* Asserts every invariant. */
void evf__wheel_check(const struct evf__wheel *wheel);

#endif
