/* SPDX-License-Identifier: MIT
 *
 * Accepting in batches from real sockets, at times that the test gives: limits, the reserve
 * descriptor, bursts told once, and the drain.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"
#include "descriptors.h"
#include "plugin/instance.h"
#include "server/accepting.h"

enum { CLIENTS_MAX = 200 };

static struct evf__listener listener;
static evf_instance instance;
static struct evf__figures figures;
static struct evf__accepting accepting;
static struct evf__accept_point *point;
static int clients[CLIENTS_MAX], accepted[CLIENTS_MAX];
static unsigned client_count, accepted_count, room;
static char log_file[64];
static unsigned descriptors_before;
static struct rlimit limit_before;

static bool has_room(void *argument)
{
    (void)argument;
    return accepted_count < room;
}

static void deliver(void *argument, const struct evf__arrival *arrival)
{
    (void)argument;
    cr_assert_eq(arrival->origin, &listener.origin);
    cr_assert_eq(arrival->peer.any.sa_family, AF_INET);
    accepted[accepted_count++] = arrival->fd;
}

static void listen_at(const char *address)
{
    struct evf__listen_settings settings = { .backlog = CLIENTS_MAX };
    char error[256];
    int status = evf__listener_init(&listener, address, error, sizeof error);
    cr_assert_eq(status, 0, "%s", error);
    status = evf__listener_open(&listener, &settings, error, sizeof error);
    cr_assert_eq(status, 0, "%s", error);
    instance.label = (char *)"here=test";
    listener.instance = &instance;
    cr_assert_eq(evf__accepting_init(&accepting, 1, &figures), 0);
    accepting.sink = (struct evf__accept_sink){ has_room, deliver, NULL };
    evf__accepting_add(&accepting, &listener, &listener.sockets[0], listener.sockets[0].fd);
    listener.sockets[0].fd = -1;
    point = &accepting.points[0];
}

static void begin(void)
{
    descriptors_before = count_descriptors();
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit_before), 0);
    snprintf(log_file, sizeof log_file, "/tmp/evf-accepting-XXXXXX");
    int fd = mkstemp(log_file);
    cr_assert_geq(fd, 0);
    close(fd);
    room = CLIENTS_MAX;
    listen_at("127.0.0.1:0");
}

static void close_accepted(void)
{
    while (accepted_count > 0) {
        close(accepted[--accepted_count]);
        atomic_fetch_sub(&listener.origin.open_streams, 1);
    }
}

static void nothing_is_left(void)
{
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit_before), 0);
    cr_assert_eq(listener.origin.open_streams, accepted_count);
    close_accepted();
    while (client_count > 0)
        close(clients[--client_count]);
    evf__accepting_fini(&accepting);
    evf__listener_fini(&listener);
    unlink(log_file);
    cr_assert_eq(count_descriptors(), descriptors_before, "descriptors are left");
}

TestSuite(accepting, .init = begin, .fini = nothing_is_left);

/* -- verbs -- */

static void connect_clients(unsigned count)
{
    while (count-- > 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_geq(fd, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *)&listener.sockets[0].bound,
                             listener.sockets[0].bound_len),
                     0);
        clients[client_count++] = fd;
    }
}

