/* SPDX-License-Identifier: MIT
 *
 * Small text in HTTP's sense.
 */
#include "text.h"

bool http_is_token(char c)
{
    if (http_is_digit(c))
        return true;
    char lower = http_lower(c);
    if (lower >= 'a' && lower <= 'z')
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

int http_hex(char c)
{
    if (http_is_digit(c))
        return c - '0';
    char lower = http_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

struct http_text http_trim(struct http_text text)
{
    while (text.len > 0 && is_space(text.at[0])) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.at[text.len - 1]))
        text.len--;
    return text;
}

/* The length up to the next comma outside a quoted string, or all of it. */
static size_t element_length(struct http_text text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            quoted = !quoted;
        else if (text.at[i] == ',' && !quoted)
            return i;
    }
    return text.len;
}

bool http_next_element(struct http_text *rest, struct http_text *ret)
{
    while (rest->len > 0) {
        size_t len = element_length(*rest);
        struct http_text element = http_trim((struct http_text){ rest->at, len });
        size_t used = len < rest->len ? len + 1 : len;
        rest->at += used;
        rest->len -= used;
        if (element.len > 0) {
            *ret = element;
            return true;
        }
    }
    return false;
}

bool http_number(struct http_text text, uint64_t *ret)
{
    if (text.len == 0)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!http_is_digit(text.at[i]))
            return false;
        uint64_t digit = (uint64_t)(text.at[i] - '0');
        /* The last few numbers that would just fit count as too large. */
        number = number < UINT64_MAX / 10 ? number * 10 + digit : UINT64_MAX;
    }
    *ret = number;
    return true;
}

void http_put(struct http_writer *writer, const char *bytes, size_t len)
{
    if (writer->full || (size_t)(writer->end - writer->at) < len) {
        writer->full = true;
        return;
    }
    memcpy(writer->at, bytes, len);
    writer->at += len;
}

void http_put_text(struct http_writer *writer, const char *terminated)
{
    http_put(writer, terminated, strlen(terminated));
}

static void put_base(struct http_writer *writer, uint64_t number, unsigned base)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    http_put(writer, digits + at, sizeof digits - at);
}

void http_put_number(struct http_writer *writer, uint64_t number)
{
    put_base(writer, number, 10);
}

void http_put_hex(struct http_writer *writer, uint64_t number)
{
    put_base(writer, number, 16);
}
