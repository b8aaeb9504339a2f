/* SPDX-License-Identifier: MIT
 *
 * Listeners that somebody else has made: fd:N. Main thread.
 *
 * The descriptor is looked at when the listener is added, before the server opens sockets of its
 * own, and taken over when it is opened; until then nothing about it is changed. What was passed on
 * by an exec lacks close-on-exec, so a descriptor that has it was opened by this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "server/listener.h"

static int socket_number(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

int evf__inherited_check(struct evf__listener *listener, char *error, size_t error_size)
{
    int fd = listener->inherited_fd;
    int flags = fcntl(fd, F_GETFD);
    int family = socket_number(fd, SO_DOMAIN);
    if (flags < 0 || (family < 0 && (flags & FD_CLOEXEC) != 0))
        return evf__listener_refuse(
            listener, -EBADF, error, error_size,
            "no such descriptor is open; whoever starts the server must pass it on");
    if (family < 0)
        return evf__listener_refuse(listener, -ENOTSOCK, error, error_size,
                                    "the descriptor is not a socket");
    if (socket_number(fd, SO_TYPE) != SOCK_STREAM ||
        (family != AF_INET && family != AF_INET6 && family != AF_UNIX))
        return evf__listener_refuse(listener, -EPROTOTYPE, error, error_size,
                                    "the descriptor is not a stream socket of IPv4, IPv6 or unix");
    if (socket_number(fd, SO_ACCEPTCONN) != 1)
        return evf__listener_refuse(
            listener, -EINVAL, error, error_size,
            "the socket does not listen; call listen() on it before it is passed on");
    listener->inherited_family = family;
    return 0;
}

int evf__inherited_take(struct evf__listener *listener, const struct evf__listen_settings *settings,
                        char *error, size_t error_size)
{
    int fd = listener->inherited_fd;
    const char *option = NULL;
    int status = evf__inherited_check(listener, error, error_size);
    if (status < 0)
        return status;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return evf__listener_refuse(listener, -errno, error, error_size, "%s",
                                    evf_strerror(-errno));
    if (listener->inherited_family != AF_UNIX) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* MPTCP may lack it */
        status = evf__socket_prepare(fd, listener->inherited_family, &settings->socket, &option);
    }
    if (status < 0)
        return evf__listener_refuse(listener, status, error, error_size,
                                    "option %s cannot be set: %s", option, evf_strerror(status));
    listener->sockets[0].fd = fd;
    return 0;
}
