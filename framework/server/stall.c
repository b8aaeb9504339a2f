/* SPDX-License-Identifier: MIT
 *
 * Watching for stalls: see stall.h. The watching thread, but for the start and the stop (main
 * thread) and for the answer (the asked worker's thread, in a signal handler).
 *
 * Who asks and who answers share a struct evf__answer. The asking side sets ASKED; the handler
 * takes it over by TAKING, fills it and says TAKEN or, when the callback has returned meanwhile,
 * OVER. An answer that comes too late finds no question and goes away. The struct lives as long as
 * the worker's thread.
 */
#include "server/stall.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crash.h"
#include "base/log.h"
#include "server/process.h"
#include "server/server.h"
#include "server/stall_report.h"

/* One callback, as it can be told apart from the next. */
struct presence {
    uint64_t turns, alone;
    int callback;
    const void *function;
    const evf_stream *stream; /* compared only */
};

enum answer_state { NOT_ASKED, ASKED, TAKING, TAKEN, OVER };

struct watched {
    /* watching thread */
    struct presence present;
    uint64_t held_ms;   /* that it has been seen there */
    uint64_t cpu_at_ms; /* the thread's processor time when it was seen first */
    bool told;

    /* both; handed over by `state`: release and acquire */
    _Atomic int state;
    struct evf__stall stall;
};

struct evf__stalls {
    evf_server *server;
    pthread_t thread;
    uint64_t warn_ms, look_every_ms;
    sem_t answered;

    pthread_mutex_t lock;
    pthread_cond_t ends;
    bool ending; /* under the lock */

    struct evf__symbols symbols;
    struct watched watched[]; /* one for each worker */
};

/* -- the worker's side -- */

static void read_presence(const evf_worker *worker, struct presence *ret)
{
    *ret = (struct presence){
        .turns = evf__figure_get(&worker->figures, EVF__FIGURE_TURNS),
        .alone = atomic_load_explicit(&worker->alone, memory_order_relaxed),
        .callback = atomic_load_explicit(&worker->callback, memory_order_relaxed),
        .function = atomic_load_explicit(&worker->callback_function, memory_order_relaxed),
        .stream = atomic_load_explicit(&worker->in_stream, memory_order_relaxed),
    };
}

static bool same(const struct presence *one, const struct presence *other)
{
    return one->turns == other->turns && one->alone == other->alone &&
           one->callback == other->callback && one->function == other->function &&
           one->stream == other->stream;
}

/* In the handler, on the worker that was asked. */
static void answer(void *pointer, void *context)
{
    struct evf__stalls *stalls = pointer;
    const evf_worker *worker = evf__worker_current;
    struct presence now;
    int asked = ASKED;
    if (worker == NULL)
        return;
    struct watched *watched = &stalls->watched[worker->index];
    if (!atomic_compare_exchange_strong(&watched->state, &asked, TAKING))
        return;
    read_presence(worker, &now);
    bool there = same(&now, &watched->present);
    if (there) {
        evf__facts_take(&watched->stall.facts);
        evf__facts_take_stream(&watched->stall.facts);
        evf__backtrace_take(&watched->stall.trace, context);
    }
    atomic_store(&watched->state, there ? TAKEN : OVER);
    sem_post(&stalls->answered);
}

/* -- the watching side -- */

