/* SPDX-License-Identifier: MIT
 *
 * Where large aligned memory comes from: a small table, so that another source can stand in.
 *
 * The default source uses jemalloc's arenas when the process runs on jemalloc (mallocx and mallctl
 * are found as weak symbols), one arena per worker, else aligned_alloc.
 *
 * EVF_DEBUG_MEMORY in the environment, read once, turns on the debug mode. It is a comma-separated
 * list of
 *   poison   memory is filled with 0xa5 when it is taken and when it is given back; pools do the
 *            same with what they keep free, and assert that it was not written to in between
 *   fail=N   one take of the default source in N fails, at random
 *   seed=S   for those failures: the same seed, the same failures of each worker
 * A malformed list is reported and ignored as a whole.
 */
#ifndef EVF_MEMORY_EXTENT_H
#define EVF_MEMORY_EXTENT_H

#include <stdbool.h>
#include <stddef.h>

struct evf__extents {
    /* `size` bytes aligned to `alignment` (a power of two), or NULL. */
    void *(*take)(void *argument, size_t size, size_t alignment);
    /* size and alignment as they were taken. */
    void (*give)(void *argument, void *memory, size_t size, size_t alignment);
    void *argument;
};

/* Makes the default source for the calling thread: an arena of its own to which the thread is bound
 * where there is jemalloc. It cannot fail. `fini` unbinds; all memory must have been given back. */
void evf__extents_init(struct evf__extents *extents);
void evf__extents_fini(struct evf__extents *extents);

static inline void *evf__extent_take(const struct evf__extents *extents, size_t size,
                                     size_t alignment)
{
    return extents->take(extents->argument, size, alignment);
}

static inline void evf__extent_give(const struct evf__extents *extents, void *memory, size_t size,
                                    size_t alignment)
{
    extents->give(extents->argument, memory, size, alignment);
}

/* True when EVF_DEBUG_MEMORY asks for poisoning. */
bool evf__memory_poisons(void);

/* jemalloc's version when it is this process's malloc, else NULL. */
const char *evf__memory_jemalloc_version(void);

#endif
