/* SPDX-License-Identifier: MIT
 *
 * A server as an embedding program sees it: what stops a start, by its sentence, and that nothing
 * is left of it; facts; a callback that never returns.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <evframe/evframe.h>

#include "descriptors.h"

static int start_status, worker_start_status;
static unsigned starts, stops, worker_starts, worker_stops;
static unsigned descriptors_before;

static int on_start(evf_instance *instance)
{
    starts++;
    return start_status < 0 ? evf_fail(instance, "told to fail") : 0;
}

static void on_stop(evf_instance *instance)
{
    (void)instance;
    stops++;
}

static int on_worker_start(evf_instance *instance, evf_worker *worker)
{
    (void)worker;
    __atomic_fetch_add(&worker_starts, 1, __ATOMIC_RELAXED);
    return worker_start_status < 0 ? evf_fail(instance, "told to fail") : 0;
}

static void on_worker_stop(evf_instance *instance, evf_worker *worker)
{
    (void)instance;
    (void)worker;
    __atomic_fetch_add(&worker_stops, 1, __ATOMIC_RELAXED);
}

static volatile bool hanging = true;
static int entered[2]; /* a pipe: the callback that hangs says that it was called */

static size_t never_return(evf_stream *stream, evf_slice input)
{
    (void)stream;
    cr_assert_eq(write(entered[1], "x", 1), 1);
    while (hanging)
        poll(NULL, 0, -1);
    return input.len;
}

static const struct evf_handler handler = { .struct_size = sizeof handler };
static const struct evf_handler hanging_handler = {
    .struct_size = sizeof hanging_handler,
    .data = never_return,
};

static const struct evf_plugin plugin = {
    EVF_PLUGIN_HEADER,
    .name = "quiet",
    .version = "1",
    .handler = &handler,
    .start = on_start,
    .stop = on_stop,
    .worker_start = on_worker_start,
    .worker_stop = on_worker_stop,
};

static const struct evf_plugin hanging_plugin = {
    EVF_PLUGIN_HEADER,
    .name = "hanging",
    .version = "1",
    .handler = &hanging_handler,
};

static evf_server *given_server(uint32_t workers, uint32_t accept)
{
    struct evf_server_options options = { .struct_size = sizeof options,
                                          .workers = workers,
                                          .accept = accept,
                                          .log_level = 1 + EVF_ERROR };
    evf_server *server = evf_server_new(&options);
    cr_assert_not_null(server);
    return server;
}

/* The first server leaves what libraries keep for the process. */
static void begin(void)
{
    evf_server_free(given_server(1, EVF_ACCEPT_SHARED));
    descriptors_before = count_descriptors();
}

static void nothing_is_left(void)
{
    cr_assert_eq(count_descriptors(), descriptors_before, "descriptors are left");
    cr_assert_eq(worker_stops, worker_start_status < 0 ? 0 : worker_starts);
    cr_assert_eq(stops, start_status < 0 ? 0 : starts);
}

TestSuite(server, .init = begin, .fini = nothing_is_left);

static void listen_on(evf_server *server, const char *address)
{
    int status = evf_server_listen(server, address, &plugin, NULL, NULL);
    cr_assert_eq(status, 0, "%s", evf_server_error(server));
}

static void expect_no_start(evf_server *server, int status, const char *reason)
{
    int got = evf_server_start(server);
    cr_assert_eq(got, status, "status %d: %s", got, evf_server_error(server));
    cr_assert_not_null(strstr(evf_server_error(server), reason), "'%s' says '%s'",
                       evf_server_error(server), reason);
    cr_assert_eq(evf_server_wait(server), -EINVAL);
    evf_server_free(server);
}

static void start(evf_server *server)
{
    int status = evf_server_start(server);
    cr_assert_eq(status, 0, "%s", evf_server_error(server));
}

static void stop_and_free(evf_server *server)
{
    evf_server_stop(server, 10000);
    cr_assert_eq(evf_server_wait(server), 0);
    cr_assert_eq(evf_server_wait(server), 0, "and once more");
    evf_server_free(server);
}

