/* SPDX-License-Identifier: MIT
 *
 * The page pool: what the memory of a read costs.
 *
 *   roll-back   room, 64 bytes filled, settled: nobody kept the slice, and the mark rolls back
 *   keep        the same with the slice held: pages fill up, and come back when the slices, held as
 *               long as `size` reads, are dropped
 *   keep-small  evf_slice_keep of 64 bytes, which copies them into a block, and the drop
 *   block       a block of `size` bytes taken and given back
 *
 * Usage: pages [--repetitions N]
 */
#include <stdlib.h>

#include "measure.h"
#include "memory/page.h"

enum { READS = 400000, BYTES = 64, HELD_MAX = 4096 };

static struct evf__pages pool;
static unsigned repetitions = 5;

static evf_slice read_once(void)
{
    size_t room;
    uint8_t *at = evf__pages_room(&pool, &room);
    if (at == NULL)
        abort();
    *at = 1;
    return evf__pages_filled(&pool, BYTES);
}

static void measure_roll_back(void)
{
    for (unsigned r = 0; r < repetitions; r++) {
        measure_begin();
        for (unsigned i = 0; i < READS; i++)
            evf__pages_settle(&pool, read_once());
        measure_end(READS);
        measure_repeat();
    }
    measure_print("pages", NULL, "roll-back", BYTES);
}

static void measure_keep(unsigned held)
{
    static evf_slice slices[HELD_MAX];
    for (unsigned r = 0; r < repetitions; r++) {
        measure_begin();
        for (unsigned i = 0; i < READS; i++) {
            evf_slice slice = read_once();
            evf__slice_hold(slice);
            evf__pages_settle(&pool, slice);
            if (slices[i % held].page != NULL)
                evf__page_drop(slices[i % held].page);
            slices[i % held] = slice;
        }
        measure_end(READS);
        measure_repeat();
    }
    for (unsigned i = 0; i < held; i++) {
        evf__page_drop(slices[i].page);
        slices[i] = (evf_slice){ 0 };
    }
    measure_print("pages", NULL, "keep", held);
}

static void measure_keep_small(void)
{
    for (unsigned r = 0; r < repetitions; r++) {
        measure_begin();
        for (unsigned i = 0; i < READS; i++) {
            evf_slice slice = read_once(), kept = evf_slice_keep(slice);
            evf__pages_settle(&pool, slice);
            evf_slice_drop(kept);
        }
        measure_end(READS);
        measure_repeat();
    }
    measure_print("pages", NULL, "keep-small", BYTES);
}

static void measure_block(size_t size)
{
    for (unsigned r = 0; r < repetitions; r++) {
        measure_begin();
        for (unsigned i = 0; i < READS; i++) {
            struct evf_page *block = evf__block_take(&pool, size);
            opaque(block);
            evf__page_drop(block);
        }
        measure_end(READS);
        measure_repeat();
    }
    measure_print("pages", NULL, "block", size);
}

int main(int argc, char **argv)
{
    struct evf__extents extents;
    repetitions = measure_arguments(argc, argv, repetitions);
    measure_init();
    evf__extents_init(&extents);
    evf__pages_init(&pool, &extents, 64 * 1024);
    measure_roll_back();
    measure_keep(16);
    measure_keep(HELD_MAX);
    measure_keep_small();
    measure_block(256);
    measure_block(16 * 1024);
    evf__pages_fini(&pool);
    evf__extents_fini(&extents);
    return 0;
}
