/* SPDX-License-Identifier: MIT
 *
 * The end of a program that broke a rule.
 *
 * It does not use the log: the log itself may be what is broken, and its writing thread would not
 * get to run any more. One line goes to standard error with write(2), then the process aborts. Any
 * thread.
 */
#include "base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void evf__assert_failed(const char *what, const char *file, int line, const char *function)
{
    char text[512];
    snprintf(text, sizeof(text) - 1, "evframe: rule broken: %s (%s:%d, %s)", what, file, line,
             function);
    size_t len = strlen(text);
    text[len++] = '\n';

    for (size_t at = 0; at < len;) {
        ssize_t count = write(STDERR_FILENO, text + at, len - at);
        if (count > 0)
            at += (size_t)count;
        else if (count == 0 || errno != EINTR)
            break; /* nobody can be told */
    }
    abort();
}
