/* SPDX-License-Identifier: MIT
 *
 * TCP and inherited listeners: what they accept as an address, what they set on the socket, and
 * every way in which they fail, by its sentence. Unix sockets: unix_listener_test.c.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "descriptors.h"
#include "server/listener.h"

static char error[512];
static unsigned descriptors_before;

static void begin(void)
{
    descriptors_before = count_descriptors();
    error[0] = '\0';
}

static void nothing_is_left(void)
{
    cr_assert_eq(count_descriptors(), descriptors_before, "descriptors are left");
}

TestSuite(listener, .init = begin, .fini = nothing_is_left);

static void given(struct evf__listener *listener, const char *text)
{
    *listener = (struct evf__listener){ 0 };
    int status = evf__listener_init(listener, text, error, sizeof error);
    cr_assert_eq(status, 0, "%s", error);
}

static int open_it(struct evf__listener *listener, bool share_port)
{
    struct evf__listen_settings settings = { .backlog = 16, .share_port = share_port };
    return evf__listener_open(listener, &settings, error, sizeof error);
}

static void given_open(struct evf__listener *listener, const char *text)
{
    given(listener, text);
    cr_assert_eq(open_it(listener, false), 0, "%s", error);
}

/* Refused before anything is opened. */
static void expect_unfit(const char *text, int wanted, const char *reason)
{
    struct evf__listener listener = { 0 };
    int status = evf__listener_init(&listener, text, error, sizeof error);
    cr_assert_eq(status, wanted, "%s: status %d", text, status);
    cr_assert_not_null(strstr(error, text), "'%s' names the address", error);
    cr_assert_not_null(strstr(error, reason), "'%s' says '%s'", error, reason);
}

static void expect_malformed(const char *text, const char *reason)
{
    expect_unfit(text, EVF_EADDRESS, reason);
}

static void expect_refusal(const char *text, int status, const char *reason)
{
    struct evf__listener listener;
    given(&listener, text);
    int got = open_it(&listener, false);
    cr_assert_eq(got, status, "%s: status %d, %s", text, got, error);
    cr_assert_not_null(strstr(error, text), "'%s' names the address", error);
    cr_assert_not_null(strstr(error, reason), "'%s' says '%s'", error, reason);
    cr_assert_lt(listener.sockets[0].fd, 0);
    evf__listener_fini(&listener);
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
    return ntohs(((const struct sockaddr_in6 *)address)->sin6_port); /* the same place in IPv4 */
}

