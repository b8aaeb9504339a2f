/* SPDX-License-Identifier: MIT
 *
 * The log under load: threads with rings, threads without, one that opens the file anew, and the
 * log closed and opened while all of them log.
 *
 * Afterwards every line is there whole and once, each thread's in order, or was counted as dropped;
 * and lines that were not dropped do not depend on the reader's luck. A plain program, so that
 * ThreadSanitizer can watch it: exit status 0, or 1 with a message.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum {
    RINGED = 4,   /* threads with a ring */
    RINGLESS = 2, /* threads without */
    THREADS = RINGED + RINGLESS,
    LINES = 20000,       /* of each thread with a ring */
    RINGLESS_SHARE = 20, /* the others write LINES / RINGLESS_SHARE */
    ROUNDS = 5,          /* times a ring is given back and another taken */
    YIELD_EVERY = 16,    /* lines */
    REOPENINGS = 50,
    CLOSINGS = 30,
};

/* A wake-up that is lost shows only when nobody logs afterwards. */
enum { SINGLE_LINES = 2000 };

static char folder[] = "/tmp/evf-log-threads-XXXXXX";
static char path[64];

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "log_test: line %d: %s: ", __LINE__, #condition);                      \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fprintf(stderr, "\n");                                                                 \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

struct logger {
    pthread_t thread;
    int index;
    uint64_t written; /* lines given to evf_log */
    /* what the reader of the file found */
    int64_t last;
    uint64_t found;
};

static struct logger loggers[THREADS];

static void describe(struct evf__log_source *ret, void *argument)
{
    const struct logger *logger = argument;
    ret->worker = logger->index;
    ret->plugin = "plugin";
    ret->stream_id = (uint64_t)logger->index + 1;
    snprintf(ret->peer, sizeof(ret->peer), "peer%d", logger->index);
}

/* Now and then the writing thread gets a chance, so that both full rings and empty ones are met. */
static void log_one(struct logger *logger)
{
    evf_log(EVF_INFO, "thread %d line %" PRIu64 " end", logger->index, logger->written++);
    if (logger->written % YIELD_EVERY == 0 && logger->written / 2000 % 2 == 0)
        sched_yield();
}

static void *log_much(void *argument)
{
    struct logger *logger = argument;
    bool ring = logger->index < RINGED;
    int lines = ring ? LINES : LINES / RINGLESS_SHARE;

    for (int round = 0; round < ROUNDS; round++) {
        CHECK(evf__log_attach(ring, describe, logger) == 0, "no memory");
        for (int i = 0; i < lines / ROUNDS; i++)
            log_one(logger);
        evf__log_detach();
    }
    return NULL;
}

/* One line of the file; the number of lines it stands for. */
static uint64_t check_line(const char *line)
{
    int worker, thread, used = 0;
    uint64_t stream, number, dropped;
    char peer[16];

    if (sscanf(line, "%*s warn worker %d: %" SCNu64 " log lines dropped\n%n", &worker, &dropped,
               &used) == 2 &&
        used > 0)
        return dropped;

    CHECK(sscanf(line,
                 "%*s info worker %d plugin #%" SCNu64 " %15[^:]: thread %d line %" SCNu64
                 " end\n%n",
                 &worker, &stream, peer, &thread, &number, &used) == 5 &&
              used == (int)strlen(line),
          "not a whole line: %s", line);
    CHECK(thread >= 0 && thread < THREADS && worker == thread && stream == (uint64_t)thread + 1,
          "of mixed origin: %s", line);

    struct logger *logger = &loggers[thread];
    CHECK((int64_t)number > logger->last, "out of order or twice: %s", line);
    logger->last = (int64_t)number;
    logger->found++;
    return 1;
}

static uint64_t check_file(const char *name)
{
    char line[2048];
    uint64_t lines = 0;
    FILE *file = fopen(name, "r");
    CHECK(file != NULL, "%s: %s", name, strerror(errno));
    while (fgets(line, sizeof(line), file) != NULL)
        lines += check_line(line);
    fclose(file);
    return lines;
}

static void open_log(void)
{
    struct evf__log_settings settings = { .level = EVF_INFO, .file = path };
    int status = evf__log_open(&settings);
    CHECK(status == 0, "%s", evf_strerror(status));
}

