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

const char *evf__sim_quote(const void *data, size_t len, size_t most, char *ret, size_t size)
{
    static const char from[] = "\n\r\t\"\\", to[] = "nrt\"\\";
    const uint8_t *bytes = data;
    size_t at = 0;
    EVF_ASSERT(size >= 16);
    ret[at++] = '"';
    for (size_t i = 0; i < len && i < most && at < size - 10; i++) {
        const char *found = bytes[i] != 0 ? strchr(from, bytes[i]) : NULL;
        if (found != NULL)
            at += (size_t)snprintf(ret + at, size - at, "\\%c", to[found - from]);
        else if (bytes[i] >= 0x20 && bytes[i] < 0x7f)
            ret[at++] = (char)bytes[i];
        else
            at += (size_t)snprintf(ret + at, size - at, "\\x%02x", bytes[i]);
        if (i + 1 < len && (i + 1 == most || at >= size - 10)) {
            snprintf(ret + at, size - at, "\"...");
            return ret;
        }
    }
    ret[at++] = '"';
    ret[at] = '\0';
    return ret;
}
