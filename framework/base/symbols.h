/* SPDX-License-Identifier: MIT
 *
 * A backtrace as text: by a program of its own, evframe-symbols, which reads symbols and debug
 * information, so that nothing of that burdens this process; and without it as files and offsets.
 *
 * Any thread, also a signal handler. Each caller brings memory of its own.
 */
#ifndef EVF_BASE_SYMBOLS_H
#define EVF_BASE_SYMBOLS_H

#include <stdbool.h>

#include "base/backtrace.h"

enum { EVF__SYMBOLS_FRAMES = EVF__FRAMES_FIRST + EVF__FRAMES_LAST };

/* The arguments of the program, and the stack on which it is started. */
struct evf__symbols {
    const char *arguments[3 + 4 * (EVF__SYMBOLS_FRAMES + 1) + 1];
    char numbers[EVF__SYMBOLS_FRAMES + 1][2][24];
    _Alignas(16) char stack[16 * 1024];
};

/* Finds the program. Once, not in a handler. */
void evf__symbols_init(void);

/* Lets the program write one line for each frame to fd, each beginning with `prefix`, and waits for
 * its end. False when it could not be run or did not end well: some lines may have come. */
bool evf__symbols_write(struct evf__symbols *memory, const struct evf__backtrace *trace,
                        const char *prefix, int fd);

/* The same without it: #3 0x7f… (./plugin.so+0x11a9). */
void evf__symbols_write_raw(const struct evf__backtrace *trace, const char *prefix, int fd);

#endif