static void every_line_arrives_whole_or_is_counted(void)
{
    open_log();
    for (int i = 0; i < THREADS; i++) {
        loggers[i] = (struct logger){ .index = i, .last = -1 };
        CHECK(pthread_create(&loggers[i].thread, NULL, log_much, &loggers[i]) == 0, "no thread");
    }

    for (int i = 0; i < REOPENINGS; i++) {
        evf__log_reopen();
        open_log();
        evf__log_close();
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(loggers[i].thread, NULL);
    evf__log_close();

    uint64_t written = 0, lines = check_file(path), found = 0;
    for (int i = 0; i < THREADS; i++) {
        written += loggers[i].written;
        found += loggers[i].found;
        CHECK(i < RINGED || loggers[i].found == loggers[i].written,
              "thread %d has no ring, and %" PRIu64 " of %" PRIu64 " lines", i, loggers[i].found,
              loggers[i].written);
    }
    CHECK(found + evf__log_dropped() == written, "%" PRIu64 " + %" PRIu64 " of %" PRIu64, found,
          evf__log_dropped(), written);
    CHECK(lines == written, "told of %" PRIu64 " of %" PRIu64, lines, written);
    CHECK(found > written / 100, "nearly all were dropped");
    printf("%" PRIu64 " lines, %" PRIu64 " dropped\n", written, evf__log_dropped());
}

/* A line, then silence until it has come, through a pipe: again and again. The writing thread goes
 * to sleep each time, and each line has to wake it. */
static void a_single_line_wakes_the_writing_thread(void)
{
    char name[64], line[256];
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0, "%s", strerror(errno));
    snprintf(name, sizeof(name), "/dev/fd/%d", ends[1]);

    struct evf__log_settings settings = { .level = EVF_INFO, .file = name };
    CHECK(evf__log_open(&settings) == 0, "%s", name);
    CHECK(evf__log_attach(true, NULL, NULL) == 0, "no memory");
    FILE *reader = fdopen(ends[0], "r");
    for (int i = 0; i < SINGLE_LINES; i++) {
        char wanted[32];
        snprintf(wanted, sizeof(wanted), "single %d\n", i);
        evf_log(EVF_INFO, "single %d", i);
        CHECK(fgets(line, sizeof(line), reader) != NULL && strstr(line, wanted) != NULL,
              "instead of %s", wanted);
    }
    evf__log_detach();
    evf__log_close();
    fclose(reader);
    close(ends[1]);
}

static _Atomic bool closing_over;

static void *log_while_closing(void *argument)
{
    struct logger *logger = argument;
    CHECK(evf__log_attach(true, describe, logger) == 0, "no memory");
    while (!closing_over && logger->written < 100 * (uint64_t)LINES)
        log_one(logger);
    evf__log_detach();
    return NULL;
}

/* Lines that meet a log that is just closed come out on standard error, and none stays behind. */
static void closing_loses_no_line(void)
{
    char name[64];
    snprintf(name, sizeof(name), "%s/stderr", folder);
    int saved = dup(STDERR_FILENO), fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    CHECK(saved >= 0 && fd >= 0 && unlink(path) == 0, "%s", strerror(errno));
    dup2(fd, STDERR_FILENO);
    close(fd);

    uint64_t dropped_before = evf__log_dropped(), written = 0, found = 0;
    for (int i = 0; i < RINGED; i++) {
        loggers[i] = (struct logger){ .index = i, .last = -1 };
        CHECK(pthread_create(&loggers[i].thread, NULL, log_while_closing, &loggers[i]) == 0,
              "no thread");
    }
    for (int i = 0; i < CLOSINGS; i++) {
        open_log();
        evf__log_close();
    }
    closing_over = true;
    for (int i = 0; i < RINGED; i++)
        pthread_join(loggers[i].thread, NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);

    /* The order holds in each of the two files alone. */
    check_file(path);
    for (int i = 0; i < RINGED; i++)
        loggers[i].last = -1;
    check_file(name);
    for (int i = 0; i < RINGED; i++) {
        written += loggers[i].written;
        found += loggers[i].found;
    }
    CHECK(found + evf__log_dropped() - dropped_before == written,
          "%" PRIu64 " + %" PRIu64 " of %" PRIu64, found, evf__log_dropped() - dropped_before,
          written);
    unlink(name);
}

static int count_entries(const char *name)
{
    int count = 0;
    DIR *list = opendir(name);
    CHECK(list != NULL, "%s", name);
    while (readdir(list) != NULL)
        count++;
    closedir(list);
    return count;
}

int main(void)
{
    CHECK(mkdtemp(folder) != NULL, "%s", strerror(errno));
    snprintf(path, sizeof(path), "%s/log", folder);
    int descriptors = count_entries("/proc/self/fd");

    every_line_arrives_whole_or_is_counted();
    a_single_line_wakes_the_writing_thread();
    closing_loses_no_line();

    CHECK(count_entries("/proc/self/fd") == descriptors, "a descriptor is left");
    unlink(path);
    CHECK(rmdir(folder) == 0, "%s", strerror(errno));
    return 0;
}
