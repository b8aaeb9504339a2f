/* SPDX-License-Identifier: MIT
 *
 * Times: idle times, and the times that a listener sets.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "crowd.h"
#include "flow.h"
#include "peer.h"
#include "server.h"

static struct server *server;

static void begin(void)
{
    server = server_with("1", "probe", NULL);
}

static void finish(void)
{
    server_stop_cleanly(server);
}

TestSuite(idle, .init = begin, .fini = finish);

/* T3: the handler is told, then the stream is closed with an error. */
Test(idle, time_tells_the_handler_and_closes)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);
    uint64_t before = clock_ms();

    peer_send_text(peer, "timeout 250\n");
    peer_expect_gone(peer);
    cr_expect_geq(clock_ms() - before, 249);
    peer_close(peer);
    server_expect_events(server, port, "open; timeout; close ETIMEDOUT");
    server_wait_figure(server, "streams_timed_out", 1);
}

/* T3: `timeout` may keep it, and the time starts anew. */
Test(idle, time_starts_anew_when_the_handler_keeps_the_stream)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);
    uint64_t before = clock_ms();

    peer_send_text(peer, "keep 1; timeout 100\n");
    server_wait_log_count(server, " timeout;", 3);
    cr_expect_geq(clock_ms() - before, 299);
    cr_expect(peer_is_quiet(peer));
    peer_send_text(peer, "keep 0\n");
    peer_expect_gone(peer);
    peer_close(peer);
    server_wait_event(server, port, "close ETIMEDOUT");
}

/* T3: without a timeout slot it is closed. */
Test(idle, time_closes_without_a_timeout_slot)
{
    struct server *bare = server_with("1", "probe_bare", "idle-timeout=200ms");
    int peer = peer_connect(server_address(bare, 0));
    unsigned port = peer_port(peer);

    peer_expect_gone(peer);
    peer_close(peer);
    server_expect_events(bare, port, "open; close ETIMEDOUT");
    server_stop_cleanly(bare);
}

/* T1: any byte read starts it anew. */
Test(idle, time_starts_anew_with_every_read)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "timeout 1000\n");
    for (unsigned i = 0; i < 8; i++) {
        cr_assert_not(wait_quietly(peer, 250), "closed after %u ms", i * 250);
        peer_send_text(peer, " ");
    }
    peer_close(peer);
    server_expect_events(server, port, "open; end; close ok");
}

/* T1: any byte written does too. */
Test(idle, time_starts_anew_with_every_write)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "on timer text x; timer 200\n");
    peer_send_text(peer, "timeout 1000; timer 200\n");
    for (unsigned i = 0; i < 9; i++)
        peer_expect_text(peer, "x");
    cr_expect_eq(server_log_count(server, " timeout;"), 0);
    peer_close(peer);
    server_wait_event(server, port, "close ok");
}

/* T1: 0 turns it off. */
Test(idle, time_can_be_turned_off)
{
    struct server *other = server_with("1", "probe", "idle-timeout=200ms");
    int peer = peer_connect(server_address(other, 0));
    int witness;

    peer_send_text(peer, "timeout 0; text off\n");
    peer_expect_text(peer, "off");
    for (unsigned i = 0; i < 3; i++) {
        witness = peer_connect(server_address(other, 0));
        peer_expect_gone(witness);
        peer_close(witness);
    }
    peer_send_text(peer, "text here\n");
    peer_expect_text(peer, "here");
    peer_close(peer);
    server_stop_cleanly(other);
}

/* T1: it runs also while paused, queued or half-closed. */
Test(idle, time_runs_while_paused)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "pause; timeout 200\n");
    peer_expect_gone(peer);
    peer_close(peer);
    server_expect_events(server, port, "open; timeout; close ETIMEDOUT");
}

Test(idle, time_runs_while_output_waits)
{
    int peer = peer_connect_with(server_address(server, 0),
                                 &(struct peer_settings){ .receive_buffer = 4096 });
    unsigned port = peer_port(peer);

    peer_send_text(peer, "quiet; write copy 6000000; timeout 300\n");
    server_expect_events(server, port, "open; write full; timeout; close ETIMEDOUT");
    peer_close(peer);
}

Test(idle, time_runs_while_half_closed)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "on end say ended; timeout 200\n");
    peer_end(peer);
    peer_expect_gone(peer);
    peer_close(peer);
    server_expect_events(server, port, "open; end; ended; timeout; close ETIMEDOUT");
}

/* T1: a shorter time acts at once. */
Test(idle, time_can_be_shortened)
{
    int peer = peer_connect(server_address(server, 0));
    uint64_t before = clock_ms();

    peer_send_text(peer, "timeout 600000\n");
    peer_send_text(peer, "timeout 100\n");
    peer_expect_gone(peer);
    cr_expect_lt(clock_ms() - before, 600000);
    peer_close(peer);
}

