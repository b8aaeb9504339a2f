/* SPDX-License-Identifier: MIT
 *
 * Pages, blocks and slices under random use beside a model: every slice that is held knows the
 * bytes it must show, and shows them however much is read, kept, dropped and copied meanwhile.
 *
 * Byte i of read number n is a function of n and i, so a byte of another read, or of another place
 * in the same one, is seen at once.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "../random.h"
#include "counted.h"
#include "memory/page.h"

enum { HELD_MAX = 48, UNSETTLED_MAX = 3, TURNS = 15000 };

/* A slice and the part of a read that it shows. */
struct held {
    evf_slice slice;
    uint64_t read;
    size_t offset;
};

static struct counted source;
static struct evf__pages pool;
static struct random randomness;
static struct held held[HELD_MAX];
static unsigned held_count;
static struct held unsettled[UNSETTLED_MAX];
static unsigned unsettled_count;
static uint64_t reads;

static void begin(size_t page_size)
{
    counted_init(&source);
    evf__pages_init(&pool, &source.extents, page_size);
    held_count = unsettled_count = 0;
}

static uint8_t byte_of(uint64_t read, size_t i)
{
    return (uint8_t)(read * 151 + (read >> 8) * 59 + i * 31 + (i >> 8) * 17 + (i >> 16));
}

static void expect_intact(const struct held *what)
{
    size_t i = 0;
    while (i < what->slice.len && what->slice.data[i] == byte_of(what->read, what->offset + i))
        i++;
    cr_assert_eq(i, what->slice.len, "byte %zu of read %llu was overwritten", what->offset + i,
                 (unsigned long long)what->read);
}

static void expect_all_intact(void)
{
    for (unsigned i = 0; i < held_count; i++)
        expect_intact(&held[i]);
    for (unsigned i = 0; i < unsettled_count; i++)
        expect_intact(&unsettled[i]);
}

/* Mostly short, as requests are; sometimes all there is room for. */
static size_t random_len(size_t room)
{
    size_t len = (size_t)(random_next(&randomness) >> (63 - random_below(&randomness, 17)));
    return len < room ? len : room;
}

static struct held random_part(const struct held *of)
{
    struct held part = *of;
    size_t offset = (size_t)random_below(&randomness, of->slice.len + 1);
    size_t len = (size_t)random_below(&randomness, of->slice.len - offset + 1);
    part.slice = evf_slice_sub(of->slice, offset, len);
    part.offset += offset;
    return part;
}

static void drop_any(void)
{
    if (held_count == 0)
        return;
    unsigned i = (unsigned)random_below(&randomness, held_count);
    expect_intact(&held[i]);
    evf_slice_drop(held[i].slice);
    held[i] = held[--held_count];
}

static void keep(struct held what)
{
    if (held_count == HELD_MAX)
        drop_any();
    what.slice = evf_slice_keep(what.slice);
    expect_intact(&what);
    held[held_count++] = what;
}

static void receive(void)
{
    size_t room;
    uint8_t *into = evf__pages_room(&pool, &room);
    if (into == NULL) {
        cr_assert(source.fail_every != 0);
        return;
    }
    cr_assert_geq(room, EVF__READ_ROOM_MIN);
    struct held input = { .read = ++reads };
    size_t len = random_len(room);
    for (size_t i = 0; i < len; i++)
        into[i] = byte_of(reads, i);
    input.slice = evf__pages_filled(&pool, len);
    unsettled[unsettled_count++] = input;
}

static void make_slice(void)
{
    uint8_t bytes[3000];
    struct held made = { .read = ++reads };
    size_t len = random_len(sizeof bytes);
    if (held_count == HELD_MAX)
        drop_any();
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_of(reads, i);
    if (evf__slice_new(&pool, bytes, len, &made.slice) == 0)
        held[held_count++] = made;
    else
        cr_assert(source.fail_every != 0);
}

