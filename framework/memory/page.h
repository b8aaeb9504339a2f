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
 * The mark may roll back only over what nobody holds: a page remembers the end of the highest part
 * that was kept since it had no hold (`kept_end`), and never rolls back below it. A page without
 * any hold starts at 0 again.
 *
 * Blocks are the same struct evf_page for a memory of any size: small kept slices, unconsumed
 * input, queued copies, evf_slice_new. They start with one hold, have power-of-two capacities from
 * 64 bytes, and free lists per size up to 64 KiB; larger ones go straight back to the source.
 *
 * One thread. The struct evf_page of a page or block never moves.
 */
#ifndef EVF_MEMORY_PAGE_H
#define EVF_MEMORY_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <evframe/slice.h>

#include "base/list.h"
#include "memory/extent.h"
#include "memory/slab.h"

struct evf__pages;

struct evf_page {
    uint8_t *data;
    size_t size; /* bytes at data */
    struct evf__pages *pool;
    uint32_t holds;
    uint32_t kept_end; /* of a read page; see above */
    uint8_t kind;      /* a read page, or a block of size class kind - 1; private to page.c */
    struct evf__list link;
};

enum { EVF__BLOCK_CLASSES = 11 }; /* 64 bytes … 64 KiB */

struct evf__pages {
    const struct evf__extents *extents;
    size_t page_size;
    struct evf_page *current; /* NULL until the first read */
    size_t mark;              /* fill mark of the current page */
    struct evf__slab headers; /* struct evf_page of read pages */
    struct evf__list free_pages, held_pages, used_blocks;
    struct evf__list free_blocks[EVF__BLOCK_CLASSES];
    size_t pages_in_use; /* current and held ones */
    size_t blocks_in_use;
    size_t free_page_count;
    size_t free_block_count[EVF__BLOCK_CLASSES];
};

/* page_size is a power of two from 16 KiB to 1 MiB. */
void evf__pages_init(struct evf__pages *pool, const struct evf__extents *extents, size_t page_size);
/* Asserts that no page is held and no block in use, naming the count. */
void evf__pages_fini(struct evf__pages *pool);

/* Where the next read may go: at least EVF__READ_ROOM_MIN bytes. NULL without memory. */
uint8_t *evf__pages_room(struct evf__pages *pool, size_t *ret_len);
/* len bytes were received there: gives the slice (without a hold) and moves the mark behind it. */
evf_slice evf__pages_filled(struct evf__pages *pool, size_t len);
/* The callback that got this slice (from `filled`; nothing was read since) has returned: rolls the
 * mark back over what nobody holds. */
void evf__pages_settle(struct evf__pages *pool, evf_slice slice);

/* A block of at least `capacity` bytes with one hold; NULL without memory, or above 1 GiB. */
struct evf_page *evf__block_take(struct evf__pages *pool, size_t capacity);

/* Any page or block. Dropping the last hold frees it. */
static inline void evf__page_hold(struct evf_page *page)
{
    page->holds++;
}
void evf__page_drop(struct evf_page *page);

/* What evf_slice_new does, for a pool. */
int evf__slice_new(struct evf__pages *pool, const void *data, size_t len, evf_slice *ret);

/* Asserts every invariant of the pool. */
void evf__pages_check(const struct evf__pages *pool);

#endif
