/* SPDX-License-Identifier: MIT
 *
 * A transport: how a stream's bytes reach the other side.
 *
 * Plain sockets are the first (socket.c); a simulation puts its own in their place
 * (testkit/transport.c) and TLS is to follow, so nothing above may assume a socket. A transport
 * owns its events: it is told what the stream wants to be woken for and decides itself what to wait
 * for. It reports readiness by evf__stream_ready. All functions run on the stream's worker, never
 * call a handler, and answer negative codes, not errno.
 */
#ifndef EVF_STREAM_TRANSPORT_H
#define EVF_STREAM_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <evframe/base.h>

#include "base/limits.h"

/* Descriptors that came with received bytes: the receiver's own now, close-on-exec. */
struct evf__received_fds {
    unsigned count;
    bool lost; /* the process had no room for all of them */
    int fds[EVF__FDS_PER_MESSAGE];
};

struct evf__transport {
    const char *name;

    /* Adopts a connected descriptor. */
    void (*open)(evf_stream *stream, int fd);
    /* Closes one for which there is no stream. */
    void (*discard)(int fd);

    /* Bytes received; 0 at the peer's end; -EAGAIN when none are there; else a negative code. */
    ssize_t (*receive)(evf_stream *stream, void *room, size_t len);
    /* The same without taking them: a receive of as many bytes then gives these. */
    ssize_t (*peek)(evf_stream *stream, void *room, size_t len);
    /* The same with the descriptors that came, for a stream that is_unix. They came with one of the
     * bytes: no later one is received by this call. *ret is filled when bytes came. */
    ssize_t (*receive_fds)(evf_stream *stream, void *room, size_t len,
                           struct evf__received_fds *ret);

    /* Bytes that wait to be received, as far as it is known. */
    size_t (*waiting)(const evf_stream *stream);

    /* Bytes taken; -EAGAIN when none can be; else a negative code. `more`: something follows at
     * once. */
    ssize_t (*send)(evf_stream *stream, const struct iovec *pieces, int count, bool more);
    /* The same with a descriptor, which goes with the first of the bytes when any is taken. For a
     * stream that is_unix; -EAGAIN while opening. -EBADF, -EINVAL and -ETOOMANYREFS speak of the
     * descriptor, not of the connection. */
    ssize_t (*send_fd)(evf_stream *stream, const struct iovec *pieces, int count, bool more,
                       int fd);
    /* As send for a range of a regular file; *offset moves. 0: the file is at its end. */
    ssize_t (*send_file)(evf_stream *stream, int fd, off_t *offset, size_t len);

    /* Ends our side of sending. 0, or -EAGAIN: it takes time and is asked again when ready; else a
     * negative code. */
    int (*shut_down)(evf_stream *stream);

    /* Starts and stops waking for input, and for room to send (the stream has a queue then). 0 or a
     * negative code. */
    int (*watch_input)(evf_stream *stream, bool on);
    int (*watch_output)(evf_stream *stream, bool on);

    /* Ends the connection and gives everything back; with RST when `reset`. */
    void (*close)(evf_stream *stream, bool reset);

    int (*local_address)(const evf_stream *stream, struct sockaddr_storage *ret,
                         socklen_t *ret_len);
    /* As setsockopt. */
    int (*set_option)(evf_stream *stream, int level, int name, int value);

    /* The descriptor of an open stream; -EOPNOTSUPP when there is none. */
    int (*descriptor)(const evf_stream *stream);
    /* True when the other side is reached by a unix socket, so that descriptors can be passed and
     * credentials asked for. While opening: when it will be. */
    bool (*is_unix)(const evf_stream *stream);
};

#endif
