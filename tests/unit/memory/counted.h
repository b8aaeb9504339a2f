/* SPDX-License-Identifier: MIT
 *
 * A source of extents that counts, fails on demand, and checks that everything comes back with the
 * size and alignment with which it was taken.
 */
#ifndef EVF_TESTS_UNIT_COUNTED_H
#define EVF_TESTS_UNIT_COUNTED_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

#include "memory/extent.h"

struct counted {
    struct evf__extents extents;
    size_t takes, failures, gives;
    size_t outstanding; /* bytes */
    size_t fail_every;  /* every n-th take fails; 0: none */
    bool fail_all;
};

/* Stands before what is given out. */
struct counted_header {
    size_t size, alignment;
    uint64_t magic;
};

enum { COUNTED_MAGIC = 0x5eed };

static inline void *counted_take(void *argument, size_t size, size_t alignment)
{
    struct counted *counted = argument;
    counted->takes++;
    if (counted->fail_all || (counted->fail_every && counted->takes % counted->fail_every == 0)) {
        counted->failures++;
        return NULL;
    }
    size_t before = alignment < 64 ? 64 : alignment;
    char *memory = aligned_alloc(before, before + (size + before - 1) / before * before);
    cr_assert_not_null(memory);
    struct counted_header *header = (void *)(memory + before - sizeof *header);
    *header =
        (struct counted_header){ .size = size, .alignment = alignment, .magic = COUNTED_MAGIC };
    counted->outstanding += size;
    return memory + before;
}

static inline void counted_give(void *argument, void *memory, size_t size, size_t alignment)
{
    struct counted *counted = argument;
    struct counted_header *header = (void *)((char *)memory - sizeof *header);
    cr_assert_eq(header->magic, (uint64_t)COUNTED_MAGIC, "given back twice, or never taken");
    cr_assert_eq(header->size, size);
    cr_assert_eq(header->alignment, alignment);
    header->magic = 0;
    counted->gives++;
    counted->outstanding -= size;
    free((char *)memory - (alignment < 64 ? 64 : alignment));
}

static inline void counted_init(struct counted *counted)
{
    *counted = (struct counted){
        .extents = { .take = counted_take, .give = counted_give, .argument = counted },
    };
}

/* Proves that nothing is left. */
static inline void counted_fini(struct counted *counted)
{
    cr_assert_eq(counted->outstanding, 0, "%zu bytes were not given back", counted->outstanding);
    cr_assert_eq(counted->takes, counted->gives + counted->failures);
}

#endif
