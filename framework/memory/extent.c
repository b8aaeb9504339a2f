/* SPDX-License-Identifier: MIT
 *
 * The default source of extents: an arena of jemalloc per worker where there is jemalloc, else
 * aligned_alloc; and the debug mode around it.
 *
 * The library does not link jemalloc. Its functions are weak references: they are there when the
 * program runs on jemalloc. Arenas cannot be unmade cheaply, so they are kept in a table and used
 * again: servers that are started and stopped in one process do not make arenas without end.
 *
 * A source belongs to the thread that made it. The table is shared by all threads, under a lock
 * that is taken at init and fini only.
 */
#include "memory/extent.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/log.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/parse.h"
#include "memory/scribble.h"

/* jemalloc(3). The flags' bits are part of its ABI. */
extern int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
    __attribute__((weak));
extern void *mallocx(size_t size, int flags) __attribute__((weak));
extern void sdallocx(void *memory, size_t size, int flags) __attribute__((weak));

enum {
    TCACHE_NONE = 1 << 8, /* MALLOCX_TCACHE_NONE */
    ARENA_SHIFT = 20,     /* MALLOCX_ARENA(a) is (a + 1) << 20 */

    /* jemalloc's large classes begin here. Smaller extents come through the thread's cache, which
     * the bound arena fills; larger ones pass it by, so that it does not hoard pages. */
    LARGE_MIN = 16 * 1024,

    ALLOCATOR_ALIGNS = 16, /* what malloc gives unasked */
};

/* An arena that was made. Under arenas_lock; `index` does not change. */
struct arena {
    unsigned index;
    unsigned previous; /* the arena to which its user's thread was bound before */
    bool in_use;
};

static pthread_mutex_t arenas_lock = PTHREAD_MUTEX_INITIALIZER;
static struct arena arenas[EVF__ARENAS_MAX];
static unsigned arena_count;

/* What EVF_DEBUG_MEMORY asks for. Written once, by pthread_once. */
static pthread_once_t debug_once = PTHREAD_ONCE_INIT;
static struct {
    bool poison;
    uint64_t fail; /* one take in so many fails; 0: none */
    uint64_t seed;
} debug;

/* Sources that were made with fail=N: each thread draws its failures from a seed of its own. */
static atomic_uint_fast64_t failing_sources;
static _Thread_local uint64_t failure_state;

static bool on_jemalloc(void)
{
    return mallctl != NULL && mallocx != NULL && sdallocx != NULL;
}

/* One item of EVF_DEBUG_MEMORY. */
static bool parse_item(const char *item)
{
    int64_t number;
    if (strcmp(item, "poison") == 0) {
        debug.poison = true;
        return true;
    }
    if (strncmp(item, "fail=", 5) == 0 && evf__parse_int(item + 5, &number) == 0 && number > 0) {
        debug.fail = (uint64_t)number;
        return true;
    }
    if (strncmp(item, "seed=", 5) == 0 && evf__parse_int(item + 5, &number) == 0) {
        debug.seed = (uint64_t)number;
        return true;
    }
    return false;
}

static void parse_debug(void)
{
    char text[128];
    const char *value = getenv("EVF_DEBUG_MEMORY");
    if (value == NULL || *value == '\0')
        return;
    bool good = strlen(value) < sizeof text;
    if (good) {
        strcpy(text, value);
        for (char *item = text, *next; good && item != NULL; item = next) {
            next = strchr(item, ',');
            if (next != NULL)
                *next++ = '\0';
            good = parse_item(item);
        }
    }
    if (!good) {
        memset(&debug, 0, sizeof debug);
        evf_log(EVF_ERROR,
                "EVF_DEBUG_MEMORY=%s is ignored: it is a comma-separated list of poison, fail=N "
                "(N at least 1) and seed=S",
                value);
        return;
    }
    evf_log(EVF_WARN, "EVF_DEBUG_MEMORY=%s: memory is in its debug mode", value);
}

bool evf__memory_poisons(void)
{
    pthread_once(&debug_once, parse_debug);
    return debug.poison;
}

