/* SPDX-License-Identifier: MIT
 *
 * What a struct server is inside; for server*.c alone.
 */
#ifndef EVF_TESTS_SUPPORT_SERVER_INSIDE_H
#define EVF_TESTS_SUPPORT_SERVER_INSIDE_H

#include "server.h"

struct server {
    pid_t pid;
    int pid_fd;
    int log_fd; /* the child's standard output and error, appended */
    unsigned listeners_wanted, listener_count;
    char addresses[SERVER_LISTENERS_MAX][160];
    unsigned open_files; /* when it had started */
    int64_t timers;      /* -1: not asked yet */

    char *log; /* a copy of the log as last read */
    size_t log_len, log_size;

    bool ended;
    int status;
};

/* Looks without waiting. */
bool server_has_ended(struct server *server);

/* As the 'listening on' lines tell. */
unsigned server_worker_count(struct server *server);

#endif