/* T1, T2, T3: 200 connections with different times expire in the order of their deadlines, none
 * early; one timer serves them all. */
Test(idle, times_of_200_connections_expire_in_order_and_none_early)
{
    enum { COUNT = 200 };
    struct server *other = server_with("1", "idle", NULL);
    unsigned files = server_open_files(other);
    struct crowd crowd;
    uint64_t random = test_seed(), last = 0;
    unsigned expired = 0;

    crowd_connect(&crowd, server_address(other, 0), COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        char text[32];

        snprintf(text, sizeof text, "%u\n", 200 + (unsigned)(test_random(&random) % 1500));
        peer_send_text(crowd.fds[i], text);
    }
    for (unsigned i = 0; i < COUNT; i++)
        peer_expect_text(crowd.fds[i], "set\n");
    cr_expect_leq(server_open_files(other), files + COUNT);
    crowd_expect_gone(&crowd, COUNT);
    server_wait_log_count(other, "expired ", COUNT);

    for (const char *at = server_log(other); (at = strstr(at, "expired ")) != NULL; expired++) {
        unsigned long long deadline, now;

        cr_assert_eq(sscanf(at, "expired %llu %llu", &deadline, &now), 2);
        cr_expect_geq(now, deadline, "one expired %llu ms early", deadline - now);
        cr_expect_leq(now, deadline + 3000 * test_slowness(), "one expired %llu ms late",
                      now - deadline);
        cr_expect_geq(deadline, last, "not in the order of deadlines");
        last = deadline;
        at++;
    }
    cr_expect_eq(expired, COUNT);
    crowd_close(&crowd);
    server_stop_cleanly(other);
}

/* The time for the first byte. */
Test(idle, peers_are_closed_when_their_first_byte_does_not_come)
{
    struct server *other = server_with("1", "probe", "first-byte=300ms");
    int silent = peer_connect(server_address(other, 0));
    unsigned silent_port = peer_port(silent);
    int talking = peer_connect(server_address(other, 0));

    peer_send_text(talking, "text hi\n");
    peer_expect_text(talking, "hi");
    peer_expect_gone(silent);
    peer_close(silent);
    server_wait_event(other, silent_port, "close ETIMEDOUT");
    silent = peer_connect(server_address(other, 0));
    peer_expect_gone(silent);
    peer_close(silent);
    peer_send_text(talking, "text still\n");
    peer_expect_text(talking, "still");
    peer_close(talking);
    server_stop_cleanly(other);
}

Test(idle, peers_are_closed_at_their_max_lifetime_even_when_busy)
{
    struct server *other = server_with("1", "probe", "max-lifetime=500ms");
    int peer = peer_connect(server_address(other, 0));
    unsigned port = peer_port(peer);
    uint64_t before = clock_ms();

    while (!wait_quietly(peer, 20))
        peer_send_text(peer, " ");
    peer_expect_gone(peer);
    cr_expect_geq(clock_ms() - before, 499);
    peer_close(peer);
    server_expect_events(other, port, "open; close ELIFETIME");
    server_stop_cleanly(other);
}

struct slow {
    struct server *server;
    int peer;
};

/* Takes some bytes at each look, never so many as it should, but so often that it is never idle. */
static bool closed_for_its_rate(void *argument)
{
    struct slow *slow = argument;
    uint8_t bytes[256];

    if (recv(slow->peer, bytes, sizeof bytes, MSG_DONTWAIT) == 0)
        return true;
    return server_log_count(slow->server, "close ERATE") > 0;
}

/* A peer that takes what it is owed too slowly, for ten seconds; one that is owed nothing, and one
 * that is fast enough, stay. */
Test(idle, peers_below_min_rate_are_closed)
{
    struct server *other =
        server_with("1", "probe", "min-rate=100k,idle-timeout=0,open=quiet;write copy 6000000");
    int slow = peer_connect_with(server_address(other, 0),
                                 &(struct peer_settings){ .receive_buffer = 4096 });
    int quick = peer_connect(server_address(other, 0));
    unsigned port = peer_port(slow);
    uint64_t before = clock_ms();

    flow_expect(quick, 0, 6000000, 0);
    server_wait_event(other, port, "write full");
    cr_assert(wait_until(deadline_in(20000), closed_for_its_rate, &(struct slow){ other, slow }));
    server_wait_event(other, port, "close ERATE");
    cr_expect_geq(clock_ms() - before, 9900);
    peer_close(slow);
    peer_send_text(quick, "text here\n");
    peer_expect_text(quick, "here");
    peer_close(quick);
    server_stop_cleanly(other);
}
