/* SPDX-License-Identifier: MIT
 *
 * The timeout wheel: hierarchical, 1 ms ticks, intrusive entries; start, stop and take O(1).
 *
 * There is no clock inside: `now` is a parameter. One thread. Use:
 *
 *   evf__wheel_collect(wheel, now)   once a turn: everything with a deadline up to `now` is due
 *   evf__wheel_take(wheel)           again and again: the next due entry, in the order of
 * deadlines, stopped; its owner calls back and may start and stop any entry, also due ones
 *
 * An entry that is started with a deadline at or before the last collected `now` becomes due at the
 * next collect, never at a take before it. Entries of equal deadlines come about in the order in
 * which they were started; do not rely on it. Never early: an entry is due only when its deadline
 * <= now.
 *
 * Starting a running entry for later only stores the deadline: the entry stays where it is, and is
 * queued anew when the time of its old place has come. That touches one cache line, not four.
 */
#ifndef EVF_TIME_WHEEL_H
#define EVF_TIME_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

/* All zero is a stopped entry. 24 bytes, and inside struct evf_timer for ever. */
struct evf__wheel_entry {
    struct evf__list link; /* in a lane of its slot, or in the overdue or the late list */
    union {
        struct {
            uint64_t kind : 8;      /* the owner's: says what the entry is embedded in */
            uint64_t place : 11;    /* while it runs: the slot's number, or EVF__WHEEL_PLACES */
            uint64_t deadline : 45; /* ms */
        };
        uint64_t word; /* all three, to be written at once */
    };
};

/* 4 levels of 256 slots span 2^32 ms, seven weeks; what lies further off waits in the last level
 * and is placed again when it comes near. A wheel takes 66 KiB, of which the slots in use are hot.
 */
enum {
    EVF__WHEEL_BITS = 8,
    EVF__WHEEL_SLOTS = 1 << EVF__WHEEL_BITS,
    EVF__WHEEL_LEVELS = 4,
    EVF__WHEEL_PLACES = EVF__WHEEL_LEVELS * EVF__WHEEL_SLOTS,
    EVF__WHEEL_LANES = 4,
};

/* A slot's entries are spread over several lists, filled and emptied in turns: the next entry of
 * one comes from memory while the others are walked. One cache line. */
struct evf__wheel_slot {
    struct evf__list lanes[EVF__WHEEL_LANES];
};

struct evf__wheel {
    uint64_t now;             /* of the last collect */
    uint64_t at;              /* how far the wheel has turned by taking: at most `now` */
    size_t count;             /* entries that run, due ones included */
    unsigned lane;            /* of the slot of `at`: the next to take from */
    struct evf__list overdue; /* started for `now` or before, since the last collect */
    struct evf__list late;    /* overdue at the last collect, up to `at`, in order */
    uint64_t occupied[EVF__WHEEL_PLACES / 64]; /* a bit for each slot that may hold something */
    uint8_t next_lane[EVF__WHEEL_PLACES];      /* of each slot: the next to append to */
    _Alignas(64) struct evf__wheel_slot slots[EVF__WHEEL_PLACES]; /* level by level */
};

void evf__wheel_init(struct evf__wheel *wheel, uint64_t now);

/* Starts an entry, or starts a running one anew. Deadlines are below 2^45. */
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
 * when something is due or overdue; UINT64_MAX when nothing runs. After a take that gave NULL it is
 * at or before `now` only for what was started since. */
uint64_t evf__wheel_next(struct evf__wheel *wheel);

/* Stops every entry; returns how many ran. */
size_t evf__wheel_clear(struct evf__wheel *wheel);
/* The same for the entries that lie in `size` bytes of memory. */
size_t evf__wheel_clear_within(struct evf__wheel *wheel, const void *memory, size_t size);

/* Asserts every invariant. */
void evf__wheel_check(const struct evf__wheel *wheel);

#endif
