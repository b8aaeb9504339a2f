/* SPDX-License-Identifier: MIT
 *
 * Pages and blocks: when the mark rolls back, when a page is replaced, and what comes back.
 */
#include "memory/page.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/poison.h"
#include "counted.h"

enum { PAGE = 64 * 1024 };

static struct counted source;
static struct evf__pages pool;

static void setup(void)
{
    counted_init(&source);
    evf__pages_init(&pool, &source.extents, PAGE);
}

static void teardown(void)
{
    evf__pages_check(&pool);
    evf__pages_fini(&pool);
    counted_fini(&source);
}

TestSuite(page, .init = setup, .fini = teardown);

/* One receive of len bytes, all of them `byte`. */
static evf_slice receive(uint8_t byte, size_t len)
{
    size_t room = 0;
    uint8_t *into = evf__pages_room(&pool, &room);
    cr_assert_not_null(into);
    cr_assert_geq(room, EVF__READ_ROOM_MIN);
    cr_assert_leq(len, room);
    memset(into, byte, len);
    evf_slice slice = evf__pages_filled(&pool, len);
    cr_assert_eq(slice.data, into);
    cr_assert_eq(slice.len, len);
    evf__pages_check(&pool);
    return slice;
}

static void settle(evf_slice slice)
{
    evf__pages_settle(&pool, slice);
    evf__pages_check(&pool);
}

static void expect_bytes(evf_slice slice, uint8_t byte)
{
    for (size_t i = 0; i < slice.len; i++)
        cr_assert_eq(slice.data[i], byte, "byte %zu was overwritten", i);
}

Test(page, nothing_is_allocated_before_the_first_read)
{
    cr_assert_eq(source.takes, 0);
    cr_assert_eq(pool.pages_in_use, 0);
}

Test(page, reads_that_nobody_keeps_use_the_same_bytes_for_ever)
{
    evf_slice first = receive(1, 500);
    settle(first);
    size_t takes = source.takes;
    for (unsigned i = 0; i < 1000; i++) {
        evf_slice slice = receive(2, 1 + i * 60);
        cr_assert_eq(slice.data, first.data);
        settle(slice);
    }
    cr_assert_eq(source.takes, takes);
    cr_assert_eq(pool.pages_in_use, 1);
}

Test(page, next_read_goes_behind_what_was_kept)
{
    evf_slice kept = evf_slice_keep(receive(1, 2000));
    settle(kept);
    evf_slice next = receive(2, 3000);
    cr_assert_eq(next.data, kept.data + 2000);
    settle(next);
    evf_slice again = receive(3, 100);
    cr_assert_eq(again.data, next.data, "what was not kept is used again");
    settle(again);
    expect_bytes(kept, 1);
    evf_slice_drop(kept);
}

Test(page, mark_rolls_back_to_the_end_of_the_kept_part_only)
{
    evf_slice slice = receive(1, 10000);
    evf_slice part = evf_slice_keep(evf_slice_sub(slice, 2000, 3000));
    cr_assert_eq(part.data, slice.data + 2000);
    settle(slice);
    evf_slice next = receive(2, 20000);
    cr_assert_eq(next.data, slice.data + 5000);
    settle(next);
    expect_bytes(part, 1);
    evf_slice_drop(part);
}

Test(page, page_without_holds_starts_at_its_beginning_again)
{
    evf_slice kept = evf_slice_keep(receive(1, 2000));
    settle(kept);
    evf_slice_drop(kept); /* between two reads, as a flushed queue does */
    evf__pages_check(&pool);
    evf_slice next = receive(2, 100);
    cr_assert_eq(next.data, kept.data);
    settle(next);
}

Test(page, dropping_the_old_slice_and_keeping_the_new_one_in_one_callback_is_safe)
{
    for (unsigned order = 0; order < 2; order++) {
        evf_slice old = evf_slice_keep(receive(1, 2000));
        settle(old);
        evf_slice input = receive(2, 2000), kept;
        if (order == 0) {
            evf_slice_drop(old);
            expect_bytes(input, 2);
            kept = evf_slice_keep(input);
        } else {
            kept = evf_slice_keep(input);
            evf_slice_drop(old);
        }
        evf__pages_check(&pool);
        settle(input);
        for (unsigned i = 0; i < 3; i++)
            settle(receive(3, 30000));
        expect_bytes(kept, 2);
        evf_slice_drop(kept);
    }
    cr_assert_eq(pool.pages_in_use, 1);
}

Test(page, input_survives_the_drop_of_the_last_hold_until_it_is_settled)
{
    evf_slice old = evf_slice_keep(receive(1, 2000));
    settle(old);
    evf_slice input = receive(2, 2000);
    evf_slice_drop(old);
    evf_slice other = receive(3, 2000); /* a read before the first one is settled */
    cr_assert_eq(other.data, input.data + 2000);
    expect_bytes(input, 2);
    settle(other);
    expect_bytes(input, 2);
    settle(input);
    evf_slice next = receive(4, 10);
    cr_assert_eq(next.data, old.data);
    settle(next);
}

