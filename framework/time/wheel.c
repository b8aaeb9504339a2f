/* SPDX-License-Identifier: MIT
 *
 * The timeout wheel.
 *
 * Where an entry waits. Times are numbers of six-bit digits. An entry waits in the level of the
 * highest digit in which its deadline differs from `now`, in the slot of its deadline's digit
 * there. So a slot of level 0 holds a single millisecond; all of a level is due before all of the
 * next; and within a level slots come in their own order, always behind the digit of `now`. The
 * earliest entries are therefore in the first slot of the lowest level that is not empty, and two
 * bit scans find it, however far away it is.
 *
 * The last level has no digits above it. It is a ring: its slots stand for the 63 ticks after the
 * present one, and what lies further off waits in the 63rd of them.
 *
 * Time moves from one occupied slot to the next: a slot of level 0 goes to the due list as it is, a
 * slot of a higher level is dealt out to the levels below, one entry at most once per level. Moving
 * time past empty slots changes no entry's place, so empty time costs nothing.
 *
 * One thread.
 */
#include "time/wheel.h"

#include "base/assert.h"

enum { LAST_LEVEL = EVF__WHEEL_LEVELS - 1 };

#define SLOT_MASK ((uint64_t)EVF__WHEEL_SLOTS - 1)
#define TIME_MAX (((uint64_t)1 << 56) - 1)

_Static_assert(EVF__WHEEL_SLOTS == 64, "one bit of a word per slot");
_Static_assert(sizeof(struct evf__wheel_entry) == 24, "part of struct evf_timer, for ever");

static struct evf__wheel_entry *entry_of(const struct evf__list *node)
{
    return EVF__OWNER(node, struct evf__wheel_entry, link);
}

static uint64_t deadline_of(const struct evf__list *node)
{
    return entry_of(node)->deadline;
}

void evf__wheel_init(struct evf__wheel *wheel, uint64_t now)
{
    EVF_ASSERT(now <= TIME_MAX);
    *wheel = (struct evf__wheel){ .now = now };
    evf__list_init(&wheel->overdue);
    evf__list_init(&wheel->due);
    for (unsigned level = 0; level < EVF__WHEEL_LEVELS; level++)
        for (unsigned slot = 0; slot < EVF__WHEEL_SLOTS; slot++)
            evf__list_init(&wheel->slots[level][slot]);
}

/* The level in which a deadline after `now` waits. */
static inline unsigned level_for(uint64_t now, uint64_t deadline)
{
    unsigned level = (unsigned)(63 - __builtin_clzll(deadline ^ now)) / EVF__WHEEL_BITS;
    return level < LAST_LEVEL ? level : LAST_LEVEL;
}

/* Links an entry, whose deadline lies after `now`, into its slot. */
static inline void place(struct evf__wheel *wheel, struct evf__wheel_entry *entry)
{
    uint64_t deadline = entry->deadline;
    unsigned level = level_for(wheel->now, deadline);
    unsigned shift = level * EVF__WHEEL_BITS;
    uint64_t tick = deadline >> shift;
    if (__builtin_expect(level == LAST_LEVEL, 0)) {
        uint64_t furthest = (wheel->now >> shift) + SLOT_MASK;
        if (tick > furthest)
            tick = furthest;
    }
    unsigned slot = (unsigned)(tick & SLOT_MASK);
    evf__list_append(&wheel->slots[level][slot], &entry->link);
    wheel->occupied[level] |= (uint64_t)1 << slot;
}

/* Takes a running entry off its list, wherever that is. A slot that becomes empty is found by its
 * list's head: the only neighbour that a last node has. */
static inline void unlink_entry(struct evf__wheel *wheel, struct evf__wheel_entry *entry)
{
    struct evf__list *next = entry->link.next, *prev = entry->link.prev;
    next->prev = prev;
    prev->next = next;
    entry->link.next = entry->link.prev = NULL;
    if (next != prev)
        return;
    uintptr_t offset = (uintptr_t)next - (uintptr_t)wheel->slots;
    if (offset < sizeof wheel->slots) { /* else it is the due or the overdue list */
        size_t index = offset / sizeof(struct evf__list);
        wheel->occupied[index / EVF__WHEEL_SLOTS] &= ~((uint64_t)1 << index % EVF__WHEEL_SLOTS);
    }
}

