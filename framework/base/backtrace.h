/* SPDX-License-Identifier: MIT
 *
 * The addresses of the calls that led to an interrupted instruction. To be used in a signal
 * handler, on the interrupted thread.
 */
#ifndef EVF_BASE_BACKTRACE_H
#define EVF_BASE_BACKTRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

struct evf__frame {
    uintptr_t pc;
    bool exact; /* the interrupted instruction itself; else behind the call */
};

/* The innermost calls first. Of a deep recursion the middle is left out. */
struct evf__backtrace {
    unsigned count;  /* frames that are kept */
    unsigned gap_at; /* frames[gap_at] comes behind those left out */
    uint64_t gap;    /* how many were left out */
    struct evf__frame frames[EVF__FRAMES_FIRST + EVF__FRAMES_LAST];
};

/* `context` is the handler's third argument. It is changed and changed back where the interrupted
 * instruction is none: after a call of a bad address the caller is found all the same. */
void evf__backtrace_take(struct evf__backtrace *ret, void *context);

/* The interrupted instruction and the stack's end as the handler's context tells them. */
uintptr_t evf__context_pc(const void *context);
uintptr_t evf__context_sp(const void *context);

#endif
