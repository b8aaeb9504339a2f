/* SPDX-License-Identifier: MIT
 *
 * PROXY headers of version 2, put together byte by byte. Checksums are worked out bit by bit here,
 * so that the framework's table is checked too.
 */
#ifndef TESTS_UNIT_STREAM_PROXY_BYTES_H
#define TESTS_UNIT_STREAM_PROXY_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct proxy_bytes {
    size_t len;
    uint8_t at[70 * 1024];
};

#define PROXY_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21 };
enum { UNSPEC = 0x00, TCP4 = 0x11, UDP4 = 0x12, TCP6 = 0x21, UDP6 = 0x22, UNIX = 0x31 };

static inline void proxy_add(struct proxy_bytes *header, const void *bytes, size_t len)
{
    memcpy(header->at + header->len, bytes, len);
    header->len += len;
}

/* Makes the length that of what was added. */
static inline void proxy_measure(struct proxy_bytes *header)
{
    header->at[14] = (uint8_t)((header->len - 16) >> 8);
    header->at[15] = (uint8_t)(header->len - 16);
}

static inline void proxy_begin(struct proxy_bytes *header, uint8_t command, uint8_t family)
{
    header->len = 0;
    proxy_add(header, PROXY_SIGNATURE, 12);
    proxy_add(header, &command, 1);
    proxy_add(header, &family, 1);
    proxy_add(header, "\0\0", 2);
}

/* A header from 192.0.2.1:5000 to 198.51.100.2:443. */
static inline void proxy_begin_tcp4(struct proxy_bytes *header)
{
    proxy_begin(header, V2_PROXY, TCP4);
    proxy_add(header, "\xc0\x00\x02\x01\xc6\x33\x64\x02\x13\x88\x01\xbb", 12);
    proxy_measure(header);
}

static inline void proxy_add_tlv(struct proxy_bytes *header, uint8_t type, const void *value,
                                 size_t len)
{
    uint8_t head[3] = { type, (uint8_t)(len >> 8), (uint8_t)len };
    proxy_add(header, head, sizeof head);
    proxy_add(header, value, len);
    proxy_measure(header);
}

/* CRC32c, a bit at a time. */
static inline uint32_t proxy_crc(const uint8_t *bytes, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    return ~crc;
}

static inline void proxy_put_crc(struct proxy_bytes *header, size_t at)
{
    memset(header->at + at, 0, 4);
    uint32_t crc = proxy_crc(header->at, header->len);
    for (int i = 0; i < 4; i++)
        header->at[at + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
}

/* Adds a checksum that is right as long as nothing changes. */
static inline void proxy_seal(struct proxy_bytes *header)
{
    proxy_add_tlv(header, 0x03, "\0\0\0\0", 4);
    proxy_put_crc(header, header->len - 4);
}

#endif
