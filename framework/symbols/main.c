/* SPDX-License-Identifier: MIT
 *
 * evframe-symbols: gives the addresses of a backtrace their names, for reports of crashes and
 * stalls (base/symbols.c runs it and says what its arguments are).
 *
 * A program of its own, so that elfutils' libdw is nobody else's burden, and so that it works where
 * the process that asks is broken. One line for each call goes to standard output, a call that the
 * compiler has put into another one's code included.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "symbols/modules.h"

enum { FIRST = 4, EACH = 4 };

/* Ends the program in time, whatever it inherited. */
static void bound_time(void)
{
    sigset_t one;
    signal(SIGALRM, SIG_DFL);
    sigemptyset(&one);
    sigaddset(&one, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    alarm(EVF__SYMBOLS_S);
}

static void print(struct modules *modules, char **arguments, int count, const char *prefix)
{
    unsigned long gap_at = strtoul(arguments[2], NULL, 10);
    unsigned long gap = strtoul(arguments[3], NULL, 10), number = 0;
    for (int i = FIRST; i + EACH <= count; i += EACH, number++) {
        bool exact = arguments[i][0] == '=';
        uint64_t pc = strtoull(arguments[i] + exact, NULL, 16);
        uint64_t base = strtoull(arguments[i + 1], NULL, 16);
        if (gap > 0 && number == gap_at) {
            printf("%s%lu calls left out\n", prefix, gap);
            number += gap;
        }
        modules_print(modules, prefix, number, pc, exact, base, arguments[i + 3]);
    }
}

int main(int count, char **arguments)
{
    if (count < FIRST) {
        fprintf(stderr, "evframe-symbols is run by evframe, to report a crash\n");
        return 2;
    }
    bound_time();
    struct modules *modules = modules_create();
    if (modules == NULL)
        return EXIT_FAILURE;
    for (int i = FIRST; i + EACH <= count; i += EACH)
        modules_add(modules, strtoull(arguments[i + 1], NULL, 16), arguments[i + 2],
                    arguments[i + 3]);
    modules_added(modules);
    print(modules, arguments, count, arguments[1]);
    modules_destroy(modules);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
