/* SPDX-License-Identifier: MIT
 *
 * The commands of probe.c, which includes this once. Each is a word and its arguments:
 *
 *   write KIND N | fill KIND N | text WORDS | last WORDS | short-file N | dir-file
 *   cork | uncork | pause | resume | end | close | reset | close-with N
 *   timeout MS | linger MS | marks HIGH MAX | max-frame N | need N
 *   nodelay 0|1 | keepalive 0|1 IDLE INTERVAL COUNT | tos N
 *   state | queued | bytes | names | ended | sockopts | tclass | say WORDS
 *   off EVENT | timer MS | post | keep 0|1 | quiet | raw N | echo KIND | lines | block MS
 *
 * and `on EVENT commands` as a whole line.
 */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>

struct command {
    evf_stream *stream;
    struct probe *probe;
    const char *text;    /* everything behind the word */
    char word[3][32];    /* the arguments, "" where missing */
    unsigned long at[4]; /* the same as numbers */
};

static void do_write(struct command *command)
{
    int status = write_pattern(command->stream, command->probe, command->word[0], command->at[1]);

    report(command->stream, "write %s", report_status(status));
}

/* Writes pieces until the queue is full. */
static void do_fill(struct command *command)
{
    int status;

    do
        status = write_pattern(command->stream, command->probe, command->word[0], command->at[1]);
    while (status == EVF_FLUSHED || status == EVF_QUEUED);
    report(command->stream, "fill %s", report_status(status));
}

static void do_text(struct command *command)
{
    evf_write(command->stream, command->text, strlen(command->text));
}

static void do_last(struct command *command)
{
    int status = evf_write_last(command->stream, command->text, strlen(command->text));

    report(command->stream, "last %s", report_status(status));
}

/* Announces N bytes more than the file has. */
static void do_short_file(struct command *command)
{
    int status = evf_sendfile(command->stream, table_fd, TABLE_SIZE - 100, 100 + command->at[0]);

    report(command->stream, "short-file %s", report_status(status));
}

static void do_dir_file(struct command *command)
{
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    report(command->stream, "dir-file %s", report_status(evf_sendfile(command->stream, fd, 0, 1)));
    close(fd);
}

static void do_cork(struct command *command)
{
    evf_cork(command->stream);
}

static void do_uncork(struct command *command)
{
    evf_uncork(command->stream);
}

static void do_pause(struct command *command)
{
    evf_pause(command->stream);
}

static void do_resume(struct command *command)
{
    evf_resume(command->stream);
}

static void do_end(struct command *command)
{
    report(command->stream, "ending %s", report_status(evf_end(command->stream)));
}

static void do_close(struct command *command)
{
    evf_close(command->stream);
}

static void do_reset(struct command *command)
{
    evf_reset(command->stream);
}

static void do_close_with(struct command *command)
{
    evf_close_with(command->stream, -(int)command->at[0]);
}

static void do_timeout(struct command *command)
{
    evf_set_timeout(command->stream, (uint32_t)command->at[0]);
}

static void do_linger(struct command *command)
{
    evf_set_linger(command->stream, (uint32_t)command->at[0]);
}

static void do_marks(struct command *command)
{
    evf_set_write_marks(command->stream, command->at[0], command->at[1]);
}

static void do_max_frame(struct command *command)
{
    evf_set_max_frame(command->stream, command->at[0]);
    report(command->stream, "max-frame %zu", evf_max_frame(command->stream));
}

static void do_need(struct command *command)
{
    evf_need(command->stream, command->at[0]);
}

static void do_nodelay(struct command *command)
{
    report(command->stream, "nodelay %s",
           report_status(evf_set_nodelay(command->stream, command->at[0] != 0)));
}

static void do_keepalive(struct command *command)
{
    int status = evf_set_keepalive(command->stream, command->at[0] != 0, (unsigned)command->at[1],
                                   (unsigned)command->at[2], (unsigned)command->at[3]);

    report(command->stream, "keepalive %s", report_status(status));
}

