/* SPDX-License-Identifier: MIT
 *
 * The default source on jemalloc. A stand-in for jemalloc's functions, which the library refers to
 * weakly, records what is asked of it: the arena of each extent and thread, flags, sizes.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "memory/extent.h"

int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len);
void *mallocx(size_t size, int flags);
void sdallocx(void *memory, size_t size, int flags);

enum { FIRST_OWN_ARENA = 8, TCACHE_NONE = 0x100 };

static struct {
    unsigned arenas;     /* made */
    unsigned bound;      /* the thread's */
    bool refuses_create; /* no more arenas */
    bool refuses_bind;
    size_t outstanding;
    int last_flags;
} jemalloc;

int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
{
    if (strcmp(name, "version") == 0) {
        cr_assert_eq(*old_len, sizeof(const char *));
        *(const char **)old = "5.3.0-test";
        return 0;
    }
    if (strcmp(name, "arenas.create") == 0) {
        cr_assert_eq(*old_len, sizeof(unsigned));
        if (jemalloc.refuses_create)
            return EAGAIN;
        *(unsigned *)old = FIRST_OWN_ARENA + jemalloc.arenas++;
        return 0;
    }
    cr_assert_str_eq(name, "thread.arena");
    cr_assert_eq(new_len, sizeof(unsigned));
    if (jemalloc.refuses_bind)
        return EPERM;
    if (old != NULL)
        *(unsigned *)old = jemalloc.bound;
    jemalloc.bound = *(unsigned *)new;
    return 0;
}

void *mallocx(size_t size, int flags)
{
    jemalloc.last_flags = flags;
    jemalloc.outstanding += size;
    size_t alignment = (size_t)1 << (flags & 63);
    alignment = alignment < 16 ? 16 : alignment;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void sdallocx(void *memory, size_t size, int flags)
{
    cr_assert_eq(flags, jemalloc.last_flags, "given back as it was taken");
    jemalloc.outstanding -= size;
    free(memory);
}

static void setup(void)
{
    memset(&jemalloc, 0, sizeof jemalloc);
    jemalloc.bound = 3;
}

static void teardown(void)
{
    cr_assert_eq(jemalloc.outstanding, 0);
    cr_assert_eq(jemalloc.bound, 3, "the thread is bound as it was before");
}

TestSuite(extent_jemalloc, .init = setup, .fini = teardown);

Test(extent_jemalloc, version_is_known)
{
    cr_assert_str_eq(evf__memory_jemalloc_version(), "5.3.0-test");
}

Test(extent_jemalloc, thread_is_bound_to_an_arena_of_its_own_until_fini)
{
    struct evf__extents extents;
    evf__extents_init(&extents);
    cr_assert_eq(jemalloc.bound, FIRST_OWN_ARENA);
    evf__extents_fini(&extents);
    cr_assert_eq(jemalloc.bound, 3);
}

Test(extent_jemalloc, large_extents_come_from_the_arena_past_the_cache_and_small_ones_through_it)
{
    struct evf__extents extents;
    evf__extents_init(&extents);
    void *page = evf__extent_take(&extents, 65536, 4096);
    cr_assert_eq(jemalloc.last_flags, 12 | TCACHE_NONE | (FIRST_OWN_ARENA + 1) << 20);
    cr_assert_eq((uintptr_t)page % 4096, 0);
    evf__extent_give(&extents, page, 65536, 4096);
    void *small = evf__extent_take(&extents, 128, 16);
    cr_assert_eq(jemalloc.last_flags, 0);
    evf__extent_give(&extents, small, 128, 16);
    evf__extents_fini(&extents);
}

Test(extent_jemalloc, arenas_are_used_again)
{
    struct evf__extents extents[3];
    for (unsigned round = 0; round < 1000; round++) {
        for (unsigned i = 0; i < 3; i++)
            evf__extents_init(&extents[i]);
        for (unsigned i = 3; i-- > 0;)
            evf__extents_fini(&extents[i]);
    }
    cr_assert_eq(jemalloc.arenas, 3);
}

Test(extent_jemalloc, arenas_are_bounded_and_more_workers_share)
{
    static struct evf__extents extents[EVF__ARENAS_MAX + 2];
    for (unsigned i = 0; i < EVF__ARENAS_MAX + 2; i++)
        evf__extents_init(&extents[i]);
    cr_assert_eq(jemalloc.arenas, EVF__ARENAS_MAX);
    cr_assert_eq(jemalloc.bound, FIRST_OWN_ARENA + EVF__ARENAS_MAX - 1);
    void *page = evf__extent_take(&extents[EVF__ARENAS_MAX], 65536, 4096);
    cr_assert_not_null(page);
    evf__extent_give(&extents[EVF__ARENAS_MAX], page, 65536, 4096);
    for (unsigned i = EVF__ARENAS_MAX + 2; i-- > 0;)
        evf__extents_fini(&extents[i]);
}

Test(extent_jemalloc, works_where_no_arena_can_be_made_or_bound)
{
    struct evf__extents extents;
    for (unsigned round = 0; round < 2; round++) {
        jemalloc.refuses_create = round == 0;
        jemalloc.refuses_bind = round == 1;
        evf__extents_init(&extents);
        void *page = evf__extent_take(&extents, 65536, 4096);
        cr_assert_not_null(page);
        evf__extent_give(&extents, page, 65536, 4096);
        evf__extents_fini(&extents);
    }
    jemalloc.refuses_bind = false;
    evf__extents_init(&extents);
    cr_assert_eq(jemalloc.arenas, 1, "the arena that could not be bound is used now");
    evf__extents_fini(&extents);
}
