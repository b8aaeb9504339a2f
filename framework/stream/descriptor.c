/* SPDX-License-Identifier: MIT
 *
 * The stream's own descriptor, who is at the other end of a unix stream, and descriptors that came
 * over one. (Sending one is a write: write.c.) The worker's thread.
 *
 * Descriptors are asked of the kernel only for streams whose handler has an `fd` slot
 * (EVF__TAKES_FDS): for all others it drops them, and none is ever this process's. Those that came
 * are handed over at once, one by one, before the bytes that they came with are presented; what a
 * handler that has closed its stream can no longer take is closed here.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream/state.h"

/* Tells once per stream: a peer could fill the log. */
static void tell_loss(evf_stream *stream)
{
    evf_worker *worker = evf__worker_of(stream);
    evf__figure_add(&worker->figures, EVF__FIGURE_FDS_LOST, 1);
    if ((stream->flags & EVF__FDS_LOST) != 0)
        return;
    stream->flags |= EVF__FDS_LOST;
    evf__enter(worker, EVF__CALLBACK_FD, stream->origin->plugin, NULL, stream);
    evf_log(EVF_WARN,
            "descriptors that the peer sent are lost: no more can be open in this process; "
            "raise the limit of open files");
    evf__leave(worker);
}

void evf__stream_hand_over(evf_stream *stream, const struct evf__received_fds *received)
{
    if (received->lost)
        tell_loss(stream);
    for (unsigned i = 0; i < received->count; i++) {
        if ((stream->flags & EVF__CLOSING) == 0)
            EVF__CALL(stream, FD, fd, stream, received->fds[i]);
        else
            close(received->fds[i]);
    }
}

int evf_descriptor(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    if ((stream->flags & EVF__OPENED) == 0)
        return (stream->flags & EVF__CLOSING) != 0 ? -EBADF : -ENOTCONN;
    return stream->origin->transport->descriptor(stream);
}

int evf_peer_credentials(const evf_stream *stream, struct evf_credentials *ret)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    EVF__STREAM_RULES(stream);
    if ((stream->flags & EVF__OPENED) == 0)
        return -ENOTCONN;
    if (!stream->origin->transport->is_unix(stream))
        return -EOPNOTSUPP;
    int fd = stream->origin->transport->descriptor(stream);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return -errno;
    *ret = (struct evf_credentials){ .pid = peer.pid, .uid = peer.uid, .gid = peer.gid };
    return 0;
}
