/* SPDX-License-Identifier: MIT
 *
 * Many connections at once; see crowd.h.
 */
#define SUPPORT_INSIDE
#include "crowd.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void(crowd_connect)(struct crowd *crowd, const char *text, unsigned count)
{
    struct sockaddr_storage address;
    socklen_t len = peer_address(text, &address);
    uint64_t deadline = deadline_in(30000);

    raise_limit();
    crowd->count = count;
    crowd->fds = test_allocate(count * sizeof(int));
    for (unsigned i = 0; i < count; i++) {
        int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
            support_fail("socket %u: %m", i);
        /* A full queue answers a unix socket with EAGAIN: then the burst waits. */
        while (connect(fd, (struct sockaddr *)&address, len) != 0 && errno != EINPROGRESS) {
            if (errno != EAGAIN || deadline_left(deadline) == 0)
                support_fail("connection %u: %m", i);
            poll(NULL, 0, 1);
        }
        crowd->fds[i] = fd;
    }
    for (unsigned i = 0; i < count; i++) {
        int error = 0;
        socklen_t size = sizeof error;

        if (!wait_for_fd(crowd->fds[i], POLLOUT, deadline))
            support_fail("connection %u does not come to stand", i);
        getsockopt(crowd->fds[i], SOL_SOCKET, SO_ERROR, &error, &size);
        /* A reset may follow the handshake at once: that is the server's answer, not a failure. */
        if (error != 0 && error != ECONNRESET)
            support_fail("connection %u: %s", i, strerror(error));
    }
}

void(crowd_read_bytes)(struct crowd *crowd, uint8_t *ret_bytes)
{
    for (unsigned i = 0; i < crowd->count; i++)
        (peer_read_exactly)(crowd->fds[i], &ret_bytes[i], 1);
}

void(crowd_send_text)(struct crowd *crowd, const char *text)
{
    for (unsigned i = 0; i < crowd->count; i++)
        if (crowd->fds[i] >= 0)
            (peer_send_text)(crowd->fds[i], text);
}

/* Looks at one that polled readable: true when the server ended or reset it. */
static bool is_gone(int fd)
{
    uint8_t bytes[512];
    ssize_t len;

    while ((len = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        ;
    return len == 0 || (errno != EAGAIN && errno != EINTR);
}

void(crowd_expect_gone)(struct crowd *crowd, unsigned count)
{
    struct pollfd *entries = test_allocate(crowd->count * sizeof *entries);
    uint64_t deadline = deadline_usual();
    unsigned gone = 0;

    while (gone < count) {
        int ready;

        for (unsigned i = 0; i < crowd->count; i++)
            entries[i] = (struct pollfd){ .fd = crowd->fds[i], .events = POLLIN };
        ready = poll(entries, crowd->count, deadline_left(deadline));
        if (ready <= 0)
            support_fail("%u of %u connections were ended by the server", gone, count);
        for (unsigned i = 0; i < crowd->count; i++) {
            if (entries[i].revents == 0 || !is_gone(crowd->fds[i]))
                continue;
            close(crowd->fds[i]);
            crowd->fds[i] = -1;
            gone++;
        }
    }
    free(entries);
    if (gone != count)
        support_fail("%u connections were ended by the server, not %u", gone, count);
}

unsigned crowd_standing(const struct crowd *crowd)
{
    unsigned standing = 0;

    for (unsigned i = 0; i < crowd->count; i++)
        standing += crowd->fds[i] >= 0;
    return standing;
}

void crowd_reset(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->count; i++)
        if (crowd->fds[i] >= 0)
            peer_reset(crowd->fds[i]);
    free(crowd->fds);
    *crowd = (struct crowd){ 0 };
}

void crowd_close(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->count; i++)
        if (crowd->fds[i] >= 0)
            close(crowd->fds[i]);
    free(crowd->fds);
    *crowd = (struct crowd){ 0 };
}
