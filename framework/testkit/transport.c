/* SPDX-License-Identifier: MIT
 *
 * In place of stream/socket.c: a transport whose other side is a simulated peer.
 *
 * It does what a kernel does for a TCP socket, and under trouble what a kernel may do: it gives
 * fewer bytes than there are, takes fewer than it could, or none for a while.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream/queue.h"
#include "stream/state.h"
#include "testkit/sim.h"

static evf_sim_peer *peer_of(const evf_stream *stream)
{
    return stream->connection;
}

static void sim_open(evf_stream *stream, int fd)
{
    evf_sim_peer *peer = evf__sim_peer_of_fd(fd);
    EVF_ASSERT(peer != NULL && peer->stream == NULL);
    stream->connection = peer;
    peer->stream = stream;
    peer->stream_id = evf_stream_id(stream);
}

static void sim_discard(int fd)
{
    evf_sim_peer *peer = evf__sim_peer_of_fd(fd);
    peer->gone = peer->reset_seen = true;
    evf__sim_note(peer->sim, "%s: closed before it was a stream", peer->name);
}

static ssize_t look(evf_sim_peer *peer, void *room, size_t len)
{
    if (peer->visible == 0) {
        if (peer->reset_sent)
            return -ECONNRESET;
        return peer->end_visible ? 0 : -EAGAIN;
    }
    if (evf__sim_late(peer->sim, EVF_SIM_CUTS) && peer->watches_input)
        return -EAGAIN; /* as after an event that came too early */
    if (len > peer->visible)
        len = peer->visible;
    memcpy(room, evf__sim_bytes_at(&peer->in), len);
    return (ssize_t)len;
}

static ssize_t sim_receive(evf_stream *stream, void *room, size_t len)
{
    evf_sim_peer *peer = peer_of(stream);
    ssize_t got = look(peer, room, len);
    if (got > 0) {
        evf__sim_note_bytes(peer->sim, peer, "received from it", room, (size_t)got);
        evf__sim_bytes_take(&peer->in, (size_t)got);
        peer->visible -= (size_t)got;
    } else if (got != -EAGAIN) {
        evf__sim_note(peer->sim, "%s: %s", peer->name,
                      got == 0 ? "its end is seen" : "its reset is seen");
    }
    return got;
}

static ssize_t sim_peek(evf_stream *stream, void *room, size_t len)
{
    return look(peer_of(stream), room, len);
}

static size_t sim_waiting(const evf_stream *stream)
{
    return peer_of(stream)->visible;
}

/* How many of len bytes can be sent now; 0 for none. */
static size_t can_send(evf_sim_peer *peer, size_t len)
{
    evf_sim *sim = peer->sim;
    size_t most = peer->room < len ? peer->room : len;
    if (most > 0 && evf__sim_mild(sim, EVF_SIM_SHORT_WRITES)) {
        most = evf__sim_below(sim, most + 1);
        if (most < len && peer->room == SIZE_MAX)
            peer->room = most; /* full, until the peer reads */
    }
    return most;
}

static void took(evf_sim_peer *peer, const void *data, size_t len)
{
    evf__sim_note_bytes(peer->sim, peer, "sent to it", data, len);
    if (!peer->reset_sent)
        evf__sim_bytes_add(&peer->out, data, len);
    peer->got += len;
    if (peer->room != SIZE_MAX)
        peer->room -= len;
}

static int send_status(evf_sim_peer *peer)
{
    evf_sim *sim = peer->sim;
    if (!peer->reset_sent &&
        evf__sim_harsh(sim, EVF_SIM_RESETS, "a peer resets while it is sent to"))
        evf__sim_peer_reset(peer);
    return peer->reset_sent ? -ECONNRESET : 0;
}

