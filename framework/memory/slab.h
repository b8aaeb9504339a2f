/* SPDX-License-Identifier: MIT
 *
 * Objects of one size, for one worker: O(1), nothing allocated once warm.
 *
 * Objects come from chunks (32 KiB, more for large objects) and return to a free list, most
 * recently used first. Chunks are given back at fini only. Objects are not zeroed. One thread.
 */
#ifndef EVF_MEMORY_SLAB_H
#define EVF_MEMORY_SLAB_H

#include <stdbool.h>
#include <stddef.h>

#include "memory/extent.h"

struct evf__slab {
    const struct evf__extents *extents;
    size_t object_size; /* rounded up to a multiple of 16 */
    size_t in_use;
    void *free;   /* the first free object; each holds the pointer to the next */
    void *chunks; /* the newest chunk; each holds the pointer to the one before */
    bool poisons; /* set at start: EVF_DEBUG_MEMORY asks for it */
};

void evf__slab_init(struct evf__slab *slab, const struct evf__extents *extents, size_t object_size);
/* Asserts that nothing is in use. */
void evf__slab_fini(struct evf__slab *slab);

/* An object aligned to 16, its contents undefined (poisoned in debug mode); NULL without memory. */
void *evf__slab_take(struct evf__slab *slab);
/* Gives an object of this slab back; NULL is fine. */
void evf__slab_give(struct evf__slab *slab, void *object);

/* Asserts every invariant: the free list's length, its objects inside chunks, no object twice. */
void evf__slab_check(const struct evf__slab *slab);

#endif
