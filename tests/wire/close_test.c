/* SPDX-License-Identifier: MIT
 *
 * How streams end: from either side, orderly or by force, in every state; and that nothing is left.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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
    server_wait_figure(server, "owned_held", 0);
    server_stop_cleanly(server);
}

TestSuite(close, .init = begin, .fini = finish);

static int narrow_peer(void)
{
    return peer_connect_with(server_address(server, 0),
                             &(struct peer_settings){ .receive_buffer = 4096 });
}

/* S5, S7: reported once; the write side stays open until the handler ends it. */
Test(close, leaves_the_write_side_open_after_the_peers_end)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "on end state; write copy 100; ended; timer 20\n");
    peer_send_text(peer, "on timer write copy 50; end\n");
    peer_send_text(peer, "on close state\n");
    peer_end(peer);
    flow_expect(peer, 0, 150, 0);
    peer_expect_end(peer);
    peer_close(peer);

    server_expect_events(server, port,
                         "open; end; state write-only; write flushed; ended 1; timer; "
                         "write flushed; ending ok; state closed; close ok");
}

/* S5: leaving `end` out means: flush, then close. */
Test(close, flushes_and_closes_when_end_is_left_out)
{
    struct server *bare = server_with("1", "probe_bare", NULL);
    int peer = peer_connect_with(server_address(bare, 0),
                                 &(struct peer_settings){ .receive_buffer = 4096 });
    unsigned port = peer_port(peer);

    peer_send_text(peer, "write copy 6000000\n");
    peer_end(peer);
    server_wait_event(bare, port, "write full");
    flow_expect(peer, 0, 6000000, 0);
    peer_expect_end(peer);
    peer_close(peer);

    server_expect_events(bare, port, "open; write full; close ok");
    server_stop_cleanly(bare);
}

/* S4, S7: half-close from the server: the peer's data still comes. */
Test(close, still_reads_after_its_own_end)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "end; state\n");
    peer_expect_end(peer);
    peer_send_text(peer, "say heard\n");
    server_wait_event(server, port, "heard");
    peer_end(peer);
    server_expect_events(server, port, "open; ending ok; state read-only; heard; end; close ok");
    peer_close(peer);
}

/* S4: one segment has both, so the peer that sees the bytes has seen the end. */
Test(close, brings_the_last_words_together_with_the_end)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "last good bye; state\n");
    struct pollfd both = { .fd = peer, .events = POLLIN | POLLRDHUP };
    cr_assert_eq(poll(&both, 1, 10000), 1);
    cr_assert_eq(both.revents, POLLIN | POLLRDHUP);
    peer_expect_text(peer, "good bye");
    peer_expect_end(peer);
    peer_send_text(peer, "say heard\n");
    server_wait_event(server, port, "heard");
    peer_end(peer);
    server_expect_events(server, port, "open; last flushed; state read-only; heard; end; close ok");
    peer_close(peer);
}

/* The same behind more than the kernel takes at once. */
Test(close, brings_the_last_words_behind_what_is_queued)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);

    peer_send_text(peer, "write copy 6000000; last good bye\n");
    server_wait_event(server, port, "last full");
    flow_expect(peer, 0, 6000000, 0);
    peer_expect_text(peer, "good bye");
    peer_expect_end(peer);
    peer_close(peer);
    server_expect_events(server, port, "open; write full; last full; drain 0; end; close ok");
}

/* S6, S7: nothing is called inside the call; facts stay right; `close` follows with its reason. */
Test(close, by_force_is_reported_later_and_once)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "on close state; write copy 10; end; bytes\n");
    peer_send_text(peer, "write copy 7; close; say after; state; write copy 5; resume; timeout 5; "
                         "end\n");
    peer_expect_gone(peer);
    peer_close(peer);

    server_expect_events(server, port,
                         "open; write flushed; after; state closed; write EPIPE; ending EPIPE; "
                         "state closed; write EPIPE; ending EPIPE; bytes 118 7; close ok");
}

/* S6 */
Test(close, keeps_the_first_reason)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "close-with 104; close; close-with 110; reset\n");
    peer_expect_gone(peer);
    peer_close(peer);
    server_expect_events(server, port, "open; close ECONNRESET");
    server_wait_figure(server, "streams_failed", 1);
}

Test(close, by_reset_is_seen_as_a_reset)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "reset\n");
    peer_expect_reset(peer);
    peer_close(peer);
    server_expect_events(server, port, "open; close ok");
}

Test(close, is_possible_in_open)
{
    struct server *other = server_with("1", "probe", "open=state;write copy 10;close");
    int peer = peer_connect(server_address(other, 0));
    unsigned port = peer_port(peer);

    flow_expect(peer, 0, 10, 0);
    peer_expect_end(peer);
    peer_close(peer);
    server_expect_events(other, port, "open; state open; write flushed; close ok");
    server_stop_cleanly(other);
}

static void reset_in(const char *commands, const char *wait_for, const char *expected)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);

    peer_send_text(peer, commands);
    server_wait_event(server, port, wait_for);
    peer_reset(peer);
    server_expect_events(server, port, expected);
}

/* S6, S7: RST from the peer in every state. */
Test(close, reports_a_reset_while_open)
{
    reset_in("say ready\n", "ready", "open; ready; close ECONNRESET");
}

Test(close, reports_a_reset_while_read_only)
{
    reset_in("end\n", "ending ok", "open; ending ok; close ECONNRESET");
}

Test(close, reports_a_reset_with_output_queued)
{
    reset_in("write owned 6000000; write slice 100000; write file 100000\n", "write full",
             "open; write full; write full; write full; close ECONNRESET");
}

Test(close, reports_a_reset_with_an_end_queued)
{
    reset_in("write owned 6000000; end\n", "ending ok",
             "open; write full; ending ok; close ECONNRESET");
}

