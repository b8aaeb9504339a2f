/* SPDX-License-Identifier: MIT
 *
 * The timeout wheel; see wheel.h.
 *
 * Times are written as numbers whose digits have EVF__WHEEL_BITS bits. An entry is placed in the
 * level of the highest digit in which its deadline differs from `at`, in the slot of its deadline's
 * digit there: a slot of level 0 holds a single millisecond; all of a level comes before all of the
 * next; and within a level slots come in their own order, always behind the digit of `at`. The
 * earliest entries are therefore in the first slot of the lowest level that is not empty, and bit
 * scans find it, however far away it is.
 *
 * The last level has no digits above it. It is a ring: its slots stand for the ticks after the
 * present one, and what lies further off waits in the furthest of them.
 *
 * Taking turns the wheel, from one occupied slot to the next: a slot of level 0 is taken from as it
 * is, a slot of a higher level is dealt out to the levels below. Turning it past empty slots
 * changes no entry's place, so empty time costs nothing.
 *
 * An entry may lie in an earlier slot than its deadline asks for, never in a later one: when it was
 * started anew for later it stayed. It is placed again when the slot's time has come.
 *
 * The bit of a slot that was emptied by stopping stays until a scan meets it, so that an entry is
 * unlinked by two stores.
 */
#include "time/wheel_inside.h"

enum { LAST_LEVEL = EVF__WHEEL_LEVELS - 1, LEVEL_WORDS = EVF__WHEEL_SLOTS / 64 };

_Static_assert(EVF__WHEEL_SLOTS % 64 == 0, "a level's bits fill whole words");
_Static_assert(EVF__WHEEL_PLACES < 1 << 11, "struct evf__wheel_entry has 11 bits for a place");
_Static_assert((EVF__WHEEL_LANES & (EVF__WHEEL_LANES - 1)) == 0, "lanes are counted by a mask");
_Static_assert(sizeof(struct evf__wheel_entry) == 24, "part of struct evf_timer, for ever");

void evf__wheel_init(struct evf__wheel *wheel, uint64_t now)
{
    EVF_ASSERT(now <= EVF__WHEEL_TIME_MAX);
    *wheel = (struct evf__wheel){ .now = now, .at = now };
    evf__list_init(&wheel->overdue);
    evf__list_init(&wheel->late);
    for (unsigned place = 0; place < EVF__WHEEL_PLACES; place++)
        for (unsigned lane = 0; lane < EVF__WHEEL_LANES; lane++)
            evf__list_init(&wheel->slots[place].lanes[lane]);
}

/* Where a deadline at or after `at` belongs. */
static inline unsigned place_for(const struct evf__wheel *wheel, uint64_t deadline)
{
    unsigned highest = 63 - (unsigned)__builtin_clzll((deadline ^ wheel->at) | 1);
    unsigned level = highest / EVF__WHEEL_BITS;
    if (__builtin_expect(level >= LAST_LEVEL, 0)) {
        uint64_t tick = deadline >> (LAST_LEVEL * EVF__WHEEL_BITS);
        uint64_t furthest = (wheel->at >> (LAST_LEVEL * EVF__WHEEL_BITS)) + EVF__WHEEL_MASK;
        tick = tick > furthest ? furthest : tick;
        return LAST_LEVEL * EVF__WHEEL_SLOTS + (unsigned)(tick & EVF__WHEEL_MASK);
    }
    uint64_t digit = deadline >> (level * EVF__WHEEL_BITS) & EVF__WHEEL_MASK;
    return level * EVF__WHEEL_SLOTS + (unsigned)digit;
}

static inline void append(struct evf__list *head, struct evf__list *node)
{
    struct evf__list *last = head->prev;
    node->next = head;
    last->next = node;
    node->prev = last;
    head->prev = node;
}

static inline void set(struct evf__wheel_entry *entry, uint64_t deadline, unsigned place)
{
    entry->word = deadline << 19 | (uint64_t)place << 8 | (uint8_t)entry->word;
}

/* Puts an entry that is on no list, and whose deadline is not before `at`, into its slot. */
static inline void put(struct evf__wheel *wheel, struct evf__wheel_entry *entry, uint64_t deadline)
{
    unsigned place = place_for(wheel, deadline);
    unsigned lane = wheel->next_lane[place]++ % EVF__WHEEL_LANES;
    set(entry, deadline, place);
    append(&wheel->slots[place].lanes[lane], &entry->link);
    wheel->occupied[place / 64] |= (uint64_t)1 << place % 64;
}

