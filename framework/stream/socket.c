/* SPDX-License-Identifier: MIT
 *
 * The transport of plain sockets: TCP and unix streams. The worker's thread.
 *
 * Both events are level-triggered and stay added while they are wanted. The write event lives in
 * the queue, because only a stream with a queue waits for room.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stream/queue.h"
#include "stream/state.h"

static int descriptor(const evf_stream *stream)
{
    return stream->read_event.ev_fd;
}

/* A system call's result as a code. EPIPE means that the peer has reset the connection, since
 * nothing is sent after our own half-close: the kernel says so instead of ECONNRESET when the peer
 * had ended before. */
static ssize_t status(ssize_t result)
{
    if (result >= 0)
        return result;
    if (errno == EPIPE)
        return -ECONNRESET;
    return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
}

static void on_input(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    evf__stream_ready(argument, EVF__READABLE);
}

static void on_output(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    evf__stream_ready(argument, EVF__WRITABLE);
}

static void socket_open(evf_stream *stream, int fd)
{
    int assigned = event_assign(&stream->read_event, evf__worker_of(stream)->base, fd,
                                EV_READ | EV_PERSIST, on_input, stream);
    EVF_ASSERT(assigned == 0);
}

/* The two calls of every request. libc's recv and send are cancellation points: in a process with
 * threads each costs two locked instructions and some thirty others. syscall() is none. With the
 * sanitizers libc's are called, whose writes and waits they know. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
static ssize_t receive(int fd, void *room, size_t len)
{
    return recv(fd, room, len, 0);
}

static ssize_t send_bytes(int fd, const void *bytes, size_t len, int flags)
{
    return send(fd, bytes, len, flags);
}
#else
static ssize_t receive(int fd, void *room, size_t len)
{
    return syscall(SYS_recvfrom, fd, room, len, 0, NULL, NULL);
}

static ssize_t send_bytes(int fd, const void *bytes, size_t len, int flags)
{
    return syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}
#endif

static ssize_t socket_receive(evf_stream *stream, void *room, size_t len)
{
    return status(receive(descriptor(stream), room, len));
}

static ssize_t socket_peek(evf_stream *stream, void *room, size_t len)
{
    return status(recv(descriptor(stream), room, len, MSG_PEEK));
}

static void take_fds(const struct cmsghdr *header, struct evf__received_fds *ret)
{
    size_t len = header->cmsg_len - CMSG_LEN(0);
    for (size_t at = 0; at + sizeof(int) <= len; at += sizeof(int)) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + at, sizeof fd);
        if (ret->count < EVF__FDS_PER_MESSAGE)
            ret->fds[ret->count++] = fd;
        else
            close(fd);
    }
}

/* There is room for the credentials and the label too that the kernel puts in front of descriptors
 * when somebody asked for them. */
static ssize_t socket_receive_fds(evf_stream *stream, void *room, size_t len,
                                  struct evf__received_fds *ret)
{
    union {
        struct cmsghdr header; /* for its alignment */
        uint8_t bytes[CMSG_SPACE(EVF__FDS_PER_MESSAGE * sizeof(int)) +
                      CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(256)];
    } control;
    struct iovec piece = { .iov_base = room, .iov_len = len };
    struct msghdr message = { .msg_iov = &piece,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof control };
    ssize_t got = status(recvmsg(descriptor(stream), &message, MSG_CMSG_CLOEXEC));
    if (got < 0)
        return got;
    ret->count = 0;
    ret->lost = (message.msg_flags & MSG_CTRUNC) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
         header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
            take_fds(header, ret);
    return got;
}

static size_t socket_waiting(const evf_stream *stream)
{
    int bytes = 0;
    return ioctl(descriptor(stream), FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

static ssize_t socket_send(evf_stream *stream, const struct iovec *pieces, int count, bool more)
{
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    if (count == 1)
        return status(send_bytes(descriptor(stream), pieces->iov_base, pieces->iov_len, flags));
    struct msghdr message = { .msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count };
    return status(sendmsg(descriptor(stream), &message, flags));
}

static ssize_t socket_send_fd(evf_stream *stream, const struct iovec *pieces, int count, bool more,
                              int fd)
{
    union {
        struct cmsghdr header; /* for its alignment */
        uint8_t bytes[CMSG_SPACE(sizeof fd)];
    } control = { .bytes = { 0 } };
    struct msghdr message = { .msg_iov = (struct iovec *)pieces,
                              .msg_iovlen = (size_t)count,
                              .msg_control = &control,
                              .msg_controllen = sizeof control };
    control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS,
                                       .cmsg_len = CMSG_LEN(sizeof fd) };
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return status(sendmsg(descriptor(stream), &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
}

static ssize_t socket_send_file(evf_stream *stream, int fd, off_t *offset, size_t len)
{
    return status(sendfile(descriptor(stream), fd, offset, len));
}

static int socket_shut_down(evf_stream *stream)
{
    /* ENOTCONN: the peer has reset it; reading will tell. */
    if (shutdown(descriptor(stream), SHUT_WR) < 0 && errno != ENOTCONN)
        return -errno;
    return 0;
}

static int socket_watch_input(evf_stream *stream, bool on)
{
    int result = on ? event_add(&stream->read_event, NULL) : event_del(&stream->read_event);
    return result < 0 ? -ENOMEM : 0;
}

static int socket_watch_output(evf_stream *stream, bool on)
{
    struct event *event = &stream->queue->write_event;
    if (!on)
        return event_del(event) < 0 ? -ENOMEM : 0;
    int assigned = event_assign(event, evf__worker_of(stream)->base, descriptor(stream),
                                EV_WRITE | EV_PERSIST, on_output, stream);
    EVF_ASSERT(assigned == 0);
    return event_add(event, NULL) < 0 ? -ENOMEM : 0;
}

static void socket_discard(int fd)
{
    close(fd);
}

static void socket_close(evf_stream *stream, bool reset)
{
    if (reset) {
        struct linger linger = { .l_onoff = 1, .l_linger = 0 };
        (void)setsockopt(descriptor(stream), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    close(descriptor(stream));
}

static int socket_local_address(const evf_stream *stream, struct sockaddr_storage *ret,
                                socklen_t *ret_len)
{
    socklen_t len = sizeof *ret;
    if (getsockname(descriptor(stream), (struct sockaddr *)ret, &len) < 0)
        return -errno;
    *ret_len = len;
    return 0;
}

static int socket_set_option(evf_stream *stream, int level, int name, int value)
{
    return setsockopt(descriptor(stream), level, name, &value, sizeof value) < 0 ? -errno : 0;
}

static int socket_descriptor(const evf_stream *stream)
{
    return descriptor(stream);
}

/* Asks the kernel: the peer's address may be one that a PROXY header told. */
static bool socket_is_unix(const evf_stream *stream)
{
    int domain = AF_UNSPEC;
    socklen_t len = sizeof domain;
    return getsockopt(descriptor(stream), SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
           domain == AF_UNIX;
}

const struct evf__transport evf__socket_transport = {
    .name = "socket",
    .open = socket_open,
    .discard = socket_discard,
    .receive = socket_receive,
    .peek = socket_peek,
    .receive_fds = socket_receive_fds,
    .waiting = socket_waiting,
    .send = socket_send,
    .send_fd = socket_send_fd,
    .send_file = socket_send_file,
    .shut_down = socket_shut_down,
    .watch_input = socket_watch_input,
    .watch_output = socket_watch_output,
    .close = socket_close,
    .local_address = socket_local_address,
    .set_option = socket_set_option,
    .descriptor = socket_descriptor,
    .is_unix = socket_is_unix,
};
