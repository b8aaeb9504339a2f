/* SPDX-License-Identifier: MIT
 *
 * Cutting input into lines; see lines.h.
 */
#include "lines.h"

#include <evframe/utf8.h>
#include <string.h>

/* With no end of line in sight: more than max bytes, of which the last may be the \r of an end. */
static bool too_long_already(const uint8_t *bytes, size_t len, size_t max)
{
    return len > max + 1 || (len == max + 1 && bytes[max] != '\r');
}

enum chat_line_kind chat_lines_next(struct chat_lines *lines, size_t max, const uint8_t *bytes,
                                    size_t len, struct chat_line *ret)
{
    const uint8_t *end = memchr(bytes, '\n', len);
    size_t used = end != NULL ? (size_t)(end - bytes) + 1 : len;
    size_t text_len = used - (end != NULL);
    if (end != NULL && text_len > 0 && bytes[text_len - 1] == '\r')
        text_len--;

    *ret = (struct chat_line){ .used = used };
    if (lines->skipping) {
        lines->skipping = end == NULL;
        lines->offset += used;
        return CHAT_LINE_SKIPPED;
    }
    if (end != NULL ? text_len > max : too_long_already(bytes, len, max)) {
        lines->skipping = end == NULL;
        lines->offset += used;
        return CHAT_LINE_TOO_LONG;
    }
    if (end == NULL) {
        ret->used = 0;
        return CHAT_LINE_NONE;
    }
    /* With its \n, so that a character cut off by it is seen. */
    struct evf_utf8 utf8 = { .offset = lines->offset };
    evf_utf8_check(&utf8, bytes, used);
    lines->offset += used;
    ret->bad_offset = utf8.offset;
    ret->text = (const char *)bytes;
    ret->len = text_len;
    return evf_utf8_failed(&utf8) ? CHAT_LINE_BAD_UTF8 : CHAT_LINE_TEXT;
}
