/* SPDX-License-Identifier: MIT
 *
 * What becomes of a failure: the first is kept as the simulation's report, with the seed, the place
 * in the play and what ran. In place of base/assert.c: a rule that is broken, and a crash, leave
 * the plugin where it stands (sim->broken) and end the simulation.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/poison.h"
#include "testkit/sim.h"

evf_sim *evf__sim_current;

void evf__sim_append(struct evf__sim_bytes *text, const char *format, ...)
{
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (len > 0)
        evf__sim_bytes_add(text, line, len < (int)sizeof line ? (size_t)len : sizeof line - 1);
}

/* What ran, when something did. */
static void add_callback(struct evf__sim_bytes *text, const evf_sim *sim)
{
    if (sim->callback == EVF__CALLBACK_NONE)
        return;
    evf__sim_append(text, "\n  in `%s` of %s", evf__callback_name(sim->callback),
                    sim->instance != NULL ? sim->instance->plugin.name : "the plugin");
    const evf_stream *stream = NULL;
    if (sim->worker != NULL)
        stream = atomic_load_explicit(&sim->worker->in_stream, memory_order_relaxed);
    for (const struct evf__list *at = sim->peers.next; stream != NULL && at != &sim->peers;
         at = at->next) {
        const evf_sim_peer *peer = EVF__OWNER(at, evf_sim_peer, link);
        if (peer->stream == stream)
            evf__sim_append(text, ", for the stream of %s", peer->name);
    }
}

static void keep(evf_sim *sim, const char *what, const struct evf__sim_place *place)
{
    struct evf__sim_bytes text = { 0 };
    evf__sim_append(&text, "%s", what);
    if (sim->here != NULL)
        evf__sim_append(&text, "\n  at %s", sim->here);
    add_callback(&text, sim);
    if (place != NULL) {
        evf__sim_append(&text, "\n  called from:\n");
        evf__sim_place_tell(&text, place);
    }
    if (text.data[text.len - 1] != '\n')
        evf__sim_append(&text, "\n");
    evf__sim_append(&text, "  seed %" PRIu64 ", step %" PRIu64 ", %" PRIu64 ".%03u s\n", sim->seed,
                    sim->step, evf_sim_now(sim) / 1000, (unsigned)(evf_sim_now(sim) % 1000));
    if (sim->log.len > 0) {
        evf__sim_append(&text, "  the log's last lines:\n");
        evf__sim_bytes_add(&text, evf__sim_bytes_at(&sim->log), sim->log.len);
    }
    evf__sim_bytes_add(&text, "", 1);
    sim->report = (char *)text.data;
    sim->failed = true;
    evf__sim_trace_line(sim, "FAILED: ", what);
}

void evf__sim_fail(evf_sim *sim, const char *format, ...)
{
    char what[4096];
    if (sim->failed)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    keep(sim, what, NULL);
}

void evf_sim_fail(evf_sim *sim, const char *format, ...)
{
    char what[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    evf__sim_fail(sim, "%s", what);
}

const char *evf_sim_report(const evf_sim *sim)
{
    return sim->report != NULL ? sim->report : "";
}

bool evf_sim_failed(const evf_sim *sim)
{
    return sim->failed;
}

/* Tells of a crash when the stack that it happened on is left: reading debug information takes more
 * than a handler's stack has. */
void evf__sim_tell_crash(evf_sim *sim)
{
    if (sim->crash[0] != '\0' && !sim->failed)
        keep(sim, sim->crash, &sim->crash_place);
}

/* -- rules -- */

void evf__assert_set_hook(evf__assert_hook *fn)
{
    (void)fn; /* what is broken is the simulation's report */
}

void evf__assert_failed(const char *what, const char *file, int line, const char *function)
{
    evf_sim *sim = evf__sim_current;
    char text[1024];
    snprintf(text, sizeof text, "rule broken: %s (%s:%d, %s)", what, file, line, function);
    if (sim == NULL || !sim->guarded) {
        fprintf(stderr, "evframe: %s\n", text);
        abort();
    }
    struct evf__sim_place place;
    evf__sim_place_take(&place);
    sim->guarded = false; /* nothing fails from here on */
    if (!sim->failed)
        keep(sim, text, &place);
    siglongjmp(sim->escape, 1);
}

/* -- crashes -- */

static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
static struct sigaction before[sizeof crashes / sizeof *crashes];

/* Of the test's own thread, and of what its own call did: so it may be left by a jump. */
static void on_crash(int number, siginfo_t *info, void *context)
{
    evf_sim *sim = evf__sim_current;
    (void)context;
    if (sim == NULL || !sim->guarded) {
        for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
            if (crashes[i] == number)
                sigaction(number, &before[i], NULL);
        return; /* it happens again, and is theirs */
    }
    char text[128];
    snprintf(text, sizeof text, "crash: %s%s%p", strsignal(number),
             number == SIGSEGV || number == SIGBUS ? ", touching " : " at ", info->si_addr);
    evf__sim_place_take(&sim->crash_place);
    sim->guarded = false;
    snprintf(sim->crash, sizeof sim->crash, "%s", text);
    siglongjmp(sim->escape, 1);
}

#if defined(EVF__ASAN)
#include <sanitizer/asan_interface.h>

/* AddressSanitizer tells what it found itself, and ends the process. */
static void on_asan_death(void)
{
    const evf_sim *sim = evf__sim_current;
    if (sim == NULL || !sim->guarded)
        return;
    fprintf(stderr, "evframe: the simulation's seed is %" PRIu64 "%s%s\n", sim->seed,
            sim->here != NULL ? ", at " : "", sim->here != NULL ? sim->here : "");
}

void evf__sim_signals(void)
{
    __asan_set_death_callback(on_asan_death);
    (void)before;
    (void)on_crash;
}
#else
/* An alternate stack, so that one that has grown too far is told too. */
void evf__sim_signals(void)
{
    static char stack[64 * 1024];
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    static bool done;
    if (done)
        return;
    done = true;
    sigaltstack(&alternate, NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigaction(crashes[i], &action, &before[i]);
    struct evf__sim_place primed; /* the unwinder is loaded now, not inside a crash */
    evf__sim_place_take(&primed);
}
#endif