/* Lets this process have `count` descriptors more than it has now. */
static void allow_descriptors(unsigned count)
{
    struct rlimit limit = limit_before;
    int next = open("/dev/null", O_RDONLY);
    cr_assert_geq(next, 0);
    close(next);
    limit.rlim_cur = (rlim_t)next + count;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static unsigned clients_told(void)
{
    unsigned told = 0;
    for (unsigned i = 0; i < client_count; i++) {
        char byte;
        told += recv(clients[i], &byte, 1, MSG_DONTWAIT) == 0;
    }
    return told;
}

static enum evf__accept_outcome batch(uint64_t now_ms)
{
    return evf__accept_batch(&accepting, point, now_ms);
}

static uint64_t figure(unsigned id)
{
    return evf__figure_get(&figures, id);
}

static void begin_log(void)
{
    struct evf__log_settings settings = { .level = EVF_INFO, .file = log_file };
    cr_assert_eq(evf__log_open(&settings), 0);
}

/* Ends the log and counts its lines with that text. */
static unsigned end_log(const char *text)
{
    char line[1200];
    unsigned count = 0;
    evf__log_close();
    FILE *file = fopen(log_file, "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, text) != NULL;
    fclose(file);
    return count;
}

/* -- batches -- */

Test(accepting, says_when_nothing_waits)
{
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(figure(EVF__FIGURE_ACCEPTED), 0);
}

Test(accepting, takes_at_most_a_batch_at_a_time)
{
    connect_clients(EVF__ACCEPT_BATCH + 10);
    cr_assert_eq(batch(1000), EVF__ACCEPT_MORE);
    cr_assert_eq(accepted_count, EVF__ACCEPT_BATCH);
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, EVF__ACCEPT_BATCH + 10);
    cr_assert_eq(figure(EVF__FIGURE_ACCEPTED), EVF__ACCEPT_BATCH + 10);
    cr_assert(fcntl(accepted[0], F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(accepted[0], F_GETFD) & FD_CLOEXEC);
}

Test(accepting, leaves_in_the_kernel_what_has_no_room)
{
    connect_clients(5);
    room = 3;
    cr_assert_eq(batch(1000), EVF__ACCEPT_FULL);
    cr_assert_eq(accepted_count, 3);
    cr_assert_eq(clients_told(), 0);
    room = CLIENTS_MAX;
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 5);
}

Test(accepting, gives_up_a_socket_that_no_longer_listens)
{
    cr_assert_eq(shutdown(point->fd, SHUT_RDWR), 0);
    begin_log();
    cr_assert_eq(batch(1000), EVF__ACCEPT_BROKEN);
    cr_assert_eq(end_log("the socket accepts no more"), 1);
    evf__accept_point_close(point);
    cr_assert_eq(evf__accepting_open(&accepting), 0);
}

/* -- max-connections -- */

Test(accepting, closes_at_once_what_is_above_the_limit)
{
    instance.settings.max_connections = 3;
    connect_clients(10);
    begin_log();
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 3);
    cr_assert_eq(clients_told(), 7);
    cr_assert_eq(figure(EVF__FIGURE_REFUSED_LIMIT), 7);
    cr_assert_eq(listener.origin.refused_limit, 7);
    cr_assert_eq(listener.origin.refused_blocked, 0);
    close_accepted();
    connect_clients(1);
    cr_assert_eq(batch(1100), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 1, "served again when others have gone");
    cr_assert_eq(end_log("max-connections (3) is reached"), 1);
}

Test(accepting, tells_a_burst_at_its_beginning_and_at_its_end)
{
    instance.settings.max_connections = 1;
    begin_log();
    for (unsigned i = 0; i < 5; i++) {
        connect_clients(2);
        batch(1000 + 900 * i);
        cr_assert(evf__accepting_timed(&accepting));
        cr_assert_eq(evf__accepting_tick(&accepting, 1000 + 900 * i), 2000 + 900 * i);
    }
    cr_assert_eq(evf__accepting_tick(&accepting, 5599), 5600, "not over yet");
    cr_assert_eq(evf__accepting_tick(&accepting, 5600), UINT64_MAX, "over");
    cr_assert_not(evf__accepting_timed(&accepting));
    connect_clients(1);
    batch(9000);
    cr_assert_eq(end_log("is reached"), 2, "two bursts");
}

Test(accepting, says_how_many_a_burst_was)
{
    instance.settings.max_connections = 1;
    connect_clients(8);
    begin_log();
    batch(1000);
    evf__accepting_tick(&accepting, 2000);
    cr_assert_eq(end_log("max-connections turned 7 connections away"), 1);
}

/* -- who may come -- */

/* Clients come from 127.0.0.1. */
static void given_blocked(const char *prefix)
{
    char error[200];
    cr_assert_eq(evf__prefixes_add(&instance.access.block, prefix, error, sizeof error), 0);
    evf__prefixes_sort(&instance.access.block);
    listener.origin.access = &instance.access;
}

static void blocked_no_more(void)
{
    listener.origin.access = NULL;
    evf__access_free(&instance.access);
}

Test(accepting, closes_at_once_who_is_blocked)
{
    given_blocked("127.0.0.0/8");
    instance.settings.max_connections = 2;
    connect_clients(5);
    begin_log();
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 0);
    cr_assert_eq(clients_told(), 5);
    cr_assert_eq(figure(EVF__FIGURE_REFUSED_BLOCKED), 5);
    cr_assert_eq(figure(EVF__FIGURE_REFUSED_LIMIT), 0);
    cr_assert_eq(listener.origin.refused_blocked, 5);
    cr_assert_eq(listener.origin.refused_limit, 0);
    cr_assert(evf__accepting_timed(&accepting));
    cr_assert_eq(evf__accepting_tick(&accepting, 1999), 2000);
    cr_assert_eq(evf__accepting_tick(&accepting, 2000), UINT64_MAX);
    cr_assert_not(evf__accepting_timed(&accepting));
    blocked_no_more();
    connect_clients(2);
    cr_assert_eq(batch(2000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 2, "none of them took a place");
    cr_assert_eq(end_log("5 connections from addresses that may not come were closed"), 1);
}

