/* SPDX-License-Identifier: MIT
 *
 * The transport of an outgoing stream that is not open yet: nothing can be sent, so what is written
 * queues; options are remembered for the sockets to come. The worker's thread.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "stream/connecting.h"

static ssize_t opening_receive(evf_stream *stream, void *room, size_t len)
{
    (void)stream;
    (void)room;
    (void)len;
    return -EAGAIN;
}

static ssize_t opening_receive_fds(evf_stream *stream, void *room, size_t len,
                                   struct evf__received_fds *ret)
{
    (void)ret;
    return opening_receive(stream, room, len);
}

static size_t opening_waiting(const evf_stream *stream)
{
    (void)stream;
    return 0;
}

static ssize_t opening_send(evf_stream *stream, const struct iovec *pieces, int count, bool more)
{
    (void)stream;
    (void)pieces;
    (void)count;
    (void)more;
    return -EAGAIN;
}

static ssize_t opening_send_fd(evf_stream *stream, const struct iovec *pieces, int count, bool more,
                               int fd)
{
    (void)fd;
    return opening_send(stream, pieces, count, more);
}

static ssize_t opening_send_file(evf_stream *stream, int fd, off_t *offset, size_t len)
{
    (void)stream;
    (void)fd;
    (void)offset;
    (void)len;
    return -EAGAIN;
}

static int opening_shut_down(evf_stream *stream)
{
    (void)stream;
    return -EAGAIN;
}

/* Nobody waits for input or room: evf__stream_opened looks at both. */
static int opening_watch(evf_stream *stream, bool on)
{
    (void)stream;
    (void)on;
    return 0;
}

static void opening_close(evf_stream *stream, bool reset)
{
    (void)reset;
    evf__opening_give(stream);
}

static int opening_local_address(const evf_stream *stream, struct sockaddr_storage *ret,
                                 socklen_t *ret_len)
{
    (void)stream;
    (void)ret;
    (void)ret_len;
    return -ENOTCONN;
}

/* The options by what facts.c asks for, with the kernel's limits (tcp(7)): what it would refuse is
 * refused here, not when it is too late to say so. */
static const struct {
    int level, name, min, max;
} options[EVF__OPENING_OPTIONS] = {
    [EVF__OPENING_NODELAY] = { IPPROTO_TCP, TCP_NODELAY, 0, 1 },
    [EVF__OPENING_KEEPIDLE] = { IPPROTO_TCP, TCP_KEEPIDLE, 1, 32767 },
    [EVF__OPENING_KEEPINTVL] = { IPPROTO_TCP, TCP_KEEPINTVL, 1, 32767 },
    [EVF__OPENING_KEEPCNT] = { IPPROTO_TCP, TCP_KEEPCNT, 1, 127 },
    [EVF__OPENING_KEEPALIVE] = { SOL_SOCKET, SO_KEEPALIVE, 0, 1 },
    [EVF__OPENING_TOS] = { IPPROTO_IP, IP_TOS, 0, 255 },
};

int evf__opening_set(int fd, int family, enum evf__opening_option option, int value)
{
    int level = options[option].level, name = options[option].name;
    if (option == EVF__OPENING_TOS && family == AF_INET6) {
        level = IPPROTO_IPV6;
        name = IPV6_TCLASS;
    }
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

/* Sockets to come get it before they connect, those that connect already get it now. */
static int opening_set_option(evf_stream *stream, int level, int name, int value)
{
    struct evf__opening *opening = stream->opening;
    unsigned option = 0;
    while (options[option].level != level || options[option].name != name) {
        option++;
        EVF_ASSERT(option < EVF__OPENING_OPTIONS);
    }
    if (value < options[option].min || value > options[option].max)
        return -EINVAL;
    opening->options[option].set = true;
    opening->options[option].value = value;
    int status = 0;
    for (struct evf__list *at = opening->attempts.next; at != &opening->attempts && status == 0;
         at = at->next) {
        const struct evf__attempt *attempt = EVF__OWNER(at, struct evf__attempt, link);
        bool ipv6 = opening->race.addresses[attempt->index].family == EVF__RACE_IPV6;
        status = evf__attempt_set(attempt, ipv6 ? AF_INET6 : AF_INET,
                                  (enum evf__opening_option)option, value);
    }
    return status;
}

/* Which attempt will win is not known. */
static int opening_descriptor(const evf_stream *stream)
{
    (void)stream;
    return -ENOTCONN;
}

static bool opening_is_unix(const evf_stream *stream)
{
    return stream->opening->local;
}

const struct evf__transport evf__opening_transport = {
    .name = "opening",
    .receive = opening_receive,
    .receive_fds = opening_receive_fds,
    .waiting = opening_waiting,
    .send = opening_send,
    .send_fd = opening_send_fd,
    .send_file = opening_send_file,
    .shut_down = opening_shut_down,
    .watch_input = opening_watch,
    .watch_output = opening_watch,
    .close = opening_close,
    .local_address = opening_local_address,
    .set_option = opening_set_option,
    .descriptor = opening_descriptor,
    .is_unix = opening_is_unix,
};
