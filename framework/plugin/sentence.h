/* SPDX-License-Identifier: MIT
 *
 * Sentences for the operator, put together in a buffer of the caller's.
 *
 * A sentence that does not fit is cut and ends in "...". What comes from outside (option values,
 * names in a plugin file) is escaped as for the log, so that a sentence may go to a terminal as it
 * is. Pure functions, any thread.
 */
#ifndef EVF_PLUGIN_SENTENCE_H
#define EVF_PLUGIN_SENTENCE_H

#include <stddef.h>

struct evf__sentence {
    char *text; /* always terminated when size > 0 */
    size_t size;
    size_t len; /* size when it was cut */
};

/* Begins an empty sentence; size may be 0, then nothing is ever written. */
void evf__sentence_init(struct evf__sentence *sentence, char *text, size_t size);

void evf__sentence_add(struct evf__sentence *sentence, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text between double quotes, escaped, at most 64 bytes of it. */
void evf__sentence_quote(struct evf__sentence *sentence, const char *text);

/* The text escaped, whole and without quotes: paths, and sentences that others made. The second
 * takes at most len bytes of it. */
void evf__sentence_clean(struct evf__sentence *sentence, const char *text);
void evf__sentence_clean_part(struct evf__sentence *sentence, const char *text, size_t len);

#endif