static void do_tos(struct command *command)
{
    report(command->stream, "tos %s",
           report_status(evf_set_tos(command->stream, (int)command->at[0])));
}

/* What the kernel says of our own socket. Descriptors are hidden from plugins, so it is found as
 * the one whose peer is the stream's. */
static int own_descriptor(evf_stream *stream)
{
    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;

        if (getpeername(fd, (struct sockaddr *)&address, &len) == 0 && len >= 8 &&
            (address.ss_family == AF_INET || address.ss_family == AF_INET6) &&
            ntohs(((struct sockaddr_in *)&address)->sin_port) == report_label(stream))
            return fd;
    }
    return -1;
}

static int socket_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

static void do_sockopts(struct command *command)
{
    int fd = own_descriptor(command->stream);

    report(command->stream, "sockopts nodelay=%d keepalive=%d,%d,%d,%d tos=%d",
           socket_option(fd, IPPROTO_TCP, TCP_NODELAY) != 0,
           socket_option(fd, SOL_SOCKET, SO_KEEPALIVE),
           socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
           socket_option(fd, IPPROTO_TCP, TCP_KEEPINTVL),
           socket_option(fd, IPPROTO_TCP, TCP_KEEPCNT), socket_option(fd, IPPROTO_IP, IP_TOS));
}

static void do_tclass(struct command *command)
{
    report(command->stream, "tclass %d",
           socket_option(own_descriptor(command->stream), IPPROTO_IPV6, IPV6_TCLASS));
}

static void do_state(struct command *command)
{
    static const char *const names[] = { "opening", "open", "read-only", "write-only", "closed" };

    report(command->stream, "state %s", names[evf_ready_state(command->stream)]);
}

static void do_queued(struct command *command)
{
    report(command->stream, "queued %zu", evf_queued(command->stream));
}

static void do_bytes(struct command *command)
{
    report(command->stream, "bytes %llu %llu", (unsigned long long)evf_bytes_read(command->stream),
           (unsigned long long)evf_bytes_written(command->stream));
}

static const char *local_name(evf_stream *stream, char *text, size_t size)
{
    struct sockaddr_storage address;
    char host[INET6_ADDRSTRLEN];
    int status = evf_local_address(stream, &address);

    if (status != 0) {
        snprintf(text, size, "%s", report_status(status));
    } else if (address.ss_family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&address;

        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(v4->sin_port));
    } else if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;

        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        snprintf(text, size, "family %d", address.ss_family);
    }
    return text;
}

static void do_names(struct command *command)
{
    char local[128], peer[EVF_PEER_NAME_SIZE];

    report(command->stream, "names %s %s", local_name(command->stream, local, sizeof local),
           evf_peer_name(command->stream, peer, sizeof peer));
}

static void do_ended(struct command *command)
{
    report(command->stream, "ended %d", evf_input_ended(command->stream));
}

static void do_say(struct command *command)
{
    report(command->stream, "%s", command->text);
}

static void timer_fired(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    (void)worker;
    (void)timer;
    report(argument, "timer");
    run_script(argument, ON_TIMER);
}

static void do_timer(struct command *command)
{
    evf_timer_start(evf_stream_worker(command->stream), &command->probe->timer,
                    (uint32_t)command->at[0], timer_fired, command->stream);
}

static void post_arrived(evf_worker *worker, void *argument)
{
    uint64_t *id = argument;
    evf_stream *stream = evf_stream_find(worker, *id);

    free(id);
    if (stream == NULL)
        return;
    report(stream, "post");
    run_script(stream, ON_POST);
}

static void do_post(struct command *command)
{
    uint64_t *id = malloc(sizeof *id);

    if (id == NULL)
        return;
    *id = evf_stream_id(command->stream);
    if (evf_post(evf_stream_worker(command->stream), post_arrived, id) != 0)
        free(id);
}

