/* SPDX-License-Identifier: MIT
 *
 * The end of a program that broke a rule.
 *
 * It does not use the log: the log itself may be what is broken, and its writing thread would not
 * get to run any more. One line goes to standard error with write(2); then whoever knows more says
 * who did it, and the process aborts. Any thread.
 */
#include "base/assert.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A function that plugins call: evf_write, not evf__queue_add. */
static bool is_public(const char *function)
{
    return strncmp(function, "evf_", 4) == 0 && function[4] != '_';
}

static _Atomic(evf__assert_hook *) hook;

void evf__assert_set_hook(evf__assert_hook *fn)
{
    atomic_store(&hook, fn);
}

static void write_line(char *text, size_t len)
{
    text[len++] = '\n';
    for (size_t at = 0; at < len;) {
        ssize_t count = write(STDERR_FILENO, text + at, len - at);
        if (count > 0)
            at += (size_t)count;
        else if (count == 0 || errno != EINTR)
            break; /* nobody can be told */
    }
}

void evf__assert_failed(const char *what, const char *file, int line, const char *function)
{
    static const char begin[] = "evframe: ";
    char text[512];
    if (is_public(function))
        snprintf(text, sizeof(text) - 1, "%srule broken: %s: %s (%s:%d)", begin, function, what,
                 file, line);
    else
        snprintf(text, sizeof(text) - 1, "%srule broken: %s (%s:%d, %s)", begin, what, file, line,
                 function);
    evf__assert_hook *fn = atomic_load(&hook);
    size_t len = strlen(text);
    write_line(text, len);
    if (fn != NULL) {
        text[len] = '\0';
        fn(text + sizeof begin - 1);
    }
    abort();
}
