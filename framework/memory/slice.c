/* SPDX-License-Identifier: MIT
 *
 * Slices: keeping, dropping, cutting and making them.
 *
 * A small slice of a read page is copied when it is kept, so that a byte cannot pin a page; only
 * where there is no memory for the copy the page is held after all, so that keeping cannot fail.
 * The worker's thread.
 */
#include <evframe/slice.h>

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "memory/page.h"

/* Where empty slices of no page point: never read. */
static const uint8_t nothing[1];

/* A part of a page that may be used lies in what was read and is not given up. */
const char *evf__slice_broken_rule(evf_slice slice)
{
    static const char late[] = "a slice is used, or kept, before its callback returns or its last "
                               "hold is dropped";
    const struct evf_page *page = slice.page;
    if (page->holds == 0 && page->unsettled == 0)
        return late;
    uintptr_t start = (uintptr_t)slice.data - (uintptr_t)page->data;
    if (start > page->size || slice.len > page->size - start)
        return "a slice lies inside its page";
    if (page == page->pool->current && start + slice.len > page->pool->mark)
        return late;
    return NULL;
}

evf_slice evf_slice_keep(evf_slice slice)
{
    struct evf_page *page = slice.page;
    if (page == NULL)
        return slice;
    if (page->kind == 0 && slice.len == 0)
        return (evf_slice){ .data = nothing };
    EVF_DEBUG_RULE(evf__pages_mine(page->pool), "a slice is kept on its own worker's thread");
    const char *broken = evf__slice_broken_rule(slice);
    if (broken != NULL)
        evf__assert_failed(broken, __FILE__, __LINE__, __func__);
    if (page->kind == 0 && slice.len < EVF__SLICE_COPY_BELOW) {
        struct evf_page *block = evf__block_take(page->pool, slice.len);
        if (block != NULL) {
            memcpy(block->data, slice.data, slice.len);
            return (evf_slice){ .data = block->data, .len = slice.len, .page = block };
        }
    }
    evf__slice_hold(slice);
    return slice;
}

void evf_slice_drop(evf_slice slice)
{
    if (slice.page == NULL)
        return;
    EVF_DEBUG_RULE(evf__pages_mine(slice.page->pool),
                   "a slice is dropped on its own worker's thread");
    EVF_DEBUG_RULE(slice.page->holds > 0, "no slice is dropped more often than it was kept");
    evf__page_drop(slice.page);
}

evf_slice evf_slice_sub(evf_slice slice, size_t offset, size_t len)
{
    EVF_RULE(offset <= slice.len && len <= slice.len - offset,
             "a part of a slice lies inside the slice");
    return (evf_slice){ .data = slice.data + offset, .len = len, .page = slice.page };
}

int evf__slice_new(struct evf__pages *pool, const void *data, size_t len, evf_slice *ret)
{
    if (len > EVF__BLOCK_MAX)
        return -EMSGSIZE;
    struct evf_page *block = evf__block_take(pool, len);
    if (block == NULL)
        return -ENOMEM;
    if (len > 0)
        memcpy(block->data, data, len);
    *ret = (evf_slice){ .data = block->data, .len = len, .page = block };
    return 0;
}
