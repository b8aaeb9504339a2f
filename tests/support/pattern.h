/* SPDX-License-Identifier: MIT
 *
 * Bytes that tell where they belong: byte i of the pattern depends on i, so that a byte that is
 * lost, doubled or out of place is seen at once.
 *
 * Header only and free of everything else, because the test plugins use it too. The pattern repeats
 * after PATTERN_PERIOD bytes, an odd number beyond every buffer a server may hold.
 */
#ifndef EVF_TESTS_SUPPORT_PATTERN_H
#define EVF_TESTS_SUPPORT_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define PATTERN_PERIOD 4194319u

static inline uint8_t pattern_byte(uint64_t offset)
{
    uint64_t at = offset % PATTERN_PERIOD;
    uint64_t mixed = (at + 1) * 0x9e3779b97f4a7c15u;

    return (uint8_t)((mixed >> 56) ^ (mixed >> 24));
}

/* Writes bytes [offset, offset + len) of the pattern. */
static inline void pattern_fill(uint8_t *bytes, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = pattern_byte(offset + i);
}

/* The index of the first byte that is not the pattern's at offset, or len when all are. */
static inline size_t pattern_mismatch(const uint8_t *bytes, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != pattern_byte(offset + i))
            return i;
    return len;
}

#endif
