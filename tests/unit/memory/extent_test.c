/* SPDX-License-Identifier: MIT
 *
 * The default source of extents without jemalloc, and its debug mode.
 */
#include "memory/extent.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void take_and_give_all_sizes(struct evf__extents *extents)
{
    for (size_t alignment = 1; alignment <= 64 * 1024; alignment *= 4) {
        for (size_t size = 1; size <= 1024 * 1024; size = size * 3 + 1) {
            char *memory = evf__extent_take(extents, size, alignment);
            cr_assert_not_null(memory);
            cr_assert_eq((uintptr_t)memory % alignment, 0);
            memset(memory, 1, size);
            evf__extent_give(extents, memory, size, alignment);
        }
    }
}

Test(extent, gives_aligned_memory_of_any_size)
{
    struct evf__extents extents;
    evf__extents_init(&extents);
    cr_assert_null(evf__memory_jemalloc_version());
    cr_assert(!evf__memory_poisons());
    take_and_give_all_sizes(&extents);
    evf__extents_fini(&extents);
}

#if !defined(__SANITIZE_ADDRESS__) /* which aborts on absurd sizes */
Test(extent, absurd_size_is_refused)
{
    struct evf__extents extents;
    evf__extents_init(&extents);
    cr_assert_null(evf__extent_take(&extents, SIZE_MAX / 2, 16));
    cr_assert_null(evf__extent_take(&extents, SIZE_MAX - 5, 4096));
    evf__extents_fini(&extents);
}
#endif

Test(extent, poison_fills_what_is_taken)
{
    struct evf__extents extents;
    setenv("EVF_DEBUG_MEMORY", "poison", 1);
    evf__extents_init(&extents);
    cr_assert(evf__memory_poisons());
    uint8_t *memory = evf__extent_take(&extents, 5000, 4096);
    for (unsigned i = 0; i < 5000; i++)
        cr_assert_eq(memory[i], 0xa5);
    evf__extent_give(&extents, memory, 5000, 4096);
    evf__extents_fini(&extents);
}

static unsigned count_failures(struct evf__extents *extents, uint64_t *ret_pattern)
{
    unsigned failures = 0;
    uint64_t pattern = 0;
    for (unsigned i = 0; i < 10000; i++) {
        void *memory = evf__extent_take(extents, 100, 16);
        failures += memory == NULL;
        pattern = pattern * 31 + (memory == NULL);
        if (memory != NULL)
            evf__extent_give(extents, memory, 100, 16);
    }
    *ret_pattern = pattern;
    return failures;
}

Test(extent, fail_lets_one_take_in_n_fail_and_no_two_sources_alike)
{
    struct evf__extents extents;
    uint64_t first, second;
    setenv("EVF_DEBUG_MEMORY", "fail=10,seed=4711", 1);
    evf__extents_init(&extents);
    unsigned failures = count_failures(&extents, &first);
    cr_assert(failures > 800 && failures < 1200, "%u of 10000 failed", failures);
    evf__extents_fini(&extents);
    evf__extents_init(&extents);
    count_failures(&extents, &second);
    cr_assert_neq(first, second);
    evf__extents_fini(&extents);
}

Test(extent, fail_of_one_lets_every_take_fail)
{
    struct evf__extents extents;
    setenv("EVF_DEBUG_MEMORY", "poison,fail=1", 1);
    evf__extents_init(&extents);
    for (unsigned i = 0; i < 100; i++)
        cr_assert_null(evf__extent_take(&extents, 100, 16));
    evf__extents_fini(&extents);
}

/* What is ignored, and why it is malformed. */
static void expect_ignored(const char *value)
{
    struct evf__extents extents;
    setenv("EVF_DEBUG_MEMORY", value, 1);
    evf__extents_init(&extents);
    cr_assert(!evf__memory_poisons());
    take_and_give_all_sizes(&extents);
    evf__extents_fini(&extents);
}

Test(extent, list_with_an_unknown_item_is_ignored_as_a_whole)
{
    expect_ignored("poison,posion");
}

Test(extent, list_with_an_empty_item_is_ignored)
{
    expect_ignored("poison,,fail=1");
}

Test(extent, fail_of_zero_is_ignored)
{
    expect_ignored("fail=0");
}

Test(extent, fail_without_a_number_is_ignored)
{
    expect_ignored("poison,fail=");
}

Test(extent, empty_value_is_no_debug_mode)
{
    expect_ignored("");
}