/* What a callback may do with its input. */
static void act_on(const struct held *input)
{
    switch (random_below(&randomness, 10)) {
    case 0:
        keep(*input);
        break;
    case 1:
        keep(random_part(input));
        break;
    case 2:
        drop_any();
        keep(random_part(input));
        break;
    case 3:
        keep(*input);
        drop_any();
        break;
    case 4: /* a part of a slice that is held, and stays so */
        if (held_count > 0 && held_count < HELD_MAX)
            keep(random_part(&held[random_below(&randomness, held_count)]));
        break;
    case 5:
        make_slice();
        break;
    case 6:
        drop_any();
        break;
    default: /* consume it and keep nothing */
        break;
    }
}

static void turn(void)
{
    unsigned depth = random_below(&randomness, 8) == 0 ? UNSETTLED_MAX : 1;
    for (unsigned i = 0; i < depth; i++)
        receive();
    while (unsettled_count > 0) {
        unsigned i = (unsigned)random_below(&randomness, unsettled_count);
        struct held input = unsettled[i];
        act_on(&input);
        expect_intact(&input);
        unsettled[i] = unsettled[--unsettled_count];
        evf__pages_settle(&pool, input.slice);
    }
    if (random_below(&randomness, 3) == 0)
        drop_any();
}

static void end(void)
{
    while (held_count > 0)
        drop_any();
    evf__pages_check(&pool);
    cr_assert_leq(pool.pages_in_use, 1);
    cr_assert_eq(pool.mark, 0);
    evf__pages_fini(&pool);
    counted_fini(&source);
}

Test(page_random, held_bytes_stay_whatever_else_is_read_kept_and_dropped)
{
    randomness = random_start();
    for (size_t page_size = 16 * 1024; page_size <= 1024 * 1024; page_size *= 4) {
        begin(page_size);
        for (unsigned n = 0; n < random_rounds(TURNS); n++) {
            turn();
            if (n % 64 == 0) {
                expect_all_intact();
                evf__pages_check(&pool);
            }
        }
        end();
    }
}

Test(page_random, failing_source_loses_and_leaks_nothing)
{
    randomness = random_start();
    for (unsigned n = 1; n <= 20; n++) {
        begin(16 * 1024);
        source.fail_every = n;
        for (unsigned i = 0; i < 400; i++) {
            turn();
            expect_all_intact();
            evf__pages_check(&pool);
        }
        cr_assert(source.failures > 0);
        end();
    }
}

Test(page_random, steady_use_takes_nothing_from_the_source)
{
    randomness = random_start();
    begin(64 * 1024);

    /* given a worker that was as busy once as it can become */
    struct evf_page *blocks[EVF__BLOCK_CLASSES][HELD_MAX + 1];
    for (unsigned class = 0; class < EVF__BLOCK_CLASSES; class ++)
        for (unsigned i = 0; i <= HELD_MAX; i++)
            blocks[class][i] = evf__block_take(&pool, (size_t)64 << class);
    evf_slice pages[HELD_MAX + UNSETTLED_MAX + 1];
    for (unsigned i = 0; i < HELD_MAX + UNSETTLED_MAX + 1; i++) {
        size_t room;
        cr_assert_not_null(evf__pages_room(&pool, &room));
        pages[i] = evf__pages_filled(&pool, room);
    }
    for (unsigned i = 0; i < HELD_MAX + UNSETTLED_MAX + 1; i++)
        evf__pages_settle(&pool, pages[i]);
    for (unsigned class = 0; class < EVF__BLOCK_CLASSES; class ++)
        for (unsigned i = 0; i <= HELD_MAX; i++)
            evf__page_drop(blocks[class][i]);

    /* when it goes on for long, then nothing is allocated or given back */
    size_t takes = source.takes, gives = source.gives;
    for (unsigned n = 0; n < random_rounds(TURNS); n++)
        turn();
    cr_assert_eq(source.takes, takes);
    cr_assert_eq(source.gives, gives);
    end();
}
