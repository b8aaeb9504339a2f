/* SPDX-License-Identifier: MIT
 *
 * What the test plugin `connect` can be told to do; for connect.c alone. NAME is an outgoing
 * stream's, as given to `dial`.
 */
#ifndef EVF_TESTS_WIRE_CONNECT_COMMANDS_H
#define EVF_TESTS_WIRE_CONNECT_COMMANDS_H

#include <netinet/tcp.h>

struct command {
    struct worker *self;
    const char *name;
    evf_stream *stream; /* that of the name; NULL: there is none */
    const char *text;   /* behind the name */
};

#define ANSWER(command, ...)                                                                       \
    tell((command)->self, (command)->self->control, (command)->name, __VA_ARGS__)

static evf_stream *dial_named(const struct worker *self, const char *name)
{
    for (unsigned i = 0; i < DIALS_MAX; i++)
        if (self->dials[i] != NULL &&
            strcmp(((struct dial *)evf_stream_state(self->dials[i]))->name, name) == 0)
            return self->dials[i];
    return NULL;
}

/* The value of ` key=…` in the text, copied; NULL when it is not there. */
static const char *value_of(const char *text, const char *key, char *buffer, size_t size)
{
    for (const char *at = text; (at = strstr(at, key)) != NULL; at++) {
        size_t len = strlen(key);

        if ((at == text || at[-1] == ' ') && at[len] == '=') {
            snprintf(buffer, size, "%.*s", (int)strcspn(at + len + 1, " "), at + len + 1);
            return buffer;
        }
    }
    return NULL;
}

static unsigned long number_of(const char *text, const char *key)
{
    char buffer[32];
    const char *value = value_of(text, key, buffer, sizeof buffer);

    return value != NULL ? strtoul(value, NULL, 10) : 0;
}

/* As a newer header might have it. */
struct longer_connect {
    struct evf_connect known;
    uint64_t unknown;
};

static void do_dial(struct command *command)
{
    char host[512], path[512], bind[64], handler[16] = "full";
    unsigned long family = number_of(command->text, "family");
    struct longer_connect to = { 0 };
    evf_stream *stream = NULL;

    to.known.struct_size = sizeof to.known;
    to.known.host = value_of(command->text, "host", host, sizeof host);
    to.known.unix_path = value_of(command->text, "unix", path, sizeof path);
    to.known.bind_address = value_of(command->text, "bind", bind, sizeof bind);
    to.known.port = (uint16_t)number_of(command->text, "port");
    to.known.family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : (int)family;
    to.known.timeout_ms = (uint32_t)number_of(command->text, "timeout");
    to.known.attempt_delay_ms = (uint32_t)number_of(command->text, "delay");
    to.unknown = number_of(command->text, "unknown");
    if (number_of(command->text, "size") != 0)
        to.known.struct_size = (uint32_t)number_of(command->text, "size");
    (void)value_of(command->text, "handler", handler, sizeof handler);

    int status = evf_connect(command->self->worker, &to.known, handler_named(handler),
                             command->self->instance, &stream);
    /* They are copied: what becomes of them later does not matter. */
    memset(host, 'x', sizeof host);
    memset(path, 'x', sizeof path);
    memset(bind, 'x', sizeof bind);
    if (status == 0) {
        struct dial *dial = evf_stream_state(stream);
        unsigned at = 0;

        snprintf(dial->name, sizeof dial->name, "%s", command->name);
        dial->control = command->self->control;
        while (command->self->dials[at] != NULL)
            at++;
        command->self->dials[at] = stream;
    }
    ANSWER(command, "connect %s", report_status(status));
}

static void do_on(struct command *command)
{
    struct dial *dial = evf_stream_state(command->stream);

    for (unsigned i = 0; i < EVENTS; i++) {
        size_t len = strlen(event_names[i]);

        if (strncmp(command->text, event_names[i], len) == 0 && command->text[len] == ' ')
            snprintf(dial->scripts[i], SCRIPT_SIZE, "%s", command->text + len + 1);
    }
}

static void do_write(struct command *command)
{
    ANSWER(command, "write %s",
           report_status(evf_write(command->stream, command->text, strlen(command->text))));
}

