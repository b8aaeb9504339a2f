/* SPDX-License-Identifier: MIT
 *
 * Growing buffers, and bytes as people read them. Without memory the test program ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testkit/sim.h"

void evf__sim_bytes_add(struct evf__sim_bytes *bytes, const void *data, size_t len)
{
    if (len == 0)
        return;
    if (bytes->start > 0 && bytes->start + bytes->len + len > bytes->room) {
        memmove(bytes->data, bytes->data + bytes->start, bytes->len);
        bytes->start = 0;
    }
    if (bytes->len + len > bytes->room) {
        size_t room = 2 * (bytes->len + len);
        uint8_t *grown = realloc(bytes->data, room);
        if (grown == NULL)
            abort();
        bytes->data = grown;
        bytes->room = room;
    }
    memcpy(bytes->data + bytes->start + bytes->len, data, len);
    bytes->len += len;
}

void evf__sim_bytes_take(struct evf__sim_bytes *bytes, size_t len)
{
    EVF_ASSERT(len <= bytes->len);
    bytes->start += len;
    bytes->len -= len;
    if (bytes->len == 0)
        bytes->start = 0;
}

void evf__sim_bytes_free(struct evf__sim_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct evf__sim_bytes){ 0 };
}

/* How many of the bytes from the first on are the same. */
static size_t run(const uint8_t *bytes, size_t len)
{
    size_t same = 1;
    while (same < len && bytes[same] == bytes[0])
        same++;
    return same;
}

static size_t put(char *ret, size_t size, uint8_t byte)
{
    static const char from[] = "\n\r\t\0\"\\", to[] = "nrt0\"\\";
    for (size_t i = 0; i < sizeof from - 1; i++)
        if (byte == (uint8_t)from[i])
            return (size_t)snprintf(ret, size, "\\%c", to[i]);
    if (byte >= 0x20 && byte < 0x7f)
        return (size_t)snprintf(ret, size, "%c", byte);
    return (size_t)snprintf(ret, size, "\\x%02x", byte);
}

enum { RUN_MIN = 16, SPARE = 48 };

const char *evf__sim_quote(const void *data, size_t len, size_t most, char *ret, size_t size)
{
    const uint8_t *bytes = data;
    size_t at = 0, shown = 0;
    bool open = false;
    EVF_ASSERT(size >= 2 * SPARE);
    for (size_t i = 0, same; i < len; i += same, shown++) {
        if (shown == most || at >= size - SPARE) {
            snprintf(ret + at, size - at, "%s...", open ? "\"" : "");
            return ret;
        }
        same = run(bytes + i, len - i);
        bool times = same >= RUN_MIN;
        at += (size_t)snprintf(ret + at, size - at, "%s", !open ? "\"" : times ? "\" \"" : "");
        if (!times)
            same = 1;
        at += put(ret + at, size - at, bytes[i]);
        open = !times;
        if (times)
            at +=
                (size_t)snprintf(ret + at, size - at, "\"*%zu%s", same, i + same < len ? " " : "");
    }
    if (open || len == 0)
        snprintf(ret + at, size - at, "%s", len == 0 ? "\"\"" : "\"");
    return ret;
}
