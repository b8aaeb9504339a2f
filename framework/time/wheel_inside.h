/* SPDX-License-Identifier: MIT
 *
 * The inside of the wheel, for time/ only: what its files share.
 */
#ifndef EVF_TIME_WHEEL_INSIDE_H
#define EVF_TIME_WHEEL_INSIDE_H

#include "base/assert.h"
#include "time/wheel.h"

#define EVF__WHEEL_MASK ((uint64_t)EVF__WHEEL_SLOTS - 1)
#define EVF__WHEEL_TIME_MAX (((uint64_t)1 << 45) - 1)

static inline struct evf__wheel_entry *evf__wheel_entry_of(const struct evf__list *node)
{
    return EVF__OWNER(node, struct evf__wheel_entry, link);
}

static inline uint64_t evf__wheel_deadline(const struct evf__list *node)
{
    return evf__wheel_entry_of(node)->deadline;
}

/* When a slot's time begins: at `at` for the slot whose turn it is, else after it. */
static inline uint64_t evf__wheel_begin(const struct evf__wheel *wheel, unsigned place)
{
    unsigned shift = place / EVF__WHEEL_SLOTS * EVF__WHEEL_BITS;
    uint64_t tick = wheel->at >> shift;
    return (tick + ((place - tick) & EVF__WHEEL_MASK)) << shift;
}

/* wheel_overdue.c: sorts what is overdue into the late list; what lies after `at` goes to `ahead`.
 */
void evf__wheel_sort_overdue(struct evf__wheel *wheel, struct evf__list *ahead);

#endif
