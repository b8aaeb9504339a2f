/* SPDX-License-Identifier: MIT
 *
 * A line of text that is put together without anything that a signal handler may not use: no
 * locale, no memory, no lock. Any thread, also a signal handler.
 */
#ifndef EVF_BASE_LINE_H
#define EVF_BASE_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

/* What does not fit is left out. Starts as zero: `struct evf__line line = { .len = 0 };` */
struct evf__line {
    size_t len;
    char text[EVF__LOG_LINE_MAX];
};

void evf__line_add(struct evf__line *line, const char *text);
/* The same for text that came from outside: escaped. */
void evf__line_add_clean(struct evf__line *line, const char *text);
void evf__line_add_number(struct evf__line *line, uint64_t value);
/* With 0x in front. */
void evf__line_add_hex(struct evf__line *line, uint64_t value);

/* Ends the line and writes it. It waits at most EVF__LOG_WAIT_MS for a pipe or terminal that takes
 * nothing; what cannot be written is lost. The line is empty then. */
void evf__line_write(struct evf__line *line, int fd);

#endif
