/* SPDX-License-Identifier: MIT
 *
 * The crash report: see crash.h.
 *
 * Lines are written one by one, those that read the least memory first: what is broken may end the
 * report, and what was written stays. A second crash of the same thread ends the process at once,
 * since the signals are blocked in the handler; other threads that crash meanwhile wait for the
 * end. When the report is done the signal's action is what it was before, and the instruction is
 * executed again: so the process dies of the signal that it got, and a core dump shows the place.
 *
 * Only functions that a signal handler may use are called, and those of this library that the files
 * named here say so of: line, facts, whose, backtrace, symbols.
 */
#include "base/crash.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <evframe/version.h>

#include "base/facts.h"
#include "base/log.h"
#include "base/symbols.h"
#include "base/whose.h"

#define PREFIX "evframe: crash: "

static const struct taken {
    int number;
    const char *name;
} taken[] = {
    { SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" },   { SIGFPE, "SIGFPE" },
    { SIGILL, "SIGILL" },   { SIGABRT, "SIGABRT" },
};
enum { TAKEN = sizeof taken / sizeof taken[0] };

static struct sigaction before[TAKEN];
static bool installed; /* set once, before the threads that read it are made */
static int asking;
static _Atomic(evf__crash_asked_fn *) asked;

static _Atomic pid_t reporting; /* the thread that reports; 0: none */
static _Atomic(const char *) reason;

/* The crashing thread's, one after the other. */
static struct evf__backtrace trace;
static struct evf__symbols symbols;

/* The calling thread's stack for handlers, and its usual one. Read in the handler. */
static _Thread_local struct {
    char *memory; /* a page that cannot be touched, and the stack */
    stack_t before;
    uintptr_t low; /* of the usual one; 0: not known */
} own __attribute__((tls_model("initial-exec")));

void evf__crash_reason(const char *text)
{
    atomic_store(&reason, text);
}

/* -- the report -- */

static const char *code_text(int signal, int code)
{
    if (code == SI_USER || code == SI_TKILL || code == SI_QUEUE)
        return signal == SIGABRT ? "" : " (sent by a process)";
    if (signal == SIGSEGV)
        return code == SEGV_ACCERR   ? " (memory that may not be used so)"
               : code == SEGV_MAPERR ? " (no memory there)"
                                     : "";
    if (signal == SIGFPE)
        return code == FPE_INTDIV   ? " (integer divided by zero)"
               : code == FPE_INTOVF ? " (integer overflow)"
                                    : " (arithmetic)";
    if (signal == SIGBUS)
        return code == BUS_ADRERR   ? " (behind the end of a mapped file)"
               : code == BUS_ADRALN ? " (badly aligned)"
                                    : "";
    return signal == SIGILL ? " (no instruction)" : "";
}

static bool on_stacks_end(const siginfo_t *info)
{
    enum { NEAR = 1024 * 1024 }; /* the kernel's own gap below a stack that grows */
    uintptr_t address = (uintptr_t)info->si_addr;
    return own.low != 0 && address < own.low + 4096 && address >= own.low - NEAR;
}

static void say_what(int fd, const struct taken *of, const siginfo_t *info)
{
    struct evf__line line = { .len = 0 };
    bool fault = info->si_code > 0 && (of->number == SIGSEGV || of->number == SIGBUS);
    evf__line_add(&line, PREFIX);
    evf__line_add(&line, of->name);
    if (of->number == SIGSEGV && info->si_code > 0 && on_stacks_end(info))
        evf__line_add(&line, " (stack overflow)");
    else
        evf__line_add(&line, code_text(of->number, info->si_code));
    if (fault && info->si_code != SI_KERNEL) {
        evf__line_add(&line, " at ");
        evf__line_add_hex(&line, (uintptr_t)info->si_addr);
    }
    const char *why = of->number == SIGABRT ? atomic_load(&reason) : NULL;
    if (why != NULL) {
        evf__line_add(&line, ": ");
        evf__line_add_clean(&line, why);
    }
    evf__line_write(&line, fd);
}

static void say_where(int fd)
{
    struct evf__line line = { .len = 0 };
    struct evf__facts facts;
    char name[17] = "";
    evf__facts_take(&facts);
    evf__line_add(&line, PREFIX "in ");
    evf__facts_add(&line, &facts);
    evf__line_write(&line, fd);

    evf__line_add(&line, PREFIX "evframe " EVF_VERSION ", process ");
    evf__line_add_number(&line, (uint64_t)getpid());
    evf__line_add(&line, ", thread ");
    evf__line_add_number(&line, (uint64_t)gettid());
    if (prctl(PR_GET_NAME, name) == 0) {
        evf__line_add(&line, " ");
        evf__line_add_clean(&line, name);
    }
    evf__line_write(&line, fd);

    evf__facts_take_stream(&facts);
    if (facts.source.stream_id == 0)
        return;
    evf__line_add(&line, PREFIX);
    evf__facts_add_stream(&line, &facts);
    evf__line_write(&line, fd);
}

static void report(const struct taken *of, const siginfo_t *info, void *context)
{
    int fd = evf__log_descriptor();
    say_what(fd, of, info);
    say_where(fd);
    evf__backtrace_take(&trace, context);
    if (!evf__symbols_write(&symbols, &trace, PREFIX, fd))
        evf__symbols_write_raw(&trace, PREFIX, fd);
    struct evf__line line = { .len = 0 };
    evf__line_add(&line, PREFIX "the process ends");
    evf__line_write(&line, fd);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    pid_t self = gettid(), other = 0;
    const struct taken *of = taken;
    while (of->number != number)
        of++;
    /* abort() unblocks its signal: it comes here a second time when the report calls it. */
    if (atomic_compare_exchange_strong(&reporting, &other, self))
        report(of, info, context);
    else if (other != self)
        for (;;)
            pause(); /* all signals are blocked here: until the process ends */
    sigaction(number, &before[of - taken], NULL);
    /* What an instruction did, it does again. */
    if (info->si_code <= 0)
        (void)tgkill(getpid(), self, number);
    errno = saved;
}

/* -- asking -- */

static void on_asked(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    evf__crash_asked_fn *fn = atomic_load(&asked);
    (void)number;
    if (info->si_code == SI_QUEUE && info->si_pid == getpid() && fn != NULL)
        fn(info->si_value.sival_ptr, context);
    errno = saved;
}

int evf__crash_asking_signal(void)
{
    return asking;
}

void evf__crash_set_asked(evf__crash_asked_fn *fn)
{
    atomic_store(&asked, fn);
}

/* Takes the highest real-time signal that nobody uses. */
static void take_asking(void)
{
    for (int number = SIGRTMAX; number >= SIGRTMIN && asking == 0; number--) {
        struct sigaction now, action = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
        if (sigaction(number, NULL, &now) != 0 || now.sa_handler != SIG_DFL)
            continue;
        action.sa_sigaction = on_asked;
        sigfillset(&action.sa_mask);
        for (unsigned i = 0; i < TAKEN; i++)
            sigdelset(&action.sa_mask, taken[i].number);
        if (sigaction(number, &action, NULL) == 0)
            asking = number;
    }
}

/* -- threads -- */

static size_t page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static uintptr_t stack_low(void)
{
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return 0;
    if (pthread_attr_getstack(&attributes, &low, &size) != 0)
        low = NULL;
    pthread_attr_destroy(&attributes);
    return (uintptr_t)low;
}

static void signals_of_crashes(sigset_t *ret)
{
    sigemptyset(ret);
    for (unsigned i = 0; i < TAKEN; i++)
        sigaddset(ret, taken[i].number);
    if (asking != 0)
        sigaddset(ret, asking);
}

void evf__crash_thread_begin(void)
{
    sigset_t wanted;
    if (!installed || own.memory != NULL)
        return;
    own.low = stack_low();
    size_t size = EVF__CRASH_STACK + page();
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory != MAP_FAILED) {
        stack_t stack = { .ss_sp = memory + page(), .ss_size = EVF__CRASH_STACK };
        (void)mprotect(memory, page(), PROT_NONE);
        if (sigaltstack(&stack, &own.before) == 0)
            own.memory = memory;
        else
            munmap(memory, size);
    }
    signals_of_crashes(&wanted);
    pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
}

void evf__crash_thread_end(void)
{
    if (own.memory == NULL)
        return;
    /* What was there before is put back: a sanitizer frees the stack that it finds at the end. */
    stack_t back = own.before;
    if ((back.ss_flags & SS_DISABLE) != 0)
        back = (stack_t){ .ss_flags = SS_DISABLE };
    else
        back.ss_flags = 0;
    (void)sigaltstack(&back, NULL);
    munmap(own.memory, EVF__CRASH_STACK + page());
    own.memory = NULL;
}

/* -- installing -- */

bool evf__crash_installed(void)
{
    return installed;
}

int evf__crash_install(void)
{
    if (installed)
        return 0;
    evf__place_init();
    evf__symbols_init();
    for (unsigned i = 0; i < TAKEN; i++) {
        struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
        action.sa_sigaction = on_crash;
        sigfillset(&action.sa_mask);
        if (sigaction(taken[i].number, &action, &before[i]) != 0) {
            int status = -errno;
            while (i-- > 0)
                sigaction(taken[i].number, &before[i], NULL);
            return status;
        }
    }
    take_asking();
    installed = true;
    evf__crash_thread_begin();
    return 0;
}
