/* SPDX-License-Identifier: MIT
 *
 * Small text in HTTP's sense: ASCII, case-insensitive names, and a writer that cannot run over.
 * No function here looks at the locale.
 */
#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A part of text that belongs to somebody else; not terminated. at is NULL for what is absent. */
struct http_text {
    const char *at;
    size_t len;
};

static inline char http_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool http_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* lower is in lower case already. */
static inline bool http_same(const char *text, const char *lower, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (http_lower(text[i]) != lower[i])
            return false;
    return true;
}

static inline bool http_text_is(struct http_text text, const char *lower)
{
    size_t len = strlen(lower);
    return text.len == len && http_same(text.at, lower, len);
}

/* A character of a token (RFC 9110, 5.6.2). */
bool http_is_token(char c);

/* The value of a hexadecimal digit, or -1. */
int http_hex(char c);

/* Without leading and trailing SP and HTAB. */
struct http_text http_trim(struct http_text text);

/* The next element of a comma-separated list, trimmed, empty ones left out; false when there is
 * none. rest is what remains. Commas inside quoted strings separate nothing. */
bool http_next_element(struct http_text *rest, struct http_text *ret);

/* A number of decimal digits only, at least one. Too large a one gives UINT64_MAX. */
bool http_number(struct http_text text, uint64_t *ret);

/* Writes text one piece behind the other. What does not fit is left out and `full` tells. */
struct http_writer {
    char *at;
    char *end;
    bool full;
};

void http_put(struct http_writer *writer, const char *bytes, size_t len);
void http_put_text(struct http_writer *writer, const char *terminated);
void http_put_number(struct http_writer *writer, uint64_t number);
void http_put_hex(struct http_writer *writer, uint64_t number);

#endif
