/* SPDX-License-Identifier: MIT
 *
 * The log as its users see it: settings, rings, and targets that fail. What crosses threads under
 * load is in tests/threads/log_test.c.
 */
#include "base/log.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "fixture.h"

static char folder[64], path[128], other[128];
static int descriptors, threads;

static int entries(const char *name)
{
    int count = 0;
    DIR *list = opendir(name);
    cr_assert_not_null(list);
    while (readdir(list) != NULL)
        count++;
    closedir(list);
    return count;
}

/* Standard error becomes a file of its own, so that it can be looked into. */
static void begin(void)
{
    snprintf(folder, sizeof(folder), "/tmp/evf-log-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/log", folder);
    snprintf(other, sizeof(other), "%s/other", folder);
    char stderr_path[128];
    snprintf(stderr_path, sizeof(stderr_path), "%s/stderr", folder);
    int fd = open(stderr_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    cr_assert_geq(fd, 0);
    dup2(fd, STDERR_FILENO);
    close(fd);
    descriptors = entries("/proc/self/fd");
    threads = entries("/proc/self/task");
}

static void leave_nothing(void)
{
    PROVE(entries("/proc/self/fd") == descriptors, "a descriptor is left");
    PROVE(entries("/proc/self/task") == threads, "a thread is left");
    PROVE_NO_LEAK();
    DIR *list = opendir(folder);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        unlinkat(dirfd(list), entry->d_name, 0);
    closedir(list);
    rmdir(folder);
}

TestSuite(log, .init = begin, .fini = leave_nothing);

/* All of a file of the folder, which must exist. */
static const char *content(const char *name)
{
    static char text[1 << 20];
    char full[200];
    snprintf(full, sizeof(full), "%s/%s", folder, name);
    int fd = open(full, O_RDONLY);
    cr_assert_geq(fd, 0, "%s is not there", name);
    size_t len = 0;
    for (ssize_t count; (count = read(fd, text + len, sizeof(text) - 1 - len)) > 0;)
        len += (size_t)count;
    text[len] = '\0';
    close(fd);
    return text;
}

static bool says(const char *name, const char *text)
{
    return strstr(content(name), text) != NULL;
}

static void open_log(enum evf_level level, const char *file)
{
    struct evf__log_settings settings = { .level = level, .file = file };
    cr_assert_eq(evf__log_open(&settings), 0);
}

static char argument[] = "argument";
static int described;
static void describe(struct evf__log_source *ret, void *given)
{
    described++;
    errno = EXDEV;
    *ret =
        (struct evf__log_source){ .worker = 2, .plugin = "echo", .stream_id = 9, .peer = "unix:" };
    cr_assert_eq(given, argument);
}

Test(log, goes_to_standard_error_from_info_on_before_it_is_opened)
{
    evf_log(EVF_DEBUG, "nobody sees this");
    evf_log(EVF_INFO, "somebody sees %s", "this");

    cr_assert_not(evf__log_wants(EVF_DEBUG));
    cr_assert(evf__log_wants(EVF_INFO));
    cr_assert_not(says("stderr", "nobody"));
    cr_assert(says("stderr", " info  somebody sees this\n"));
}

Test(log, drops_lines_below_its_level_before_it_formats_them)
{
    open_log(EVF_WARN, path);
    cr_assert_eq(evf__log_attach(false, describe, argument), 0);

    evf_log(EVF_INFO, "no");
    cr_assert_eq(described, 0);
    evf_log(EVF_WARN, "yes");
    cr_assert_eq(described, 1);

    evf__log_detach();
    evf__log_close();
    cr_assert_not(says("log", "no"));
    cr_assert(says("log", "warn  worker 2 echo #9 unix:: yes\n"));
    cr_assert_str_eq(content("stderr"), "");
}

Test(log, keeps_errno_and_formats_it)
{
    open_log(EVF_INFO, path);
    for (int ring = 0; ring < 2; ring++) {
        cr_assert_eq(evf__log_attach(ring == 1, describe, argument), 0);
        errno = ENOTDIR;
        evf_log(EVF_INFO, "ring %d: %m", ring);
        cr_assert_eq(errno, ENOTDIR);
    }
    evf__log_detach();
    evf__log_close();
    cr_assert(says("log", "ring 0: Not a directory\n"));
    cr_assert(says("log", "ring 1: Not a directory\n"));
}

Test(log, writes_all_that_went_through_a_ring_by_the_time_it_is_closed)
{
    open_log(EVF_INFO, path);
    cr_assert_eq(evf__log_attach(true, NULL, NULL), 0);
    for (int i = 0; i < EVF__LOG_RING_LINES; i++)
        evf_log(EVF_INFO, "line %d.", i);
    evf__log_close();

    const char *at = content("log");
    for (int i = 0; i < EVF__LOG_RING_LINES; i++) {
        char line[32];
        snprintf(line, sizeof(line), "line %d.\n", i);
        at = strstr(at, line);
        cr_assert_not_null(at, "%s is missing", line);
    }
    cr_assert_eq(evf__log_dropped(), 0);

    /* The ring outlives the writing thread; lines go straight to standard error then. */
    evf_log(EVF_INFO, "afterwards");
    cr_assert(says("stderr", "afterwards\n"));
    evf__log_detach();
}

Test(log, writes_lines_of_other_threads_behind_those_they_knew_of)
{
    open_log(EVF_INFO, path);
    cr_assert_eq(evf__log_attach(true, NULL, NULL), 0);
    evf_log(EVF_INFO, "first");
    evf__log_detach();
    evf_log(EVF_INFO, "second");

    const char *text = content("log");
    cr_assert_not_null(strstr(text, "second\n"), "a line without a ring is written at once");
    cr_assert_lt((void *)strstr(text, "first\n"), (void *)strstr(text, "second\n"));
    evf__log_close();
}

Test(log, a_second_attach_replaces_the_first)
{
    open_log(EVF_INFO, path);
    cr_assert_eq(evf__log_attach(true, describe, argument), 0);
    evf_log(EVF_INFO, "one");
    cr_assert_eq(evf__log_attach(true, NULL, NULL), 0);
    evf_log(EVF_INFO, "two");
    evf__log_detach();
    evf__log_detach();
    evf__log_close();
    cr_assert(says("log", "worker 2 echo #9 unix:: one\n"));
    cr_assert(says("log", "info  two\n"));
}

#ifndef FIXTURE_FINDS_LEAKS /* which needs all the address space there is */
Test(log, keeps_no_ring_that_was_given_back)
{
    struct rlimit limit = { 256u << 20, 256u << 20 };
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    for (int i = 0; i < 4096; i++) {
        cr_assert_eq(evf__log_attach(true, NULL, NULL), 0, "no memory after %d rings", i);
        evf__log_detach();
    }
}

Test(log, refuses_a_ring_for_which_there_is_no_memory)
{
    struct rlimit limit = { 1 << 20, 256u << 20 };
    cr_assert_eq(evf__log_attach(false, describe, argument), 0);
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    int status = evf__log_attach(true, NULL, NULL);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_assert_eq(status, -ENOMEM);

    evf_log(EVF_INFO, "as before");
    cr_assert(says("stderr", "worker 2 echo #9 unix:: as before\n"));
    evf__log_detach();
}
#endif

Test(log, new_settings_hold_for_new_lines_alone)
{
    open_log(EVF_INFO, path);
    cr_assert_eq(evf__log_attach(true, NULL, NULL), 0);
    evf_log(EVF_INFO, "old");
    struct evf__log_settings settings = { .level = EVF_DEBUG, .json = true, .file = other };
    cr_assert_eq(evf__log_open(&settings), 0);
    evf_log(EVF_DEBUG, "new");
    evf__log_detach();

    evf__log_close();
    evf_log(EVF_DEBUG, "still open");
    evf__log_close();
    cr_assert(says("log", "info  old\n"));
    cr_assert_not(says("log", "new"));
    cr_assert(says("other", "\"level\":\"debug\",\"message\":\"new\"}\n"));
    cr_assert(says("other", "still open"));
    cr_assert_not(evf__log_wants(EVF_DEBUG), "closed, it is as it was at first");
}

Test(log, keeps_the_old_settings_when_the_new_file_cannot_be_opened)
{
    struct evf__log_settings settings = { .level = EVF_DEBUG, .file = "/nowhere/log" };
    cr_assert_eq(evf__log_open(&settings), -ENOENT);

    open_log(EVF_INFO, path);
    cr_assert_eq(evf__log_open(&settings), -ENOENT);
    settings.file = folder;
    cr_assert_eq(evf__log_open(&settings), -EISDIR);
    cr_assert_eq(mkfifo(other, 0600), 0);
    settings.file = other;
    cr_assert_eq(evf__log_open(&settings), -ENXIO, "a pipe that nobody reads is not waited for");

    cr_assert_not(evf__log_wants(EVF_DEBUG));
    evf_log(EVF_INFO, "unharmed");
    evf__log_close();
    cr_assert(says("log", "unharmed\n"));
}

Test(log, appends_to_a_file_that_is_there)
{
    open_log(EVF_INFO, path);
    evf_log(EVF_INFO, "one");
    evf__log_close();
    open_log(EVF_INFO, path);
    evf_log(EVF_INFO, "two");
    evf__log_close();
    cr_assert(says("log", "one\n"));
    cr_assert(says("log", "two\n"));
}

Test(log, goes_on_in_a_new_file_when_the_old_was_moved_away)
{
    open_log(EVF_INFO, path);
    evf_log(EVF_INFO, "before");
    cr_assert_eq(rename(path, other), 0);
    evf__log_reopen();
    evf_log(EVF_INFO, "after");
    evf__log_close();

    cr_assert(says("other", "before\n"));
    cr_assert(says("log", "after\n"));
    cr_assert_not(says("log", "before"));
}

static void reopen_on_signal(int number)
{
    (void)number;
    evf__log_reopen();
}

Test(log, can_be_reopened_by_a_signal_handler_while_nobody_logs)
{
    open_log(EVF_INFO, path);
    cr_assert_eq(rename(path, other), 0);
    int changes = inotify_init1(IN_CLOEXEC);
    cr_assert_geq(inotify_add_watch(changes, folder, IN_CREATE), 0);

    signal(SIGHUP, reopen_on_signal);
    raise(SIGHUP);

    struct pollfd one = { .fd = changes, .events = POLLIN };
    cr_assert_eq(poll(&one, 1, 20000), 1, "the writing thread makes no file");
    close(changes);
    evf__log_close();
    cr_assert_str_eq(content("log"), "");
}

Test(log, stays_with_the_old_file_when_no_new_one_can_be_made)
{
    open_log(EVF_INFO, path);
    cr_assert_eq(rename(path, other), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    evf__log_reopen();
    evf_log(EVF_INFO, "after");
    evf__log_close();
    cr_assert_eq(rmdir(path), 0);

    cr_assert(says("other", "cannot open the log file"));
    cr_assert(says("other", "Is a directory"));
    cr_assert(says("other", "after\n"));
}

Test(log, reopening_standard_error_or_a_closed_log_is_harmless)
{
    evf__log_reopen();
    evf_log(EVF_INFO, "one");
    open_log(EVF_INFO, NULL);
    evf__log_reopen();
    evf_log(EVF_INFO, "two");
    evf__log_close();
    evf__log_reopen();
    evf_log(EVF_INFO, "three");
    cr_assert(says("stderr", "one\n") && says("stderr", "two\n") && says("stderr", "three\n"));
}

Test(log, counts_lines_that_a_full_disk_refuses_and_tells_later)
{
    open_log(EVF_INFO, "/dev/full");
    for (int i = 0; i < 100; i++) {
        errno = ENOTDIR;
        evf_log(EVF_INFO, "lost");
        cr_assert_eq(errno, ENOTDIR);
    }
    open_log(EVF_INFO, path);
    evf_log(EVF_INFO, "written");
    evf__log_close();
    evf__log_close();

    cr_assert(says("log", "error 100 log lines could not be written: No space left on device\n"));
    cr_assert(says("log", "written\n"));
    cr_assert_not(says("log", "lost"));
}

Test(log, ends_a_line_that_was_written_in_part_before_it_goes_on)
{
    signal(SIGXFSZ, SIG_IGN);
    open_log(EVF_INFO, path);
    evf_log(EVF_INFO, "one");
    struct rlimit limit, all;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
    limit = all;
    limit.rlim_cur = strlen(content("log")) + 4;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    evf_log(EVF_INFO, "two");
    evf_log(EVF_INFO, "three");
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    evf_log(EVF_INFO, "four");
    evf__log_close();

    const char *second = strchr(content("log"), '\n') + 1, *third = strchr(second, '\n') + 1;
    cr_assert_eq(third - second, 5, "four bytes and a newline");
    cr_assert_not_null(strstr(third, "error 2 log lines could not be written: File too large\n"));
    cr_assert_not_null(strstr(third, "info  four\n"));
    cr_assert_not(says("log", "two") || says("log", "three"));
}

Test(log, tells_on_standard_error_what_was_lost_when_it_is_closed)
{
    open_log(EVF_INFO, "/dev/full");
    evf_log(EVF_INFO, "lost");
    evf__log_close();
    cr_assert(says("stderr", "error 1 log lines could not be written: No space left on device\n"));
}

Test(log, a_reader_that_goes_away_harms_nobody)
{
    /* SIGPIPE would end the test. */
    cr_assert_eq(mkfifo(other, 0600), 0);
    int reader = open(other, O_RDONLY | O_NONBLOCK);
    open_log(EVF_INFO, other);
    close(reader);
    signal(SIGPIPE, SIG_DFL);

    evf_log(EVF_INFO, "by this thread");
    cr_assert_eq(evf__log_attach(true, NULL, NULL), 0);
    evf_log(EVF_INFO, "by the writing thread");
    evf__log_detach();
    evf__log_close();
    cr_assert(says("stderr", "error 2 log lines could not be written: Broken pipe\n"));
}

/* What the named pipe holds now, until a text has come or the deadline has passed. */
static size_t read_until(int fd, char *text, size_t size, const char *wanted)
{
    size_t len = 0;
    struct pollfd one = { .fd = fd, .events = POLLIN };
    text[0] = '\0';
    while (strstr(text, wanted) == NULL && poll(&one, 1, 20000) == 1) {
        ssize_t count = read(fd, text + len, size - 1 - len);
        cr_assert_gt(count, 0);
        len += (size_t)count;
        text[len] = '\0';
    }
    return len;
}

static unsigned long long sum_of(const char *text, const char *phrase)
{
    unsigned long long sum = 0;
    for (const char *at = text; (at = strstr(at, phrase)) != NULL; at++) {
        const char *digits = at;
        while (digits > text && digits[-1] >= '0' && digits[-1] <= '9')
            digits--;
        sum += strtoull(digits, NULL, 10);
    }
    return sum;
}

static unsigned long long count_of(const char *text, const char *phrase)
{
    unsigned long long count = 0;
    for (const char *at = text; (at = strstr(at, phrase)) != NULL; at++)
        count++;
    return count;
}

/* Lines of the test that came, and those that the log says did not. */
static unsigned long long accounted_for(const char *text)
{
    return count_of(text, "line ") + sum_of(text, " log lines dropped") +
           sum_of(text, " log lines could not be written");
}

Test(log, drops_and_counts_rather_than_wait_for_a_reader_that_does_not_read)
{
    static char text[1 << 20];
    cr_assert_eq(mkfifo(other, 0600), 0);
    int reader = open(other, O_RDONLY | O_NONBLOCK);
    cr_assert_geq(reader, 0);
    cr_assert_eq(fcntl(reader, F_SETPIPE_SZ, 4096), 4096);
    open_log(EVF_INFO, other);
    cr_assert_eq(evf__log_attach(true, NULL, NULL), 0);

    /* The pipe holds some fifty of these, the writer as many, the ring 256. */
    unsigned long long lines = 0;
    for (; lines < 2000; lines++)
        evf_log(EVF_INFO, "line %llu for the pipe, about as long as usual", lines);
    unsigned long long dropped = evf__log_dropped();
    cr_assert_gt(dropped, 0);
    evf__log_detach();

    /* Once the reader reads again it learns of every line. What was lost because it was too slow
     * even for the writing thread is told with the next line. */
    size_t len = 0;
    struct pollfd one = { .fd = reader, .events = POLLIN };
    while (accounted_for(text) < lines) {
        if (poll(&one, 1, 2 * EVF__LOG_WAIT_MS) == 0) {
            cr_assert_lt(lines, 2010, "%llu of them came", accounted_for(text));
            evf_log(EVF_INFO, "line %llu to move it on", lines++);
        }
        ssize_t count = read(reader, text + len, sizeof(text) - 1 - len);
        cr_assert(count > 0 || errno == EAGAIN);
        len += count > 0 ? (size_t)count : 0;
        text[len] = '\0';
    }
    cr_assert_eq(accounted_for(text), lines);
    cr_assert_eq(sum_of(text, " log lines dropped"), dropped);
    cr_assert_null(strchr(text, '\x1b'), "a pipe is no terminal");
    evf__log_close();
    close(reader);
    cr_assert_str_eq(content("stderr"), "");
}

Test(log, closing_it_does_not_wait_for_ever_for_a_reader)
{
    enum { LINES = 300 };
    cr_assert_eq(mkfifo(other, 0600), 0);
    int reader = open(other, O_RDONLY | O_NONBLOCK);
    cr_assert_eq(fcntl(reader, F_SETPIPE_SZ, 4096), 4096);
    open_log(EVF_INFO, other);
    for (int i = 0; i < LINES; i++)
        evf_log(EVF_INFO, "line %d that nobody reads", i);
    evf__log_close();
    close(reader);

    unsigned long long lost = sum_of(content("stderr"), " log lines could not be written");
    cr_assert_gt(lost, LINES / 2);
    cr_assert_lt(lost, LINES);
}

/* ---- Terminals ---- */

static int open_terminal(char *name, size_t size)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    cr_assert_geq(master, 0);
    cr_assert_eq(grantpt(master), 0);
    cr_assert_eq(unlockpt(master), 0);
    cr_assert_eq(ptsname_r(master, name, size), 0);
    return master;
}

static bool is_coloured(void)
{
    char name[64], text[512];
    int master = open_terminal(name, sizeof(name));
    open_log(EVF_INFO, name);
    evf_log(EVF_WARN, "seen");
    read_until(master, text, sizeof(text), "seen");
    evf__log_close();
    close(master);
    cr_assert_not_null(strstr(text, "seen"));
    return strchr(text, '\x1b') != NULL;
}

Test(log, is_coloured_on_a_terminal_that_is_not_told_otherwise)
{
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    cr_assert(is_coloured());

    setenv("NO_COLOR", "1", 1);
    cr_assert_not(is_coloured());

    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    cr_assert_not(is_coloured());
}

Test(log, is_not_coloured_in_a_file)
{
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    open_log(EVF_INFO, path);
    evf_log(EVF_WARN, "seen");
    evf__log_close();
    cr_assert_null(strchr(content("log"), '\x1b'));
}
