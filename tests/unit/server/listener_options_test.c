/* SPDX-License-Identifier: MIT
 *
 * The options of a listener's sockets: for which listeners each is, and what connections have from
 * them.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
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

TestSuite(listener_options, .init = begin, .fini = nothing_is_left);

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

/* -- for which listeners -- */

static void expect_not_for(const char *text, const struct evf__socket_settings *settings,
                           const char *option, const char *reason)
{
    struct evf__listener listener;
    given(&listener, text);
    cr_assert_eq(evf__listener_check(&listener, settings, error, sizeof error), EVF_EOPTION, "%s",
                 text);
    cr_assert_not_null(strstr(error, text), "'%s' names the listener", error);
    cr_assert_not_null(strstr(error, option), "'%s' names '%s'", error, option);
    cr_assert_not_null(strstr(error, reason), "'%s' says '%s'", error, reason);
    evf__listener_fini(&listener);
}

static void expect_fine_for(const char *text, const struct evf__socket_settings *settings)
{
    struct evf__listener listener;
    given(&listener, text);
    cr_assert_eq(evf__listener_check(&listener, settings, error, sizeof error), 0, "%s", error);
    evf__listener_fini(&listener);
}

static const struct evf__socket_settings keepalive = { .keepalive = true },
                                         tos = { .tos_given = true },
                                         defer = { .defer_accept_s = 1 },
                                         v6_only = { .v6_only = true },
                                         reuse_port = { .reuse_port = true },
                                         backlog = { .backlog = 1 }, mode = { .mode = 0600 },
                                         owner = { .owner_given = true },
                                         group = { .group_given = true };

Test(listener_options, takes_the_options_that_are_for_it)
{
    static const struct evf__socket_settings *const tcp[] = { &keepalive, &tos, &reuse_port,
                                                              &backlog, &defer };
    static const char *const addresses[] = { "127.0.0.1:1", "[::1]:1", "1", "name.example:1" };
    for (size_t i = 0; i < 20; i++)
        expect_fine_for(addresses[i % 4], tcp[i / 4]);
    expect_fine_for("[::1]:1", &v6_only);
    expect_fine_for("unix:/tmp/x", &mode);
    expect_fine_for("unix:/tmp/x", &owner);
    expect_fine_for("unix:/tmp/x", &group);
    expect_fine_for("unix:/tmp/x", &backlog);
    expect_fine_for("unix:@x", &backlog);
}

Test(listener_options, refuses_the_options_that_are_not_for_it)
{
    expect_not_for("127.0.0.1:1", &v6_only, "v6-only", "this is IPv4");
    expect_not_for("1", &v6_only, "v6-only", "write [::]:PORT");
    expect_not_for("name.example:1", &v6_only, "v6-only", "have a socket each");
    expect_not_for("127.0.0.1:1", &mode, "mode", "this is TCP");
    expect_not_for("[::]:1", &owner, "owner", "this is TCP");
    expect_not_for("name.example:1", &group, "group", "this is TCP");
    expect_not_for("unix:/tmp/x", &keepalive, "keepalive", "this is a unix socket");
    expect_not_for("unix:@x", &tos, "tos", "this is a unix socket");
    expect_not_for("unix:/tmp/x", &defer, "defer-accept", "this is a unix socket");
    expect_not_for("unix:/tmp/x", &v6_only, "v6-only", "this is a unix socket");
    expect_not_for("unix:/tmp/x", &reuse_port, "reuse-port", "this is a unix socket");
    expect_not_for("unix:@x", &mode, "mode", "an abstract name has none");
}

Test(listener_options, refuses_for_an_inherited_socket_what_comes_too_late)
{
    char text[32];
    int fd = bound_socket(SOCK_STREAM);
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un nameless = { .sun_family = AF_UNIX };
    cr_assert_eq(bind(local, (struct sockaddr *)&nameless, sizeof(sa_family_t)), 0);
    cr_assert_eq(listen(fd, 4), 0);
    cr_assert_eq(listen(local, 4), 0);
    snprintf(text, sizeof text, "fd:%d", fd);
    expect_fine_for(text, &keepalive);
    expect_fine_for(text, &tos);
    expect_fine_for(text, &defer);
    expect_not_for(text, &v6_only, "v6-only", "listens already");
    expect_not_for(text, &reuse_port, "reuse-port", "listens already");
    expect_not_for(text, &backlog, "backlog", "listens already");
    expect_not_for(text, &mode, "mode", "listens already");
    snprintf(text, sizeof text, "fd:%d", local);
    expect_not_for(text, &keepalive, "keepalive", "this is a unix socket");
    expect_not_for(text, &tos, "tos", "this is a unix socket");
    expect_not_for(text, &group, "group", "listens already");
    close(fd);
    close(local);
}

