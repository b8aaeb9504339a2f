/* SPDX-License-Identifier: MIT
 *
 * Messages to an echo server: on each connection one is sent, read back whole and compared, and
 * then the next. One thread, epoll. Prints one line of JSON; latencies run from the send to the
 * last byte.
 *
 *     echo_load PORT CONNECTIONS BYTES SECONDS
 */
#include "latencies.h"
#include "loopback.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256 };

struct peer {
    int fd;
    size_t got; /* of the message under way */
    uint64_t sent_ns;
};

static char *message;
static size_t size;
static struct latencies latencies;
static unsigned long errors;

static void send_message(struct peer *peer)
{
    peer->got = 0;
    peer->sent_ns = now_ns();
    for (size_t sent = 0; sent < size;) { /* blocks: an echo server takes a message whole */
        ssize_t more = send(peer->fd, message + sent, size - sent, MSG_NOSIGNAL);
        if (more <= 0) {
            errors++;
            return;
        }
        sent += (size_t)more;
    }
}

static void receive(struct peer *peer)
{
    static char buffer[65536];
    ssize_t got = recv(peer->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || (size_t)got > size - peer->got ||
        memcmp(buffer, message + peer->got, (size_t)got) != 0) {
        errors++;
        close(peer->fd);
        return;
    }
    peer->got += (size_t)got;
    if (peer->got == size) {
        latencies_add(&latencies, now_ns() - peer->sent_ns);
        send_message(peer);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5 || atoi(argv[2]) <= 0 || atoi(argv[3]) <= 0) {
        fprintf(stderr, "usage: echo_load PORT CONNECTIONS BYTES SECONDS\n");
        return 2;
    }
    int count = atoi(argv[2]), epoll = epoll_create1(0);
    struct peer *peers = calloc((size_t)count, sizeof *peers);
    size = (size_t)atoi(argv[3]);
    message = malloc(size);
    for (size_t i = 0; i < size; i++)
        message[i] = (char)(i * 31 + i / 251);

    for (int i = 0; i < count; i++) {
        peers[i].fd = connect_loopback(atoi(argv[1]));
        struct epoll_event add = { .events = EPOLLIN, .data.ptr = &peers[i] };
        epoll_ctl(epoll, EPOLL_CTL_ADD, peers[i].fd, &add);
    }
    uint64_t begun = now_ns(), end = begun + (uint64_t)(atof(argv[4]) * 1e9);
    for (int i = 0; i < count; i++)
        send_message(&peers[i]);
    while (now_ns() < end) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, 100);
        for (int i = 0; i < ready; i++)
            receive(events[i].data.ptr);
    }
    latencies_print(&latencies, (double)(now_ns() - begun) / 1e9, errors);
    free(message);
    free(peers);
    return 0;
}
