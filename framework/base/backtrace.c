/* SPDX-License-Identifier: MIT
 *
 * Backtraces: see backtrace.h.
 *
 * The compiler's own unwinder walks the stack by the tables that every program has for exceptions;
 * it finds them by _dl_find_object, without a lock, and takes no memory. Frames of the handler come
 * first and are passed over.
 */
#include "base/backtrace.h"

#include <dlfcn.h>
#include <stddef.h>
#include <ucontext.h>
#include <unwind.h>

#if defined(__x86_64__)
#define PC(context) ((context)->uc_mcontext.gregs[REG_RIP])
#define SP(context) ((context)->uc_mcontext.gregs[REG_RSP])
#elif defined(__aarch64__)
#define PC(context) ((context)->uc_mcontext.pc)
#define SP(context) ((context)->uc_mcontext.sp)
#else
#error "say here where this processor's context has the program counter and the stack pointer"
#endif

struct walk {
    struct evf__backtrace *trace;
    uintptr_t start; /* the first frame that counts; 0: any */
    bool begun;
    bool caller; /* the frame that `start` stands in front of is a caller's */
    uint64_t seen;
};

uintptr_t evf__context_pc(const void *context)
{
    return (uintptr_t)PC((const ucontext_t *)context);
}

uintptr_t evf__context_sp(const void *context)
{
    return (uintptr_t)SP((const ucontext_t *)context);
}

static void add(struct walk *walk, uintptr_t pc, bool exact)
{
    struct evf__backtrace *trace = walk->trace;
    struct evf__frame frame = { .pc = pc, .exact = exact };
    walk->seen++;
    if (trace->count < EVF__FRAMES_FIRST + EVF__FRAMES_LAST) {
        trace->frames[trace->count++] = frame;
        return;
    }
    /* The last ones go round in a ring, which is turned at the end. */
    trace->frames[EVF__FRAMES_FIRST + trace->gap % EVF__FRAMES_LAST] = frame;
    trace->gap++;
}

static void turn(struct evf__backtrace *trace)
{
    struct evf__frame last[EVF__FRAMES_LAST];
    for (unsigned i = 0; i < EVF__FRAMES_LAST; i++)
        last[i] = trace->frames[EVF__FRAMES_FIRST + (trace->gap + i) % EVF__FRAMES_LAST];
    for (unsigned i = 0; i < EVF__FRAMES_LAST; i++)
        trace->frames[EVF__FRAMES_FIRST + i] = last[i];
    trace->gap_at = EVF__FRAMES_FIRST;
}

static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *argument)
{
    struct walk *walk = argument;
    int exact = 0;
    uintptr_t pc = _Unwind_GetIPInfo(context, &exact);
    if (pc == 0 || walk->seen == EVF__FRAMES_WALKED_MAX)
        return _URC_END_OF_STACK;
    if (!walk->begun) {
        if (walk->start != 0 && pc != walk->start)
            return _URC_NO_REASON;
        walk->begun = true;
        exact = exact && !walk->caller;
    }
    add(walk, pc, exact != 0);
    return _URC_NO_REASON;
}

static bool is_code(uintptr_t pc)
{
    struct dl_find_object found;
    return pc != 0 && _dl_find_object((void *)pc, &found) == 0;
}

/* After a call of a bad address the tables say nothing about the present instruction; the call has
 * left the caller's address behind. Makes the context the caller's; true when it did. */
__attribute__((no_sanitize("address", "undefined", "thread"))) static bool
go_to_caller(ucontext_t *context)
{
#if defined(__x86_64__)
    uintptr_t sp = evf__context_sp(context);
    if (sp == 0 || sp % sizeof(uintptr_t) != 0 || !is_code(*(const uintptr_t *)sp))
        return false;
    PC(context) = (greg_t) * (const uintptr_t *)sp;
    SP(context) += (greg_t)sizeof(uintptr_t);
#else
    uintptr_t link = (uintptr_t)context->uc_mcontext.regs[30];
    if (!is_code(link))
        return false;
    PC(context) = link;
#endif
    return true;
}

void evf__backtrace_take(struct evf__backtrace *ret, void *context)
{
    ucontext_t *at = context;
    uintptr_t pc = evf__context_pc(at), sp = evf__context_sp(at);
    struct walk walk = { .trace = ret };
    ret->count = ret->gap_at = 0;
    ret->gap = 0;
    if (!is_code(pc)) {
        add(&walk, pc, true);
        walk.caller = go_to_caller(at);
    }
    walk.start = evf__context_pc(at);
    _Unwind_Backtrace(visit, &walk);
    if (!walk.begun && is_code(pc)) {
        /* The handler was not called by the kernel: a sanitizer does it later, from a place of its
         * own. */
        walk.start = 0;
        _Unwind_Backtrace(visit, &walk);
    }
    if (ret->gap > 0)
        turn(ret);
    if (walk.caller) {
        PC(at) = (__typeof__(PC(at)))pc;
        SP(at) = (__typeof__(SP(at)))sp;
    }
}