/* -- what they do -- */

/* What a connection to the listener has, from the family's loopback address. */
static int accepted_with(const char *text, int family, const struct evf__socket_settings *socket,
                         bool share_port)
{
    struct evf__listener listener;
    struct evf__listen_settings settings = { .backlog = 16,
                                             .share_port = share_port,
                                             .socket = *socket };
    given(&listener, text);
    cr_assert_eq(evf__listener_open(&listener, &settings, error, sizeof error), 0, "%s", error);
    int listening = listener.sockets[0].fd;
    if (share_port) { /* the second one has what the first has */
        listening = evf__listener_open_more(&listener, &listener.sockets[0], &settings, error,
                                            sizeof error);
        cr_assert_geq(listening, 0, "%s", error);
        close(listener.sockets[0].fd);
        listener.sockets[0].fd = -1;
    }
    int peer = connect_to(family, port_of(&listener.sockets[0].bound));
    cr_assert_geq(peer, 0);
    int accepted = accept_one(listening);
    if (share_port)
        close(listening);
    close(peer);
    evf__listener_fini(&listener);
    return accepted;
}

static void expect_keepalive(bool share_port)
{
    static const struct evf__socket_settings settings = {
        .keepalive = true, .keepalive_idle_s = 77, .keepalive_interval_s = 11, .keepalive_count = 5
    };
    int accepted = accepted_with("127.0.0.1:0", AF_INET, &settings, share_port);
    cr_assert_eq(flag(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_assert_eq(flag(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 77);
    cr_assert_eq(flag(accepted, IPPROTO_TCP, TCP_KEEPINTVL), 11);
    cr_assert_eq(flag(accepted, IPPROTO_TCP, TCP_KEEPCNT), 5);
    close(accepted);
}

Test(listener_options, passes_keepalive_on)
{
    expect_keepalive(false);
    expect_keepalive(true);
}

Test(listener_options, passes_the_type_of_service_on_in_both_families)
{
    static const struct evf__socket_settings settings = { .tos_given = true, .tos = 0xb8 };
    int accepted = accepted_with("127.0.0.1:0", AF_INET, &settings, false);
    cr_assert_eq(flag(accepted, IPPROTO_IP, IP_TOS), 0xb8);
    close(accepted);
    accepted = accepted_with(":0", AF_INET6, &settings, false);
    cr_assert_eq(flag(accepted, IPPROTO_IPV6, IPV6_TCLASS), 0xb8);
    close(accepted);
    accepted = accepted_with(":0", AF_INET, &settings, true);
    cr_assert_eq(flag(accepted, IPPROTO_IP, IP_TOS), 0xb8);
    close(accepted);
}

Test(listener_options, leaves_ipv4_to_others_when_told_so)
{
    struct evf__listener six, four;
    struct evf__listen_settings settings = { .backlog = 16, .socket = v6_only };
    char text[64];
    given(&six, "[::]:0");
    cr_assert_eq(evf__listener_open(&six, &settings, error, sizeof error), 0, "%s", error);
    cr_assert_eq(connect_to(AF_INET, port_of(&six.sockets[0].bound)), -1);
    snprintf(text, sizeof text, "0.0.0.0:%u", port_of(&six.sockets[0].bound));
    given_open(&four, text);
    evf__listener_fini(&four);
    evf__listener_fini(&six);
}

Test(listener_options, shares_its_port_when_told_so_and_only_then)
{
    struct evf__listener first, second;
    struct evf__listen_settings settings = { .backlog = 16, .socket = reuse_port };
    char text[64];
    given(&first, "127.0.0.1:0");
    cr_assert_eq(evf__listener_open(&first, &settings, error, sizeof error), 0, "%s", error);
    snprintf(text, sizeof text, "127.0.0.1:%u", port_of(&first.sockets[0].bound));
    expect_refusal(text, -EADDRINUSE, "another process is listening there");
    given(&second, text);
    cr_assert_eq(evf__listener_open(&second, &settings, error, sizeof error), 0, "%s", error);
    evf__listener_fini(&second);
    evf__listener_fini(&first);
}