/* So many bytes of the pattern, from its beginning. */
static void do_pattern(struct command *command)
{
    size_t len = strtoul(command->text, NULL, 10);
    uint8_t *bytes = malloc(len);

    pattern_fill(bytes, 0, len);
    ANSWER(command, "pattern %s", report_status(evf_write(command->stream, bytes, len)));
    free(bytes);
}

/* The text by way of a file. */
static void do_file(struct command *command)
{
    int fd = memfd_create("connect", MFD_CLOEXEC);
    size_t len = strlen(command->text);

    if (fd < 0 || write(fd, command->text, len) != (ssize_t)len)
        abort();
    ANSWER(command, "file %s", report_status(evf_sendfile(command->stream, fd, 0, len)));
    close(fd);
}

/* A pipe's end, with the text; the text too can be read from it. */
static void do_pass(struct command *command)
{
    size_t len = strlen(command->text);
    int ends[2];

    if (pipe(ends) != 0 || write(ends[1], command->text, len) != (ssize_t)len)
        abort();
    ANSWER(command, "pass %s",
           report_status(evf_send_fd(command->stream, ends[0], command->text, len)));
    close(ends[0]);
    close(ends[1]);
}

static void do_cork(struct command *command)
{
    evf_cork(command->stream);
}

static void do_uncork(struct command *command)
{
    evf_uncork(command->stream);
}

static void do_end(struct command *command)
{
    ANSWER(command, "end %s", report_status(evf_end(command->stream)));
}

static void do_close(struct command *command)
{
    evf_close(command->stream);
}

static void do_close_with(struct command *command)
{
    evf_close_with(command->stream, -(int)strtol(command->text, NULL, 10));
}

static void do_reset(struct command *command)
{
    evf_reset(command->stream);
}

static void do_pause(struct command *command)
{
    evf_pause(command->stream);
}

static void do_resume(struct command *command)
{
    evf_resume(command->stream);
}

static void do_count(struct command *command)
{
    ((struct dial *)evf_stream_state(command->stream))->counts = true;
}

static void do_marks(struct command *command)
{
    unsigned long high = 0, max = 0;

    sscanf(command->text, "%lu %lu", &high, &max);
    evf_set_write_marks(command->stream, high, max);
}

static void do_timeout(struct command *command)
{
    evf_set_timeout(command->stream, (uint32_t)strtoul(command->text, NULL, 10));
}

static void do_max_frame(struct command *command)
{
    evf_set_max_frame(command->stream, strtoul(command->text, NULL, 10));
    ANSWER(command, "max-frame %zu", evf_max_frame(command->stream));
}

static void do_nodelay(struct command *command)
{
    ANSWER(command, "nodelay %s",
           report_status(evf_set_nodelay(command->stream, command->text[0] == '1')));
}

static void do_keepalive(struct command *command)
{
    unsigned on = 0, idle = 0, interval = 0, count = 0;

    sscanf(command->text, "%u %u %u %u", &on, &idle, &interval, &count);
    ANSWER(command, "keepalive %s",
           report_status(evf_set_keepalive(command->stream, on != 0, idle, interval, count)));
}

static void do_tos(struct command *command)
{
    ANSWER(command, "tos %s",
           report_status(evf_set_tos(command->stream, (int)strtol(command->text, NULL, 10))));
}

static int socket_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

/* What the kernel says of the stream's socket: the one with its port at the other end. */
static void do_sockopts(struct command *command)
{
    unsigned port = report_label(command->stream);

    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;

        if (getpeername(fd, (struct sockaddr *)&address, &len) != 0 || len < 16 ||
            ntohs(((struct sockaddr_in *)&address)->sin_port) != port)
            continue;
        ANSWER(command, "sockopts nodelay=%d keepalive=%d,%d,%d,%d tos=%d",
               socket_option(fd, IPPROTO_TCP, TCP_NODELAY) != 0,
               socket_option(fd, SOL_SOCKET, SO_KEEPALIVE),
               socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
               socket_option(fd, IPPROTO_TCP, TCP_KEEPINTVL),
               socket_option(fd, IPPROTO_TCP, TCP_KEEPCNT),
               address.ss_family == AF_INET6 ? socket_option(fd, IPPROTO_IPV6, IPV6_TCLASS)
                                             : socket_option(fd, IPPROTO_IP, IP_TOS));
        return;
    }
    ANSWER(command, "sockopts none");
}

