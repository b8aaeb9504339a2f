/* SPDX-License-Identifier: MIT
 *
 * Reading the log of a running server: lines, events of the test plugins, figures; see server.h.
 */
#define SUPPORT_INSIDE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"
#include "server_inside.h"

const char *server_log(struct server *server)
{
    for (;;) {
        ssize_t len;

        if (server->log_size - server->log_len < 65536) {
            server->log_size = server->log_size * 2 + 131072;
            server->log = realloc(server->log, server->log_size);
            if (server->log == NULL)
                support_fail("no memory for the log");
        }
        len = pread(server->log_fd, server->log + server->log_len,
                    server->log_size - server->log_len - 1, (off_t)server->log_len);
        if (len < 0)
            support_fail("reading the log: %m");
        server->log_len += (size_t)len;
        server->log[server->log_len] = '\0';
        if (len == 0)
            return server->log;
    }
}

unsigned server_log_count(struct server *server, const char *text)
{
    unsigned count = 0;

    for (const char *at = server_log(server); (at = strstr(at, text)) != NULL; at += strlen(text))
        count++;
    return count;
}

struct wanted_text {
    struct server *server;
    const char *text;
    unsigned count;
};

static bool text_is_there(void *argument)
{
    struct wanted_text *wanted = argument;
    /* Asked first, so that the last words of a server that ended are read too. */
    bool ended = server_has_ended(wanted->server);

    if (server_log_count(wanted->server, wanted->text) >= wanted->count)
        return true;
    if (ended)
        support_fail("the server ended without logging \"%s\"", wanted->text);
    return false;
}

void(server_wait_log_count)(struct server *server, const char *text, unsigned count)
{
    struct wanted_text wanted = { server, text, count };

    if (!wait_until(deadline_usual(), text_is_there, &wanted))
        support_fail("\"%s\" was logged %u times instead of %u", text,
                     server_log_count(server, text), count);
}

void(server_wait_log)(struct server *server, const char *text)
{
    (server_wait_log_count)(server, text, 1);
}

void(server_log_line)(struct server *server, const char *text, char *ret_line, size_t size)
{
    const char *log, *at, *end;

    (server_wait_log)(server, text);
    log = server_log(server);
    at = strstr(log, text);
    end = at + strcspn(at, "\n");
    while (at > log && at[-1] != '\n')
        at--;
    snprintf(ret_line, size, "%.*s", (int)(end - at), at);
}

/* Joins the label's events as they stand in the log. */
static void collect_events(struct server *server, unsigned label, char *ret_text, size_t size)
{
    char mark[32];
    const char *at = server_log(server);
    size_t used = 0;

    snprintf(mark, sizeof mark, "event %u ", label);
    ret_text[0] = '\0';
    while ((at = strstr(at, mark)) != NULL) {
        const char *end;
        int len;

        at += strlen(mark);
        end = strchr(at, ';');
        if (end == NULL)
            return;
        len = snprintf(ret_text + used, size - used, "%s%.*s", used == 0 ? "" : "; ",
                       (int)(end - at), at);
        used += (size_t)len;
        if (used >= size)
            support_fail("the events of %u are too many", label);
    }
}

struct wanted_events {
    struct server *server;
    unsigned label;
    const char *expected;
    char seen[16384];
};

static bool events_are_there(void *argument)
{
    struct wanted_events *wanted = argument;
    bool ended = server_has_ended(wanted->server);

    collect_events(wanted->server, wanted->label, wanted->seen, sizeof wanted->seen);
    if (strcmp(wanted->seen, wanted->expected) == 0)
        return true;
    return ended || strncmp(wanted->seen, wanted->expected, strlen(wanted->seen)) != 0;
}

void(server_expect_events)(struct server *server, unsigned label, const char *expected)
{
    struct wanted_events *wanted = test_allocate(sizeof *wanted);

    *wanted = (struct wanted_events){ .server = server, .label = label, .expected = expected };
    wait_until(deadline_usual(), events_are_there, wanted);
    if (strcmp(wanted->seen, expected) != 0)
        support_fail("events of %u\n  expected: %s\n  seen:     %s", label, expected, wanted->seen);
    free(wanted);
}