static inline void unlink_entry(struct evf__wheel_entry *entry)
{
    struct evf__list *next = entry->link.next, *prev = entry->link.prev;
    next->prev = prev;
    prev->next = next;
}

void evf__wheel_start(struct evf__wheel *wheel, struct evf__wheel_entry *entry, uint64_t deadline)
{
    EVF_ASSERT(deadline <= EVF__WHEEL_TIME_MAX);
    bool ahead = deadline > wheel->now;
    if (evf__wheel_running(entry)) {
        unsigned place = entry->place;
        if (ahead && place != EVF__WHEEL_PLACES && deadline >= evf__wheel_begin(wheel, place)) {
            set(entry, deadline, place);
            return;
        }
        unlink_entry(entry);
    } else {
        wheel->count++;
    }
    if (__builtin_expect(ahead, 1)) {
        put(wheel, entry, deadline);
        return;
    }
    set(entry, deadline, EVF__WHEEL_PLACES);
    append(&wheel->overdue, &entry->link);
}

void evf__wheel_stop(struct evf__wheel *wheel, struct evf__wheel_entry *entry)
{
    if (!evf__wheel_running(entry))
        return;
    EVF_ASSERT(wheel->count > 0);
    wheel->count--;
    unlink_entry(entry);
    entry->link.next = entry->link.prev = NULL;
}

/* ---- Turning ---- */

static inline bool slot_empty(const struct evf__wheel_slot *slot)
{
    for (unsigned lane = 0; lane < EVF__WHEEL_LANES; lane++)
        if (!evf__list_empty(&slot->lanes[lane]))
            return false;
    return true;
}

static inline void mark_empty(struct evf__wheel *wheel, unsigned place)
{
    wheel->occupied[place / 64] &= ~((uint64_t)1 << place % 64);
    wheel->next_lane[place] = 0;
}

/* The first marked slot of a level from `digit` on, its number within the level; else SLOTS. */
static inline unsigned first_marked(const uint64_t *words, unsigned digit)
{
    unsigned word = digit / 64;
    uint64_t bits = words[word] & ~(uint64_t)0 << digit % 64;
    while (bits == 0) {
        if (++word == LEVEL_WORDS)
            return EVF__WHEEL_SLOTS;
        bits = words[word];
    }
    return word * 64 + (unsigned)__builtin_ctzll(bits);
}

/* When the first slot begins that holds something, at or after `at`; UINT64_MAX when none does. */
static uint64_t first_slot(struct evf__wheel *wheel, unsigned *ret_place)
{
    for (unsigned level = 0; level < EVF__WHEEL_LEVELS; level++) {
        const uint64_t *words = &wheel->occupied[level * LEVEL_WORDS];
        unsigned here = (unsigned)(wheel->at >> level * EVF__WHEEL_BITS & EVF__WHEEL_MASK);
        for (unsigned digit; (digit = first_marked(words, here)) < EVF__WHEEL_SLOTS ||
                             (level == LAST_LEVEL && (digit = first_marked(words, 0)) < here);) {
            unsigned place = level * EVF__WHEEL_SLOTS + digit;
            if (!slot_empty(&wheel->slots[place])) {
                *ret_place = place;
                return evf__wheel_begin(wheel, place);
            }
            mark_empty(wheel, place);
        }
    }
    return UINT64_MAX;
}

/* Deals out a slot of a higher level whose time has come: `at` is where it begins. All lower levels
 * are empty. The lanes are walked in turns, the next of each fetched meanwhile. */
static void cascade(struct evf__wheel *wheel, struct evf__wheel_slot *slot)
{
    struct evf__list *next[EVF__WHEEL_LANES];
    unsigned walked = 0;
    for (unsigned lane = 0; lane < EVF__WHEEL_LANES; lane++) {
        struct evf__list *head = &slot->lanes[lane];
        __builtin_prefetch(head->next, 1);
        next[lane] = head->next;
        head->prev->next = NULL;
        evf__list_init(head);
        if (next[lane] == head)
            next[lane] = NULL;
        else
            walked++;
    }
    while (walked > 0) {
        walked = 0;
        for (unsigned lane = 0; lane < EVF__WHEEL_LANES; lane++) {
            struct evf__list *node = next[lane];
            if (node == NULL)
                continue;
            next[lane] = node->next;
            __builtin_prefetch(node->next, 1);
            put(wheel, evf__wheel_entry_of(node), evf__wheel_deadline(node));
            walked++;
        }
    }
}

