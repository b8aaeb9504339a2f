/* SPDX-License-Identifier: MIT
 *
 * c-ares' sockets, opened by us: for what c-ares' own ways leave out. All questions to a server
 * share a socket, and that nobody listens there is told once: when the next send is told, no read
 * ever is, and the questions sent before wait for their time-out. So that send is tried again, and
 * the refusal of the new datagram is found by reading, for all of them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "loop/dns.h"

static ares_socket_t open_socket(int family, int type, int protocol, void *argument)
{
    int on = 1;
    (void)argument;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd >= 0 && type == SOCK_STREAM) /* a question is one small piece */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int close_socket(ares_socket_t fd, void *argument)
{
    (void)argument;
    return close(fd);
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *address, ares_socklen_t len,
                          void *argument)
{
    (void)argument;
    return connect(fd, address, len);
}

static ares_ssize_t receive(ares_socket_t fd, void *buffer, size_t size, int flags,
                            struct sockaddr *from, ares_socklen_t *from_len, void *argument)
{
    (void)argument;
    return recvfrom(fd, buffer, size, flags, from, from_len);
}

static ares_ssize_t send_vector(ares_socket_t fd, const struct iovec *pieces, int count,
                                void *argument)
{
    struct msghdr message = { .msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count };
    (void)argument;
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == ECONNREFUSED)
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    return sent;
}

void evf__dns_own_sockets(ares_channel channel)
{
    static const struct ares_socket_functions functions = { .asocket = open_socket,
                                                            .aclose = close_socket,
                                                            .aconnect = connect_socket,
                                                            .arecvfrom = receive,
                                                            .asendv = send_vector };
    ares_set_socket_functions(channel, &functions, NULL);
}
