/* SPDX-License-Identifier: MIT
 *
 * Sentences for the operator; see sentence.h.
 */
#include "plugin/sentence.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"

/* Bytes of a quoted text: enough to find it again in what was typed. */
enum { QUOTED_MAX = 64 };

void evf__sentence_init(struct evf__sentence *sentence, char *text, size_t size)
{
    sentence->text = text;
    sentence->size = size;
    sentence->len = 0;
    if (size > 0)
        text[0] = '\0';
}

/* Fills the buffer's end with dots, so that a reader sees that something is missing. */
static void cut(struct evf__sentence *sentence)
{
    size_t dots = sentence->size - 1 < 3 ? sentence->size - 1 : 3;
    size_t keep = evf__escape_whole(sentence->text, sentence->size - 1 - dots);
    memset(sentence->text + keep, '.', dots);
    sentence->text[keep + dots] = '\0';
    sentence->len = sentence->size; /* nothing more is added */
}

static bool was_cut(const struct evf__sentence *sentence)
{
    return sentence->len >= sentence->size;
}

void evf__sentence_add(struct evf__sentence *sentence, const char *format, ...)
{
    if (was_cut(sentence))
        return;
    size_t room = sentence->size - sentence->len;
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(sentence->text + sentence->len, room, format, arguments);
    va_end(arguments);
    if (len < 0)
        sentence->text[sentence->len] = '\0';
    else if ((size_t)len >= room)
        cut(sentence);
    else
        sentence->len += (size_t)len;
}

void evf__sentence_clean_part(struct evf__sentence *sentence, const char *text, size_t len)
{
    len = strnlen(text, len);
    while (len > 0 && !was_cut(sentence)) {
        char piece[256];
        size_t taken;
        size_t shown = evf__escape(piece, sizeof(piece), text, len, EVF__ESCAPE_TEXT, &taken);
        evf__sentence_add(sentence, "%.*s", (int)shown, piece);
        text += taken;
        len -= taken;
    }
}

void evf__sentence_clean(struct evf__sentence *sentence, const char *text)
{
    evf__sentence_clean_part(sentence, text, strlen(text));
}

void evf__sentence_quote(struct evf__sentence *sentence, const char *text)
{
    size_t len = strnlen(text, QUOTED_MAX);
    bool more = text[len] != '\0';
    evf__sentence_add(sentence, "\"");
    evf__sentence_clean_part(sentence, text, more ? evf__escape_whole(text, len) : len);
    evf__sentence_add(sentence, more ? "...\"" : "\"");
}