const char *evf__memory_jemalloc_version(void)
{
    const char *version = NULL;
    size_t len = sizeof version;
    if (!on_jemalloc() || mallctl("version", (void *)&version, &len, NULL, 0) != 0)
        return NULL;
    return version;
}

/* True for one take in debug.fail, at random (xorshift64*). */
static bool fails_now(void)
{
    uint64_t x = failure_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    failure_state = x;
    return (x * 0x2545f4914f6cdd1dull >> 32) % debug.fail == 0;
}

static int flags_of(const struct arena *arena, size_t size, size_t alignment)
{
    int flags = 0;
    if (alignment > ALLOCATOR_ALIGNS)
        flags |= __builtin_ctzl(alignment); /* MALLOCX_LG_ALIGN */
    if (size >= LARGE_MIN)
        flags |= TCACHE_NONE | (int)((arena->index + 1) << ARENA_SHIFT);
    return flags;
}

static void *take_plain(size_t size, size_t alignment)
{
    if (alignment <= ALLOCATOR_ALIGNS)
        return malloc(size);
    if (size > SIZE_MAX - alignment)
        return NULL;
    return aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
}

static void *extents_take(void *argument, size_t size, size_t alignment)
{
    const struct arena *arena = argument;
    EVF_ASSERT(size > 0 && alignment > 0 && (alignment & (alignment - 1)) == 0);
    if (debug.fail != 0 && fails_now())
        return NULL;
    void *memory = arena != NULL ? mallocx(size, flags_of(arena, size, alignment))
                                 : take_plain(size, alignment);
    if (debug.poison && memory != NULL)
        evf__scribble(memory, size);
    return memory;
}

static void extents_give(void *argument, void *memory, size_t size, size_t alignment)
{
    const struct arena *arena = argument;
    if (debug.poison)
        evf__scribble(memory, size);
    if (arena != NULL)
        sdallocx(memory, size, flags_of(arena, size, alignment));
    else
        free(memory);
}

/* An arena that nobody uses, made when there is none; NULL when no more can be made. */
static struct arena *arena_take(void)
{
    struct arena *arena = NULL;
    pthread_mutex_lock(&arenas_lock);
    for (unsigned i = 0; i < arena_count && arena == NULL; i++)
        if (!arenas[i].in_use)
            arena = &arenas[i];
    if (arena == NULL && arena_count < EVF__ARENAS_MAX) {
        unsigned index;
        size_t len = sizeof index;
        if (mallctl("arenas.create", &index, &len, NULL, 0) == 0) {
            arena = &arenas[arena_count++];
            arena->index = index;
        }
    }
    if (arena != NULL)
        arena->in_use = true;
    pthread_mutex_unlock(&arenas_lock);
    return arena;
}

static void arena_give(struct arena *arena)
{
    pthread_mutex_lock(&arenas_lock);
    EVF_ASSERT(arena->in_use);
    arena->in_use = false;
    pthread_mutex_unlock(&arenas_lock);
}

/* An arena to which the calling thread is bound, or NULL: the thread then stays where it is. */
static struct arena *arena_bind(void)
{
    struct arena *arena = arena_take();
    if (arena == NULL)
        return NULL;
    size_t len = sizeof arena->previous;
    if (mallctl("thread.arena", &arena->previous, &len, &arena->index, sizeof arena->index) != 0) {
        arena_give(arena);
        return NULL;
    }
    return arena;
}

void evf__extents_init(struct evf__extents *extents)
{
    pthread_once(&debug_once, parse_debug);
    if (debug.fail != 0) {
        uint64_t ordinal = atomic_fetch_add_explicit(&failing_sources, 1, memory_order_relaxed);
        failure_state = (debug.seed + ordinal) * 0x9e3779b97f4a7c15ull | 1;
    }
    extents->take = extents_take;
    extents->give = extents_give;
    extents->argument = on_jemalloc() ? arena_bind() : NULL;
}

void evf__extents_fini(struct evf__extents *extents)
{
    struct arena *arena = extents->argument;
    if (arena != NULL) {
        mallctl("thread.arena", NULL, NULL, &arena->previous, sizeof arena->previous);
        arena_give(arena);
    }
    memset(extents, 0, sizeof *extents);
}