/* Turns the wheel to the next slot that holds something. False when that comes after `now`. */
static bool turn(struct evf__wheel *wheel)
{
    unsigned place = 0;
    uint64_t begin = first_slot(wheel, &place);
    wheel->lane = 0;
    if (begin > wheel->now) {
        wheel->at = wheel->now;
        return false;
    }
    wheel->at = begin;
    mark_empty(wheel, place);
    if (place >= EVF__WHEEL_SLOTS)
        cascade(wheel, &wheel->slots[place]);
    return true;
}

/* Takes the next node off the slot of `at`, from its lanes in turns; NULL when it is empty. */
static inline struct evf__list *take_node(struct evf__wheel *wheel)
{
    struct evf__wheel_slot *slot = &wheel->slots[wheel->at & EVF__WHEEL_MASK];
    for (unsigned i = 0; i < EVF__WHEEL_LANES; i++) {
        struct evf__list *head = &slot->lanes[wheel->lane++ % EVF__WHEEL_LANES];
        struct evf__list *node = head->next;
        if (node == head)
            continue;
        head->next = node->next;
        node->next->prev = head; /* and so it is fetched, until the lane's turn comes again */
        node->next = node->prev = NULL;
        return node;
    }
    return NULL;
}

void evf__wheel_collect(struct evf__wheel *wheel, uint64_t now)
{
    EVF_ASSERT(now >= wheel->now && now <= EVF__WHEEL_TIME_MAX);
    struct evf__list ahead, *node;
    evf__list_init(&ahead);
    evf__wheel_sort_overdue(wheel, &ahead);
    while ((node = evf__list_take(&ahead)) != NULL)
        put(wheel, evf__wheel_entry_of(node), evf__wheel_deadline(node));
    wheel->now = now;
}

struct evf__wheel_entry *evf__wheel_take(struct evf__wheel *wheel)
{
    struct evf__list *node = evf__list_take(&wheel->late);
    while (node == NULL) {
        node = take_node(wheel);
        if (node == NULL) {
            if (!turn(wheel))
                return NULL;
        } else if (evf__wheel_deadline(node) > wheel->at) {
            put(wheel, evf__wheel_entry_of(node), evf__wheel_deadline(node));
            node = NULL;
        }
    }
    EVF_ASSERT(wheel->count > 0);
    wheel->count--;
    return evf__wheel_entry_of(node);
}

uint64_t evf__wheel_next(struct evf__wheel *wheel)
{
    unsigned place = 0;
    if (!evf__list_empty(&wheel->late) || !evf__list_empty(&wheel->overdue) ||
        !slot_empty(&wheel->slots[wheel->at & EVF__WHEEL_MASK]))
        return wheel->now;
    return first_slot(wheel, &place);
}

/* ---- Clearing ---- */

static size_t clear_list(struct evf__wheel *wheel, struct evf__list *head, uintptr_t begin,
                         size_t size)
{
    size_t count = 0;
    struct evf__list *next;
    for (struct evf__list *node = head->next; node != head; node = next) {
        next = node->next;
        if ((uintptr_t)evf__wheel_entry_of(node) - begin >= size)
            continue;
        evf__wheel_stop(wheel, evf__wheel_entry_of(node));
        count++;
    }
    return count;
}

static size_t clear(struct evf__wheel *wheel, uintptr_t begin, size_t size)
{
    size_t count = clear_list(wheel, &wheel->late, begin, size);
    count += clear_list(wheel, &wheel->overdue, begin, size);
    for (unsigned place = 0; place < EVF__WHEEL_PLACES; place++)
        for (unsigned lane = 0; lane < EVF__WHEEL_LANES; lane++)
            count += clear_list(wheel, &wheel->slots[place].lanes[lane], begin, size);
    return count;
}

size_t evf__wheel_clear_within(struct evf__wheel *wheel, const void *memory, size_t size)
{
    return clear(wheel, (uintptr_t)memory, size);
}

size_t evf__wheel_clear(struct evf__wheel *wheel)
{
    size_t count = clear(wheel, 0, SIZE_MAX);
    EVF_ASSERT(wheel->count == 0);
    return count;
}