void evf__wheel_start(struct evf__wheel *wheel, struct evf__wheel_entry *entry, uint64_t deadline)
{
    EVF_ASSERT(deadline <= TIME_MAX);
    if (evf__wheel_running(entry))
        unlink_entry(wheel, entry);
    else
        wheel->count++;
    entry->deadline = deadline & TIME_MAX;
    if (deadline > wheel->now)
        place(wheel, entry);
    else
        evf__list_append(&wheel->overdue, &entry->link);
}

void evf__wheel_stop(struct evf__wheel *wheel, struct evf__wheel_entry *entry)
{
    if (!evf__wheel_running(entry))
        return;
    EVF_ASSERT(wheel->count > 0);
    wheel->count--;
    unlink_entry(wheel, entry);
}

/* ---- Overdue entries: in any order, so they are sorted when they are collected ---- */

/* Makes a list a chain: linked by `next` alone and ended by NULL. The list is empty then. */
static struct evf__list *unlink_chain(struct evf__list *head)
{
    struct evf__list *chain = evf__list_empty(head) ? NULL : head->next;
    head->prev->next = NULL;
    evf__list_init(head);
    return chain;
}

static void append_chain(struct evf__list *head, struct evf__list *chain)
{
    struct evf__list *last = head->prev;
    for (; chain != NULL; chain = chain->next) {
        last->next = chain;
        chain->prev = last;
        last = chain;
    }
    last->next = head;
    head->prev = last;
}

/* Merges two chains that are in order; of equals, `first` goes first. */
static struct evf__list *merge(struct evf__list *first, struct evf__list *second)
{
    struct evf__list result = { NULL, NULL }, *last = &result;
    while (first != NULL && second != NULL) {
        struct evf__list **from = deadline_of(second) < deadline_of(first) ? &second : &first;
        last->next = *from;
        last = *from;
        *from = last->next;
    }
    last->next = first != NULL ? first : second;
    return result.next;
}

/* Sorts a chain, keeping equals in their order. Runs that are in order already are merged with runs
 * of the same weight: run[i] is made of 2^i of them. One run, the usual case, costs one pass. */
