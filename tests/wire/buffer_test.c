/* SPDX-License-Identifier: MIT
 *
 * Pages and slices, seen by the addresses of what a plugin reads and by the pages in use.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"
#include "peer.h"
#include "server.h"

enum { LARGE = 4000 };

static struct server *server;

static void begin(void)
{
    server = server_with("1", "keeper", NULL);
}

static void finish(void)
{
    server_stop_cleanly(server);
}

TestSuite(buffer, .init = begin, .fini = finish);

static uint64_t address_of_input(int peer)
{
    char line[64];

    peer_send_text(peer, "where\n");
    peer_read_line(peer, line, sizeof line);
    cr_assert_eq(strncmp(line, "at ", 3), 0, "%s", line);
    return strtoull(line + 3, NULL, 16);
}

static void hold(int peer, size_t len)
{
    char bytes[LARGE];

    cr_assert(len >= 6 && len <= sizeof bytes);
    memset(bytes, 'h', len);
    memcpy(bytes, "hold ", 5);
    bytes[len - 1] = '\n';
    peer_send(peer, bytes, len);
    peer_expect_text(peer, "held\n");
}

/* B1, B3: all streams of a loop read into one page; what nobody kept is given back. */
Test(buffer, is_one_page_for_all_streams_of_a_worker)
{
    int first = peer_connect(server_address(server, 0));
    int second = peer_connect(server_address(server, 0));
    uint64_t at = address_of_input(first);

    for (unsigned i = 0; i < 20; i++) {
        cr_expect_eq(address_of_input(second), at);
        cr_expect_eq(address_of_input(first), at);
    }
    cr_expect_eq(server_figure(server, "pages"), 1);
    peer_close(first);
    peer_close(second);
}

/* B1, B3: the next read goes behind what somebody kept, and the mark rolls back only over what
 * nobody holds. */
Test(buffer, is_read_behind_what_is_held)
{
    int first = peer_connect(server_address(server, 0));
    int second = peer_connect(server_address(server, 0));
    uint64_t at = address_of_input(first);

    hold(first, LARGE);
    uint64_t behind = address_of_input(second);
    cr_expect_geq(behind, at + LARGE);
    cr_expect_lt(behind, at + 65536);
    cr_expect_eq(address_of_input(first), behind);
    peer_send_text(second, "check\n");
    peer_expect_text(second, "right\n");

    peer_send_text(second, "drop\n");
    peer_expect_text(second, "dropped\n");
    cr_expect_eq(address_of_input(first), at);
    peer_close(first);
    peer_close(second);
}

/* B2: a new page when too little is left; the old ones live while held, and are used again. */
Test(buffer, is_replaced_when_full_and_used_again_when_dropped)
{
    int peer = peer_connect(server_address(server, 0));
    int other = peer_connect(server_address(server, 0));

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 200; i++)
            hold(peer, LARGE);
        cr_expect_geq(server_figure(server, "pages"), 200 * LARGE / 65536);
        cr_expect_leq(server_figure(server, "pages"), 200 * LARGE / (65536 - 2 * 4096) + 2);
        peer_send_text(other, "check\n");
        peer_expect_text(other, "right\n");
        peer_send_text(other, "drop\n");
        peer_expect_text(other, "dropped\n");
        server_wait_figure(server, "pages", 1);
    }
    peer_close(peer);
    peer_close(other);
}

/* B2: what is held outlives its stream. */
Test(buffer, outlives_the_stream_that_read_it)
{
    int peer = peer_connect(server_address(server, 0));

    for (unsigned i = 0; i < 50; i++)
        hold(peer, i % 2 == 0 ? LARGE : 100);
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
    server_wait_figure(server, "streams", 0);

    peer = peer_connect(server_address(server, 0));
    for (unsigned i = 0; i < 100; i++)
        address_of_input(peer);
    peer_send_text(peer, "check\n");
    peer_expect_text(peer, "right\n");
    peer_send_text(peer, "drop\n");
    peer_expect_text(peer, "dropped\n");
    peer_close(peer);
}

/* B2: small slices are copied, so that a byte does not pin a page. */
Test(buffer, is_not_pinned_by_small_slices)
{
    int peer = peer_connect(server_address(server, 0));
    int other = peer_connect(server_address(server, 0));

    for (unsigned i = 0; i < 1000; i++)
        hold(peer, 6);
    cr_expect_leq(server_figure(server, "pages"), 1);
    cr_expect_gt(server_figure(server, "blocks"), 0);
    peer_send_text(other, "check\n");
    peer_expect_text(other, "right\n");
    peer_send_text(other, "drop\n");
    peer_expect_text(other, "dropped\n");
    peer_close(peer);
    peer_close(other);
}

/* Held slices are dropped by worker_stop at the latest. */
Test(buffer, may_be_held_until_the_worker_stops)
{
    struct server *other = server_with("2", "keeper", NULL);

    for (unsigned i = 0; i < 4; i++) {
        int peer = peer_connect(server_address(other, 0));

        hold(peer, LARGE);
        peer_close(peer);
    }
    server_wait_figure(other, "streams", 0);
    server_signal(other, SIGTERM);
    server_ended(other, 0);
}

/* An unconsumed byte does not pin a page either. */
Test(buffer, is_not_pinned_by_peers_that_send_one_byte_and_stop)
{
    struct crowd crowd;

    crowd_connect(&crowd, server_address(server, 0), 500);
    crowd_send_text(&crowd, "x");
    server_wait_figure(server, "bytes_read", 500);
    cr_expect_leq(server_figure(server, "pages"), 2);
    crowd_reset(&crowd);
}

static void exchange(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        struct crowd crowd;
        uint8_t answers[50];

        crowd_connect(&crowd, server_address(server, 0), 50);
        for (unsigned again = 0; again < 5; again++) {
            crowd_send_text(&crowd, "drop\n");
            for (unsigned k = 0; k < 8; k++)
                crowd_read_bytes(&crowd, answers);
        }
        crowd_reset(&crowd);
        server_wait_figure(server, "streams", 0);
    }
}

/* B4: objects come from free lists: the steady state allocates nothing. */
Test(buffer, and_streams_are_reused_in_the_steady_state)
{
    exchange(20);
    uint64_t warm = server_memory(server);
    exchange(60);
    uint64_t later = server_memory(server);

    if (test_slowness() == 1)
        cr_expect_leq(later, warm + 512 * 1024, "grew by %llu KiB",
                      (unsigned long long)(later - warm) / 1024);
}
