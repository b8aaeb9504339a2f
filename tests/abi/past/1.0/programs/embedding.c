/* SPDX-License-Identifier: MIT
 *
 * A program with a server inside as it was written and built for ABI 1.0: against the headers
 * beside it, which stay as they were. With everything.c it calls every function of that version.
 *
 * It serves lines on a port of 127.0.0.1 until SIGTERM; each asks for something and is answered by
 * its name when that was right. Its argument is a plugin file, which it inspects. Exit status 0
 * when everything was right.
 */
#include <evframe/evframe.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if EVF_ABI_MAJOR != 1 || EVF_ABI_MINOR != 0
#error "this program is built against the headers of ABI 1.0"
#endif

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct state {
    size_t needed;
};

static const struct evf_handler handler;
static evf_server *server;
static evf_gauge *mood;

static void say(evf_stream *stream, const char *text)
{
    evf_write(stream, text, strlen(text));
}

/* What can be asked about a stream and its worker. */
static void check_facts(evf_stream *stream)
{
    evf_worker *worker = evf_stream_worker(stream);
    evf_instance *instance = evf_stream_instance(stream);
    struct sockaddr_storage peer, local;
    EXPECT(evf_ready_state(stream) == EVF_OPEN && !evf_input_ended(stream));
    EXPECT(evf_bytes_read(stream) > 0 && evf_bytes_written(stream) == 0);
    EXPECT(evf_peer_address(stream, &peer) == 0 && evf_local_address(stream, &local) == 0);
    EXPECT(peer.ss_family == AF_INET && local.ss_family == AF_INET);
    EXPECT(evf_stream_handler(stream) == &handler);
    EXPECT(evf_worker_self() == worker && evf_worker_count(instance) == 2);
    EXPECT(evf_worker_at(instance, evf_worker_index(worker)) == worker);
    EXPECT(evf_wall_ms(worker) > 0 && evf_random(worker) != evf_random(worker));
    EXPECT(!evf_stopping(worker) && evf_stop_deadline(worker) == 0);
    evf_gauge_set(mood, 7);
}

static void check_settings(evf_stream *stream)
{
    EXPECT(evf_set_nodelay(stream, false) == 0);
    EXPECT(evf_set_keepalive(stream, true, 60, 10, 3) == 0);
    EXPECT(evf_set_tos(stream, 0x10) == 0);
    evf_set_linger(stream, 2000);
    evf_set_max_frame(stream, 4096);
    EXPECT(evf_max_frame(stream) == 4096);
    evf_set_write_marks(stream, 1024, 8192);
}

static void count(evf_stream *stream, void *argument)
{
    unsigned *number = argument;
    *number += evf_stream_handler(stream) == &handler;
}

static void go_on(evf_worker *worker, void *argument)
{
    EXPECT(evf_worker_self() == worker);
    say(argument, "paused\n");
    evf_resume(argument);
}

static void obey(evf_stream *stream, const char *line)
{
    struct state *state = evf_stream_state(stream);
    unsigned number = 0;
    if (strcmp(line, "facts") == 0) {
        check_facts(stream);
        say(stream, "facts\n");
    } else if (strcmp(line, "settings") == 0) {
        check_settings(stream);
        say(stream, "settings\n");
    } else if (strcmp(line, "each") == 0) {
        evf_each_stream(evf_stream_worker(stream), evf_stream_instance(stream), count, &number);
        EXPECT(number == 1);
        say(stream, "each\n");
    } else if (strcmp(line, "need") == 0) {
        state->needed = 8;
        evf_need(stream, state->needed);
        say(stream, "ready\n");
    } else if (strcmp(line, "pause") == 0) {
        evf_pause(stream);
        EXPECT(evf_post(evf_stream_worker(stream), go_on, stream) == 0);
    } else if (strcmp(line, "close") == 0) {
        evf_close(stream);
    } else if (strcmp(line, "reset") == 0) {
        evf_reset(stream);
    } else {
        evf_close_with(stream, -EPROTO);
    }
}