Test(close, reports_a_reset_with_input_unconsumed)
{
    reset_in("say ready\nunfinished", "ready", "open; ready; close ECONNRESET");
}

Test(close, reports_a_reset_of_a_paused_stream_when_it_resumes)
{
    reset_in("on timer resume\npause; timer 200\n", "open", "open; timer; close ECONNRESET");
}

Test(close, reports_a_reset_while_write_only)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);
    char reason[64];

    peer_send_text(peer, "on end write owned 6000000\n");
    peer_end(peer);
    server_wait_event(server, port, "write full");
    peer_reset(peer);
    server_event_text(server, port, "close ", reason, sizeof reason);
    cr_expect(strcmp(reason, "ECONNRESET") == 0 || strcmp(reason, "EPIPE") == 0, "%s", reason);
    cr_expect_eq(server_log_count(server, " drain "), 0);
}

/* A connection that was reset before it was accepted: nothing is left of it either way. */
Test(close, survives_a_reset_before_accept)
{
    int peers[20];

    server_signal(server, SIGSTOP);
    server_wait_stopped(server);
    for (size_t i = 0; i < 20; i++) {
        peers[i] = peer_connect(server_address(server, 0));
        peer_send_text(peers[i], "write copy 1000\n");
    }
    for (size_t i = 0; i < 20; i++)
        peer_reset(peers[i]);
    server_signal(server, SIGCONT);

    int last = peer_connect(server_address(server, 0));
    peer_send_text(last, "text hello\n");
    peer_expect_text(last, "hello");
    peer_close(last);
}

/* After evf_end the peer has the linger time to end its own side. */
Test(close, ends_a_peer_that_lingers)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);
    uint64_t before = clock_ms();

    peer_send_text(peer, "linger 300; end\n");
    peer_expect_end(peer);
    server_expect_events(server, port, "open; ending ok; close ok");
    cr_expect_geq(clock_ms() - before, 300);
    peer_close(peer);
}

Test(close, lets_a_peer_linger_without_bound_when_told_so)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "linger 100; linger 0; end\n");
    peer_expect_end(peer);
    server_wait_event(server, port, "ending ok");
    /* Another one's linger time passes meanwhile. */
    int witness = peer_connect(server_address(server, 0));
    unsigned witness_port = peer_port(witness);
    peer_send_text(witness, "linger 400; end\n");
    server_wait_event(server, witness_port, "close ok");
    peer_close(witness);
    peer_send_text(peer, "say here\n");
    server_wait_event(server, port, "here");
    peer_close(peer);
    server_expect_events(server, port, "open; ending ok; here; end; close ok");
}

/* And at most 1 MiB more input. */
Test(close, bounds_the_input_of_a_peer_that_lingers)
{
    static const char filling[65536];
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);
    uint64_t deadline = deadline_usual(), sent = 0;

    peer_send_text(peer, "linger 60000; quiet; raw 1000000000; end\n");
    peer_expect_end(peer);
    for (;;) {
        ssize_t len = send(peer, filling, sizeof filling, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (len < 0 && errno != EAGAIN)
            break;
        sent += len > 0 ? (uint64_t)len : 0;
        cr_assert_lt(sent, 64u << 20, "input is not bounded");
        if (len < 0)
            cr_assert(wait_for_fd(peer, POLLOUT, deadline));
    }
    peer_close(peer);
    server_wait_event(server, port, "close ok");
    cr_expect_geq(sent, 1u << 20);
}

/* A client that is killed in the middle of things. */
Test(close, leaves_nothing_of_clients_that_were_killed)
{
    pid_t children[8];

    for (size_t i = 0; i < 8; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            int peer = narrow_peer();

            peer_send_text(peer, i % 2 == 0 ? "write mixed 6000000; say stuck\n" : "echo mixed\n");
            if (i % 2 == 1)
                flow_send_until_stuck(peer, 0, 64u << 20);
            for (;;)
                poll(NULL, 0, 1000);
        }
    }
    server_wait_log_count(server, " stuck;", 4);
    server_wait_figure(server, "streams", 8);
    server_wait_figure_from(server, "write_queues", 5);
    for (size_t i = 0; i < 8; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    server_wait_figure(server, "streams", 0);
}

/* S6: the launcher fills descriptors 0 to 2, so no connection ever has one of those. */
Test(close, closes_connections_of_a_server_started_without_input)
{
    struct server *other = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen("127.0.0.1:0", "minimal", NULL) },
        .without_input = true,
    });

    for (unsigned i = 0; i < 5; i++) {
        int peer = peer_connect(server_address(other, 0));

        peer_send_text(peer, "hello");
        peer_expect_text(peer, "hello");
        peer_end(peer);
        peer_expect_end(peer);
        peer_close(peer);
    }
    server_stop_cleanly(other);
}

/* S6, B4: 10 000 connects and closes leave no stream, page, timer or descriptor. */
Test(close, leaves_nothing_of_10000_connections)
{
    struct server *other = server_with("2", "minimal", NULL);

    for (unsigned round = 0; round < 20; round++) {
        struct crowd crowd;

        crowd_connect(&crowd, server_address(other, 0), 500);
        if (round % 2 == 0)
            crowd_send_text(&crowd, "x");
        if (round % 4 < 2)
            crowd_reset(&crowd);
        else
            crowd_close(&crowd);
    }
    server_wait_figure(other, "connections_accepted", 10000);
    server_expect_at_rest(other);
    cr_expect_eq(server_figure(other, "streams_opened") +
                     server_figure(other, "connections_never_opened"),
                 10000);
    cr_expect_eq(server_figure(other, "streams_opened"), server_figure(other, "streams_closed"));
    server_stop_cleanly(other);
}