/* A connection to the loopback address of the family; -1 when it is refused. */
static int connect_to(int family, uint16_t port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in6.sin6_addr = in6addr_loopback;
    int fd = socket(family, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    bool six = family == AF_INET6;
    if (connect(fd, six ? (struct sockaddr *)&in6 : (struct sockaddr *)&in,
                six ? sizeof in6 : sizeof in) == 0)
        return fd;
    close(fd);
    return -1;
}

static int accept_one(int listening_fd)
{
    struct pollfd wait = { .fd = listening_fd, .events = POLLIN };
    cr_assert_eq(poll(&wait, 1, 10000), 1, "a connection waits");
    int fd = accept(listening_fd, NULL, NULL);
    cr_assert_geq(fd, 0);
    return fd;
}

static int flag(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    cr_assert_eq(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

static int bound_socket(int type)
{
    struct sockaddr_in in = { .sin_family = AF_INET };
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    return fd;
}

/* -- addresses -- */

Test(listener, says_what_is_wrong_with_an_address)
{
    expect_malformed("", "that is no address");
    expect_malformed("127.0.0.1", "that is no address");
    expect_malformed("127.0.0.1:65536", "that is no address");
    expect_malformed("[::1", "that is no address");
    expect_malformed("fd:", "number of an open descriptor");
    expect_malformed("fd:-1", "number of an open descriptor");
    expect_malformed("fd:3x", "number of an open descriptor");
    expect_malformed("fd:99999999999", "number of an open descriptor");
}

Test(listener, says_what_is_neither_an_address_nor_a_name)
{
    expect_malformed("256.0.0.1:80", "'256.0.0.1' is neither an IP address nor a name");
    expect_malformed("1.2.3:80", "neither an IP address nor a name");
    expect_malformed("[fe80::1%nosuchinterface]:80", "neither an IP address nor a name");
}

Test(listener, says_that_a_path_is_too_long)
{
    char text[256] = "unix:/";
    memset(text + strlen(text), 'a', 120);
    expect_malformed(text, "at most 107 bytes");
}

Test(listener, closes_nothing_that_it_did_not_open)
{
    struct evf__listener listener;
    char text[32];
    int fd = bound_socket(SOCK_STREAM);
    cr_assert_eq(listen(fd, 4), 0);
    snprintf(text, sizeof text, "fd:%d", fd);
    given(&listener, text);
    evf__listener_fini(&listener);
    cr_assert_eq(fcntl(fd, F_GETFD), 0, "fd:N is taken over, and changed, when it is opened");
    cr_assert_not(fcntl(fd, F_GETFL) & O_NONBLOCK);
    close(fd);
}

/* -- sockets -- */

Test(listener, listens_on_ipv4_and_reports_the_port_it_got)
{
    struct evf__listener listener;
    given_open(&listener, "127.0.0.1:0");
    cr_assert_eq(listener.sockets[0].bound.ss_family, AF_INET);
    cr_assert_neq(port_of(&listener.sockets[0].bound), 0);
    int fd = connect_to(AF_INET, port_of(&listener.sockets[0].bound));
    cr_assert_geq(fd, 0);
    close(fd);
    evf__listener_fini(&listener);
}

Test(listener, listens_on_ipv6)
{
    struct evf__listener listener;
    given_open(&listener, "[::1]:0");
    cr_assert_eq(listener.sockets[0].bound.ss_family, AF_INET6);
    int fd = connect_to(AF_INET6, port_of(&listener.sockets[0].bound));
    cr_assert_geq(fd, 0);
    close(fd);
    evf__listener_fini(&listener);
}

static void expect_both_families(const char *text)
{
    struct evf__listener listener;
    given_open(&listener, text);
    int four = connect_to(AF_INET, port_of(&listener.sockets[0].bound));
    int six = connect_to(AF_INET6, port_of(&listener.sockets[0].bound));
    cr_assert_geq(four, 0, "%s: IPv4", text);
    cr_assert_geq(six, 0, "%s: IPv6", text);
    close(four);
    close(six);
    evf__listener_fini(&listener);
}

Test(listener, listens_on_both_families_without_a_host_and_on_the_ipv6_wildcard)
{
    expect_both_families("0");
    expect_both_families(":0");
    expect_both_families("[::]:0");
}

Test(listener, listens_on_ipv4_alone_when_told_so)
{
    struct evf__listener listener;
    given_open(&listener, "0.0.0.0:0");
    cr_assert_eq(connect_to(AF_INET6, port_of(&listener.sockets[0].bound)), -1);
    evf__listener_fini(&listener);
}

Test(listener, passes_no_delay_on_and_keeps_its_descriptor_to_itself)
{
    struct evf__listener listener;
    given_open(&listener, "127.0.0.1:0");
    int peer = connect_to(AF_INET, port_of(&listener.sockets[0].bound));
    int accepted = accept_one(listener.sockets[0].fd);
    cr_assert_neq(flag(accepted, IPPROTO_TCP, TCP_NODELAY), 0);
    cr_assert_eq(flag(accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
    cr_assert(fcntl(listener.sockets[0].fd, F_GETFD) & FD_CLOEXEC);
    cr_assert(fcntl(listener.sockets[0].fd, F_GETFL) & O_NONBLOCK);
    close(accepted);
    close(peer);
    evf__listener_fini(&listener);
}

Test(listener, opens_more_sockets_for_one_port)
{
    struct evf__listener listener;
    given(&listener, "127.0.0.1:0");
    cr_assert_eq(open_it(&listener, true), 0, "%s", error);
    struct evf__listen_settings settings = { .share_port = true };
    int second =
        evf__listener_open_more(&listener, &listener.sockets[0], &settings, error, sizeof error);
    cr_assert_geq(second, 0, "%s", error);
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    cr_assert_eq(getsockname(second, (struct sockaddr *)&bound, &len), 0);
    cr_assert_eq(port_of(&bound), port_of(&listener.sockets[0].bound));
    close(second);
    evf__listener_fini(&listener);
}

/* -- failures -- */

Test(listener, names_an_address_in_use)
{
    struct evf__listener first;
    char text[64];
    given_open(&first, "127.0.0.1:0");
    snprintf(text, sizeof text, "127.0.0.1:%u", port_of(&first.sockets[0].bound));
    expect_refusal(text, -EADDRINUSE, "another process is listening there");
    evf__listener_fini(&first);
}

Test(listener, does_not_share_a_port_with_somebody_else_by_accident)
{
    struct evf__listener first, second;
    char text[64];
    given(&first, "127.0.0.1:0");
    cr_assert_eq(open_it(&first, true), 0, "%s", error);
    snprintf(text, sizeof text, "127.0.0.1:%u", port_of(&first.sockets[0].bound));
    given(&second, text);
    cr_assert_eq(open_it(&second, true), -EADDRINUSE);
    evf__listener_fini(&second);
    evf__listener_fini(&first);
}

Test(listener, names_an_address_that_the_machine_does_not_have)
{
    expect_refusal("192.0.2.1:0", -EADDRNOTAVAIL, "no such address");
}

Test(listener, names_a_port_that_takes_privileges)
{
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    expect_refusal("127.0.0.1:1", -EACCES, "CAP_NET_BIND_SERVICE");
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
}

/* -- inherited descriptors -- */

static const char *inherited(int fd)
{
    static char text[32];
    snprintf(text, sizeof text, "fd:%d", fd);
    return text;
}

Test(listener, takes_an_inherited_socket_over)
{
    struct evf__listener listener;
    int fd = bound_socket(SOCK_STREAM);
    cr_assert_eq(listen(fd, 4), 0);
    given_open(&listener, inherited(fd));
    cr_assert_eq(listener.sockets[0].fd, fd);
    cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_assert_neq(flag(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    cr_assert_neq(port_of(&listener.sockets[0].bound), 0);
    evf__listener_fini(&listener);
    cr_assert_lt(fcntl(fd, F_GETFD), 0, "closed with the listener");
}

/* What this process opened itself is not mistaken for one that was passed on. */
Test(listener, tells_its_own_descriptors_from_those_that_were_passed_on)
{
    int own = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert_geq(own, 0);
    expect_unfit(inherited(own), -EBADF, "no such descriptor is open");
    close(own);
}

Test(listener, says_why_an_inherited_descriptor_is_of_no_use)
{
    int pipes[2], datagram = bound_socket(SOCK_DGRAM), idle = bound_socket(SOCK_STREAM);
    cr_assert_eq(pipe(pipes), 0);
    expect_unfit("fd:9999", -EBADF, "no such descriptor is open");
    expect_unfit(inherited(pipes[0]), -ENOTSOCK, "not a socket");
    expect_unfit(inherited(datagram), -EPROTOTYPE, "not a stream socket");
    expect_unfit(inherited(idle), -EINVAL, "does not listen");
    cr_assert_geq(fcntl(idle, F_GETFD), 0, "left open");
    close(pipes[0]);
    close(pipes[1]);
    close(datagram);
    close(idle);
}

/* -- several addresses -- */

/* As if a look-up had given it these addresses of 127.0.0.0/8. */
static void given_addresses(struct evf__listener *listener, const char *const *hosts,
                            unsigned count)
{
    given(listener, "name.example:0");
    free(listener->sockets);
    listener->sockets = calloc(count, sizeof *listener->sockets);
    listener->socket_count = count;
    for (unsigned i = 0; i < count; i++) {
        struct sockaddr_in in = { .sin_family = AF_INET };
        cr_assert_eq(inet_pton(AF_INET, hosts[i], &in.sin_addr), 1);
        memcpy(&listener->sockets[i].wanted, &in, sizeof in);
        listener->sockets[i].wanted_len = sizeof in;
        listener->sockets[i].fd = -1;
    }
}

/* Takes the ports of 127.0.0.77 from which the system chooses, two of five, whatever their parity,
 * which Linux cares for. How many; at most `room`. */
static unsigned take_ports(int *fds, unsigned room)
{
    unsigned count = 0;
    struct sockaddr_in in = { .sin_family = AF_INET };
    inet_pton(AF_INET, "127.0.0.77", &in.sin_addr);
    for (unsigned port = 32768; port < 61000 && count < room; port++) {
        if (port / 2 % 5 >= 2)
            continue;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_geq(fd, 0);
        in.sin_port = htons((uint16_t)port);
        if (bind(fd, (struct sockaddr *)&in, sizeof in) == 0)
            fds[count++] = fd;
        else
            close(fd);
    }
    return count;
}

Test(listener, tries_another_port_when_the_one_chosen_is_in_use_elsewhere)
{
    enum { ROOM = 12000, ROUNDS = 8 };
    static const char *const hosts[] = { "127.0.0.1", "127.0.0.77" };
    static int fds[ROOM];
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_geq(limit.rlim_cur, ROOM + 100, "this test needs so many descriptors");
    unsigned taken = take_ports(fds, ROOM);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct evf__listener listener;
        given_addresses(&listener, hosts, 2);
        cr_assert_eq(open_it(&listener, i % 2 == 1), 0, "%s", error);
        cr_assert_eq(listener.socket_count, 2);
        cr_assert_eq(port_of(&listener.sockets[0].bound), port_of(&listener.sockets[1].bound));
        evf__listener_fini(&listener);
    }
    while (taken > 0)
        close(fds[--taken]);
}

Test(listener, gives_up_when_no_port_is_free_on_every_address)
{
    static const char *const hosts[] = { "127.0.0.1", "127.0.0.1" };
    struct evf__listener listener;
    given_addresses(&listener, hosts, 2);
    cr_assert_eq(open_it(&listener, false), -EADDRINUSE);
    cr_assert_not_null(strstr(error, "cannot listen on name.example:0: 127.0.0.1:"), "%s", error);
    evf__listener_fini(&listener);
}

Test(listener, takes_each_address_of_a_name_once)
{
    static const char hosts[] = "127.0.0.1 twice.test\n127.0.0.2 twice.test\n"
                                "127.0.0.1 twice.test\n127.0.0.1 twice.test\n";
    char path[] = "/tmp/evf-hosts-XXXXXX";
    struct evf__resolver_settings settings = { .hosts_path = path, .timeout_ms = 5000 };
    struct evf__listener listener;
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, hosts, sizeof hosts - 1), (ssize_t)sizeof hosts - 1);
    close(fd);
    given(&listener, "twice.test:0");
    int status = evf__listener_resolve(&listener, &settings, error, sizeof error);
    unlink(path);
    cr_assert_eq(status, 0, "%s", error);
    cr_assert_eq(listener.socket_count, 2);
    cr_assert_eq(open_it(&listener, false), 0, "%s", error);
    evf__listener_fini(&listener);
}

Test(listener, leaves_out_addresses_that_the_machine_has_not)
{
    static const char *const hosts[] = { "203.0.113.1", "127.0.0.1", "203.0.113.2" };
    struct evf__listener listener;
    given_addresses(&listener, hosts, 3);
    cr_assert_eq(open_it(&listener, false), 0, "%s", error);
    cr_assert_eq(listener.socket_count, 1);
    cr_assert_eq(strncmp(listener.sockets[0].name, "127.0.0.1:", 10), 0);
    evf__listener_fini(&listener);
    given_addresses(&listener, hosts, 1);
    cr_assert_eq(open_it(&listener, false), -EADDRNOTAVAIL);
    cr_assert_not_null(strstr(error, "name.example:0: 203.0.113.1:0: "), "%s", error);
    evf__listener_fini(&listener);
}
