/* SPDX-License-Identifier: MIT
 *
 * Pages and blocks: what of memory/page.h is not inline.
 *
 * Where a page is: the current one is on no list; a page that was replaced while somebody held a
 * part of it, or while a slice of it was unsettled, is on held_pages; one that nobody holds is on
 * free_pages, most recently used first. A read page's struct comes from a slab, its memory from
 * the source. A block is one piece of memory: the struct, then the bytes. One thread.
 */
#include "memory/page.h"

#include <stdio.h>

#include "base/poison.h"
#include "base/simulated.h"
#include "memory/scribble.h"

enum {
    PAGE_ALIGNMENT = 4096,
    BLOCK_ALIGNMENT = 16,
    BLOCK_HEADER = 64, /* the struct, padded so that the bytes begin a cache line of their own */
    BLOCK_SIZE_MIN = 64,
};
_Static_assert(sizeof(struct evf_page) <= BLOCK_HEADER, "a block's bytes follow its struct");
_Static_assert(BLOCK_SIZE_MIN << (EVF__BLOCK_CLASSES - 1) == 64 * 1024, "free lists to 64 KiB");

/* Its address tells threads apart. */
static _Thread_local char here;

bool evf__pages_mine(const struct evf__pages *pool)
{
    return pool->thread == &here;
}

/* Most recently used first: what is warm in the cache is used again. */
static void push(struct evf__list *head, struct evf__list *node)
{
    evf__list_append(head->next, node);
}

void evf__pages_init(struct evf__pages *pool, const struct evf__extents *extents, size_t page_size)
{
    EVF_ASSERT(page_size >= 16 * 1024 && page_size <= 1024 * 1024);
    EVF_ASSERT((page_size & (page_size - 1)) == 0);
    *pool = (struct evf__pages){
        .extents = extents,
        .page_size = page_size,
        .poisons = evf__memory_poisons(),
        .thread = &here,
    };
#if defined(EVF__ASAN)
    pool->guards = true;
#else
    pool->guards = pool->poisons;
#endif
    evf__slab_init(&pool->headers, extents, sizeof(struct evf_page));
    evf__list_init(&pool->free_pages);
    evf__list_init(&pool->held_pages);
    evf__list_init(&pool->used_blocks);
    for (unsigned i = 0; i < EVF__BLOCK_CLASSES; i++)
        evf__list_init(&pool->free_blocks[i]);
}

/* ---- Read pages ---- */

void evf__pages_guard_free(struct evf__pages *pool, size_t from, size_t to)
{
    uint8_t *data = pool->current->data;
    if (pool->poisons)
        evf__scribble(data + from, to - from);
    evf__poison(data + from, to - from);
}

void evf__pages_guard_filled(struct evf__pages *pool, size_t len)
{
    (void)len;
    evf__poison(pool->current->data + pool->mark, pool->page_size - pool->mark);
}

static struct evf_page *page_create(struct evf__pages *pool)
{
    struct evf_page *page = evf__slab_take(&pool->headers);
    if (page == NULL)
        return NULL;
    uint8_t *bytes = evf__extent_take(pool->extents, pool->page_size, PAGE_ALIGNMENT);
    if (bytes == NULL) {
        evf__slab_give(&pool->headers, page);
        return NULL;
    }
    *page = (struct evf_page){ .data = bytes, .size = pool->page_size, .pool = pool };
    return page;
}

static void page_destroy(struct evf_page *page)
{
    struct evf__pages *pool = page->pool;
    evf__unpoison(page->data, page->size);
    evf__extent_give(pool->extents, page->data, page->size, PAGE_ALIGNMENT);
    evf__slab_give(&pool->headers, page);
}

/* A page without holds that is not the current one: to the free list, or back to the source. */
static void page_release(struct evf_page *page)
{
    struct evf__pages *pool = page->pool;
    evf__list_remove(&page->link);
    pool->pages_in_use--;
    if (pool->free_page_count == EVF__PAGES_FREE_MAX) {
        page_destroy(page);
        return;
    }
    if (pool->poisons) {
        evf__unpoison(page->data, page->size); /* what lay beyond the mark */
        evf__scribble(page->data, page->size);
    }
    evf__poison(page->data, page->size);
    push(&pool->free_pages, &page->link);
    pool->free_page_count++;
}

/* Makes a page with all of its room the current one. False without memory. */
static bool page_replace(struct evf__pages *pool)
{
    if (evf__sim_fault(EVF__FAULT_MEMORY))
        return false;
    struct evf_page *page;
    struct evf__list *node = evf__list_take(&pool->free_pages);
    if (node != NULL) {
        page = EVF__OWNER(node, struct evf_page, link);
        pool->free_page_count--;
    } else {
        page = page_create(pool);
        if (page == NULL)
            return false;
    }
    EVF_ASSERT(page->holds == 0 && page->unsettled == 0 && page->kept_end == 0);
    struct evf_page *full = pool->current;
    if (full != NULL) {
        /* Somebody looks at it: a page at which nobody does has its mark at 0. */
        EVF_ASSERT(full->holds > 0 || full->unsettled > 0);
        evf__list_append(&pool->held_pages, &full->link);
    }
    pool->current = page;
    pool->mark = 0;
    pool->pages_in_use++;
    return true;
}

