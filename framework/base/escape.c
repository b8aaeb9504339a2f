/* SPDX-License-Identifier: MIT
 *
 * Text that came from outside, made fit for one line.
 *
 * The text is taken unit by unit: a well-formed character, or one byte that is none. Each unit is
 * written whole or not at all. Pure functions, any thread.
 */
#include "base/escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum unit_kind { UNIT_PLAIN, UNIT_CONTROL, UNIT_ILL_FORMED };

struct unit {
    uint32_t code; /* the character, or the ill-formed byte */
    size_t len;    /* bytes of the text it takes */
    enum unit_kind kind;
};

/* What the first byte of a character says of the others, from table 3-7 of the Unicode standard:
 * how many bytes there are, and the bounds of the second, which exclude overlong forms, surrogates
 * and what lies above U+10FFFF. */
struct lead {
    size_t len; /* 0: no character begins so */
    uint8_t low, high;
};

static struct lead lead_of(uint8_t byte)
{
    if (byte < 0x80)
        return (struct lead){ 1, 0, 0 };
    if (byte < 0xc2)
        return (struct lead){ 0, 0, 0 };
    if (byte < 0xe0)
        return (struct lead){ 2, 0x80, 0xbf };
    if (byte < 0xf0)
        return (struct lead){ 3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf };
    if (byte < 0xf5)
        return (struct lead){ 4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf };
    return (struct lead){ 0, 0, 0 };
}

/* How many bytes of text look like the beginning of the character that the lead promises. */
static size_t well_formed(const uint8_t *text, size_t len, struct lead lead)
{
    size_t at = 1;
    for (; at < lead.len && at < len; at++) {
        uint8_t low = at == 1 ? lead.low : 0x80, high = at == 1 ? lead.high : 0xbf;
        if (text[at] < low || text[at] > high)
            break;
    }
    return at;
}

static bool is_control(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        return true; /* C0, DEL, C1 */
    if (code == 0x061c || code == 0x200e || code == 0x200f)
        return true; /* marks of direction */
    if (code >= 0x2028 && code <= 0x202e)
        return true; /* separators of lines and paragraphs; embeddings and overrides */
    return code >= 0x2066 && code <= 0x2069; /* isolates */
}

/* The first unit of a text that is not empty. */
static struct unit first_unit(const char *text, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)text;
    struct lead lead = lead_of(bytes[0]);
    if (lead.len == 0 || well_formed(bytes, len, lead) < lead.len)
        return (struct unit){ bytes[0], 1, UNIT_ILL_FORMED };

    uint32_t code = lead.len == 1 ? bytes[0] : bytes[0] & (0x7fu >> lead.len);
    for (size_t i = 1; i < lead.len; i++)
        code = code << 6 | (bytes[i] & 0x3fu);
    return (struct unit){ code, lead.len, is_control(code) ? UNIT_CONTROL : UNIT_PLAIN };
}

/* Whether a single backslash in front of this text would read as the beginning of an escape. */
static bool begins_like_escape(const char *text, size_t len, enum evf__escape_style style)
{
    if (len == 0)
        return false;
    struct unit next = first_unit(text, len);
    return next.kind != UNIT_PLAIN || next.code == 'x' || next.code == 'u' || next.code == '\\' ||
           (next.code == ' ' && style == EVF__ESCAPE_WORD);
}

/* Writes what stands for the unit at the head of text into shown; its length. */
static size_t show(char shown[8], struct unit unit, const char *text, size_t len,
                   enum evf__escape_style style)
{
    bool json = style == EVF__ESCAPE_JSON;

    if (unit.kind == UNIT_ILL_FORMED)
        return (size_t)snprintf(shown, 8, json ? "\\\\x%02x" : "\\x%02x", unit.code);
    if (unit.kind == UNIT_CONTROL && !json && unit.code < 0x80)
        return (size_t)snprintf(shown, 8, "\\x%02x", unit.code);
    if (unit.kind == UNIT_CONTROL)
        return (size_t)snprintf(shown, 8, "\\u%04x", unit.code);
    if (unit.code == ' ' && style == EVF__ESCAPE_WORD)
        return (size_t)snprintf(shown, 8, "\\x20");

    size_t at = 0;
    if (json ? unit.code == '"' || unit.code == '\\'
             : unit.code == '\\' && begins_like_escape(text + 1, len - 1, style))
        shown[at++] = '\\';
    memcpy(shown + at, text, unit.len);
    return at + unit.len;
}

size_t evf__escape(char *to, size_t room, const char *text, size_t len,
                   enum evf__escape_style style, size_t *ret_taken)
{
    size_t written = 0, taken = 0;

    while (taken < len) {
        struct unit unit = first_unit(text + taken, len - taken);
        char shown[8];
        size_t shown_len = show(shown, unit, text + taken, len - taken, style);
        if (shown_len > room - written)
            break;
        memcpy(to + written, shown, shown_len);
        written += shown_len;
        taken += unit.len;
    }
    if (ret_taken != NULL)
        *ret_taken = taken;
    return written;
}

size_t evf__escape_whole(const char *text, size_t len)
{
    /* The beginning of the last character is at most three bytes from the end if it is cut. */
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        const uint8_t *at = (const uint8_t *)text + len - back;
        struct lead lead = lead_of(*at);
        if (lead.len > back && well_formed(at, back, lead) == back)
            return len - back;
        if (lead.len != 0)
            break;
    }
    return len;
}
