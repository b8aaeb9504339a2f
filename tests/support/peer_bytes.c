/* SPDX-License-Identifier: MIT
 *
 * Sockets for tests: sending and expecting bytes; see peer.h.
 */
#define SUPPORT_INSIDE
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"

size_t(peer_send_some)(int fd, const void *bytes, size_t len)
{
    ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent >= 0)
        return (size_t)sent;
    if (errno != EAGAIN && errno != EINTR)
        support_fail("sending: %m");
    return 0;
}

void(peer_send)(int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t deadline = deadline_usual();

    while (len > 0) {
        size_t sent = (peer_send_some)(fd, at, len);

        at += sent;
        len -= sent;
        if (len > 0 && sent == 0 && !wait_for_fd(fd, POLLOUT, deadline))
            support_fail("%zu bytes cannot be sent", len);
    }
}

void(peer_send_text)(int fd, const char *text)
{
    (peer_send)(fd, text, strlen(text));
}

size_t(peer_read)(int fd, void *bytes, size_t size)
{
    uint64_t deadline = deadline_usual();

    for (;;) {
        ssize_t len = recv(fd, bytes, size, MSG_DONTWAIT);

        if (len >= 0)
            return (size_t)len;
        if (errno != EAGAIN && errno != EINTR)
            support_fail("receiving: %m");
        if (!wait_for_fd(fd, POLLIN, deadline))
            support_fail("nothing comes");
    }
}

void(peer_read_exactly)(int fd, void *bytes, size_t len)
{
    uint8_t *at = bytes;

    while (len > 0) {
        size_t got = (peer_read)(fd, at, len);

        if (got == 0)
            support_fail("the server ended %zu bytes too early", len);
        at += got;
        len -= got;
    }
}

void(peer_expect)(int fd, const void *bytes, size_t len)
{
    const uint8_t *expected = bytes;
    uint8_t seen[4096];

    while (len > 0) {
        size_t part = len < sizeof seen ? len : sizeof seen;
        size_t got = (peer_read)(fd, seen, part);

        if (got == 0)
            support_fail("the server ended where \"%.*s\" was expected", (int)part, expected);
        if (memcmp(seen, expected, got) != 0)
            support_fail("expected \"%.*s\", came \"%.*s\"", (int)got, expected, (int)got, seen);
        expected += got;
        len -= got;
    }
}

void(peer_expect_text)(int fd, const char *text)
{
    (peer_expect)(fd, text, strlen(text));
}

void(peer_read_line)(int fd, char *ret_line, size_t size)
{
    size_t len = 0;

    for (;;) {
        char byte;

        if ((peer_read)(fd, &byte, 1) == 0)
            support_fail("the server ended within a line: \"%.*s\"", (int)len, ret_line);
        if (byte == '\n')
            break;
        if (len + 1 >= size)
            support_fail("a line is too long: \"%.*s\"", (int)len, ret_line);
        ret_line[len++] = byte;
    }
    ret_line[len] = '\0';
}

size_t(peer_read_until_closed)(int fd, void *bytes, size_t size)
{
    uint8_t *into = bytes;
    size_t len = 0, got;
    uint8_t more;

    while (len < size && (got = (peer_read)(fd, into + len, size - len)) > 0)
        len += got;
    if (len == size && (peer_read)(fd, &more, 1) != 0)
        support_fail("more than %zu bytes came", size);
    return len;
}

void(peer_expect_end)(int fd)
{
    uint8_t bytes[64];
    size_t len = (peer_read)(fd, bytes, sizeof bytes);

    if (len != 0)
        support_fail("expected the end, came \"%.*s\"", (int)len, bytes);
}

/* Reads until the connection ends: 0 at the end, else the errno. */
static int read_to_the_end(int fd)
{
    uint8_t bytes[65536];
    uint64_t deadline = deadline_usual();

    for (;;) {
        ssize_t len = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

        if (len == 0)
            return 0;
        if (len < 0 && errno != EAGAIN && errno != EINTR)
            return errno;
        if (len < 0 && !wait_for_fd(fd, POLLIN, deadline))
            support_fail("the connection does not end");
    }
}

void(peer_expect_reset)(int fd)
{
    int error = read_to_the_end(fd);

    if (error != ECONNRESET)
        support_fail("expected a reset, came %s", error == 0 ? "an end" : strerror(error));
}

void(peer_expect_gone)(int fd)
{
    int error = read_to_the_end(fd);

    if (error != 0 && error != ECONNRESET && error != EPIPE)
        support_fail("receiving: %s", strerror(error));
}

bool peer_is_quiet(int fd)
{
    struct pollfd entry = { .fd = fd, .events = POLLIN | POLLRDHUP };

    return poll(&entry, 1, 0) == 0;
}