uint8_t *evf__pages_room_slow(struct evf__pages *pool, size_t *ret_len)
{
    if ((pool->current == NULL || pool->page_size - pool->mark < EVF__READ_ROOM_MIN) &&
        !page_replace(pool))
        return NULL;
    uint8_t *room = pool->current->data + pool->mark;
    evf__unpoison(room, pool->page_size - pool->mark);
    *ret_len = pool->page_size - pool->mark;
    return room;
}

/* Moves the mark of the current page back as far as nobody looks. */
static void roll_back(struct evf__pages *pool, size_t mark)
{
    size_t from = pool->mark;
    EVF_ASSERT(mark <= from);
    pool->mark = mark;
    if (pool->guards)
        evf__pages_guard_free(pool, mark, from);
}

void evf__pages_settle_slow(struct evf__pages *pool, evf_slice slice)
{
    struct evf_page *page = slice.page;
    EVF_ASSERT(page->pool == pool && page->kind == 0);
    EVF_ASSERT(page->unsettled > 0);
    page->unsettled--;
    if (page != pool->current) {
        if (page->holds == 0 && page->unsettled == 0)
            page_release(page);
        return;
    }
    size_t start = (size_t)(slice.data - page->data);
    if (page->unsettled == 0)
        roll_back(pool, page->kept_end);
    else if (start + slice.len == pool->mark) /* the last one; the others lie before it */
        roll_back(pool, start > page->kept_end ? start : page->kept_end);
}

/* A read page has lost its last hold. */
static void page_unheld(struct evf_page *page)
{
    struct evf__pages *pool = page->pool;
    page->kept_end = 0;
    if (page->unsettled > 0)
        return; /* settling does the rest */
    if (page == pool->current)
        roll_back(pool, 0);
    else
        page_release(page);
}

/* ---- Blocks ---- */

static size_t block_size(unsigned kind)
{
    return (size_t)BLOCK_SIZE_MIN << (kind - 1);
}

static struct evf_page *block_create(struct evf__pages *pool, unsigned kind)
{
    size_t size = block_size(kind);
    struct evf_page *block = evf__extent_take(pool->extents, BLOCK_HEADER + size, BLOCK_ALIGNMENT);
    if (block != NULL)
        *block = (struct evf_page){
            .data = (uint8_t *)block + BLOCK_HEADER,
            .size = size,
            .pool = pool,
            .kind = (uint8_t)kind,
        };
    return block;
}

static void block_destroy(struct evf_page *block)
{
    const struct evf__extents *extents = block->pool->extents;
    size_t size = block->size;
    evf__unpoison(block->data, size);
    evf__extent_give(extents, block, BLOCK_HEADER + size, BLOCK_ALIGNMENT);
}

struct evf_page *evf__block_take(struct evf__pages *pool, size_t capacity)
{
    if (capacity > EVF__BLOCK_MAX || evf__sim_fault(EVF__FAULT_MEMORY))
        return NULL;
    unsigned kind = 1;
    if (capacity > BLOCK_SIZE_MIN)
        kind += (unsigned)(64 - __builtin_clzll(capacity - 1)) - 6; /* 64 is 1 << 6 */
    struct evf_page *block;
    struct evf__list *node =
        kind <= EVF__BLOCK_CLASSES ? evf__list_take(&pool->free_blocks[kind - 1]) : NULL;
    if (node != NULL) {
        block = EVF__OWNER(node, struct evf_page, link);
        pool->free_block_count[kind - 1]--;
        evf__unpoison(block->data, block->size);
        if (pool->poisons)
            evf__scribble_verify(block->data, block->size);
    } else {
        block = block_create(pool, kind);
        if (block == NULL)
            return NULL;
    }
    EVF_ASSERT(block->holds == 0);
    block->holds = 1;
    evf__list_append(&pool->used_blocks, &block->link);
    pool->blocks_in_use++;
    return block;
}

/* A block has lost its last hold. */
static void block_release(struct evf_page *block)
{
    struct evf__pages *pool = block->pool;
    unsigned class = block->kind - 1u;
    evf__list_remove(&block->link);
    pool->blocks_in_use--;
    if (class >= EVF__BLOCK_CLASSES || pool->free_block_count[class] == EVF__BLOCKS_FREE_MAX) {
        block_destroy(block);
        return;
    }
    if (pool->poisons)
        evf__scribble(block->data, block->size);
    evf__poison(block->data, block->size);
    push(&pool->free_blocks[class], &block->link);
    pool->free_block_count[class]++;
}

