/* SPDX-License-Identifier: MIT
 *
 * One log line: what was said, and how it looks.
 *
 * A thread that logs fills a record: the message formatted, everything else as it is. Whoever
 * writes it to the log makes a line of it, in one of two formats:
 *
 *   2026-01-31T23:59:59.123Z warn  worker 3 http #17 192.0.2.1:80: the message
 *   {"time":"2026-01-31T23:59:59.123Z","level":"warn","worker":3,"plugin":"http","stream":"17",
 *    "peer":"192.0.2.1:80","message":"the message"}        (on one line)
 *
 * Times are UTC: they sort, and do not jump twice a year. What is not known is left out. The stream
 * is text in JSON too, as its 64 bits do not fit the numbers of most readers. Plugin, peer and
 * message are escaped as base/escape.h says. A message that did not fit ends with " [cut]", or is
 * followed by "cut":true. Pure functions, any thread.
 */
#ifndef EVF_BASE_LOG_FORMAT_H
#define EVF_BASE_LOG_FORMAT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/log.h"

/* A record is as large as the longest line: what it cannot hold would not fit into the line. */
struct evf__log_record {
    int64_t wall_ms;
    uint64_t stream_id; /* 0: none */
    int32_t worker;     /* -1: none */
    uint16_t message_len;
    uint8_t plugin_len, peer_len;
    uint8_t level;                     /* enum evf_level */
    bool cut;                          /* the message was longer */
    char text[EVF__LOG_LINE_MAX - 26]; /* plugin, peer and message in a row, not terminated */
};

_Static_assert(sizeof(struct evf__log_record) == EVF__LOG_LINE_MAX, "a record fills a ring's line");

enum evf__log_look { EVF__LOG_LOOK_TEXT, EVF__LOG_LOOK_COLOURS, EVF__LOG_LOOK_JSON };

/* Fills a record from a source and a message in printf's terms. Longer names and messages are cut.
 */
void evf__log_record_fill(struct evf__log_record *record, enum evf_level level, int64_t wall_ms,
                          const struct evf__log_source *source, const char *format,
                          va_list arguments) __attribute__((format(printf, 5, 0)));

/* Writes the line with its newline, without a terminator. Returns its length. */
size_t evf__log_format(char ret_line[EVF__LOG_LINE_MAX], const struct evf__log_record *record,
                       enum evf__log_look look);

#endif
