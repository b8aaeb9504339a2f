/* SPDX-License-Identifier: MIT
 *
 * A worker's pages and blocks: the memory behind slices.
 *
 * The current page. Reads go into it at the fill mark: ask for room, receive, tell how much came
 * (`filled` gives the slice and moves the mark), present the slice, then settle: where nobody kept
 * it the mark rolls back over it, so that a worker whose handlers keep nothing uses the same few
 * lines for ever. When somebody kept it the next read goes behind. A page whose room is below
 * EVF__READ_ROOM_MIN is replaced; it returns to the free list when its last hold is dropped.
 *
 * What may be overwritten. A byte of a page is safe while it lies in
 *   - a slice that was given by `filled` and is not settled yet (`unsettled` counts them), or
 *   - the part below `kept_end`, the end of the highest slice that was kept since the page had no
 *     hold. A page without any hold has a kept_end of 0.
 * So the mark of the current page is kept_end whenever no slice is unsettled, and never below it.
 * A slice that a callback drops is not gone before that callback's own slice is settled, and one
 * that it keeps is safe whatever older slice of the page it drops before or after.
 *
 * Blocks are the same struct evf_page for a memory of any size: small kept slices, unconsumed
 * input, queued copies, evf_slice_new. They start with one hold, have power-of-two capacities from
 * 64 bytes, and free lists per size up to 64 KiB; larger ones go straight back to the source.
 *
 * Under ASan, and with EVF_DEBUG_MEMORY=poison, what is free of a page and in a free block is
 * poisoned: a slice that is used after its callback without having been kept is found.
 *
 * One thread. The struct evf_page of a page or block never moves.
 */
#ifndef EVF_MEMORY_PAGE_H
#define EVF_MEMORY_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <evframe/slice.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/list.h"
#include "memory/extent.h"
#include "memory/slab.h"

struct evf__pages;

struct evf_page {
    uint8_t *data;
    size_t size; /* bytes at data */
    struct evf__pages *pool;
    uint32_t holds;
    uint32_t kept_end;  /* of a read page; see above */
    uint32_t unsettled; /* of a read page: slices given by `filled` and not yet settled */
    uint8_t kind;       /* 0: a read page; else a block of 32 << kind bytes */
    struct evf__list link;
};

enum { EVF__BLOCK_CLASSES = 11 }; /* 64 bytes … 64 KiB */

struct evf__pages {
    const struct evf__extents *extents;
    size_t page_size;
    struct evf_page *current; /* NULL until the first read */
    size_t mark;              /* fill mark of the current page */
    bool guards;              /* free memory is watched: ASan or poisoning */
    bool poisons;
    struct evf__slab headers; /* struct evf_page of read pages */
    struct evf__list free_pages, held_pages, used_blocks;
    struct evf__list free_blocks[EVF__BLOCK_CLASSES];
    size_t pages_in_use; /* current and held ones */
    size_t blocks_in_use;
    size_t free_page_count;
    size_t free_block_count[EVF__BLOCK_CLASSES];
    const void *thread; /* whose they are: see evf__pages_mine */
};

/* page_size is a power of two from 16 KiB to 1 MiB. */
void evf__pages_init(struct evf__pages *pool, const struct evf__extents *extents, size_t page_size);
/* Asserts that no page is held and no block in use, naming the count. */
void evf__pages_fini(struct evf__pages *pool);

/* The parts of the inline functions below that are seldom needed; for them alone. */
uint8_t *evf__pages_room_slow(struct evf__pages *pool, size_t *ret_len);
void evf__pages_guard_filled(struct evf__pages *pool, size_t len);
void evf__pages_settle_slow(struct evf__pages *pool, evf_slice slice);
void evf__pages_guard_free(struct evf__pages *pool, size_t from, size_t to);