static struct evf__list *sort(struct evf__list *chain)
{
    struct evf__list *runs[64] = { NULL };
    while (chain != NULL) {
        struct evf__list *run = chain, *last = chain;
        while (last->next != NULL && deadline_of(last->next) >= deadline_of(last))
            last = last->next;
        chain = last->next;
        last->next = NULL;
        unsigned i = 0;
        for (; runs[i] != NULL; i++) {
            run = merge(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }
    struct evf__list *sorted = NULL;
    for (unsigned i = 0; i < 64; i++)
        if (runs[i] != NULL)
            sorted = merge(runs[i], sorted);
    return sorted;
}

/* Makes what is overdue due, in order with what is left of the last time. */
static void collect_overdue(struct evf__wheel *wheel)
{
    if (evf__list_empty(&wheel->overdue))
        return;
    struct evf__list *chain = sort(unlink_chain(&wheel->overdue));
    if (!evf__list_empty(&wheel->due) && deadline_of(chain) < deadline_of(wheel->due.prev))
        chain = merge(unlink_chain(&wheel->due), chain);
    append_chain(&wheel->due, chain);
}

/* ---- Time ---- */

/* When the first occupied slot begins, always after `now`; UINT64_MAX when all are empty. */
static inline uint64_t first_slot(const struct evf__wheel *wheel, unsigned *ret_level,
                                  unsigned *ret_slot)
{
    for (unsigned level = 0; level < EVF__WHEEL_LEVELS; level++) {
        uint64_t bits = wheel->occupied[level];
        if (bits == 0)
            continue;
        unsigned shift = level * EVF__WHEEL_BITS;
        uint64_t tick = wheel->now >> shift;
        unsigned here = (unsigned)(tick & SLOT_MASK);
        uint64_t ahead = bits >> here | bits << ((64 - here) & 63); /* bit 0 is the present tick */
        tick += (unsigned)__builtin_ctzll(ahead);
        *ret_level = level;
        *ret_slot = (unsigned)(tick & SLOT_MASK);
        return tick << shift;
    }
    return UINT64_MAX;
}

/* Deals out a slot of a higher level whose time has come: `now` is where it begins. All lower
 * levels are empty, so what is due at once comes before everything else. */
static void cascade(struct evf__wheel *wheel, struct evf__list *slot)
{
    struct evf__list *node;
    while ((node = evf__list_take(slot)) != NULL) {
        struct evf__wheel_entry *entry = entry_of(node);
        if (entry->deadline > wheel->now)
            place(wheel, entry);
        else
            evf__list_append(&wheel->due, node);
    }
}

void evf__wheel_collect(struct evf__wheel *wheel, uint64_t now)
{
    EVF_ASSERT(now >= wheel->now && now <= TIME_MAX);
    collect_overdue(wheel);
    unsigned level = 0, slot = 0;
    uint64_t begin;
    while ((begin = first_slot(wheel, &level, &slot)) <= now) {
        struct evf__list *list = &wheel->slots[level][slot];
        wheel->now = begin;
        wheel->occupied[level] &= ~((uint64_t)1 << slot);
        if (level == 0)
            evf__list_move_all(&wheel->due, list);
        else
            cascade(wheel, list);
    }
    wheel->now = now;
}

struct evf__wheel_entry *evf__wheel_take(struct evf__wheel *wheel)
{
    struct evf__list *node = evf__list_take(&wheel->due);
    if (node == NULL)
        return NULL;
    EVF_ASSERT(wheel->count > 0);
    wheel->count--;
    return entry_of(node);
}

uint64_t evf__wheel_next(const struct evf__wheel *wheel)
{
    unsigned level = 0, slot = 0;
    if (!evf__list_empty(&wheel->due) || !evf__list_empty(&wheel->overdue))
        return wheel->now;
    return first_slot(wheel, &level, &slot);
}

static size_t clear_list(struct evf__list *head)
{
    size_t count = 0;
    while (evf__list_take(head) != NULL)
        count++;
    return count;
}

size_t evf__wheel_clear(struct evf__wheel *wheel)
{
    size_t count = clear_list(&wheel->due) + clear_list(&wheel->overdue);
    for (unsigned level = 0; level < EVF__WHEEL_LEVELS; level++)
        for (; wheel->occupied[level] != 0; wheel->occupied[level] &= wheel->occupied[level] - 1)
            count += clear_list(&wheel->slots[level][__builtin_ctzll(wheel->occupied[level])]);
    EVF_ASSERT(count == wheel->count);
    wheel->count = 0;
    return count;
}

/* ---- The check ---- */

/* The links of a list, and its length. */
static size_t check_list(const struct evf__list *head)
{
    size_t count = 0;
    const struct evf__list *node = head;
    do {
        EVF_ASSERT(node->next->prev == node);
        node = node->next;
        count++;
    } while (node != head);
    return count - 1;
}

static size_t check_slot(const struct evf__wheel *wheel, unsigned level, unsigned slot)
{
    const struct evf__list *head = &wheel->slots[level][slot];
    unsigned shift = level * EVF__WHEEL_BITS;
    uint64_t tick = wheel->now >> shift;
    tick += (slot - tick) & SLOT_MASK; /* the slot's own: the next one with this digit */
    for (const struct evf__list *node = head->next; node != head; node = node->next) {
        uint64_t deadline = deadline_of(node);
        EVF_ASSERT(deadline > wheel->now);
        EVF_ASSERT(level_for(wheel->now, deadline) == level);
        EVF_ASSERT(tick > wheel->now >> shift);
        EVF_ASSERT(level < LAST_LEVEL ? deadline >> shift == tick : deadline >> shift >= tick);
    }
    EVF_ASSERT(evf__list_empty(head) == !(wheel->occupied[level] >> slot & 1));
    return check_list(head);
}

void evf__wheel_check(const struct evf__wheel *wheel)
{
    size_t count = check_list(&wheel->due) + check_list(&wheel->overdue);
    const struct evf__list *node;
    uint64_t before = 0;
    for (node = wheel->due.next; node != &wheel->due; node = node->next) {
        EVF_ASSERT(deadline_of(node) <= wheel->now && deadline_of(node) >= before);
        before = deadline_of(node);
    }
    for (node = wheel->overdue.next; node != &wheel->overdue; node = node->next)
        EVF_ASSERT(deadline_of(node) <= wheel->now);
    for (unsigned level = 0; level < EVF__WHEEL_LEVELS; level++)
        for (unsigned slot = 0; slot < EVF__WHEEL_SLOTS; slot++)
            count += check_slot(wheel, level, slot);
    EVF_ASSERT(count == wheel->count);
}
