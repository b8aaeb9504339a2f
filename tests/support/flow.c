/* SPDX-License-Identifier: MIT
 *
 * Bulk transfers of pattern bytes; see flow.h.
 */
#define SUPPORT_INSIDE
#include "flow.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "pattern.h"
#include "peer.h"

enum { CHUNK = 1024 * 1024 };

/* The pattern's period and a chunk more, so that every piece is contiguous. */
static const uint8_t *pattern_table(void)
{
    static uint8_t *table;

    if (table == NULL) {
        table = test_allocate(PATTERN_PERIOD + CHUNK);
        pattern_fill(table, 0, PATTERN_PERIOD + CHUNK);
    }
    return table;
}

static void check_bytes(const uint8_t *bytes, uint64_t offset, size_t len)
{
    const uint8_t *table = pattern_table() + offset % PATTERN_PERIOD;

    for (size_t i = 0; i < len; i++)
        if (bytes[i] != table[i])
            support_fail("byte %llu is wrong: 0x%02x came, 0x%02x was expected",
                         (unsigned long long)(offset + i), bytes[i], table[i]);
}

struct progress {
    const struct flow *flow;
    int fd;
    uint64_t random;
    uint64_t sent, received;
    size_t piece; /* what is left of the piece being sent */
    uint8_t *buffer;
};

/* False when the kernel takes nothing. */
static bool send_a_piece(struct progress *progress)
{
    const struct flow *flow = progress->flow;
    size_t sent;

    if (progress->sent == flow->total)
        return false;
    if (progress->piece == 0) {
        uint64_t left = flow->total - progress->sent;
        uint64_t span = flow->send_most - flow->send_least + 1;
        uint64_t piece = flow->send_least + test_random(&progress->random) % span;

        progress->piece = (size_t)(piece < left ? piece : left);
    }
    sent = (peer_send_some)(progress->fd, pattern_table() + progress->sent % PATTERN_PERIOD,
                            progress->piece);
    progress->sent += sent;
    progress->piece -= sent;
    return sent > 0;
}

/* False when nothing has come. */
static bool read_a_piece(struct progress *progress)
{
    struct pollfd entry = { .fd = progress->fd, .events = POLLIN };
    size_t got;

    if (poll(&entry, 1, 0) != 1)
        return false;
    got = (peer_read)(progress->fd, progress->buffer, progress->flow->read_most);
    if (got == 0)
        support_fail("the server ended after %llu of %llu bytes",
                     (unsigned long long)progress->received,
                     (unsigned long long)progress->flow->total);
    check_bytes(progress->buffer, progress->received, got);
    progress->received += got;
    if (progress->received > progress->sent)
        support_fail("more came back than was sent");
    if (progress->flow->watch != NULL)
        progress->flow->watch(progress->flow->argument, progress->received);
    return true;
}

void(flow_echo)(int fd, const struct flow *flow)
{
    struct progress progress = { .flow = flow, .fd = fd, .random = flow->seed };
    uint64_t deadline = deadline_in(60000);

    if (flow->send_most > CHUNK || flow->send_least == 0 || flow->read_most == 0)
        support_fail("the flow's sizes are wrong");
    progress.buffer = test_allocate(flow->read_most);
    while (progress.received < flow->total) {
        bool moved = send_a_piece(&progress);

        if (!moved || !flow->slow_reader)
            moved |= read_a_piece(&progress);
        if (moved)
            continue;
        if (!wait_for_fd(fd, progress.sent < flow->total ? POLLIN | POLLOUT : POLLIN, deadline))
            support_fail("nothing moves after %llu sent and %llu received",
                         (unsigned long long)progress.sent, (unsigned long long)progress.received);
    }
    free(progress.buffer);
}

void(flow_expect)(int fd, uint64_t offset, uint64_t len, size_t read_most)
{
    size_t size = read_most == 0 ? 65536 : read_most;
    uint8_t *buffer = test_allocate(size);

    while (len > 0) {
        size_t got = (peer_read)(fd, buffer, len < size ? (size_t)len : size);

        if (got == 0)
            support_fail("the server ended %llu bytes too early, at %llu", (unsigned long long)len,
                         (unsigned long long)offset);
        check_bytes(buffer, offset, got);
        offset += got;
        len -= got;
    }
    free(buffer);
}

void(flow_send)(int fd, uint64_t offset, uint64_t len)
{
    while (len > 0) {
        size_t part = len < CHUNK ? (size_t)len : CHUNK;

        (peer_send)(fd, pattern_table() + offset % PATTERN_PERIOD, part);
        offset += part;
        len -= part;
    }
}

uint64_t(flow_send_until_stuck)(int fd, uint64_t offset, uint64_t most)
{
    uint64_t sent = 0;

    while (sent < most) {
        uint64_t left = most - sent;
        size_t part = (peer_send_some)(fd, pattern_table() + (offset + sent) % PATTERN_PERIOD,
                                       left < CHUNK ? (size_t)left : CHUNK);

        sent += part;
        if (part == 0 && !wait_for_fd(fd, POLLOUT, deadline_in(300)))
            break;
    }
    return sent;
}