Test(accepting, names_both_ends_of_the_first_that_is_refused)
{
    char both[320], peer[64];
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    given_blocked("127.0.0.1");
    connect_clients(3);
    cr_assert_eq(getsockname(clients[0], (struct sockaddr *)&from, &len), 0);
    evf__address_format((struct sockaddr *)&from, len, peer, sizeof peer);
    snprintf(both, sizeof both, "closed at once, the first one from %s to %s", peer,
             listener.sockets[0].name);
    begin_log();
    batch(1000);
    blocked_no_more();
    cr_assert_eq(end_log(both), 1, "%s", both);
}

Test(accepting, serves_who_is_not_blocked)
{
    given_blocked("127.0.0.2");
    connect_clients(3);
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 3);
    cr_assert_eq(figure(EVF__FIGURE_REFUSED_BLOCKED), 0);
    blocked_no_more();
}

Test(accepting, drains_without_those_who_are_blocked)
{
    given_blocked("127.0.0.1");
    connect_clients(3);
    evf__accepting_drain(&accepting);
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 0);
    cr_assert_eq(clients_told(), 3);
    blocked_no_more();
}

/* -- out of descriptors -- */

Test(accepting, tells_peers_that_descriptors_ran_out)
{
    connect_clients(20);
    begin_log();
    allow_descriptors(4);
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 4);
    cr_assert_eq(figure(EVF__FIGURE_REFUSED_DESCRIPTORS), 16);
    cr_assert_eq(clients_told(), 16);
    cr_assert_geq(accepting.reserve_fd, 0, "the reserve was regained");
    cr_assert_eq(evf__accepting_tick(&accepting, 2000), UINT64_MAX);
    cr_assert_eq(end_log("out of descriptors; new connections are closed"), 1);
}

Test(accepting, serves_again_when_descriptors_come_back)
{
    connect_clients(6);
    allow_descriptors(2);
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 2);
    close_accepted();
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit_before), 0);
    connect_clients(3);
    cr_assert_eq(batch(1001), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 3);
}

Test(accepting, refuses_at_most_a_batch_at_a_time)
{
    connect_clients(EVF__ACCEPT_BATCH + 5);
    allow_descriptors(0);
    cr_assert_eq(batch(1000), EVF__ACCEPT_MORE);
    cr_assert_eq(figure(EVF__FIGURE_REFUSED_DESCRIPTORS), EVF__ACCEPT_BATCH);
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(figure(EVF__FIGURE_REFUSED_DESCRIPTORS), EVF__ACCEPT_BATCH + 5);
}

Test(accepting, stands_still_only_while_the_reserve_is_lost)
{
    connect_clients(2);
    close(accepting.reserve_fd);
    accepting.reserve_fd = -1;
    int taken = open("/dev/null", O_RDONLY); /* somebody was faster */
    cr_assert_geq(taken, 0);
    allow_descriptors(0);
    cr_assert_eq(batch(1000), EVF__ACCEPT_BACKOFF);
    cr_assert_eq(figure(EVF__FIGURE_ACCEPT_BACKOFFS), 1);
    cr_assert_eq(batch(1050), EVF__ACCEPT_BACKOFF, "and it does not try meanwhile");
    cr_assert_eq(evf__accepting_tick(&accepting, 1050), 1000 + EVF__ACCEPT_BACKOFF_MS);
    close(taken);
    evf__accepting_tick(&accepting, 1000 + EVF__ACCEPT_BACKOFF_MS);
    cr_assert_geq(accepting.reserve_fd, 0, "regained when a descriptor was closed");
    cr_assert_eq(batch(1100), EVF__ACCEPT_EMPTY);
    cr_assert_eq(clients_told(), 2);
}

/* -- the drain -- */

Test(accepting, drains_above_the_limit)
{
    instance.settings.max_connections = 1;
    connect_clients(5);
    evf__accepting_drain(&accepting);
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 5);
    cr_assert_eq(figure(EVF__FIGURE_REFUSED_LIMIT), 0);
}

Test(accepting, drains_no_more_than_can_have_waited)
{
    listener.backlog = 3;
    evf__accepting_drain(&accepting);
    connect_clients(10);
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 4, "the backlog and one");
}

Test(accepting, goes_on_draining_when_there_is_room_again)
{
    listener.backlog = 3;
    connect_clients(4);
    evf__accepting_drain(&accepting);
    room = 2;
    cr_assert_eq(batch(1000), EVF__ACCEPT_FULL);
    room = CLIENTS_MAX;
    cr_assert_eq(batch(1000), EVF__ACCEPT_EMPTY);
    cr_assert_eq(accepted_count, 4);
}