static ssize_t sim_send(evf_stream *stream, const struct iovec *pieces, int count, bool more)
{
    evf_sim_peer *peer = peer_of(stream);
    size_t total = 0;
    (void)more;
    EVF_ASSERT(!peer->end_seen);
    int status = send_status(peer);
    if (status < 0)
        return status;
    for (int i = 0; i < count; i++)
        total += pieces[i].iov_len;
    size_t most = can_send(peer, total), left = most;
    if (most == 0 && total > 0)
        return -EAGAIN;
    for (int i = 0; i < count && left > 0; i++) {
        size_t len = pieces[i].iov_len < left ? pieces[i].iov_len : left;
        took(peer, pieces[i].iov_base, len);
        left -= len;
    }
    return (ssize_t)most;
}

static ssize_t sim_send_file(evf_stream *stream, int fd, off_t *offset, size_t len)
{
    evf_sim_peer *peer = peer_of(stream);
    uint8_t bytes[16 * 1024];
    int status = send_status(peer);
    if (status < 0)
        return status;
    size_t most = can_send(peer, len);
    if (most == 0)
        return -EAGAIN;
    ssize_t got = pread(fd, bytes, most < sizeof bytes ? most : sizeof bytes, *offset);
    if (got < 0)
        return -errno;
    if (got > 0)
        took(peer, bytes, (size_t)got);
    *offset += got;
    return got;
}

static int sim_shut_down(evf_stream *stream)
{
    evf_sim_peer *peer = peer_of(stream);
    evf__sim_note(peer->sim, "%s: the stream ends its side", peer->name);
    peer->end_seen = true;
    return 0;
}

static int sim_watch_input(evf_stream *stream, bool on)
{
    peer_of(stream)->watches_input = on;
    return 0;
}

static int sim_watch_output(evf_stream *stream, bool on)
{
    peer_of(stream)->watches_output = on;
    return 0;
}

static void sim_close(evf_stream *stream, bool reset)
{
    evf_sim_peer *peer = peer_of(stream);
    /* A kernel sends RST when there was input that nobody has read. */
    bool unread = peer->in.len > 0 && !peer->reset_sent;
    evf__sim_note(peer->sim, "%s: the stream is closed%s", peer->name,
                  reset    ? " by reset"
                  : unread ? " with input unread"
                           : "");
    peer->stream = NULL;
    peer->gone = true;
    peer->watches_input = peer->watches_output = false;
    if (reset || unread)
        peer->reset_seen = true;
    else
        peer->end_seen = true;
}

static int sim_local_address(const evf_stream *stream, struct sockaddr_storage *ret,
                             socklen_t *ret_len)
{
    const evf_sim_peer *peer = peer_of(stream);
    *ret = peer->local.storage;
    *ret_len = peer->local_len;
    return 0;
}

/* The limits of tcp(7) and ip(7). */
static int sim_set_option(evf_stream *stream, int level, int name, int value)
{
    (void)stream;
    if (level == IPPROTO_TCP && (name == TCP_KEEPIDLE || name == TCP_KEEPINTVL))
        return value >= 1 && value <= EVF__KEEPALIVE_MAX_S ? 0 : -EINVAL;
    if (level == IPPROTO_TCP && name == TCP_KEEPCNT)
        return value >= 1 && value <= EVF__KEEPALIVE_PROBES_MAX ? 0 : -EINVAL;
    if (level == IPPROTO_IP || level == IPPROTO_IPV6)
        return value >= 0 && value <= 255 ? 0 : -EINVAL;
    return 0;
}

static int sim_descriptor(const evf_stream *stream)
{
    (void)stream;
    return -EOPNOTSUPP;
}

/* Descriptors are not passed in a simulation, so unix streams are not told apart: send_fd and
 * receive_fds are asked of those only. */
static bool sim_is_unix(const evf_stream *stream)
{
    (void)stream;
    return false;
}

const struct evf__transport evf__socket_transport = {
    .name = "simulation",
    .open = sim_open,
    .discard = sim_discard,
    .receive = sim_receive,
    .peek = sim_peek,
    .waiting = sim_waiting,
    .send = sim_send,
    .send_file = sim_send_file,
    .shut_down = sim_shut_down,
    .watch_input = sim_watch_input,
    .watch_output = sim_watch_output,
    .close = sim_close,
    .local_address = sim_local_address,
    .set_option = sim_set_option,
    .descriptor = sim_descriptor,
    .is_unix = sim_is_unix,
};
