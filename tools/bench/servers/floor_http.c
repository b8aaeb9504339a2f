/* SPDX-License-Identifier: MIT
 *
 * The floor for http: the least that a server on this socket API can do per request. One thread,
 * raw epoll, recv, find the blank lines, send a fixed response for each. No limits, no time-outs,
 * no parsing; a request that comes in pieces is not understood.
 *
 *     floor_http PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char response[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                               "Content-Length: 13\r\n\r\nHello, World!";
enum { EVENTS = 256, BATCH = 64 };

/* Answers every request in the buffer with one send. 0: the connection is over. */
static int serve(int fd)
{
    static char in[65536], out[BATCH * sizeof response];
    ssize_t got = recv(fd, in, sizeof in, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    size_t len = 0;
    for (char *at = in; (at = memmem(at, (size_t)(in + got - at), "\r\n\r\n", 4)) != NULL;
         at += 4) {
        memcpy(out + len, response, sizeof response - 1);
        len += sizeof response - 1;
        if (len + sizeof response > sizeof out) {
            if (send(fd, out, len, MSG_NOSIGNAL) < 0)
                return 0;
            len = 0;
        }
    }
    return len == 0 || send(fd, out, len, MSG_NOSIGNAL) > 0;
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
        perror("floor_http PORT");
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
