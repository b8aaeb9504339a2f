/* SPDX-License-Identifier: MIT
 *
 * Object slabs: chunks cut into objects, and a free list through the objects themselves.
 *
 * A chunk begins with a pointer to the chunk before it; the objects follow. A free object's first
 * word is the pointer to the next free one. All chunks of a slab have the same size. One thread.
 */
#include "memory/slab.h"

#include <stdint.h>

#include "base/assert.h"
#include "base/poison.h"
#include "base/simulated.h"
#include "memory/scribble.h"

enum {
    OBJECT_ALIGNMENT = 16,
    CHUNK_HEADER = OBJECT_ALIGNMENT, /* the pointer to the chunk before, padded */
    CHUNK_ALIGNMENT = 16,
    CHUNK_SIZE = 32 * 1024,

    /* The least number of objects in a chunk: large objects have larger chunks, so that what a
     * chunk does not use at its end stays below an eighth. */
    CHUNK_OBJECTS_MIN = 8,
};

static size_t chunk_size(const struct evf__slab *slab)
{
    size_t least = CHUNK_HEADER + CHUNK_OBJECTS_MIN * slab->object_size;
    return least > CHUNK_SIZE ? least : CHUNK_SIZE;
}

static size_t objects_per_chunk(const struct evf__slab *slab)
{
    return (chunk_size(slab) - CHUNK_HEADER) / slab->object_size;
}

/* Puts an object on the free list; nobody may touch it then. */
static void release(struct evf__slab *slab, void *object)
{
    if (slab->poisons)
        evf__scribble(object, slab->object_size);
    *(void **)object = slab->free;
    slab->free = object;
    evf__poison(object, slab->object_size);
}

static bool grow(struct evf__slab *slab)
{
    size_t size = chunk_size(slab);
    void **chunk = evf__extent_take(slab->extents, size, CHUNK_ALIGNMENT);
    if (chunk == NULL)
        return false;
    *chunk = slab->chunks;
    slab->chunks = chunk;
    char *objects = (char *)chunk + CHUNK_HEADER;
    for (size_t i = objects_per_chunk(slab); i-- > 0;) /* backwards: taken in order of address */
        release(slab, objects + i * slab->object_size);
    EVF_ASSERT(slab->free != NULL);
    return true;
}

void evf__slab_init(struct evf__slab *slab, const struct evf__extents *extents, size_t object_size)
{
    EVF_ASSERT(object_size > 0 && object_size < SIZE_MAX / 16);
    *slab = (struct evf__slab){
        .extents = extents,
        .object_size = (object_size + OBJECT_ALIGNMENT - 1) & ~(size_t)(OBJECT_ALIGNMENT - 1),
        .poisons = evf__memory_poisons(),
    };
}

void evf__slab_fini(struct evf__slab *slab)
{
    EVF_ASSERT(slab->in_use == 0);
    size_t size = chunk_size(slab);
    while (slab->chunks != NULL) {
        void *chunk = slab->chunks;
        slab->chunks = *(void **)chunk;
        evf__unpoison(chunk, size);
        evf__extent_give(slab->extents, chunk, size, CHUNK_ALIGNMENT);
    }
    slab->free = NULL;
}

void *evf__slab_take(struct evf__slab *slab)
{
    if (evf__sim_fault(EVF__FAULT_MEMORY))
        return NULL;
    if (__builtin_expect(slab->free == NULL, 0) && !grow(slab))
        return NULL;
    void *object = slab->free;
    evf__unpoison(object, slab->object_size);
    slab->free = *(void **)object;
    slab->in_use++;
    if (__builtin_expect(slab->poisons, 0)) {
        evf__scribble_verify((char *)object + sizeof(void *), slab->object_size - sizeof(void *));
        evf__scribble(object, sizeof(void *));
    }
    return object;
}

void evf__slab_give(struct evf__slab *slab, void *object)
{
    if (object == NULL)
        return;
    EVF_ASSERT(slab->in_use > 0);
    EVF_ASSERT((uintptr_t)object % OBJECT_ALIGNMENT == 0);
    EVF_ASSERT(object != slab->free); /* the cheap part of 'not given back twice' */
    slab->in_use--;
    release(slab, object);
}

/* True when it is the address of an object in one of the slab's chunks. */
static bool is_object(const struct evf__slab *slab, const void *object)
{
    size_t objects = objects_per_chunk(slab) * slab->object_size;
    for (void *chunk = slab->chunks; chunk != NULL; chunk = *(void **)chunk) {
        uintptr_t offset = (uintptr_t)object - (uintptr_t)chunk - CHUNK_HEADER;
        if (offset < objects)
            return offset % slab->object_size == 0;
    }
    return false;
}

void evf__slab_check(const struct evf__slab *slab)
{
    size_t total = 0, free_count = 0;
    for (void *chunk = slab->chunks; chunk != NULL; chunk = *(void **)chunk)
        total += objects_per_chunk(slab);
    EVF_ASSERT(slab->in_use <= total);
    for (void *object = slab->free, *next; object != NULL; object = next) {
        EVF_ASSERT(is_object(slab, object));
        /* An object that is on the list twice makes it a ring, which is longer than this. */
        EVF_ASSERT(++free_count <= total - slab->in_use);
        evf__unpoison(object, sizeof(void *));
        next = *(void **)object;
        evf__poison(object, sizeof(void *));
    }
    EVF_ASSERT(free_count == total - slab->in_use);
}