/* One line, or what was needed; peers send no more before they are answered. */
static size_t on_data(evf_stream *stream, evf_slice input)
{
    struct state *state = evf_stream_state(stream);
    char line[32];
    if (state->needed > 0) {
        EXPECT(input.len == state->needed);
        state->needed = 0;
        say(stream, "need\n");
        return input.len;
    }
    if (memchr(input.data, '\n', input.len) == NULL)
        return 0;
    snprintf(line, sizeof line, "%.*s", (int)input.len - 1, (const char *)input.data);
    obey(stream, line);
    return input.len;
}

static void on_quiesce(evf_stream *stream)
{
    evf_worker *worker = evf_stream_worker(stream);
    EXPECT(evf_stopping(worker) && evf_stop_deadline(worker) > evf_now(worker));
    say(stream, "quiesce\n");
    evf_end(stream);
}

static void on_close(evf_stream *stream, int reason)
{
    EXPECT(evf_ready_state(stream) == EVF_CLOSED);
    evf_log(EVF_INFO, "embedding close %d;", reason);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .data = on_data,
    .quiesce = on_quiesce,
    .close = on_close,
};

static int start(evf_instance *instance)
{
    EXPECT(evf_worker_at(instance, 0) == NULL);
    mood = evf_gauge_new(instance, "mood", "how it feels");
    return 0;
}

static const struct evf_plugin descriptor = {
    EVF_PLUGIN_HEADER,
    .name = "inside",
    .version = "1.0.0",
    .handler = &handler,
    .start = start,
};

static void see(const struct evf_figure *figure, void *argument)
{
    int64_t *value = argument;
    if (figure->instance != NULL && strcmp(figure->name, "mood") == 0)
        *value = figure->gauge && strcmp(figure->help, "how it feels") == 0 ? figure->value : -1;
}

static void on_signal(int number)
{
    (void)number;
    evf_server_reopen_log(server);
    evf_server_stop(server, 5000);
}

static void check_alone(const char *file)
{
    char error[256], host[64];
    uint16_t port = 0;
    const char *path = NULL;
    EXPECT(evf_plugin_inspect(file, STDOUT_FILENO, error, sizeof error) == 0);
    EXPECT(evf_plugin_inspect("./none.so", STDOUT_FILENO, error, sizeof error) == EVF_EPLUGIN);
    EXPECT(evf_address_parse("[::1]:80", host, sizeof host, &port, &path) == 0);
    EXPECT(strcmp(host, "::1") == 0 && port == 80 && path == NULL);
    EXPECT(evf_version()[0] != '\0' && strstr(evf_version_details(), evf_version()) != NULL);
    EXPECT(evf_worker_self() == NULL);
}

int main(int argc, char **argv)
{
    const struct evf_server_options options = {
        .struct_size = sizeof options,
        .workers = 2,
        .idle_timeout_ms = 30000,
        .max_frame = 65536,
        .log_level = 1 + EVF_INFO,
    };
    struct sockaddr_storage address;
    struct sigaction action = { .sa_handler = on_signal };
    int64_t value = 0;

    EXPECT(argc == 2);
    check_alone(argv[1]);
    server = evf_server_new(&options);
    EXPECT(server != NULL);
    EXPECT(evf_server_listen(server, "127.0.0.1:nonsense", &descriptor, NULL, NULL) ==
           EVF_EADDRESS);
    EXPECT(strstr(evf_server_error(server), "nonsense") != NULL);
    EXPECT(evf_server_listen(server, "127.0.0.1:0", &descriptor, NULL, "linger=3s") == 0);
    EXPECT(evf_server_check(server) == 0);
    sigaction(SIGTERM, &action, NULL);
    EXPECT(evf_server_start(server) == 0);
    EXPECT(evf_server_address(server, 0, &address) == 0 && address.ss_family == AF_INET);
    EXPECT(evf_server_wait(server) == 0);
    evf_server_each_figure(server, see, &value);
    EXPECT(value == 7);
    evf_server_free(server);
    fprintf(stderr, "embedding ends well;\n");
    return 0;
}