static uint16_t port_of(evf_server *server, unsigned listener)
{
    struct sockaddr_storage address;
    cr_assert_eq(evf_server_address(server, listener, &address), 0);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    if (connect(fd, (struct sockaddr *)&in, sizeof in) == 0)
        return fd;
    close(fd);
    return -1;
}

/* -- what stops a start -- */

Test(server, does_not_start_without_a_listener)
{
    expect_no_start(given_server(1, EVF_ACCEPT_SHARED), -EINVAL, "no listener");
}

Test(server, does_not_start_with_options_out_of_range)
{
    evf_server *server = given_server(1000, EVF_ACCEPT_SHARED);
    listen_on(server, "127.0.0.1:0");
    cr_assert_eq(evf_server_check(server), EVF_EOPTION);
    expect_no_start(server, EVF_EOPTION, "workers is 1000");
}

Test(server, says_that_the_log_file_cannot_be_opened)
{
    struct evf_server_options options = { .struct_size = sizeof options,
                                          .log_file = "/nowhere/at/all" };
    evf_server *server = evf_server_new(&options);
    listen_on(server, "127.0.0.1:0");
    expect_no_start(server, -ENOENT, "/nowhere/at/all");
}

Test(server, binds_every_listener_before_any_plugin_starts)
{
    evf_server *first = given_server(1, EVF_ACCEPT_SHARED);
    char taken[64];
    listen_on(first, "127.0.0.1:0");
    start(first);
    snprintf(taken, sizeof taken, "127.0.0.1:%u", port_of(first, 0));
    starts = stops = 0;
    evf_server *second = given_server(1, EVF_ACCEPT_SHARED);
    listen_on(second, "127.0.0.1:0");
    listen_on(second, taken);
    expect_no_start(second, -EADDRINUSE, taken);
    cr_assert_eq(starts, 0);
    starts = 1; /* the first one's */
    stop_and_free(first);
}

Test(server, says_which_of_its_own_listeners_is_in_the_way)
{
    evf_server *first = given_server(1, EVF_ACCEPT_REUSEPORT);
    char same[64];
    listen_on(first, "127.0.0.1:0");
    start(first);
    snprintf(same, sizeof same, "127.0.0.1:%u", port_of(first, 0));
    stop_and_free(first);
    evf_server *second = given_server(2, EVF_ACCEPT_REUSEPORT);
    listen_on(second, same);
    listen_on(second, same);
    expect_no_start(second, -EADDRINUSE, "another listener of this server");
}

Test(server, undoes_the_start_when_a_plugin_fails)
{
    start_status = -1;
    evf_server *server = given_server(2, EVF_ACCEPT_SHARED);
    listen_on(server, "127.0.0.1:0");
    expect_no_start(server, EVF_EFAILED, "told to fail");
    cr_assert_eq(starts, 1);
}

Test(server, undoes_the_start_when_every_worker_fails)
{
    worker_start_status = -1;
    evf_server *server = given_server(3, EVF_ACCEPT_REUSEPORT);
    listen_on(server, "127.0.0.1:0");
    expect_no_start(server, EVF_EFAILED, "told to fail");
    cr_assert_eq(worker_starts, 3, "all were awaited");
}