Test(page, unsettled_slices_may_be_settled_in_any_order)
{
    static const unsigned orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                           { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    for (unsigned o = 0; o < 6; o++) {
        evf_slice slices[3];
        bool settled[3] = { false };
        for (unsigned i = 0; i < 3; i++)
            slices[i] = receive((uint8_t)i, 5000);
        for (unsigned n = 0; n < 3; n++) {
            settled[orders[o][n]] = true;
            settle(slices[orders[o][n]]);
            settle(receive(9, 8000));
            for (unsigned i = 0; i < 3; i++)
                if (!settled[i])
                    expect_bytes(slices[i], (uint8_t)i);
        }
        cr_assert_eq(pool.mark, 0);
    }
    cr_assert_eq(pool.pages_in_use, 1);
}

Test(page, full_page_is_replaced_and_comes_back_when_its_last_hold_is_dropped)
{
    evf_slice kept = evf_slice_keep(receive(1, PAGE - EVF__READ_ROOM_MIN + 1));
    settle(kept);
    evf_slice next = receive(2, 100);
    cr_assert_neq(next.page, kept.page);
    cr_assert_eq(pool.pages_in_use, 2);
    settle(next);
    expect_bytes(kept, 1);
    evf_slice_drop(kept);
    cr_assert_eq(pool.pages_in_use, 1);
    cr_assert_eq(pool.free_page_count, 1);
    evf__pages_check(&pool);
}

Test(page, page_with_just_enough_room_is_not_replaced)
{
    evf_slice kept = evf_slice_keep(receive(1, PAGE - EVF__READ_ROOM_MIN));
    settle(kept);
    evf_slice next = receive(2, EVF__READ_ROOM_MIN);
    cr_assert_eq(next.page, kept.page);
    settle(next);
    evf_slice_drop(kept);
}

Test(page, replaced_page_with_an_unsettled_slice_waits_for_it)
{
    evf_slice input = receive(1, PAGE);
    evf_slice next = receive(2, PAGE);
    expect_bytes(input, 1);
    settle(next);
    cr_assert_eq(pool.pages_in_use, 2);
    evf_slice kept = evf_slice_keep(input); /* late, but before it is settled */
    settle(input);
    cr_assert_eq(pool.pages_in_use, 2);
    evf_slice_drop(kept);
    cr_assert_eq(pool.pages_in_use, 1);
    input = receive(3, PAGE);
    next = receive(4, 1);
    settle(input);
    cr_assert_eq(pool.pages_in_use, 1);
    cr_assert_eq(pool.free_page_count, 1);
    settle(next);
}

Test(page, free_pages_are_bounded)
{
    enum { COUNT = EVF__PAGES_FREE_MAX + 10 };
    evf_slice kept[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        kept[i] = evf_slice_keep(receive((uint8_t)i, PAGE));
        settle(kept[i]);
    }
    cr_assert_eq(pool.pages_in_use, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        expect_bytes(kept[i], (uint8_t)i);
        evf_slice_drop(kept[i]);
        evf__pages_check(&pool);
    }
    cr_assert_eq(pool.free_page_count, EVF__PAGES_FREE_MAX);
    cr_assert_eq(pool.pages_in_use, 1);
    cr_assert_leq(source.outstanding, (EVF__PAGES_FREE_MAX + 2) * (size_t)PAGE);
}

Test(page, no_memory_gives_null_and_changes_nothing)
{
    size_t room = 77;
    source.fail_all = true;
    cr_assert_null(evf__pages_room(&pool, &room));
    cr_assert_eq(room, 77);
    source.fail_all = false;
    evf_slice kept = evf_slice_keep(receive(1, PAGE - 10));
    settle(kept);
    source.fail_all = true;
    cr_assert_null(evf__pages_room(&pool, &room));
    cr_assert_eq(room, 77);
    evf__pages_check(&pool);
    expect_bytes(kept, 1);
    evf_slice_drop(kept);
    cr_assert_eq(evf__pages_room(&pool, &room), kept.data);
}

Test(page, hold_of_a_page_covers_all_that_was_read)
{
    evf_slice input = receive(1, 3000);
    evf__page_hold(input.page);
    settle(input);
    settle(receive(2, 3000));
    expect_bytes(input, 1);
    evf__page_drop(input.page);
    evf__pages_check(&pool);
}

Test(page, fill_beyond_the_room_is_asserted, .signal = SIGABRT)
{
    size_t room;
    evf__pages_room(&pool, &room);
    evf__pages_filled(&pool, room + 1);
}

Test(page, second_settle_is_asserted, .signal = SIGABRT)
{
    evf_slice slice = receive(1, 10);
    settle(slice);
    settle(slice);
}

Test(page, fini_with_a_held_page_is_asserted, .signal = SIGABRT)
{
    evf_slice slice = receive(1, 2000);
    evf_slice_keep(slice);
    settle(slice);
    evf__pages_fini(&pool);
}

Test(block, capacities_are_powers_of_two_up_to_1_gib, .init = setup, .fini = teardown)
{
    static const size_t wanted[] = { 0, 1, 64, 65, 128, 129, 65535, 65536, 65537, 1000000 };
    static const size_t got[] = { 64, 64, 64, 128, 128, 256, 65536, 65536, 131072, 1048576 };
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct evf_page *block = evf__block_take(&pool, wanted[i]);
        cr_assert_eq(block->size, got[i], "%zu bytes for %zu", block->size, wanted[i]);
        cr_assert_eq(block->holds, 1);
        memset(block->data, 1, block->size);
        evf__pages_check(&pool);
        evf__page_drop(block);
        evf__pages_check(&pool);
    }
    cr_assert_null(evf__block_take(&pool, EVF__BLOCK_MAX + 1ul));
    cr_assert_null(evf__block_take(&pool, SIZE_MAX));
    source.fail_all = true;
    cr_assert_null(evf__block_take(&pool, EVF__BLOCK_MAX));
    cr_assert_eq(pool.blocks_in_use, 0);
}

