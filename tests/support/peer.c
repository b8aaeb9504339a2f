/* SPDX-License-Identifier: MIT
 *
 * Sockets for tests: making and ending them; see peer.h.
 */
#define SUPPORT_INSIDE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t unix_address(const char *name, struct sockaddr_storage *ret)
{
    struct sockaddr_un *address = (struct sockaddr_un *)ret;
    size_t len = strlen(name);

    if (len >= sizeof address->sun_path)
        support_fail("the unix name is too long: %s", name);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, len);
    if (name[0] == '@') {
        address->sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    }
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
}

socklen_t peer_address(const char *text, struct sockaddr_storage *ret)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    unsigned long port;

    memset(ret, 0, sizeof *ret);
    if (strncmp(text, "unix:", 5) == 0)
        return unix_address(text + 5, ret);
    if (colon == NULL || (size_t)(colon - text) >= sizeof host)
        support_fail("not an address: %s", text);
    port = strtoul(colon + 1, NULL, 10);
    if (text[0] == '[') {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

        snprintf(host, sizeof host, "%.*s", (int)(colon - text - 2), text + 1);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
            support_fail("not an address: %s", text);
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;

    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, host, &v4->sin_addr) != 1)
        support_fail("not an address: %s", text);
    return sizeof *v4;
}

static void prepare(int fd, const struct peer_settings *settings)
{
    if (settings->receive_buffer != 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &settings->receive_buffer, sizeof(int)) != 0)
        support_fail("SO_RCVBUF: %m");
    if (settings->send_buffer != 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &settings->send_buffer, sizeof(int)) != 0)
        support_fail("SO_SNDBUF: %m");
    if (settings->source != NULL) {
        struct sockaddr_in source = { .sin_family = AF_INET };

        if (inet_pton(AF_INET, settings->source, &source.sin_addr) != 1 ||
            bind(fd, (struct sockaddr *)&source, sizeof source) != 0)
            support_fail("binding to %s: %m", settings->source);
    }
}

/* A descriptor, or a negated errno. */
static int try_connect(const char *text, const struct peer_settings *settings)
{
    struct sockaddr_storage address;
    socklen_t len = peer_address(text, &address), error_len = sizeof(int);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;

    if (fd < 0)
        support_fail("socket: %m");
    prepare(fd, settings);
    if (connect(fd, (struct sockaddr *)&address, len) == 0)
        return fd;
    error = errno;
    if (error == EINPROGRESS) {
        if (!wait_for_fd(fd, POLLOUT, deadline_usual()))
            support_fail("connecting to %s takes too long", text);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len);
    }
    if (error == 0)
        return fd;
    close(fd);
    return -error;
}

int(peer_connect_with)(const char *address, const struct peer_settings *settings)
{
    int fd = try_connect(address, settings);

    if (fd < 0)
        support_fail("connecting to %s: %s", address, strerror(-fd));
    return fd;
}

int(peer_connect)(const char *address)
{
    return (peer_connect_with)(address, &(struct peer_settings){ 0 });
}

int(peer_try_connect)(const char *address)
{
    return try_connect(address, &(struct peer_settings){ 0 });
}

int(peer_listen)(const char *text, char *ret_address, size_t size)
{
    struct sockaddr_storage address;
    socklen_t len = peer_address(text, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

    if (fd < 0)
        support_fail("socket: %m");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 128) != 0)
        support_fail("listening on %s: %m", text);
    if (strncmp(text, "unix:", 5) == 0) {
        snprintf(ret_address, size, "%s", text);
        return fd;
    }
    len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        support_fail("getsockname: %m");
    /* The port stands at the same place for both families. */
    snprintf(ret_address, size, "%.*s:%u", (int)(strrchr(text, ':') - text), text,
             ntohs(((struct sockaddr_in *)&address)->sin_port));
    return fd;
}

unsigned peer_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        support_fail("getsockname: %m");
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

void peer_end(int fd)
{
    if (shutdown(fd, SHUT_WR) != 0)
        support_fail("shutdown: %m");
}

void peer_close(int fd)
{
    if (close(fd) != 0)
        support_fail("close: %m");
}

void peer_reset(int fd)
{
    struct linger now = { .l_onoff = 1 };

    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) != 0 || close(fd) != 0)
        support_fail("resetting: %m");
}
