/* SPDX-License-Identifier: MIT
 *
 * The incremental UTF-8 validator; see <evframe/utf8.h>.
 *
 * Runs of ASCII are passed over eight bytes at a time. Everything else goes by table 3-7 of the
 * Unicode Standard: the first byte of a character tells how many follow and between which bounds
 * the second must lie; the others are 80 … BF. So what can no longer become a character is seen at
 * the first byte that rules it out, also when the bytes behind it have not come yet. Pure
 * functions, any thread.
 */
#include <evframe/utf8.h>

#include <string.h>

#include "base/assert.h"

/* A row of the table. */
struct lead {
    uint8_t size; /* of the character; 0: no character begins with this byte */
    uint8_t second_least, second_most;
};

static struct lead lead_of(uint8_t first)
{
    if (first < 0xc2)
        return (struct lead){ first < 0x80, 0, 0 }; /* a continuation, or an overlong form */
    if (first < 0xe0)
        return (struct lead){ 2, 0x80, 0xbf };
    if (first < 0xf0) /* E0: no overlong form; ED: no surrogate */
        return (struct lead){ 3, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf };
    if (first < 0xf5) /* F0: no overlong form; F4: not above U+10FFFF */
        return (struct lead){ 4, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf };
    return (struct lead){ 0, 0, 0 };
}

/* Bytes from the start that are ASCII, as far as whole groups of eight go. */
static size_t ascii_groups(const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    for (uint64_t group; len - at >= sizeof group; at += sizeof group) {
        memcpy(&group, bytes + at, sizeof group);
        if ((group & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return at;
}

/* The size of the whole character that the bytes begin with. Else 0, and *ret_missing tells what
 * it lacks: 0 when it is ill-formed. At least one byte. */
static size_t character(const uint8_t *bytes, size_t len, uint32_t *ret_missing)
{
    struct lead lead = lead_of(bytes[0]);
    *ret_missing = 0;
    if (lead.size == 0)
        return 0;
    size_t there = len < lead.size ? len : lead.size;
    if (there > 1 && (bytes[1] < lead.second_least || bytes[1] > lead.second_most))
        return 0;
    for (size_t i = 2; i < there; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    if (there == lead.size)
        return there;
    *ret_missing = (uint32_t)(lead.size - there);
    return 0;
}

size_t evf_utf8_check(struct evf_utf8 *utf8, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    size_t at = 0;
    EVF_RULE(len == 0 || data != NULL, "evf_utf8_check is given bytes");
    if (utf8->failed != 0)
        return 0;
    utf8->missing = 0;
    while (at < len) {
        if (bytes[at] < 0x80)
            at += ascii_groups(bytes + at, len - at);
        size_t size = at < len ? character(bytes + at, len - at, &utf8->missing) : 0;
        if (size == 0)
            break;
        at += size;
    }
    utf8->failed = at < len && utf8->missing == 0;
    utf8->offset += at;
    return at;
}