static void do_off(struct command *command)
{
    for (int event = 0; event < EVENTS; event++)
        if (strcmp(event_names[event], command->word[0]) == 0)
            command->probe->scripts[event][0] = '\0';
}

static void do_keep(struct command *command)
{
    command->probe->keep = command->at[0] != 0;
}

static void do_quiet(struct command *command)
{
    command->probe->quiet = true;
}

static void do_raw(struct command *command)
{
    command->probe->mode = MODE_RAW;
    command->probe->raw_consume = command->at[0];
}

static void do_echo(struct command *command)
{
    command->probe->mode = MODE_ECHO;
    command->probe->quiet = true;
    snprintf(command->probe->echo_kind, sizeof command->probe->echo_kind, "%s", command->word[0]);
}

static void do_lines(struct command *command)
{
    command->probe->mode = MODE_LINES;
}

static void do_block(struct command *command)
{
    poll(NULL, 0, (int)command->at[0]);
}

static const struct {
    const char *name;
    void (*run)(struct command *command);
} commands_known[] = {
    { "write", do_write },
    { "fill", do_fill },
    { "text", do_text },
    { "last", do_last },
    { "short-file", do_short_file },
    { "dir-file", do_dir_file },
    { "cork", do_cork },
    { "uncork", do_uncork },
    { "pause", do_pause },
    { "resume", do_resume },
    { "end", do_end },
    { "close", do_close },
    { "reset", do_reset },
    { "timeout", do_timeout },
    { "close-with", do_close_with },
    { "linger", do_linger },
    { "marks", do_marks },
    { "need", do_need },
    { "max-frame", do_max_frame },
    { "nodelay", do_nodelay },
    { "keepalive", do_keepalive },
    { "tos", do_tos },
    { "sockopts", do_sockopts },
    { "state", do_state },
    { "queued", do_queued },
    { "bytes", do_bytes },
    { "names", do_names },
    { "ended", do_ended },
    { "say", do_say },
    { "timer", do_timer },
    { "post", do_post },
    { "off", do_off },
    { "keep", do_keep },
    { "quiet", do_quiet },
    { "raw", do_raw },
    { "echo", do_echo },
    { "lines", do_lines },
    { "block", do_block },
    { "tclass", do_tclass },
};

static void run_command(evf_stream *stream, struct probe *probe, char *text)
{
    struct command command = { .stream = stream, .probe = probe };
    char name[32] = "", fourth[32] = "";
    int behind = 0;

    text += strspn(text, " ");
    if (sscanf(text, "%31s %n", name, &behind) != 1)
        return;
    command.text = text + behind;
    sscanf(command.text, "%31s %31s %31s %31s", command.word[0], command.word[1], command.word[2],
           fourth);
    for (int i = 0; i < 3; i++)
        command.at[i] = strtoul(command.word[i], NULL, 10);
    command.at[3] = strtoul(fourth, NULL, 10);
    for (size_t i = 0; i < sizeof commands_known / sizeof commands_known[0]; i++) {
        if (strcmp(commands_known[i].name, name) == 0) {
            commands_known[i].run(&command);
            return;
        }
    }
    report(stream, "unknown command %s", name);
}

static void run_commands(evf_stream *stream, struct probe *probe, char *commands)
{
    char *rest = commands, *one;

    while ((one = strsep(&rest, ";")) != NULL)
        run_command(stream, probe, one);
}

static void run_line(evf_stream *stream, struct probe *probe, char *line)
{
    char name[16];
    int behind = 0;

    if (sscanf(line, "on %15s %n", name, &behind) != 1 || behind == 0) {
        run_commands(stream, probe, line);
        return;
    }
    for (int event = 0; event < EVENTS; event++)
        if (strcmp(event_names[event], name) == 0)
            snprintf(probe->scripts[event], SCRIPT_SIZE, "%s", line + behind);
}
