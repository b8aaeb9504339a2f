/* SPDX-License-Identifier: MIT
 *
 * A script's line as words: bare ones, texts in quotes, and `...`.
 *
 *   "text"      with \n \r \t \0 \" \\ and \xNN; texts that stand side by side are one
 *   "text"*N    N times
 *   # …         a comment, up to the end of the line
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testkit/script.h"

enum { TEXT_MAX = 64 * 1024 * 1024 };

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character behind a backslash; *at is moved behind it. -1: no such one. */
static int unescape(char **at)
{
    static const char from[] = "nrt0\"\\", to[] = "\n\r\t\0\"\\";
    char c = *(*at)++;
    if (c == 'x' && digit((*at)[0]) >= 0 && digit((*at)[1]) >= 0) {
        int value = digit((*at)[0]) * 16 + digit((*at)[1]);
        *at += 2;
        return value;
    }
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    return found != NULL ? (uint8_t)to[found - from] : -1;
}

/* The text behind a quote, in place. Where it ends, or NULL with what is wrong. */
static char *cut_text(char *at, size_t *ret_len, char *error, size_t size)
{
    char *out = at, *begin = at;
    while (*at != '"') {
        if (*at == '\0') {
            snprintf(error, size, "a text has no closing quote");
            return NULL;
        }
        int value = (uint8_t)*at++;
        if (value == '\\') {
            const char *shown = at;
            value = unescape(&at);
            if (value < 0) {
                snprintf(error, size,
                         "\\%.1s is not known in a text: there are \\n \\r \\t \\0 \\\" \\\\ and "
                         "\\xNN",
                         shown);
                return NULL;
            }
        }
        *out++ = (char)value;
    }
    *ret_len = (size_t)(out - begin);
    return at + 1;
}

/* What stands behind a text: `*N`, or nothing. */
static char *cut_times(char *at, size_t *ret_times, char *error, size_t size)
{
    char *end, *star = at + strspn(at, " \t");
    *ret_times = 1;
    if (*star != '*')
        return at;
    star += 1 + strspn(star + 1, " \t");
    errno = 0;
    unsigned long long times = strtoull(star, &end, 10);
    if (end == star || errno != 0 || *star == '-' || times > TEXT_MAX) {
        snprintf(error, size, "a number from 0 to %d is wanted behind '*'", TEXT_MAX);
        return NULL;
    }
    *ret_times = (size_t)times;
    return end;
}

static struct evf__word *add(struct evf__script_line *line, enum evf__word_kind kind, char *error,
                             size_t size)
{
    if (line->count == EVF__WORDS_MAX) {
        snprintf(error, size, "a line has more than %d words", EVF__WORDS_MAX);
        return NULL;
    }
    struct evf__word *word = &line->words[line->count++];
    *word = (struct evf__word){ .kind = kind };
    return word;
}

static int append(struct evf__word *word, const char *text, size_t len, size_t times, char *error,
                  size_t size)
{
    if (len > 0 && times > (TEXT_MAX - word->len) / len) {
        snprintf(error, size, "a text is longer than %d bytes", TEXT_MAX);
        return -EINVAL;
    }
    uint8_t *grown = realloc(word->bytes, word->len + len * times + 1);
    if (grown == NULL)
        abort();
    word->bytes = grown;
    for (size_t i = 0; i < times; i++) {
        memcpy(word->bytes + word->len, text, len);
        word->len += len;
    }
    return 0;
}

static char *cut_quoted(struct evf__script_line *line, char *at, char *error, size_t size)
{
    size_t len, times;
    char *text = at + 1;
    at = cut_text(text, &len, error, size);
    if (at != NULL)
        at = cut_times(at, &times, error, size);
    if (at == NULL)
        return NULL;
    struct evf__word *last = line->count > 0 ? &line->words[line->count - 1] : NULL;
    if (last == NULL || last->kind != EVF__WORD_TEXT)
        last = add(line, EVF__WORD_TEXT, error, size);
    if (last == NULL || append(last, text, len, times, error, size) < 0)
        return NULL;
    return at;
}

static char *cut_bare(struct evf__script_line *line, char *at, char *error, size_t size)
{
    size_t len = strcspn(at, " \t\"#");
    bool gap = len == 3 && strncmp(at, "...", 3) == 0;
    struct evf__word *word = add(line, gap ? EVF__WORD_GAP : EVF__WORD_BARE, error, size);
    if (word == NULL)
        return NULL;
    word->at = at;
    word->len = len;
    if (at[len] == '"') {
        snprintf(error, size, "a blank is wanted in front of the quote behind '%.*s'", (int)len,
                 at);
        return NULL;
    }
    if (at[len] == '#')
        at[len + 1] = '\0';
    bool last = at[len] == '\0';
    if (!last)
        at[len] = '\0';
    return at + len + !last;
}

int evf__script_line_cut(struct evf__script_line *line, char *text, char *error, size_t size)
{
    while (text != NULL) {
        text += strspn(text, " \t");
        if (*text == '\0' || *text == '#')
            return 0;
        text =
            *text == '"' ? cut_quoted(line, text, error, size) : cut_bare(line, text, error, size);
    }
    return -EINVAL;
}

void evf__script_line_free(struct evf__script_line *line)
{
    for (unsigned i = 0; i < line->count; i++)
        free(line->words[i].bytes);
    line->count = 0;
}