Test(server, removes_its_unix_socket_when_the_start_fails)
{
    char folder[] = "/tmp/evf-server-XXXXXX", address[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/socket", folder);
    start_status = -1;
    evf_server *server = given_server(1, EVF_ACCEPT_SHARED);
    listen_on(server, address);
    expect_no_start(server, EVF_EFAILED, "told to fail");
    cr_assert_eq(rmdir(folder), 0, "the folder is empty");
}

Test(server, says_what_is_wrong_with_a_listener_at_once)
{
    evf_server *server = given_server(1, EVF_ACCEPT_SHARED);
    cr_assert_eq(evf_server_listen(server, "256.0.0.1:80", &plugin, NULL, NULL), EVF_EADDRESS);
    cr_assert_not_null(strstr(evf_server_error(server), "256.0.0.1:80"));
    cr_assert_eq(evf_server_listen(server, "127.0.0.1:0", &plugin, NULL, "mode=0660"), EVF_EOPTION);
    cr_assert_not_null(strstr(evf_server_error(server), "listener 127.0.0.1:0: option mode is"));
    cr_assert_eq(evf_server_listen(server, "fd:9999", &plugin, NULL, NULL), -EBADF);
    cr_assert_eq(evf_server_listen(server, "127.0.0.1:0", NULL, NULL, NULL), EVF_EPLUGIN);
    cr_assert_eq(evf_server_listen(server, "127.0.0.1:0", &plugin, NULL, "nonsense=1"),
                 EVF_EOPTION);
    expect_no_start(server, -EINVAL, "no listener");
}

/* -- facts -- */

static void count_figure(const struct evf_figure *figure, void *argument)
{
    unsigned *count = argument;
    cr_assert_not_null(figure->name);
    cr_assert_not_null(figure->help);
    (*count)++;
}

Test(server, tells_addresses_and_figures_while_it_runs)
{
    struct sockaddr_storage address;
    unsigned figures = 0;
    evf_server *server = given_server(2, EVF_ACCEPT_SHARED);
    listen_on(server, "127.0.0.1:0");
    listen_on(server, "[::1]:0");
    cr_assert_eq(evf_server_address(server, 0, &address), -ENOTCONN);
    evf_server_each_figure(server, count_figure, &figures);
    cr_assert_eq(figures, 0, "none before the start");
    start(server);
    cr_assert_eq(evf_server_address(server, 1, &address), 0);
    cr_assert_eq(address.ss_family, AF_INET6);
    cr_assert_eq(evf_server_address(server, 2, &address), -EINVAL);
    evf_server_each_figure(server, count_figure, &figures);
    cr_assert_gt(figures, 20);
    cr_assert_eq(evf_server_listen(server, "127.0.0.1:0", &plugin, NULL, NULL), -EBUSY);
    cr_assert_eq(evf_server_start(server), -EBUSY);
    stop_and_free(server);
    cr_assert_eq(worker_starts, 4, "two instances on two workers");
}

Test(server, has_a_socket_per_worker_with_reuseport_and_one_port)
{
    evf_server *server = given_server(3, EVF_ACCEPT_REUSEPORT);
    listen_on(server, "127.0.0.1:0");
    start(server);
    for (unsigned i = 0; i < 30; i++) {
        int fd = connect_to(port_of(server, 0));
        cr_assert_geq(fd, 0);
        close(fd);
    }
    stop_and_free(server);
}

Test(server, refuses_connections_after_the_stop)
{
    evf_server *server = given_server(2, EVF_ACCEPT_SHARED);
    listen_on(server, "127.0.0.1:0");
    start(server);
    uint16_t port = port_of(server, 0);
    stop_and_free(server);
    cr_assert_eq(connect_to(port), -1);
}

/* -- a callback that never returns -- */

TestSuite(stuck_server);

Test(stuck_server, is_given_up_after_a_second_request_and_named)
{
    char file[] = "/tmp/evf-stuck-XXXXXX", line[1200];
    cr_assert_geq(mkstemp(file), 0);
    struct evf_server_options options = { .struct_size = sizeof options,
                                          .workers = 2,
                                          .log_file = file };
    static evf_server *server; /* it is never freed, and that is no leak */
    server = evf_server_new(&options);
    cr_assert_eq(evf_server_listen(server, "127.0.0.1:0", &hanging_plugin, NULL, NULL), 0);
    start(server);
    int fd = connect_to(port_of(server, 0));
    char byte;
    cr_assert_eq(pipe(entered), 0);
    cr_assert_eq(write(fd, "x", 1), 1);
    cr_assert_eq(read(entered[0], &byte, 1), 1);
    evf_server_stop(server, 100);
    evf_server_stop(server, 0);
    cr_assert_eq(evf_server_wait(server), EVF_ESTUCK);
    cr_assert_eq(evf_server_wait(server), EVF_ESTUCK, "and it stays so");
    evf_server_free(server);

    bool named = false;
    FILE *log = fopen(file, "r");
    while (fgets(line, sizeof line, log) != NULL)
        named = named || strstr(line, "`data` of plugin hanging does not return") != NULL;
    fclose(log);
    unlink(file);
    cr_assert(named);
}