/* Where the next read may go: at least EVF__READ_ROOM_MIN bytes. NULL without memory. */
static inline uint8_t *evf__pages_room(struct evf__pages *pool, size_t *ret_len)
{
    size_t room = pool->page_size - pool->mark;
    if (__builtin_expect(pool->current == NULL || room < EVF__READ_ROOM_MIN || pool->guards, 0))
        return evf__pages_room_slow(pool, ret_len);
    *ret_len = room;
    return pool->current->data + pool->mark;
}

/* len bytes were received there: gives the slice (without a hold) and moves the mark behind it.
 * Every slice must be settled once. */
static inline evf_slice evf__pages_filled(struct evf__pages *pool, size_t len)
{
    struct evf_page *page = pool->current;
    EVF_ASSERT(page != NULL && len <= pool->page_size - pool->mark);
    evf_slice slice = { .data = page->data + pool->mark, .len = len, .page = page };
    pool->mark += len;
    page->unsettled++;
    if (__builtin_expect(pool->guards, 0))
        evf__pages_guard_filled(pool, len);
    return slice;
}

/* The callback that got this slice (from `filled`) has returned: rolls the mark back over what
 * nobody holds. Where several slices are unsettled they may be settled in any order, each as a
 * whole; the mark rolls back as far as the others allow. */
static inline void evf__pages_settle(struct evf__pages *pool, evf_slice slice)
{
    struct evf_page *page = slice.page;
    if (__builtin_expect(page != pool->current || page->unsettled != 1, 0)) {
        evf__pages_settle_slow(pool, slice);
        return;
    }
    size_t mark = pool->mark;
    page->unsettled = 0;
    pool->mark = page->kept_end;
    if (__builtin_expect(pool->guards, 0))
        evf__pages_guard_free(pool, pool->mark, mark);
}

/* A block of at least `capacity` bytes with one hold; NULL without memory, or above 1 GiB. */
struct evf_page *evf__block_take(struct evf__pages *pool, size_t capacity);

/* One hold more for all that the page holds now. Of a read page that is everything up to the mark:
 * to hold a slice, use evf__slice_hold. */
static inline void evf__page_hold(struct evf_page *page)
{
    EVF_DEBUG_ASSERT(page->holds > 0 || page->unsettled > 0);
    page->holds++;
    if (page->kind == 0 && page == page->pool->current)
        page->kept_end = (uint32_t)page->pool->mark;
}

/* Holds exactly the slice's bytes, never by copying. The page must not be NULL. Pairs with
 * evf__page_drop. */
static inline void evf__slice_hold(evf_slice slice)
{
    struct evf_page *page = slice.page;
    EVF_DEBUG_ASSERT(page->holds > 0 || page->unsettled > 0);
    page->holds++;
    if (page->kind == 0) {
        uint32_t end = (uint32_t)(slice.data + slice.len - page->data);
        if (page->kept_end < end)
            page->kept_end = end;
    }
}

/* Any page or block. Dropping the last hold frees it. */
void evf__page_drop(struct evf_page *page);

/* What evf_slice_new does, for a pool. */
int evf__slice_new(struct evf__pages *pool, const void *data, size_t len, evf_slice *ret);

/* True on the thread that the pool was made on. */
bool evf__pages_mine(const struct evf__pages *pool);

/* The rule that the use of a slice would break, or NULL. Its page must not be NULL. */
const char *evf__slice_broken_rule(evf_slice slice);

/* In debug builds asserts that a slice may be used here, in the name of the public function. */
#if defined(EVF_DEBUG_CHECKS)
#define EVF__SLICE_RULES(slice)                                                                    \
    do {                                                                                           \
        EVF_RULE(evf__pages_mine((slice).page->pool), "a slice is used on its own worker only");   \
        const char *broken_ = evf__slice_broken_rule(slice);                                       \
        if (broken_ != NULL)                                                                       \
            evf__assert_failed(broken_, __FILE__, __LINE__, __func__);                             \
    } while (0)
#else
#define EVF__SLICE_RULES(slice) ((void)0)
#endif

/* Asserts every invariant of the pool. */
void evf__pages_check(const struct evf__pages *pool);

#endif
