/* SPDX-License-Identifier: MIT
 *
 * Slices: keep, drop, sub, new.
 */
#include <evframe/slice.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "counted.h"
#include "memory/page.h"

static struct counted source;
static struct evf__pages pool;

static void setup(void)
{
    counted_init(&source);
    evf__pages_init(&pool, &source.extents, 16 * 1024);
}

static void teardown(void)
{
    evf__pages_check(&pool);
    evf__pages_fini(&pool);
    counted_fini(&source);
}

TestSuite(slice, .init = setup, .fini = teardown);

static evf_slice receive(size_t len)
{
    size_t room;
    uint8_t *into = evf__pages_room(&pool, &room);
    cr_assert_not_null(into);
    for (size_t i = 0; i < len; i++)
        into[i] = (uint8_t)(i * 7);
    return evf__pages_filled(&pool, len);
}

static void expect_intact(evf_slice slice, size_t len)
{
    cr_assert_eq(slice.len, len);
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(slice.data[i], (uint8_t)(i * 7));
}

Test(slice, small_one_is_copied_and_pins_no_page)
{
    evf_slice input = receive(EVF__SLICE_COPY_BELOW - 1);
    evf_slice kept = evf_slice_keep(input);
    cr_assert_neq(kept.page, input.page);
    cr_assert_eq(input.page->holds, 0);
    evf__pages_settle(&pool, input);
    cr_assert_eq(pool.mark, 0);
    expect_intact(kept, EVF__SLICE_COPY_BELOW - 1);
    evf_slice_drop(kept);
}

Test(slice, large_one_is_held_where_it_lies)
{
    evf_slice input = receive(EVF__SLICE_COPY_BELOW);
    evf_slice kept = evf_slice_keep(input);
    cr_assert_eq(kept.page, input.page);
    cr_assert_eq(kept.data, input.data);
    evf__pages_settle(&pool, input);
    expect_intact(kept, EVF__SLICE_COPY_BELOW);
    evf_slice_drop(kept);
}

Test(slice, small_one_is_held_when_there_is_no_memory_for_a_copy)
{
    evf_slice input = receive(100);
    source.fail_all = true;
    evf_slice kept = evf_slice_keep(input);
    cr_assert_eq(kept.page, input.page);
    evf__pages_settle(&pool, input);
    evf_slice next = receive(1000);
    evf__pages_settle(&pool, next);
    expect_intact(kept, 100);
    evf_slice_drop(kept);
}

Test(slice, empty_one_can_be_kept_and_dropped)
{
    evf_slice input = receive(10);
    evf_slice kept = evf_slice_keep(evf_slice_sub(input, 10, 0));
    cr_assert_eq(kept.len, 0);
    cr_assert_not_null(kept.data);
    evf__pages_settle(&pool, input);
    cr_assert_eq(pool.mark, 0);
    evf_slice_drop(kept);
}

Test(slice, holds_are_counted_and_any_slice_of_the_page_gives_one_back)
{
    evf_slice input = receive(6000);
    evf_slice whole = evf_slice_keep(input);
    evf_slice part = evf_slice_keep(evf_slice_sub(input, 0, 3000));
    evf__pages_settle(&pool, input);
    evf_slice_drop(whole);
    expect_intact(part, 3000);
    evf_slice again = evf_slice_keep(part);
    evf_slice_drop(part);
    expect_intact(again, 3000);
    evf_slice_drop(whole);
    cr_assert_eq(pool.mark, 0);
}

Test(slice, memory_that_nobody_counts_is_returned_as_it_is)
{
    evf_slice plain = { .data = (const uint8_t *)"abc", .len = 3 };
    evf_slice kept = evf_slice_keep(plain);
    cr_assert_eq(kept.data, plain.data);
    cr_assert_null(kept.page);
    evf_slice_drop(kept);
    evf_slice_drop(kept);
    cr_assert_eq(evf_slice_sub(plain, 1, 2).data, plain.data + 1);
}

Test(slice, sub_has_no_hold_of_its_own)
{
    evf_slice input = receive(2000);
    evf_slice part = evf_slice_sub(input, 500, 1500);
    cr_assert_eq(part.data, input.data + 500);
    cr_assert_eq(part.len, 1500);
    cr_assert_eq(part.page, input.page);
    cr_assert_eq(part.page->holds, 0);
    cr_assert_eq(evf_slice_sub(input, 2000, 0).len, 0);
    evf__pages_settle(&pool, input);
}

Test(slice, new_one_is_a_copy_that_the_caller_holds)
{
    char text[] = "broadcast";
    evf_slice made, empty;
    cr_assert_eq(evf__slice_new(&pool, text, sizeof text, &made), 0);
    memset(text, 0, sizeof text);
    cr_assert_str_eq((const char *)made.data, "broadcast");
    evf_slice shared = evf_slice_keep(made);
    cr_assert_eq(shared.data, made.data, "a block is shared, not copied");
    evf_slice_drop(made);
    cr_assert_str_eq((const char *)shared.data, "broadcast");
    evf_slice_drop(shared);
    cr_assert_eq(evf__slice_new(&pool, NULL, 0, &empty), 0);
    cr_assert_eq(empty.len, 0);
    evf_slice_drop(empty);
    cr_assert_eq(pool.blocks_in_use, 0);
}

Test(slice, new_one_that_cannot_be_made_leaves_the_output_alone)
{
    evf_slice made = { .len = 42 };
    cr_assert_eq(evf__slice_new(&pool, "", EVF__BLOCK_MAX + 1ul, &made), -EMSGSIZE);
    source.fail_all = true;
    cr_assert_eq(evf__slice_new(&pool, "abc", 3, &made), -ENOMEM);
    cr_assert_eq(made.len, 42);
}

Test(slice, sub_outside_is_asserted, .signal = SIGABRT)
{
    evf_slice input = receive(10);
    evf_slice_sub(input, 5, 6);
}

Test(slice, sub_whose_end_wraps_is_asserted, .signal = SIGABRT)
{
    evf_slice input = receive(10);
    evf_slice_sub(input, 5, SIZE_MAX);
}

Test(slice, drop_without_a_hold_is_asserted, .signal = SIGABRT)
{
    evf_slice input = receive(2000);
    evf_slice_drop(input);
}

Test(slice, second_drop_of_a_block_is_asserted, .signal = SIGABRT)
{
    evf_slice made;
    evf__slice_new(&pool, "abc", 3, &made);
    evf_slice_drop(made);
    evf_slice_drop(made);
}

Test(slice, keep_after_the_callback_is_asserted, .signal = SIGABRT)
{
    evf_slice input = receive(2000);
    evf__pages_settle(&pool, input);
    evf_slice_keep(input);
}

Test(slice, keep_after_the_callback_is_asserted_while_another_part_is_held, .signal = SIGABRT)
{
    evf_slice input = receive(8000);
    evf_slice_keep(evf_slice_sub(input, 0, 2000));
    evf__pages_settle(&pool, input);
    evf_slice_keep(evf_slice_sub(input, 2000, 2000));
}