Test(block, last_drop_frees_it_and_the_next_take_gets_it, .init = setup, .fini = teardown)
{
    struct evf_page *block = evf__block_take(&pool, 1000);
    evf__page_hold(block);
    evf__page_drop(block);
    cr_assert_eq(pool.blocks_in_use, 1);
    evf__page_drop(block);
    cr_assert_eq(pool.blocks_in_use, 0);
    size_t takes = source.takes;
    cr_assert_eq(evf__block_take(&pool, 600), block);
    cr_assert_eq(source.takes, takes);
    evf__page_drop(block);
}

Test(block, large_ones_go_straight_back, .init = setup, .fini = teardown)
{
    evf__page_drop(evf__block_take(&pool, 64 * 1024 + 1));
    cr_assert_eq(source.outstanding, 0);
    evf__page_drop(evf__block_take(&pool, 64 * 1024));
    cr_assert_neq(source.outstanding, 0);
}

Test(block, free_blocks_are_bounded, .init = setup, .fini = teardown)
{
    struct evf_page *blocks[EVF__BLOCKS_FREE_MAX + 10];
    for (unsigned i = 0; i < EVF__BLOCKS_FREE_MAX + 10; i++)
        blocks[i] = evf__block_take(&pool, 100);
    evf__pages_check(&pool);
    for (unsigned i = 0; i < EVF__BLOCKS_FREE_MAX + 10; i++)
        evf__page_drop(blocks[i]);
    cr_assert_eq(pool.free_block_count[1], EVF__BLOCKS_FREE_MAX);
    evf__pages_check(&pool);
}

Test(block, fini_with_a_block_in_use_is_asserted, .init = setup, .signal = SIGABRT)
{
    evf__block_take(&pool, 10);
    evf__pages_fini(&pool);
}

/* ---- Guards ---- */

#if defined(EVF__ASAN)

Test(guard, what_is_free_may_not_be_touched_under_asan, .init = setup, .fini = teardown)
{
    size_t room;
    uint8_t *into = evf__pages_room(&pool, &room);
    cr_assert_null(__asan_region_is_poisoned(into, room), "room can be received into");
    evf_slice slice = evf__pages_filled(&pool, 5000);
    cr_assert_null(__asan_region_is_poisoned(into, 5000), "input can be read in its callback");
    cr_assert_eq((uint8_t *)__asan_region_is_poisoned(into, room), into + 5000, "and no further");
    evf_slice kept = evf_slice_keep(evf_slice_sub(slice, 0, 2000));
    settle(slice);
    cr_assert_eq((uint8_t *)__asan_region_is_poisoned(into, room), into + 2000, "nor afterwards");
    evf_slice_drop(kept);
    cr_assert_eq((uint8_t *)__asan_region_is_poisoned(into, room), into);

    kept = evf_slice_keep(receive(1, PAGE));
    settle(kept);
    settle(receive(2, 1));
    evf_slice_drop(kept); /* a free page */
    cr_assert_eq((uint8_t *)__asan_region_is_poisoned(into, PAGE), into);

    struct evf_page *block = evf__block_take(&pool, 64);
    uint8_t *bytes = block->data;
    cr_assert_null(__asan_region_is_poisoned(bytes, 64));
    evf__page_drop(block);
    cr_assert(__asan_address_is_poisoned(bytes));
    block = evf__block_take(&pool, 64);
    cr_assert_null(__asan_region_is_poisoned(bytes, 64));
    evf__page_drop(block);
}

#else

static void setup_poison(void)
{
    setenv("EVF_DEBUG_MEMORY", "poison", 1);
    setup();
}

Test(guard, what_was_not_kept_shows_the_pattern_later, .init = setup_poison, .fini = teardown)
{
    evf_slice input = receive(1, 5000);
    evf_slice kept = evf_slice_keep(evf_slice_sub(input, 0, 2000));
    settle(input);
    expect_bytes(kept, 1);
    expect_bytes(evf_slice_sub(input, 2000, 3000), 0xa5);
    evf_slice_drop(kept);
    expect_bytes(input, 0xa5);
}

Test(guard, write_to_a_free_block_is_found, .init = setup_poison, .signal = SIGABRT)
{
    struct evf_page *block = evf__block_take(&pool, 64);
    evf__page_drop(block);
    block->data[63] = 1;
    evf__block_take(&pool, 64);
}

#endif
