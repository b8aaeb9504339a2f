/* SPDX-License-Identifier: MIT
 *
 * The floor for echo: one thread, raw epoll, recv, send the same bytes. A peer that does not read
 * holds up everybody else; there are no limits and no time-outs.
 *
 *     floor_echo PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256 };

/* 0: the connection is over. */
static int serve(int fd)
{
    static char buffer[65536];
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    for (ssize_t sent = 0; sent < got;) {
        ssize_t more = send(fd, buffer + sent, (size_t)(got - sent), MSG_NOSIGNAL);
        if (more >= 0) {
            sent += more;
        } else if (errno == EAGAIN) {
            struct pollfd room = { .fd = fd, .events = POLLOUT };
            poll(&room, 1, -1);
        } else {
            return 0;
        }
    }
    return 1;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS], add = { .events = EPOLLIN };
    struct sockaddr_in address = { .sin_family = AF_INET };
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int epoll = epoll_create1(0);
    address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (argc != 2 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, 4096) < 0) {
        perror("floor_echo PORT");
        return 1;
    }
    add.data.fd = listener;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &add);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                add.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (add.data.fd >= 0)
                    epoll_ctl(epoll, EPOLL_CTL_ADD, add.data.fd, &add);
            } else if (!serve(fd)) {
                close(fd);
            }
        }
    }
}
