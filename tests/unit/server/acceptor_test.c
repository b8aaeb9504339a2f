/* SPDX-License-Identifier: MIT
 *
 * The acceptor against a worker that stands still: accepting pauses when every ring is full, and
 * goes on when the worker does; nobody is lost. And at the stop, what it never came to is closed
 * and counted.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <evframe/evframe.h>

#include "server/server.h"

enum { CLIENTS = EVF__HANDOVER_CAPACITY + 300, PATIENCE_S = 20 };

static evf_server *server;
static int clients[CLIENTS];
static int released[2]; /* a pipe: what the first `open` waits for */
static atomic_uint opened;

static void on_open(evf_stream *stream)
{
    char byte;
    (void)stream;
    if (atomic_fetch_add(&opened, 1) == 0)
        cr_assert_eq(read(released[0], &byte, 1), 1);
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    evf_write_slice(stream, input);
    return input.len;
}

static const struct evf_handler handler = {
    .struct_size = sizeof handler,
    .open = on_open,
    .data = on_data,
};

static const struct evf_plugin plugin = {
    EVF_PLUGIN_HEADER,
    .name = "standstill",
    .version = "1",
    .handler = &handler,
};

struct wanted {
    const char *name;
    int64_t value;
};

static void find_figure(const struct evf_figure *figure, void *argument)
{
    struct wanted *wanted = argument;
    if (strcmp(figure->name, wanted->name) == 0)
        wanted->value = figure->value;
}

static int64_t figure(const char *name)
{
    struct wanted wanted = { .name = name, .value = -1 };
    evf_server_each_figure(server, find_figure, &wanted);
    cr_assert_neq(wanted.value, -1, "%s", name);
    return wanted.value;
}

static time_t seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void await_figure(const char *name, int64_t value)
{
    time_t end = seconds() + PATIENCE_S;
    while (figure(name) != value) {
        cr_assert_lt(seconds(), end, "%s is %lld, not %lld", name, (long long)figure(name),
                     (long long)value);
        sched_yield();
    }
}

/* One worker, standing still in the first `open`, and more clients than its ring holds. */
static void stand_still(void)
{
    struct evf_server_options options = { .struct_size = sizeof options,
                                          .workers = 1,
                                          .log_level = 1 + EVF_ERROR };
    struct sockaddr_storage address;
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_gt(limit.rlim_cur, 2 * CLIENTS + 100);
    cr_assert_eq(pipe(released), 0);
    server = evf_server_new(&options);
    cr_assert_eq(evf_server_listen(server, "127.0.0.1:0", &plugin, NULL, NULL), 0);
    cr_assert_eq(evf_server_start(server), 0, "%s", evf_server_error(server));
    cr_assert_eq(evf_server_address(server, 0, &address), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_geq(clients[i], 0);
        cr_assert_eq(connect(clients[i], (struct sockaddr *)&address, sizeof(struct sockaddr_in)),
                     0);
    }
}

static void let_go(void)
{
    cr_assert_eq(write(released[1], "x", 1), 1);
}

static void close_all(void)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        close(clients[i]);
    evf_server_free(server);
    close(released[0]);
    close(released[1]);
}

TestSuite(acceptor, .init = stand_still, .fini = close_all);

static void expect_echo(int fd)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    char byte;
    cr_assert_eq(write(fd, "x", 1), 1);
    cr_assert_eq(poll(&wait, 1, 1000 * PATIENCE_S), 1);
    cr_assert_eq(read(fd, &byte, 1), 1);
}

Test(acceptor, pauses_when_every_ring_is_full_and_goes_on_when_one_is_not)
{
    await_figure("accept_pauses", 1);
    cr_assert_lt(figure("connections_accepted"), CLIENTS);
    let_go();
    for (unsigned i = 0; i < CLIENTS; i++)
        expect_echo(clients[i]);
    cr_assert_eq(figure("connections_accepted"), CLIENTS);
    evf_server_stop(server, 0);
    cr_assert_eq(evf_server_wait(server), 0);
    cr_assert_eq(figure("connections_never_opened"), 0);
}

Test(acceptor, drains_through_full_rings_and_refuses_nobody)
{
    await_figure("accept_pauses", 1);
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert_eq(write(clients[i], "x", 1), 1);
    evf_server_stop(server, 1000 * PATIENCE_S);
    let_go();
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert_eq(shutdown(clients[i], SHUT_WR), 0);
    cr_assert_eq(evf_server_wait(server), 0);
    cr_assert_eq(figure("connections_accepted"), CLIENTS);
    cr_assert_eq(figure("streams_opened"), CLIENTS);
    cr_assert_eq(figure("streams_failed"), 0);
    cr_assert_eq(figure("bytes_written"), CLIENTS, "every request was answered");
}

static void *wait_for_stop(void *argument)
{
    (void)argument;
    cr_assert_eq(evf_server_wait(server), 0);
    return NULL;
}

/* The order to close everything lies in the worker's mailbox. */
static void await_close_order(void)
{
    struct evf_message *order = &server->workers[0]->orders[EVF__ORDER_CLOSE];
    const struct evf__message *message = (const struct evf__message *)order;
    time_t end = seconds() + PATIENCE_S;
    while (atomic_load(&message->state) == 0) {
        cr_assert_lt(seconds(), end);
        sched_yield();
    }
}

Test(acceptor, counts_what_was_accepted_and_never_opened)
{
    pthread_t waiting;
    await_figure("accept_pauses", 1);
    int64_t accepted = figure("connections_accepted");
    evf_server_stop(server, 0); /* the deadline is over before the worker moves */
    cr_assert_eq(pthread_create(&waiting, NULL, wait_for_stop, NULL), 0);
    await_close_order();
    let_go();
    cr_assert_eq(pthread_join(waiting, NULL), 0);
    cr_assert_eq(figure("connections_accepted"), accepted);
    cr_assert_eq(figure("streams_opened") + figure("connections_never_opened"), accepted);
    cr_assert_eq(figure("streams_opened"), figure("streams_closed"));
    cr_assert_gt(figure("connections_never_opened"), 0);
}

/* -- a ring that is emptied at the last moment -- */

static atomic_uint asked;

/* As if the ring had been full when the batch began, and emptied by its worker just afterwards:
 * whoever empties it then sees nobody who waits for a word. */
static bool full_at_first(void *argument)
{
    (void)argument;
    return atomic_fetch_add(&asked, 1) > 0;
}

static int take_the_sink(evf_instance *instance)
{
    (void)instance;
    server->acceptor.accepting.sink.has_room = full_at_first;
    return 0;
}

Test(acceptor_alone, looks_once_more_before_it_stands_still)
{
    struct evf_server_options options = { .struct_size = sizeof options,
                                          .workers = 1,
                                          .log_level = 1 + EVF_ERROR };
    struct evf_plugin hooked = plugin;
    struct sockaddr_storage address;
    hooked.start = take_the_sink;
    atomic_store(&opened, 1); /* no `open` stands still */
    server = evf_server_new(&options);
    cr_assert_eq(evf_server_listen(server, "127.0.0.1:0", &hooked, NULL, NULL), 0);
    cr_assert_eq(evf_server_start(server), 0, "%s", evf_server_error(server));
    cr_assert_eq(evf_server_address(server, 0, &address), 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof(struct sockaddr_in)), 0);
    expect_echo(client);
    cr_assert_eq(figure("accept_pauses"), 0);
    cr_assert_geq(atomic_load(&asked), 2);
    close(client);
    evf_server_stop(server, 1000 * PATIENCE_S);
    cr_assert_eq(evf_server_wait(server), 0);
    evf_server_free(server);
}
