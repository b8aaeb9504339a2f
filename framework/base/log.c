/* SPDX-License-Identifier: MIT
 *
 * The one door to the log.
 *
 *     worker, acceptor --> ring of its own --+
 *                                            +--> under the lock --> file
 *     any other thread ----------------------+
 *
 * Whoever holds the lock is the reader of all rings. That is mostly the writing thread, which
 * sleeps when all rings are empty. A thread without a ring takes the lock for its own line and
 * empties the rings first, so that lines come in the order in which they happened whenever one
 * thread knew of the other's. Between two rings, lines keep their order only as far as their times
 * tell.
 *
 * A thread with a ring takes no lock and makes no blocking system call: it wakes the writing
 * thread, at most once per sleep. When its ring is full its line is dropped and counted; the reader
 * writes the number when it has emptied the ring.
 *
 * Sleeping. The writer announces that it sleeps, then looks at the rings again; a producer commits
 * its line, then looks whether the writer sleeps. All four are sequentially consistent, so one of
 * the two sees the other, and no line waits for the next one.
 */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/crash.h"
#include "base/log_file.h"
#include "base/log_format.h"
#include "base/log_ring.h"

static struct {
    /* any thread, atomic */
    _Atomic int level;
    _Atomic bool running;                  /* the writing thread empties the rings */
    _Atomic bool asleep;                   /* it must be woken; whoever takes this back wakes it,
                                              by one post */
    _Atomic bool reopen;                   /* asked for, not yet done */
    _Atomic uint64_t dropped;              /* by all rings, ever */
    _Atomic int descriptor;                /* the file's, for evf__log_descriptor */
    _Atomic(struct evf__log_ring *) added; /* rings that the reader does not know yet */
    sem_t wake;                            /* made before `running` is set for the first time */

    /* The lock is taken through the turnstile, so that the one who waits is the next: without it
     * the writing thread, busy under load, would hardly let anyone else in. */
    pthread_mutex_t turnstile, lock;

    /* under the lock */
    struct evf__log_file file;
    bool file_set;
    struct evf__log_ring *rings;

