/* SPDX-License-Identifier: MIT
 *
 * What a struct names is inside; for names*.c alone.
 */
#ifndef EVF_TESTS_SUPPORT_NAMES_INSIDE_H
#define EVF_TESTS_SUPPORT_NAMES_INSIDE_H

#include <sys/types.h>

#include "names.h"

struct names {
    pid_t pid;
    unsigned port;
    int log_fd; /* what the child writes, appended */
    char *log;  /* a copy as last read */

    /* dnsmasq's */
    pid_t guard;  /* ends it when the test ends; 0: none */
    int guard_fd; /* the guard waits for its end */
    const char *folder, *hosts_path, *configuration_path;
    unsigned reads; /* how often it has read its hosts, or is about to have */
    bool no_port;   /* it has ended, because somebody else has the port */
};

struct names *names_new(void);
const char *names_log(struct names *names);

/* A UDP socket of 127.0.0.1, port 0: a free one. Returns the port. */
unsigned names_socket(unsigned port, int *ret_fd);

#endif
