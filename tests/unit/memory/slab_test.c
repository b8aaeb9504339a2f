/* SPDX-License-Identifier: MIT
 *
 * Object slabs.
 */
#include "memory/slab.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "base/poison.h"
#include "counted.h"

static struct counted source;
static struct evf__slab slab;

static void setup(void)
{
    counted_init(&source);
}

static void teardown(void)
{
    counted_fini(&source);
}

TestSuite(slab, .init = setup, .fini = teardown);

static void *take(void)
{
    void *object = evf__slab_take(&slab);
    cr_assert_not_null(object);
    cr_assert_eq((uintptr_t)object % 16, 0);
    return object;
}

Test(slab, objects_are_aligned_and_do_not_overlap)
{
    static const size_t sizes[] = { 1, 16, 17, 56, 240, 4096, 5000, 70000 };
    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        unsigned char *objects[40];
        evf__slab_init(&slab, &source.extents, sizes[s]);
        cr_assert_eq(slab.object_size, (sizes[s] + 15) / 16 * 16);
        for (unsigned i = 0; i < 40; i++) {
            objects[i] = take();
            memset(objects[i], (int)i, slab.object_size);
        }
        evf__slab_check(&slab);
        for (unsigned i = 0; i < 40; i++) {
            for (size_t at = 0; at < slab.object_size; at++)
                cr_assert_eq(objects[i][at], i);
            evf__slab_give(&slab, objects[i]);
        }
        evf__slab_check(&slab);
        evf__slab_fini(&slab);
        cr_assert_eq(source.outstanding, 0);
    }
}

Test(slab, last_given_is_first_taken)
{
    evf__slab_init(&slab, &source.extents, 48);
    void *first = take(), *second = take();
    evf__slab_give(&slab, first);
    evf__slab_give(&slab, second);
    cr_assert_eq(take(), second);
    cr_assert_eq(take(), first);
    evf__slab_give(&slab, first);
    evf__slab_give(&slab, second);
    evf__slab_give(&slab, NULL);
    evf__slab_fini(&slab);
}

Test(slab, warm_slab_takes_nothing_from_the_source)
{
    void *objects[1000];
    evf__slab_init(&slab, &source.extents, 100);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 1000; i++)
            objects[i] = take();
        if (round > 0)
            cr_assert_eq(source.takes, (1000 + 291) / 292); /* (32 KiB - 16) / 112 to a chunk */
        else
            cr_assert_leq(source.outstanding, 1000 * 112 + 32 * 1024);
        for (unsigned i = 0; i < 1000; i++)
            evf__slab_give(&slab, objects[(i * 7) % 1000]);
        evf__slab_check(&slab);
    }
    evf__slab_fini(&slab);
}

Test(slab, take_without_memory_is_null_and_harms_nothing)
{
    evf__slab_init(&slab, &source.extents, 4096);
    void *objects[100];
    unsigned count = 0;
    source.fail_every = 2;
    for (unsigned tries = 0; tries < 100; tries++) {
        objects[count] = evf__slab_take(&slab);
        count += objects[count] != NULL;
        evf__slab_check(&slab);
    }
    cr_assert_gt(source.failures, 0);
    cr_assert_eq(count + source.failures, 100);
    cr_assert_eq(slab.in_use, count);
    while (count > 0)
        evf__slab_give(&slab, objects[--count]);
    evf__slab_fini(&slab);
}

Test(slab, random_takes_and_gives_keep_every_object_intact)
{
    enum { OBJECTS = 500 };
    uint64_t *objects[OBJECTS] = { NULL };
    struct random randomness = random_start();
    evf__slab_init(&slab, &source.extents, 64);
    for (unsigned n = 0; n < random_rounds(200000); n++) {
        unsigned i = (unsigned)random_below(&randomness, OBJECTS);
        if (objects[i] == NULL) {
            objects[i] = take();
            for (unsigned at = 0; at < 8; at++)
                objects[i][at] = i * 8 + at;
        } else {
            for (unsigned at = 0; at < 8; at++)
                cr_assert_eq(objects[i][at], i * 8 + at);
            evf__slab_give(&slab, objects[i]);
            objects[i] = NULL;
        }
        if (n % 10000 == 0)
            evf__slab_check(&slab);
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        evf__slab_give(&slab, objects[i]);
    evf__slab_check(&slab);
    evf__slab_fini(&slab);
}

Test(slab, fini_with_an_object_in_use_is_asserted, .signal = SIGABRT)
{
    evf__slab_init(&slab, &source.extents, 64);
    take();
    evf__slab_fini(&slab);
}

Test(slab, second_give_in_a_row_is_asserted, .signal = SIGABRT)
{
    evf__slab_init(&slab, &source.extents, 64);
    take();
    void *object = take();
    evf__slab_give(&slab, object);
    evf__slab_give(&slab, object);
}

Test(slab, poisoned_objects_show_the_pattern_when_taken)
{
    setenv("EVF_DEBUG_MEMORY", "poison", 1);
    evf__slab_init(&slab, &source.extents, 64);
    for (unsigned round = 0; round < 2; round++) {
        unsigned char *object = take();
        for (unsigned at = 0; at < 64; at++)
            cr_assert_eq(object[at], 0xa5);
        memset(object, 7, 64);
        evf__slab_give(&slab, object);
    }
    evf__slab_fini(&slab);
}

#if defined(EVF__ASAN)
Test(slab, free_objects_may_not_be_touched_under_asan)
{
    evf__slab_init(&slab, &source.extents, 64);
    char *object = take();
    cr_assert(!__asan_address_is_poisoned(object));
    evf__slab_give(&slab, object);
    cr_assert(__asan_address_is_poisoned(object));
    cr_assert(__asan_address_is_poisoned(object + 63));
    evf__slab_check(&slab);
    cr_assert(__asan_address_is_poisoned(object));
    evf__slab_fini(&slab);
}
#else
Test(slab, check_finds_an_object_that_is_free_twice, .signal = SIGABRT)
{
    evf__slab_init(&slab, &source.extents, 64);
    void *first = take(), *second = take();
    take();
    evf__slab_give(&slab, first);
    evf__slab_give(&slab, second);
    evf__slab_give(&slab, first);
    evf__slab_check(&slab);
}

Test(slab, write_to_a_free_object_is_found_when_it_is_taken, .signal = SIGABRT)
{
    setenv("EVF_DEBUG_MEMORY", "poison", 1);
    evf__slab_init(&slab, &source.extents, 64);
    char *object = take();
    evf__slab_give(&slab, object);
    object[40] = 1;
    take();
}
#endif