static uint64_t cpu_ms(const struct evf__server_worker *worker)
{
    clockid_t clock;
    struct timespec used;
    if (pthread_getcpuclockid(worker->thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

/* True when the callback cannot be blamed: see stall.h. */
static bool excused(const struct evf__stalls *stalls, const struct evf__server_worker *worker,
                    struct watched *watched, uint64_t used_ms)
{
    char state = evf__process_thread_state(worker->tid);
    if (state == 'T' || state == 't')
        watched->held_ms = 0;
    return state == 'T' || state == 't' || (state == 'R' && used_ms < stalls->warn_ms / 2);
}

/* Waits for the answer. TAKEN, OVER, or NOT_ASKED when none came: no signal may be used, or the
 * worker takes none now. */
static int ask(struct evf__stalls *stalls, const struct evf__server_worker *worker,
               struct watched *watched)
{
    union sigval value = { .sival_ptr = stalls };
    struct timespec until;
    int asked = ASKED, state;
    if (evf__crash_asking_signal() == 0)
        return NOT_ASKED;
    atomic_store(&watched->state, ASKED);
    if (pthread_sigqueue(worker->thread, evf__crash_asking_signal(), value) != 0) {
        atomic_store(&watched->state, NOT_ASKED);
        return NOT_ASKED;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += EVF__STALL_ANSWER_S;
    while (sem_clockwait(&stalls->answered, CLOCK_MONOTONIC, &until) != 0 && errno == EINTR)
        continue;
    if (atomic_compare_exchange_strong(&watched->state, &asked, NOT_ASKED))
        return NOT_ASKED;
    /* The handler is at it: what it says it says soon. */
    while ((state = atomic_load(&watched->state)) == TAKING)
        sched_yield();
    while (sem_trywait(&stalls->answered) == 0)
        continue; /* of an answer that was found without its post */
    atomic_store(&watched->state, NOT_ASKED);
    return state;
}

static void tell(struct evf__stalls *stalls, const struct evf__server_worker *worker,
                 struct watched *watched, uint64_t used_ms)
{
    struct evf__stall *stall = &watched->stall;
    stall->trace.count = 0;
    int state = ask(stalls, worker, watched);
    if (state == OVER)
        return;
    if (state == NOT_ASKED)
        evf__stall_facts_from_outside(&worker->worker, &stall->facts);
    stall->held_ms = watched->held_ms;
    stall->used_ms = used_ms;
    watched->told = true;
    atomic_fetch_add(&stalls->server->stalls_told, 1);
    evf__stall_report(stall, &stalls->symbols);
}

static void look_at(struct evf__stalls *stalls, unsigned index, uint64_t passed_ms)
{
    const struct evf__server_worker *worker = stalls->server->workers[index];
    struct watched *watched = &stalls->watched[index];
    struct presence now;
    read_presence(&worker->worker, &now);
    if (now.callback == EVF__CALLBACK_NONE || now.callback == EVF__CALLBACK_WORKER_START ||
        now.callback == EVF__CALLBACK_WORKER_STOP) {
        watched->present.callback = EVF__CALLBACK_NONE;
        return;
    }
    if (!same(&now, &watched->present)) {
        watched->present = now;
        watched->held_ms = 0;
        watched->told = false;
        watched->cpu_at_ms = cpu_ms(worker);
        return;
    }
    watched->held_ms += passed_ms;
    if (watched->told || watched->held_ms < stalls->warn_ms)
        return;
    uint64_t used_ms = cpu_ms(worker) - watched->cpu_at_ms;
    if (!excused(stalls, worker, watched, used_ms))
        tell(stalls, worker, watched, used_ms);
}

/* Sleeps until the next look. False at the end. */
static bool sleep_for_a_while(struct evf__stalls *stalls)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + stalls->look_every_ms * 1000000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&stalls->lock);
    int status = 0;
    while (!stalls->ending && status != ETIMEDOUT)
        status = pthread_cond_timedwait(&stalls->ends, &stalls->lock, &until);
    bool goes_on = !stalls->ending;
    pthread_mutex_unlock(&stalls->lock);
    return goes_on;
}

static void *watch(void *argument)
{
    struct evf__stalls *stalls = argument;
    pthread_setname_np(pthread_self(), "evf-stalls");
    evf__crash_thread_begin();
    uint64_t before_ms = evf__process_clock_ms();
    while (sleep_for_a_while(stalls)) {
        uint64_t now_ms = evf__process_clock_ms(), passed_ms = now_ms - before_ms;
        before_ms = now_ms;
        if (passed_ms > 2 * stalls->look_every_ms)
            passed_ms = 2 * stalls->look_every_ms;
        for (unsigned i = 0; i < stalls->server->worker_count; i++)
            look_at(stalls, i, passed_ms);
    }
    evf__crash_thread_end();
    return NULL;
}

/* -- main thread -- */

static int make(struct evf__stalls *stalls)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return -ENOMEM;
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int status = pthread_cond_init(&stalls->ends, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (status != 0)
        return -status;
    status = pthread_mutex_init(&stalls->lock, NULL);
    if (status != 0) {
        pthread_cond_destroy(&stalls->ends);
        return -status;
    }
    sem_init(&stalls->answered, 0, 0);
    return 0;
}

static void unmake(struct evf__stalls *stalls)
{
    sem_destroy(&stalls->answered);
    pthread_mutex_destroy(&stalls->lock);
    pthread_cond_destroy(&stalls->ends);
}

int evf__stalls_start(evf_server *server)
{
    uint64_t warn_ms = server->settings.stall_warn_ms;
    if (warn_ms == 0)
        return 0;
    struct evf__stalls *stalls =
        calloc(1, sizeof *stalls + server->worker_count * sizeof stalls->watched[0]);
    if (stalls == NULL)
        return -ENOMEM;
    stalls->server = server;
    stalls->warn_ms = warn_ms;
    stalls->look_every_ms = warn_ms / EVF__STALL_LOOKS;
    if (stalls->look_every_ms > EVF__STALL_LOOK_MAX_MS)
        stalls->look_every_ms = EVF__STALL_LOOK_MAX_MS;
    evf__crash_set_asked(answer);
    int status = make(stalls);
    if (status < 0)
        goto no_parts;
    status = evf__process_start_thread(&stalls->thread, watch, stalls);
    if (status < 0)
        goto no_thread;
    server->stalls = stalls;
    return 0;
no_thread:
    unmake(stalls);
no_parts:
    free(stalls);
    return status;
}

void evf__stalls_stop(evf_server *server)
{
    struct evf__stalls *stalls = server->stalls;
    if (stalls == NULL)
        return;
    pthread_mutex_lock(&stalls->lock);
    stalls->ending = true;
    pthread_cond_signal(&stalls->ends);
    pthread_mutex_unlock(&stalls->lock);
    int status = pthread_join(stalls->thread, NULL);
    EVF_ASSERT(status == 0);
    server->stalls = NULL;
    unmake(stalls);
    free(stalls);
}

uint64_t evf__stalls_count(const evf_server *server)
{
    return atomic_load(&server->stalls_told);
}
