/* SPDX-License-Identifier: MIT
 *
 * Running evframe-symbols: see symbols.h.
 *
 * The process may be broken: its memory, its locks. So the child is made by clone(2) and shares the
 * memory until it executes the program; nothing but system calls is made there. It sends no
 * SIGCHLD, and whoever waits for children of the process does not get it. The program ends itself
 * when it takes too long. A plugin's copy is inherited, since it has no path. The environment is
 * empty, so that no server for debug information is asked.
 *
 * The program's arguments: the prefix; how many frames come before the gap and how many the gap
 * has; then for each frame its address ('=' in front of one that is not behind a call), where the
 * file lies in memory, what it can be opened as, and what it is called.
 */
#include "base/symbols.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/line.h"
#include "base/whose.h"

#ifndef EVF__SYMBOLS_FROM_LIB
#error "the build says where evframe-symbols lies, seen from the library's folder"
#endif

/* clone(2) by its other name in the C library: ThreadSanitizer wraps the usual one, and would take
 * the child that shares the memory for a fork that has its own. */
int __clone(int (*fn)(void *argument), void *stack, int flags, void *argument, ...);

static char program[PATH_MAX];

static const char copies[] = "/proc/self/fd/";

void evf__symbols_init(void)
{
    Dl_info own;
    if (dladdr(program, &own) == 0 || own.dli_fname == NULL)
        return;
    const char *slash = strrchr(own.dli_fname, '/');
    size_t folder = slash != NULL ? (size_t)(slash - own.dli_fname) + 1 : 0;
    if (folder + sizeof EVF__SYMBOLS_FROM_LIB > sizeof program)
        return;
    memcpy(program, own.dli_fname, folder);
    memcpy(program + folder, EVF__SYMBOLS_FROM_LIB, sizeof EVF__SYMBOLS_FROM_LIB);
}

/* Digits with a character in front, when it is not 0. */
static const char *number(char text[24], char first, uint64_t value, unsigned base)
{
    char *at = text + 23;
    *at = '\0';
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (first != '\0')
        *--at = first;
    return at;
}

static void fill(struct evf__symbols *memory, const struct evf__backtrace *trace,
                 const char *prefix)
{
    const char **to = memory->arguments;
    char(*numbers)[24] = memory->numbers[EVF__SYMBOLS_FRAMES];
    *to++ = program;
    *to++ = prefix;
    *to++ = number(numbers[0], '\0', trace->gap > 0 ? trace->gap_at : trace->count, 10);
    *to++ = number(numbers[1], '\0', trace->gap, 10);
    for (unsigned i = 0; i < trace->count; i++) {
        struct evf__place place = { .file = "", .shown = "" };
        bool known = evf__place_of(trace->frames[i].pc, &place);
        numbers = memory->numbers[i];
        *to++ = number(numbers[0], trace->frames[i].exact ? '=' : '\0', trace->frames[i].pc, 16);
        *to++ = number(numbers[1], '\0', known ? place.base : 0, 16);
        *to++ = place.file;
        *to++ = place.shown;
    }
    *to = NULL;
}

/* In the child, which shares the memory: system calls alone. What the C library and sanitizers put
 * around them is not made for that. */
__attribute__((no_sanitize("address", "undefined", "thread"))) static void
inherit(const char *const *arguments)
{
    for (; *arguments != NULL; arguments++) {
        size_t i = 0;
        int fd = 0;
        while (copies[i] != '\0' && (*arguments)[i] == copies[i])
            i++;
        if (copies[i] != '\0')
            continue;
        for (; (*arguments)[i] >= '0' && (*arguments)[i] <= '9' && fd < INT_MAX / 10 - 1; i++)
            fd = fd * 10 + ((*arguments)[i] - '0');
        (void)syscall(SYS_fcntl, fd, F_SETFD, 0);
    }
}

struct start {
    const struct evf__symbols *memory;
    int fd;
};

__attribute__((no_sanitize("address", "undefined", "thread"))) static int begin(void *argument)
{
    const struct start *start = argument;
    static char *const environment[] = { NULL };
    if (syscall(SYS_dup3, start->fd, STDOUT_FILENO, 0) >= 0) {
        inherit(start->memory->arguments);
        (void)syscall(SYS_execve, program, start->memory->arguments, environment);
    }
    syscall(SYS_exit_group, 127);
    __builtin_unreachable();
}

bool evf__symbols_write(struct evf__symbols *memory, const struct evf__backtrace *trace,
                        const char *prefix, int fd)
{
    struct start start = { .memory = memory, .fd = fd };
    int status;
    if (program[0] == '\0')
        return false;
    fill(memory, trace, prefix);
    pid_t child =
        __clone(begin, memory->stack + sizeof memory->stack, CLONE_VM | CLONE_VFORK, &start);
    if (child < 0)
        return false;
    pid_t got;
    do
        got = waitpid(child, &status, __WALL);
    while (got < 0 && errno == EINTR);
    return got == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void evf__symbols_write_raw(const struct evf__backtrace *trace, const char *prefix, int fd)
{
    struct evf__line line = { .len = 0 };
    for (unsigned i = 0; i < trace->count; i++) {
        struct evf__place place;
        uint64_t at = i;
        if (trace->gap > 0 && i >= trace->gap_at)
            at += trace->gap;
        if (trace->gap > 0 && i == trace->gap_at) {
            evf__line_add(&line, prefix);
            evf__line_add_number(&line, trace->gap);
            evf__line_add(&line, " calls left out");
            evf__line_write(&line, fd);
        }
        evf__line_add(&line, prefix);
        evf__line_add(&line, "#");
        evf__line_add_number(&line, at);
        evf__line_add(&line, " ");
        evf__line_add_hex(&line, trace->frames[i].pc);
        if (evf__place_of(trace->frames[i].pc, &place)) {
            evf__line_add(&line, " (");
            evf__line_add_clean(&line, place.shown);
            evf__line_add(&line, "+");
            evf__line_add_hex(&line, trace->frames[i].pc - place.base);
            evf__line_add(&line, ")");
        }
        evf__line_write(&line, fd);
    }
}
