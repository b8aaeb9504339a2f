/* SPDX-License-Identifier: MIT
 *
 * Text for signal handlers: see line.h.
 */
#include "base/line.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"

enum { ROOM = EVF__LOG_LINE_MAX - 1 }; /* the newline always fits */

void evf__line_add(struct evf__line *line, const char *text)
{
    while (*text != '\0' && line->len < ROOM)
        line->text[line->len++] = *text++;
}

void evf__line_add_clean(struct evf__line *line, const char *text)
{
    line->len += evf__escape(line->text + line->len, ROOM - line->len, text, strlen(text),
                             EVF__ESCAPE_TEXT, NULL);
}

static void add_digits(struct evf__line *line, uint64_t value, unsigned base)
{
    char digits[21];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    evf__line_add(line, digits + at);
}

void evf__line_add_number(struct evf__line *line, uint64_t value)
{
    add_digits(line, value, 10);
}

void evf__line_add_hex(struct evf__line *line, uint64_t value)
{
    evf__line_add(line, "0x");
    add_digits(line, value, 16);
}

void evf__line_write(struct evf__line *line, int fd)
{
    line->text[line->len++] = '\n';
    for (size_t at = 0; at < line->len;) {
        struct pollfd one = { .fd = fd, .events = POLLOUT };
        int ready = poll(&one, 1, EVF__LOG_WAIT_MS);
        ssize_t count = ready > 0 ? write(fd, line->text + at, line->len - at) : -1;
        if (count > 0)
            at += (size_t)count;
        else if (count == 0 || ready == 0 || errno != EINTR)
            break; /* nobody can be told */
    }
    line->len = 0;
}
