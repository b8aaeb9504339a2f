/* SPDX-License-Identifier: MIT
 *
 * CRC32c by half bytes: 64 bytes of table, which a header's few hundred bytes do not push out of
 * the cache. Bits are reflected.
 */
#include "base/crc32c.h"

/* What a half byte leaves of itself: entry n is n shifted out bit by bit over 0x82f63b78. */
static const uint32_t left_by[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t evf__crc32c(uint32_t before, const void *bytes, size_t len)
{
    const uint8_t *byte = bytes;
    uint32_t crc = ~before;
    for (size_t i = 0; i < len; i++) {
        crc ^= byte[i];
        crc = crc >> 4 ^ left_by[crc & 15];
        crc = crc >> 4 ^ left_by[crc & 15];
    }
    return ~crc;
}
