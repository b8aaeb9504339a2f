/* SPDX-License-Identifier: MIT
 *
 * People of the chat plugin, many at once, as a test plays them: each has a connection, reads lines
 * and sends lines, and all are served by one poll loop.
 */
#ifndef EVF_TESTS_WIRE_CHAT_PEOPLE_H
#define EVF_TESTS_WIRE_CHAT_PEOPLE_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "server.h"

#define PEOPLE_GREETING "-- welcome: /name NAME, then /join ROOM; /help for the rest"

struct somebody {
    unsigned number;
    int fd;    /* -1 when the server has ended the connection */
    bool deaf; /* does not read */
    char in[32 * 1024];
    size_t in_len;
    char *out;
    size_t out_len, out_size;
};

struct people {
    struct somebody *all;
    struct pollfd *polls;
    unsigned count;
    /* A line came, without its newline. NULL for the line: the server has ended the connection. */
    void (*heard)(struct people *people, struct somebody *who, const char *line);
    void *argument;
};

static inline void people_connect(struct people *people, const char *address, unsigned count)
{
    people->all = test_allocate(count * sizeof *people->all);
    people->polls = test_allocate(count * sizeof *people->polls);
    people->count = count;
    for (unsigned i = 0; i < count; i++) {
        people->all[i].number = i;
        people->all[i].fd = peer_connect(address);
    }
}

static inline void people_close(struct people *people)
{
    for (unsigned i = 0; i < people->count; i++) {
        if (people->all[i].fd >= 0)
            close(people->all[i].fd);
        free(people->all[i].out);
    }
    free(people->all);
    free(people->polls);
}

/* Queues a line; people_serve sends it. */
__attribute__((format(printf, 2, 3))) static inline void somebody_says(struct somebody *who,
                                                                       const char *format, ...)
{
    char line[16 * 1024];
    va_list arguments;

    va_start(arguments, format);
    size_t len = (size_t)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (who->out_len + len > who->out_size) {
        who->out_size = 2 * (who->out_len + len);
        who->out = realloc(who->out, who->out_size);
        if (who->out == NULL)
            abort();
    }
    memcpy(who->out + who->out_len, line, len);
    who->out_len += len;
}

static inline void somebody_sends(struct somebody *who)
{
    ssize_t sent = send(who->fd, who->out, who->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent > 0) {
        who->out_len -= (size_t)sent;
        memmove(who->out, who->out + sent, who->out_len);
    } else if (errno != EAGAIN) {
        who->out_len = 0; /* whether the server may do that is said by what is read */
    }
}

/* Hands on the whole lines that are there. */
static inline void somebody_hears(struct people *people, struct somebody *who)
{
    char *line = who->in, *end;

    while ((end = memchr(line, '\n', who->in_len - (size_t)(line - who->in))) != NULL) {
        *end = '\0';
        people->heard(people, who, line);
        line = end + 1;
    }
    who->in_len -= (size_t)(line - who->in);
    memmove(who->in, line, who->in_len);
    if (who->in_len == sizeof who->in)
        support_fail("person %u: a line without an end", who->number);
}

/* Reads all that is there, so that nobody here is a slow reader. */
static inline void somebody_reads(struct people *people, struct somebody *who)
{
    ssize_t len;

    while ((len = recv(who->fd, who->in + who->in_len, sizeof who->in - who->in_len,
                       MSG_DONTWAIT)) > 0) {
        who->in_len += (size_t)len;
        somebody_hears(people, who);
    }
    if (len < 0 && errno == EAGAIN)
        return;
    if (len < 0)
        support_fail("person %u: %s", who->number, strerror(errno));
    if (who->in_len > 0)
        support_fail("person %u: half a line at the end", who->number);
    close(who->fd);
    who->fd = -1;
    people->heard(people, who, NULL);
}

/* Sends and reads until done says so. */
static inline void people_serve(struct people *people, bool (*done)(struct people *people),
                                const char *what)
{
    uint64_t deadline = deadline_in(30000);

    while (!done(people)) {
        for (unsigned i = 0; i < people->count; i++) {
            struct somebody *who = &people->all[i];
            short events = (short)((who->deaf ? 0 : POLLIN) | (who->out_len > 0 ? POLLOUT : 0));

            people->polls[i] =
                (struct pollfd){ .fd = events != 0 ? who->fd : -1, .events = events };
        }
        int ready = poll(people->polls, people->count, deadline_left(deadline));
        if (ready <= 0)
            support_fail("waited in vain: %s", what);
        deadline = deadline_in(30000); /* while something moves, it may take its time */
        for (unsigned i = 0; i < people->count; i++) {
            struct somebody *who = &people->all[i];

            if ((people->polls[i].revents & POLLOUT) != 0)
                somebody_sends(who);
            if ((people->polls[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !who->deaf)
                somebody_reads(people, who);
        }
    }
}
#define people_serve(...) SUPPORT_HERE((people_serve)(__VA_ARGS__))

/* ---- One person at a time ---- */

/* The next line must be this one. */
static inline void expect_line(int fd, const char *expected)
{
    char line[2048];

    (peer_read_line)(fd, line, sizeof line);
    if (strcmp(line, expected) != 0)
        support_fail("\"%s\" came, not \"%s\"", line, expected);
}
#define expect_line(...) SUPPORT_HERE((expect_line)(__VA_ARGS__))

/* Reads lines until this one comes. */
static inline void skip_to_line(int fd, const char *expected)
{
    char line[2048];

    do
        (peer_read_line)(fd, line, sizeof line);
    while (strcmp(line, expected) != 0);
}
#define skip_to_line(...) SUPPORT_HERE((skip_to_line)(__VA_ARGS__))

/* Somebody with a name, and in a room unless that is NULL. */
static inline int chat_guest(struct server *server, const char *name, const char *room)
{
    int fd = peer_connect(server_address(server, 0));

    expect_line(fd, PEOPLE_GREETING);
    peer_send_text(fd, test_text("/name %s\n", name));
    expect_line(fd, test_text("++ name %s", name));
    if (room != NULL) {
        peer_send_text(fd, test_text("/join %s\n", room));
        expect_line(fd, test_text("++ join %s", room));
        expect_line(fd, test_text("** %s joined", name));
    }
    return fd;
}
#define chat_guest(...) SUPPORT_HERE((chat_guest)(__VA_ARGS__))

/* The chat plugin on 8 workers. options may be NULL. */
static inline struct server *chat_server(const char *options)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "8", "--listen",
                       test_text("127.0.0.1:0=chat%s%s", options != NULL ? "," : "",
                                 options != NULL ? options : "") },
    });
}
#define chat_server(...) SUPPORT_HERE((chat_server)(__VA_ARGS__))

/* server_stop_cleanly, and the plugin has nothing to complain about. */
static inline void chat_stop(struct server *server)
{
    (server_expect_at_rest)(server);
    server_signal(server, SIGTERM);
    (server_wait_ended)(server, 0);
    if (server_log_count(server, "held by nobody") > 0)
        support_fail("the plugin has found a mistake of its own");
    (server_ended)(server, 0);
}
#define chat_stop(...) SUPPORT_HERE((chat_stop)(__VA_ARGS__))

#endif