static const char *address_text(int status, const struct sockaddr_storage *address, char *text,
                                size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

    if (status != 0)
        return report_status(status);
    if (address->ss_family == AF_UNIX)
        return "unix";
    inet_ntop(address->ss_family,
              address->ss_family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr, host,
              sizeof host);
    snprintf(text, size, "%s %u", host, ntohs(v4->sin_port));
    return text;
}

static void do_facts(struct command *command)
{
    static const char *const states[] = { "opening", "open", "read-only", "write-only", "closed" };
    struct sockaddr_storage peer, local;
    char name[EVF_PEER_NAME_SIZE], peer_text[64], local_text[64];
    int peer_status = evf_peer_address(command->stream, &peer);
    int local_status = evf_local_address(command->stream, &local);
    uint64_t id = evf_stream_id(command->stream);

    ANSWER(
        command, "facts %s %s peer=%s local=%s queued=%zu found=%d given=%d",
        states[evf_ready_state(command->stream)], evf_peer_name(command->stream, name, sizeof name),
        address_text(peer_status, &peer, peer_text, sizeof peer_text),
        address_text(local_status, &local, local_text, sizeof local_text),
        evf_queued(command->stream), evf_stream_find(command->self->worker, id) == command->stream,
        evf_stream_handler(command->stream) == &full);
}

static void add_name(evf_stream *stream, void *argument)
{
    char *names = argument;
    const struct dial *dial = evf_stream_state(stream);

    strcat(names, " ");
    strcat(names, dial != NULL ? dial->name : "control");
}

static void do_each(struct command *command)
{
    char names[DIALS_MAX * NAME_SIZE + 64] = "";

    evf_each_stream(command->self->worker, command->self->instance, add_name, names);
    ANSWER(command, "each%s", names);
}

#include "connect_flood.h"

static const struct {
    const char *word;
    void (*run)(struct command *command);
    bool without_stream;
} commands_known[] = {
    { "dial", do_dial, true },
    { "on", do_on, false },
    { "write", do_write, false },
    { "pattern", do_pattern, false },
    { "file", do_file, false },
    { "cork", do_cork, false },
    { "uncork", do_uncork, false },
    { "end", do_end, false },
    { "close", do_close, false },
    { "close-with", do_close_with, false },
    { "reset", do_reset, false },
    { "pause", do_pause, false },
    { "resume", do_resume, false },
    { "count", do_count, false },
    { "marks", do_marks, false },
    { "timeout", do_timeout, false },
    { "max-frame", do_max_frame, false },
    { "nodelay", do_nodelay, false },
    { "keepalive", do_keepalive, false },
    { "tos", do_tos, false },
    { "sockopts", do_sockopts, false },
    { "facts", do_facts, false },
    { "pass", do_pass, false },
    { "each", do_each, true },
    { "flood", do_flood, true },
};

static void run_command(struct worker *self, const char *line)
{
    char word[16] = "", name[NAME_SIZE] = "";
    int at = 0;

    if (sscanf(line, " %15s %15s %n", word, name, &at) < 1)
        return;
    struct command command = { self, name, dial_named(self, name), line + at };

    for (unsigned i = 0; i < sizeof commands_known / sizeof commands_known[0]; i++) {
        if (strcmp(word, commands_known[i].word) != 0)
            continue;
        if (command.stream != NULL || commands_known[i].without_stream)
            commands_known[i].run(&command);
        else
            ANSWER(&command, "gone");
        return;
    }
    ANSWER(&command, "no command %s", word);
}

/* One command after the other; `on` takes the rest of the line. */
static void run_commands(struct worker *self, const char *commands)
{
    while (*commands != '\0') {
        char one[LINE_SIZE];
        const char *from = commands + strspn(commands, " ");
        size_t len = strncmp(from, "on ", 3) == 0 ? strlen(from) : strcspn(from, ";");

        snprintf(one, sizeof one, "%.*s", (int)len, from);
        run_command(self, one);
        commands = from + len + (from[len] == ';');
    }
}

#endif
