/* SPDX-License-Identifier: MIT
 *
 * Free memory filled with a pattern, for EVF_DEBUG_MEMORY=poison: what is read from it looks wrong,
 * and what was written to it is found when it is taken again. Pure functions, any thread.
 *
 * (base/poison.h is the same idea for AddressSanitizer builds, which find every access at once.)
 */
#ifndef EVF_MEMORY_SCRIBBLE_H
#define EVF_MEMORY_SCRIBBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"

enum { EVF__SCRIBBLE = 0xa5 };

static inline void evf__scribble(void *memory, size_t size)
{
    memset(memory, EVF__SCRIBBLE, size);
}

/* Asserts that nobody has written there since evf__scribble. */
static inline void evf__scribble_verify(const void *memory, size_t size)
{
    const uint8_t *bytes = memory;
    bool untouched =
        size == 0 || (bytes[0] == EVF__SCRIBBLE && memcmp(bytes, bytes + 1, size - 1) == 0);
    EVF_RULE(untouched, "nothing is written to memory that was given back");
}

#endif