void evf__page_drop(struct evf_page *page)
{
    EVF_RULE(page->holds > 0, "no slice is dropped more often than it was kept");
    if (--page->holds > 0)
        return;
    if (page->kind == 0)
        page_unheld(page);
    else
        block_release(page);
}

/* ---- The end ---- */

void evf__pages_fini(struct evf__pages *pool)
{
    struct evf_page *current = pool->current;
    bool current_used = current != NULL && (current->holds > 0 || current->unsettled > 0);
    size_t held = pool->pages_in_use - (current != NULL && !current_used);
    if (held > 0 || pool->blocks_in_use > 0) {
        char what[160];
        snprintf(what, sizeof what,
                 "every slice is dropped before its worker ends: %zu pages and %zu blocks are held",
                 held, pool->blocks_in_use);
        evf__assert_failed(what, __FILE__, __LINE__, __func__);
    }
    struct evf__list *node;
    while ((node = evf__list_take(&pool->free_pages)) != NULL)
        page_destroy(EVF__OWNER(node, struct evf_page, link));
    if (current != NULL)
        page_destroy(current);
    for (unsigned i = 0; i < EVF__BLOCK_CLASSES; i++)
        while ((node = evf__list_take(&pool->free_blocks[i])) != NULL)
            block_destroy(EVF__OWNER(node, struct evf_page, link));
    evf__slab_fini(&pool->headers);
    pool->current = NULL;
    pool->mark = pool->pages_in_use = pool->free_page_count = 0;
}

/* ---- The check ---- */

static void check_page(const struct evf__pages *pool, const struct evf_page *page)
{
    EVF_ASSERT(page->pool == pool && page->kind == 0 && page->size == pool->page_size);
    EVF_ASSERT((uintptr_t)page->data % PAGE_ALIGNMENT == 0);
    EVF_ASSERT(page->kept_end <= page->size);
    EVF_ASSERT(page->holds > 0 || page->kept_end == 0);
}

static void check_current(const struct evf__pages *pool)
{
    const struct evf_page *page = pool->current;
    check_page(pool, page);
    EVF_ASSERT(!evf__list_on(&page->link));
    EVF_ASSERT(pool->mark <= pool->page_size && pool->mark >= page->kept_end);
    EVF_ASSERT(page->unsettled > 0 || pool->mark == page->kept_end);
}

static void check_block(const struct evf__pages *pool, const struct evf_page *block)
{
    EVF_ASSERT(block->pool == pool && block->kind > 0);
    EVF_ASSERT(block->data == (const uint8_t *)block + BLOCK_HEADER);
    EVF_ASSERT(block->size == block_size(block->kind) && block->size <= EVF__BLOCK_MAX);
    EVF_ASSERT(block->unsettled == 0 && block->kept_end == 0);
}

static void check_blocks(const struct evf__pages *pool)
{
    size_t used = 0;
    const struct evf__list *node;
    for (node = pool->used_blocks.next; node != &pool->used_blocks; node = node->next, used++) {
        const struct evf_page *block = EVF__OWNER(node, struct evf_page, link);
        check_block(pool, block);
        EVF_ASSERT(block->holds > 0);
    }
    EVF_ASSERT(used == pool->blocks_in_use);
    for (unsigned i = 0; i < EVF__BLOCK_CLASSES; i++) {
        const struct evf__list *head = &pool->free_blocks[i];
        size_t count = 0;
        for (node = head->next; node != head; node = node->next, count++) {
            const struct evf_page *block = EVF__OWNER(node, struct evf_page, link);
            check_block(pool, block);
            EVF_ASSERT(block->holds == 0 && block->kind == i + 1);
        }
        EVF_ASSERT(count == pool->free_block_count[i] && count <= EVF__BLOCKS_FREE_MAX);
    }
}

void evf__pages_check(const struct evf__pages *pool)
{
    size_t in_use = 0, free_count = 0;
    const struct evf__list *node;
    if (pool->current != NULL) {
        check_current(pool);
        in_use++;
    } else {
        EVF_ASSERT(pool->mark == 0);
    }
    for (node = pool->held_pages.next; node != &pool->held_pages; node = node->next, in_use++) {
        const struct evf_page *page = EVF__OWNER(node, struct evf_page, link);
        check_page(pool, page);
        EVF_ASSERT(page != pool->current && (page->holds > 0 || page->unsettled > 0));
    }
    for (node = pool->free_pages.next; node != &pool->free_pages; node = node->next, free_count++) {
        const struct evf_page *page = EVF__OWNER(node, struct evf_page, link);
        check_page(pool, page);
        EVF_ASSERT(page->holds == 0 && page->unsettled == 0);
    }
    EVF_ASSERT(in_use == pool->pages_in_use);
    EVF_ASSERT(free_count == pool->free_page_count && free_count <= EVF__PAGES_FREE_MAX);
    EVF_ASSERT(pool->headers.in_use == in_use + free_count);
    evf__slab_check(&pool->headers);
    check_blocks(pool);
}
