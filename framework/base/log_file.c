/* SPDX-License-Identifier: MIT
 *
 * Where log lines go: a file, a pipe or a terminal.
 *
 * A target that is no regular file is written to only when poll says it is writable; a pipe then
 * takes a batch without blocking, whatever its flags are, which for an inherited standard error are
 * not ours to change. One thread at a time, under the log's lock.
 */
#include "base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

/* How often a target may refuse a write although poll said that it is writable: others may write to
 * it as well. */
enum { REFUSALS_MAX = 16 };

int64_t evf__log_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

void evf__log_record_own(struct evf__log_record *record, enum evf_level level, int worker,
                         const char *format, ...)
{
    struct evf__log_source source = { .worker = worker };
    va_list arguments;
    va_start(arguments, format);
    evf__log_record_fill(record, level, evf__log_wall_ms(), &source, format, arguments);
    va_end(arguments);
}

int evf__log_file_open(const char *path)
{
    /* O_NONBLOCK: opening a named pipe that nobody reads is an error, not a wait. */
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = open(path, flags, 0644);
    return fd >= 0 ? fd : -errno;
}

static bool wants_colours(int fd)
{
    const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if (refused != NULL && refused[0] != '\0')
        return false;
    if (terminal != NULL && strcmp(terminal, "dumb") == 0)
        return false;
    return isatty(fd) == 1;
}

static void look_at(struct evf__log_file *file, bool json)
{
    struct stat facts;
    file->regular = fstat(file->fd, &facts) == 0 && S_ISREG(facts.st_mode);
    file->look = EVF__LOG_LOOK_TEXT;
    if (json)
        file->look = EVF__LOG_LOOK_JSON;
    else if (!file->regular && wants_colours(file->fd))
        file->look = EVF__LOG_LOOK_COLOURS;
    file->stuck = false;
    file->torn = false;
}

void evf__log_file_use(struct evf__log_file *file, int fd, char *path, bool json)
{
    evf__log_file_flush(file);
    if (file->path != NULL)
        close(file->fd);
    free(file->path);
    file->fd = fd;
    file->path = path;
    look_at(file, json);
}

void evf__log_file_reopen(struct evf__log_file *file)
{
    if (file->path == NULL)
        return;

    int fd = evf__log_file_open(file->path);
    if (fd < 0) {
        struct evf__log_record record;
        evf__log_record_own(&record, EVF_ERROR, -1,
                            "cannot open the log file %s anew: %s; going on with the old one",
                            file->path, evf_strerror(fd));
        evf__log_file_put(file, &record);
        return;
    }
    evf__log_file_flush(file);
    close(file->fd);
    file->fd = fd;
    look_at(file, file->look == EVF__LOG_LOOK_JSON);
}

/* Waits until the target takes something: 0, or a negated errno. */
static int wait_writable(struct evf__log_file *file)
{
    if (file->regular)
        return 0;

    struct pollfd one = { .fd = file->fd, .events = POLLOUT };
    int count;
    do
        count = poll(&one, 1, file->stuck ? 0 : EVF__LOG_WAIT_MS);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    file->stuck = count == 0;
    if (count == 0)
        return -EAGAIN;
    if (one.revents & POLLNVAL)
        return -EBADF;
    /* Nobody will ever read it. Writing would only raise SIGPIPE in the caller's thread. */
    return one.revents & (POLLERR | POLLHUP) ? -EPIPE : 0;
}

/* Writes whole lines. 0, or a negated errno; *ret_written is how far it came in either case. */
static int write_all(struct evf__log_file *file, const char *text, size_t len, size_t *ret_written)
{
    size_t at = 0;
    int status = 0;
    unsigned refused = 0;

    while (at < len && status == 0) {
        status = wait_writable(file);
        if (status < 0)
            break;
        ssize_t count = write(file->fd, text + at, len - at);
        if (count > 0)
            at += (size_t)count;
        else if (count == 0)
            status = -EIO;
        else if ((errno != EAGAIN && errno != EINTR) || ++refused == REFUSALS_MAX)
            status = -errno;
    }
    if (at > 0)
        file->torn = text[at - 1] != '\n';
    *ret_written = at;
    return status;
}

static uint64_t count_lines(const char *text, size_t len)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

/* Ends a torn line and tells what was lost, before anything else is written. */
static int write_apology(struct evf__log_file *file)
{
    char text[1 + EVF__LOG_LINE_MAX];
    size_t len = 0, written;

    if (file->torn)
        text[len++] = '\n';
    if (file->lost > 0) {
        struct evf__log_record record;
        evf__log_record_own(&record, EVF_ERROR, -1,
                            "%" PRIu64 " log lines could not be written: %s", file->lost,
                            evf_strerror(file->lost_error));
        len += evf__log_format(text + len, &record, file->look);
    }

    int status = write_all(file, text, len, &written);
    if (status == 0)
        file->lost = 0;
    return status;
}

void evf__log_file_flush(struct evf__log_file *file)
{
    size_t written = 0;
    int status = 0;

    if (file->used == 0 && file->lost == 0)
        return;
    if (file->torn || file->lost > 0)
        status = write_apology(file);
    if (status == 0)
        status = write_all(file, file->batch, file->used, &written);
    if (status < 0) {
        file->lost += count_lines(file->batch + written, file->used - written);
        file->lost_error = status;
    }
    file->used = 0;
}

void evf__log_file_put(struct evf__log_file *file, const struct evf__log_record *record)
{
    if (sizeof(file->batch) - file->used < EVF__LOG_LINE_MAX)
        evf__log_file_flush(file);
    EVF_ASSERT(sizeof(file->batch) - file->used >= EVF__LOG_LINE_MAX);
    file->used += evf__log_format(file->batch + file->used, record, file->look);
}
