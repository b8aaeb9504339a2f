/* SPDX-License-Identifier: MIT
 *
 * Running a command and looking at what it prints.
 */
#ifndef TESTKIT_SHELL_H
#define TESTKIT_SHELL_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { OUTPUT_MAX = 64 * 1024 };

static inline int number_of(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? atoi(text) : 1;
}

static inline int slowness(void)
{
    return number_of("EVF_TEST_SLOWNESS");
}

static inline int scale(void)
{
    return number_of("EVF_TEST_SCALE");
}

/* The exit status; output gets OUTPUT_MAX bytes at most, terminated. */
__attribute__((format(printf, 2, 3))) static inline int shell(char *output, const char *format, ...)
{
    char command[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    size_t len = fread(output, 1, OUTPUT_MAX - 1, pipe);
    output[len] = '\0';
    char rest[4096];
    while (fread(rest, 1, sizeof rest, pipe) > 0)
        continue;
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