    /* main thread */
    unsigned opens;
    bool wake_made;
    pthread_t writer;
} shared = {
    .level = EVF_INFO,
    .descriptor = STDERR_FILENO,
    .turnstile = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

/* What the calling thread attached. */
static _Thread_local struct {
    struct evf__log_ring *ring;
    evf__log_describe_fn *describe;
    void *argument;
} own;

static void lock(void)
{
    pthread_mutex_lock(&shared.turnstile);
    pthread_mutex_lock(&shared.lock);
    pthread_mutex_unlock(&shared.turnstile);
    if (!shared.file_set) {
        evf__log_file_use(&shared.file, STDERR_FILENO, NULL, false);
        shared.file_set = true;
    }
}

static void unlock(void)
{
    atomic_store(&shared.descriptor, shared.file.fd);
    pthread_mutex_unlock(&shared.lock);
}

/* The file's descriptor is about to be closed, and its number may be somebody else's then. */
static void leave_file(void)
{
    atomic_store(&shared.descriptor, STDERR_FILENO);
}

/* ---- The reader: all of this under the lock ---- */

/* Puts the lines that wait in one ring now, and tells of those that found no room. True when the
 * ring is of no use any more. */
static bool empty_ring(struct evf__log_ring *ring)
{
    /* Read first: a ring that was retired before it was emptied stays empty. */
    bool retired = atomic_load(&ring->retired);

    for (unsigned count = evf__log_ring_count_sc(ring); count > 0; count--) {
        evf__log_file_put(&shared.file, evf__log_ring_first_sc(ring));
        evf__log_ring_take_sc(ring);
    }

    uint64_t dropped = atomic_load(&ring->dropped);
    if (dropped != ring->reported) {
        struct evf__log_record record;
        evf__log_record_own(&record, EVF_WARN, ring->worker, "%" PRIu64 " log lines dropped",
                            dropped - ring->reported);
        evf__log_file_put(&shared.file, &record);
        ring->reported = dropped;
    }
    return retired;
}

/* Adds the rings that came since the last time behind the others, in the order in which they came:
 * so a thread that gave its ring back and took another keeps its lines in order. */
static void take_added(void)
{
    struct evf__log_ring *newest = atomic_exchange(&shared.added, NULL), *oldest = NULL;
    while (newest != NULL) {
        struct evf__log_ring *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }

    struct evf__log_ring **link = &shared.rings;
    while (*link != NULL)
        link = &(*link)->next;
    *link = oldest;
}

/* Does all that waits: the file opened anew, every ring emptied once. */
static void catch_up(void)
{
    if (atomic_exchange(&shared.reopen, false)) {
        leave_file();
        evf__log_file_reopen(&shared.file);
    }

    take_added();
    struct evf__log_ring **link = &shared.rings;
    while (*link != NULL) {
        struct evf__log_ring *ring = *link;
        if (empty_ring(ring)) {
            *link = ring->next;
            evf__log_ring_destroy(ring);
        } else {
            link = &ring->next;
        }
    }
    evf__log_file_flush(&shared.file);
}

static bool anything_waits(void)
{
    if (atomic_load(&shared.reopen) || atomic_load(&shared.added) != NULL)
        return true;
    for (const struct evf__log_ring *ring = shared.rings; ring != NULL; ring = ring->next) {
        if (evf__log_ring_waits_sc(ring))
            return true;
    }
    return false;
}

/* ---- The writing thread ---- */

static void wake(void)
{
    if (atomic_load(&shared.asleep) && atomic_exchange(&shared.asleep, false))
        sem_post(&shared.wake);
}

static void wait_for_wake(void)
{
    while (sem_wait(&shared.wake) != 0)
        EVF_ASSERT(errno == EINTR);
}

static void *write_lines(void *unused)
{
    (void)unused;
    bool stay = true;
    evf__crash_thread_begin();
    while (stay) {
        lock();
        catch_up();
        atomic_store(&shared.asleep, true);
        stay = atomic_load(&shared.running);
        bool sleeps = stay && !anything_waits();
        unlock();

        /* Whoever takes `asleep` back posts once. When that was not this thread, the post is here
         * or on its way, and is waited for, so that none is left over to spoil a later sleep. */
        if (sleeps || !atomic_exchange(&shared.asleep, false))
            wait_for_wake();
    }
    evf__crash_thread_end();
    return NULL;
}

static int start_writer(void)
{
    if (!shared.wake_made && sem_init(&shared.wake, 0, 0) != 0)
        return -errno;
    shared.wake_made = true;

    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    atomic_store(&shared.running, true);
    int status = pthread_create(&shared.writer, NULL, write_lines, NULL);
    if (status != 0)
        atomic_store(&shared.running, false);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (status == 0)
        pthread_setname_np(shared.writer, "evf-log");
    return -status;
}

/* ---- Settings ---- */

int evf__log_open(const struct evf__log_settings *settings)
{
    EVF_ASSERT(settings->level >= EVF_DEBUG && settings->level <= EVF_ERROR);
    int fd = STDERR_FILENO, status;
    char *path = NULL;

    if (settings->file != NULL) {
        path = strdup(settings->file);
        if (path == NULL)
            return -ENOMEM;
        fd = evf__log_file_open(path);
        if (fd < 0) {
            status = fd;
            goto free_path;
        }
    }
    if (shared.opens == 0) {
        status = start_writer();
        if (status < 0)
            goto close_file;
    }
    shared.opens++;

    lock();
    catch_up(); /* what was logged under the old settings is written under them */
    leave_file();
    evf__log_file_use(&shared.file, fd, path, settings->json);
    unlock();
    atomic_store(&shared.level, (int)settings->level);
    return 0;

close_file:
    if (path != NULL)
        close(fd);
free_path:
    free(path);
    return status;
}

void evf__log_close(void)
{
    EVF_ASSERT(shared.opens > 0);
    if (--shared.opens > 0)
        return;

    atomic_store(&shared.running, false); /* from here on every thread writes by itself */
    wake();
    pthread_join(shared.writer, NULL);

    lock();
    catch_up();
    leave_file();
    evf__log_file_use(&shared.file, STDERR_FILENO, NULL, false);
    evf__log_file_flush(&shared.file); /* what the file could not take is told there */
    unlock();
    atomic_store(&shared.level, EVF_INFO);
}

void evf__log_reopen(void)
{
    int saved = errno;
    atomic_store(&shared.reopen, true);
    if (atomic_load(&shared.running))
        wake();
    errno = saved;
}

bool evf__log_wants(enum evf_level level)
{
    return (int)level >= atomic_load_explicit(&shared.level, memory_order_relaxed);
}

int evf__log_descriptor(void)
{
    return atomic_load(&shared.descriptor);
}

uint64_t evf__log_dropped(void)
{
    return atomic_load_explicit(&shared.dropped, memory_order_relaxed);
}

/* ---- Threads that log ---- */

int evf__log_attach(bool ring, evf__log_describe_fn *describe, void *argument)
{
    struct evf__log_ring *made = NULL;
    if (ring) {
        made = evf__log_ring_create();
        if (made == NULL)
            return -ENOMEM;
        /* Only the reader takes rings away, and all of them at once: a plain push is safe. */
        made->next = atomic_load(&shared.added);
        while (!atomic_compare_exchange_weak(&shared.added, &made->next, made))
            continue;
    }
    evf__log_detach();
    own.ring = made;
    own.describe = describe;
    own.argument = argument;
    return 0;
}

/* Does the writing thread's work, when there is none. */
static void catch_up_myself(void)
{
    lock();
    catch_up();
    unlock();
}

void evf__log_detach(void)
{
    if (own.ring != NULL) {
        evf__log_ring_retire_sp(own.ring);
        own.ring = NULL;
        if (atomic_load(&shared.running))
            wake();
        else
            catch_up_myself();
    }
    own.describe = NULL;
    own.argument = NULL;
}

static void fill(struct evf__log_record *record, enum evf_level level, int saved_errno,
                 const char *format, va_list arguments) __attribute__((format(printf, 4, 0)));

static void fill(struct evf__log_record *record, enum evf_level level, int saved_errno,
                 const char *format, va_list arguments)
{
    struct evf__log_source source = { .worker = -1 };
    if (own.describe != NULL)
        own.describe(&source, own.argument);
    int64_t wall_ms = evf__log_wall_ms();
    errno = saved_errno; /* for %m */
    evf__log_record_fill(record, level, wall_ms, &source, format, arguments);
}

/* The path of a worker: no lock, no blocking system call. */
static void log_through_ring(enum evf_level level, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void log_through_ring(enum evf_level level, const char *format, va_list arguments)
{
    struct evf__log_record *record = evf__log_ring_claim_sp(own.ring);
    if (record != NULL) {
        fill(record, level, errno, format, arguments);
        evf__log_ring_commit_sp(own.ring);
    } else {
        atomic_fetch_add_explicit(&shared.dropped, 1, memory_order_relaxed);
    }
    wake();

    /* The log was closed meanwhile, and its last look may have missed the line. */
    if (!atomic_load(&shared.running))
        catch_up_myself();
}

static void log_directly(enum evf_level level, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void log_directly(enum evf_level level, const char *format, va_list arguments)
{
    struct evf__log_record record;
    fill(&record, level, errno, format, arguments);
    lock();
    catch_up();
    evf__log_file_put(&shared.file, &record);
    evf__log_file_flush(&shared.file);
    unlock();
}

void evf_log(enum evf_level level, const char *format, ...)
{
    if (!evf__log_wants(level))
        return;

    int saved = errno;
    va_list arguments;
    va_start(arguments, format);
    if (own.ring != NULL && atomic_load(&shared.running))
        log_through_ring(level, format, arguments);
    else
        log_directly(level, format, arguments);
    va_end(arguments);
    errno = saved;
}
