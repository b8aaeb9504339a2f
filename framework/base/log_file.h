/* SPDX-License-Identifier: MIT
 *
 * Where log lines go: a file, a pipe or a terminal.
 *
 * Lines are gathered and written in one go. Writing never hangs: what cannot be written, because
 * the disk is full or nobody reads the pipe, is lost and counted, and the number is written in
 * front of the next lines that can be. Used by one thread at a time, under the log's lock.
 */
#ifndef EVF_BASE_LOG_FILE_H
#define EVF_BASE_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/log_format.h"

struct evf__log_file {
    int fd;
    char *path; /* NULL: standard error, which is not closed */
    enum evf__log_look look;
    bool regular; /* always ready to be written to */

    bool stuck;    /* it took nothing for EVF__LOG_WAIT_MS: not waited for again until it does */
    bool torn;     /* it ends with a part of a line */
    uint64_t lost; /* lines not written and not yet told of */
    int lost_error;

    size_t used;
    char batch[EVF__LOG_BATCH];
};

/* Opens a log file to append to, making it if need be. The descriptor, or a negated errno. */
int evf__log_file_open(const char *path);

/* Goes over to another target once what was gathered is written; closes the old one. Takes fd and
 * path (from malloc; NULL for standard error). Colours are for terminals, and NO_COLOR refuses
 * them. Also the first use of zeroed memory. */
void evf__log_file_use(struct evf__log_file *file, int fd, char *path, bool json);

/* Opens the path anew, after the file was moved away. When that fails, it says so in the old file
 * and goes on there. */
void evf__log_file_reopen(struct evf__log_file *file);

/* The calendar clock. Any thread. */
int64_t evf__log_wall_ms(void);

/* Makes a record of the log's own, of now. Any thread. */
void evf__log_record_own(struct evf__log_record *record, enum evf_level level, int worker,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Adds a line; writes when much was gathered. */
void evf__log_file_put(struct evf__log_file *file, const struct evf__log_record *record);

/* Writes what was gathered. */
void evf__log_file_flush(struct evf__log_file *file);

#endif
