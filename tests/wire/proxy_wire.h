/* SPDX-License-Identifier: MIT
 *
 * What the tests of the proxy plugin share: the proxy in front, and upstream servers that the test
 * plays itself. Header only; every function belongs to the one test that includes it.
 */
#ifndef EVF_TESTS_WIRE_PROXY_WIRE_H
#define EVF_TESTS_WIRE_PROXY_WIRE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "peer.h"
#include "server.h"

#define UNUSED __attribute__((unused))

enum { KIB = 1024, MIB = 1024 * KIB };

/* One worker with the proxy plugin and these options on a port of 127.0.0.1. */
UNUSED static struct server *proxy_before(const char *options)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_text("127.0.0.1:0=proxy,%s", options) },
    });
}
#define proxy_before(...) SUPPORT_HERE((proxy_before)(__VA_ARGS__))

/* An upstream server that the test plays. */
struct upstream {
    int fd;
    char address[160];
    int fillers[16]; /* of one whose backlog is full */
    unsigned filler_count;
};

UNUSED static struct upstream upstream_at(const char *address)
{
    struct upstream upstream = { .fd = -1 };
    upstream.fd = (peer_listen)(address, upstream.address, sizeof upstream.address);
    return upstream;
}
#define upstream_at(...) SUPPORT_HERE((upstream_at)(__VA_ARGS__))

/* One that answers no SYN: its backlog is full. */
UNUSED static struct upstream upstream_silent(void)
{
    struct upstream upstream = (upstream_at)("127.0.0.1:0");
    struct sockaddr_storage address;
    socklen_t len = peer_address(upstream.address, &address);
    if (listen(upstream.fd, 0) != 0)
        support_fail("listen: %m");
    for (unsigned i = 0; i < 16; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        upstream.fillers[upstream.filler_count++] = fd;
        if (connect(fd, (struct sockaddr *)&address, len) != 0 && errno != EINPROGRESS)
            support_fail("connect: %m");
        if (!wait_for_fd(fd, POLLOUT, clock_ms() + 50))
            return upstream;
    }
    support_fail("the backlog of %s does not fill up", upstream.address);
}
#define upstream_silent(...) SUPPORT_HERE((upstream_silent)(__VA_ARGS__))

UNUSED static void upstream_close(struct upstream *upstream)
{
    for (unsigned i = 0; i < upstream->filler_count; i++)
        close(upstream->fillers[i]);
    upstream->filler_count = 0;
    if (upstream->fd >= 0)
        close(upstream->fd);
    upstream->fd = -1;
}

/* The next connection that the proxy makes to it. */
UNUSED static int upstream_accept(const struct upstream *upstream)
{
    if (!wait_for_fd(upstream->fd, POLLIN, deadline_usual()))
        support_fail("the proxy does not connect to %s", upstream->address);
    int fd = accept4(upstream->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        support_fail("accept: %m");
    return fd;
}
#define upstream_accept(...) SUPPORT_HERE((upstream_accept)(__VA_ARGS__))

UNUSED static bool upstream_has_caller(const struct upstream *upstream)
{
    struct pollfd entry = { .fd = upstream->fd, .events = POLLIN };
    return poll(&entry, 1, 0) == 1;
}

/* A client for whom nobody is there: it is reset, perhaps before it knows that it is connected. */
UNUSED static void expect_unserved(struct server *proxy)
{
    int client = (peer_try_connect)(server_address(proxy, 0));
    if (client == -ECONNRESET)
        return;
    if (client < 0)
        support_fail("connecting to the proxy: %s", strerror(-client));
    (peer_expect_reset)(client);
    close(client);
}
#define expect_unserved(...) SUPPORT_HERE((expect_unserved)(__VA_ARGS__))

#endif
