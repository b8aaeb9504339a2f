/* SPDX-License-Identifier: MIT
 *
 * The scan for the end of a head: jumps from control character to control character, eight bytes at
 * a time.
 */
#include "head.h"

#include <string.h>

/* The index of the first byte below 0x20 at or after `at`, or len. */
static size_t next_control(const char *bytes, size_t at, size_t len)
{
    const uint64_t ones = 0x0101010101010101u;
    while (at + 8 <= len) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        /* The high bit of each byte less than 0x20; a borrow can set others above the lowest. */
        uint64_t low = (word - ones * 0x20) & ~word & (ones * 0x80);
        if (low != 0) {
            if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
                return at + (size_t)__builtin_ctzll(low) / 8;
            break;
        }
        at += 8;
    }
    while (at < len && (unsigned char)bytes[at] >= 0x20)
        at++;
    return at;
}

static bool folds(const char *bytes, size_t at, size_t len)
{
    return at < len && at > 0 && bytes[at - 1] == '\n' && (bytes[at] == ' ' || bytes[at] == '\t');
}

/* What to refuse a head with that has come to `at` without an end; 0 while it is within its limits.
 * Checked before anything else about these bytes, so that the verdict does not depend on how the
 * network cut them. */
static int excess(const struct http_head_scan *scan, size_t at, uint32_t max_line,
                  uint32_t max_head, bool trailers)
{
    if (!trailers && scan->line == 0 && at > max_line)
        return 414;
    return at > max_head ? 431 : 0;
}

int http_head_scan(struct http_head_scan *scan, const char *bytes, size_t len, uint32_t max_line,
                   uint32_t max_head, bool trailers)
{
    /* Nothing beyond the limits is worth a look: the verdict is the same with fewer bytes. */
    size_t limit = (size_t)max_line + max_head + 4;
    if (len > limit)
        len = limit;

    size_t at = scan->seen;
    for (;;) {
        int refused = excess(scan, at, max_line, max_head, trailers);
        if (refused == 0 && folds(bytes, at, len))
            refused = 400;
        if (refused != 0)
            return refused;

        at = next_control(bytes, at, len);
        refused = excess(scan, at, max_line, max_head, trailers);
        if (refused != 0)
            return refused;
        if (at == len || (bytes[at] == '\r' && at + 1 == len)) {
            scan->seen = (uint32_t)at;
            return HTTP_HEAD_MORE;
        }
        if (bytes[at] == '\t') {
            at++;
            continue;
        }
        if (bytes[at] != '\r' || bytes[at + 1] != '\n')
            return 400;

        bool empty = at == 0 || bytes[at - 1] == '\n';
        if (!trailers && scan->line == 0) {
            if (empty)
                return 400;
            scan->line = (uint32_t)at;
        } else if (empty) {
            if (at + 2 > max_head)
                return 431;
            scan->seen = (uint32_t)(at + 2);
            return HTTP_HEAD_COMPLETE;
        }
        at += 2;
    }
}
