/* SPDX-License-Identifier: MIT
 *
 * The floor for proxy: one thread, raw epoll, edge-triggered, recv here, send there. What came from
 * up to 16 sockets is received first and sent then, which is a little faster than one by one. A
 * peer that does not read holds up everybody else; there are no limits, no time-outs and no
 * half-closes.
 *
 *     floor_relay PORT UPSTREAM_PORT
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

enum { EVENTS = 256, BATCH = 16, ROOM = 16384, DESCRIPTORS = 20000 };

static int other[DESCRIPTORS]; /* by descriptor: the other side's */
static int epoll, upstream_port;

static struct sockaddr_in local_address(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void watch(int fd, int other_fd)
{
    struct epoll_event add = { .events = EPOLLIN | EPOLLET, .data.fd = fd };
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    other[fd] = other_fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &add);
}

static void take(int client)
{
    struct sockaddr_in address = local_address(upstream_port);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0 || server >= DESCRIPTORS || client >= DESCRIPTORS ||
        connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
        close(server);
        close(client);
        return;
    }
    watch(client, server);
    watch(server, client);
}

static void send_all(int fd, const char *data, ssize_t len)
{
    for (ssize_t sent = 0; sent < len;) {
        ssize_t more = send(fd, data + sent, (size_t)(len - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
        struct pollfd room = { .fd = fd, .events = POLLOUT };
        if (more >= 0)
            sent += more;
        else if (errno != EAGAIN || poll(&room, 1, -1) < 0)
            return;
    }
}

/* A full buffer is not the end of what is there: it is received again until less comes. */
static void relay(const int *fds, int count)
{
    static char buffers[BATCH][ROOM];
    ssize_t got[BATCH];
    for (int i = 0; i < count; i++)
        got[i] = recv(fds[i], buffers[i], ROOM, MSG_DONTWAIT);
    for (int i = 0; i < count; i++) {
        for (; got[i] > 0; got[i] = recv(fds[i], buffers[i], ROOM, MSG_DONTWAIT)) {
            send_all(other[fds[i]], buffers[i], got[i]);
            if (got[i] < ROOM)
                break;
        }
        if (got[i] != 0)
            continue;
        if (other[fds[i]] >= 0) {
            shutdown(other[fds[i]], SHUT_RDWR);
            other[other[fds[i]]] = -1;
        }
        close(fds[i]);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = local_address(argc > 1 ? atoi(argv[1]) : 0);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    epoll = epoll_create1(0);
    upstream_port = argc > 2 ? atoi(argv[2]) : 0;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (argc != 3 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, 4096) < 0) {
        perror("floor_relay PORT UPSTREAM_PORT");
        return 1;
    }
    struct epoll_event events[EVENTS], add = { .events = EPOLLIN, .data.fd = listener };
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &add);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1), fds[BATCH], ready = 0;
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                take(accept(listener, NULL, NULL));
            else
                fds[ready++] = events[i].data.fd;
            if (ready == BATCH || (ready > 0 && i + 1 == count)) {
                relay(fds, ready);
                ready = 0;
            }
        }
    }
}