void(server_wait_event)(struct server *server, unsigned label, const char *event)
{
    char text[512];

    snprintf(text, sizeof text, "event %u %s;", label, event);
    (server_wait_log)(server, text);
}

void(server_event_text)(struct server *server, unsigned label, const char *begin, char *ret_text,
                        size_t size)
{
    char mark[256];
    const char *at;

    snprintf(mark, sizeof mark, "event %u %s", label, begin);
    (server_wait_log)(server, mark);
    at = strstr(server_log(server), mark) + strlen(mark);
    snprintf(ret_text, size, "%.*s", (int)strcspn(at, ";\n"), at);
}

uint64_t(server_event_number)(struct server *server, unsigned label, const char *begin)
{
    char text[64];

    (server_event_text)(server, label, begin, text, sizeof text);
    return strtoull(text, NULL, 10);
}

struct wanted_figure {
    struct server *server;
    const char *name;
    size_t asked_at; /* the log's length when asked */
    int64_t value;
};

/* The value stands after `figure NAME=` or `figure LABEL NAME=`, in the answer to our question:
 * behind the first figure that was logged since. */
static bool figure_is_there(void *argument)
{
    struct wanted_figure *wanted = argument;
    bool ended = server_has_ended(wanted->server);
    const char *log = server_log(wanted->server);
    const char *at = strstr(log + wanted->asked_at, "figure connections_accepted=");
    char mark[96];

    if (ended)
        support_fail("the server ended before it told its figure %s", wanted->name);
    if (at == NULL)
        return false;
    snprintf(mark, sizeof mark, " %s=", wanted->name);
    for (; (at = strstr(at, "figure ")) != NULL; at++) {
        const char *end = at + strcspn(at, "\n");
        const char *found = strstr(at, mark);

        if (*end == '\n' && found != NULL && found < end) {
            wanted->value = strtoll(found + strlen(mark), NULL, 10);
            return true;
        }
    }
    return false;
}

int64_t(server_figure)(struct server *server, const char *name)
{
    struct wanted_figure wanted = { .server = server, .name = name };

    server_log(server);
    wanted.asked_at = server->log_len;
    server_signal(server, SIGUSR1);
    if (!wait_until(deadline_usual(), figure_is_there, &wanted))
        support_fail("the server does not tell its figure %s", name);
    return wanted.value;
}

struct figure_range {
    struct server *server;
    const char *name;
    int64_t least, most, seen;
};

static bool figure_in_range(void *argument)
{
    struct figure_range *range = argument;

    range->seen = (server_figure)(range->server, range->name);
    return range->seen >= range->least && range->seen <= range->most;
}

static void wait_figure(struct server *server, const char *name, int64_t least, int64_t most)
{
    struct figure_range range = { server, name, least, most, 0 };

    if (!wait_until(deadline_usual(), figure_in_range, &range))
        support_fail("figure %s stays at %lld; wanted %lld to %lld", name, (long long)range.seen,
                     (long long)least, (long long)most);
}

void(server_wait_figure)(struct server *server, const char *name, int64_t value)
{
    wait_figure(server, name, value, value);
}

void(server_wait_figure_from)(struct server *server, const char *name, int64_t least)
{
    wait_figure(server, name, least, INT64_MAX);
}

struct open_files {
    struct server *server;
    unsigned seen;
};

static bool open_files_as_at_start(void *argument)
{
    struct open_files *files = argument;

    files->seen = server_open_files(files->server);
    return files->seen == files->server->open_files;
}

void(server_expect_at_rest)(struct server *server)
{
    struct open_files files = { server, 0 };

    wait_figure(server, "streams", 0, 0);
    wait_figure(server, "write_queues", 0, 0);
    wait_figure(server, "blocks", 0, 0);
    wait_figure(server, "timers", 0, server->timers < 0 ? 0 : server->timers);
    wait_figure(server, "pages", 0, server_worker_count(server));
    if (!wait_until(deadline_usual(), open_files_as_at_start, &files))
        support_fail("%u descriptors are open, %u were at the start", files.seen,
                     server->open_files);
}
