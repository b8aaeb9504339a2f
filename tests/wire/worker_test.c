/* SPDX-License-Identifier: MIT
 *
 * Workers as plugins see them: the order of a turn, timers, posts, blocking work, walks, figures;
 * and one that stalls.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"
#include "peer.h"
#include "server.h"

static void ask(int peer, const char *question, const char *answer)
{
    peer_send_text(peer, question);
    peer_expect_text(peer, answer);
}

/* Mailbox before input and output before timers before closes; a drain before the data. */
Test(worker, runs_the_steps_of_a_turn_in_their_order)
{
    struct server *server = server_with("1", "turn", NULL);
    int victim = peer_connect(server_address(server, 0));
    int peer = peer_connect(server_address(server, 0));

    ask(victim, "victim\n", "ready\n");
    ask(peer, "turn\n?", "corked returned close post drain data timer \n");
    peer_expect_gone(victim);
    peer_close(victim);
    peer_close(peer);
    server_stop_cleanly(server);
}

/* A close that a `close` callback asks for comes in the next turn, which does not sleep. */
Test(worker, goes_on_when_a_close_callback_closes_another_stream)
{
    struct server *server = server_with("1", "turn", NULL);
    int victim = peer_connect(server_address(server, 0));
    int peer = peer_connect(server_address(server, 0));

    ask(victim, "victim\n", "ready\n");
    peer_send_text(peer, "closes\n");
    peer_expect_gone(peer);
    peer_expect_gone(victim);
    server_expect_events(server, peer_port(victim), "close ok");
    peer_close(victim);
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(worker, fires_timers_in_the_order_of_their_deadlines_and_never_early)
{
    struct server *server = server_with("1", "timers", NULL);
    int peer = peer_connect(server_address(server, 0));

    for (unsigned i = 0; i < 10; i++) {
        char line[128];

        peer_send_text(peer, "order\n");
        peer_read_line(peer, line, sizeof line);
        /* 3 and 6 have the same time. */
        cr_expect(strcmp(line, "order 7 4 1 3 6 0 5 2") == 0 ||
                      strcmp(line, "order 7 4 1 6 3 0 5 2") == 0,
                  "%s", line);
    }
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(worker, lets_timers_be_stopped_and_started_in_their_callbacks)
{
    struct server *server = server_with("1", "timers", NULL);
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "stop\n", "stop first\n");
    ask(peer, "restart\n", "restart 1\n");
    ask(peer, "zero\n", "zero 5 turns\n");
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(worker, has_clocks)
{
    struct server *server = server_with("1", "timers", NULL);
    int peer = peer_connect(server_address(server, 0));
    unsigned long long now[2], wall[2];
    char line[128];

    for (unsigned i = 0; i < 2; i++) {
        peer_send_text(peer, "clock\n");
        peer_read_line(peer, line, sizeof line);
        cr_assert_eq(sscanf(line, "clock %llu %llu", &now[i], &wall[i]), 2, "%s", line);
        ask(peer, "restart\n", "restart 1\n");
    }
    cr_expect_geq(now[1] - now[0], 80);
    cr_expect_geq(wall[1] - wall[0], 70);
    cr_expect_leq(clock_ms() - now[1], 60000);
    peer_close(peer);
    server_stop_cleanly(server);
}

/* Posts run in the order of one sender, on every worker; replies cannot fail. */
Test(worker, receives_posts_in_the_order_of_their_sender)
{
    struct server *server = server_with("4", "posts", NULL);
    int peers[8];

    for (unsigned i = 0; i < 8; i++)
        peers[i] = peer_connect(server_address(server, 0));
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 8; i++)
            peer_send_text(peers[i], "spread 100\n");
        for (unsigned i = 0; i < 8; i++)
            peer_expect_text(peers[i], "spread ok\n");
    }
    server_wait_figure(server, "posts_run", 20 * 8 * 4 * 101);
    for (unsigned i = 0; i < 8; i++) {
        ask(peers[i], "self\n", "self\n");
        peer_close(peers[i]);
    }
    server_stop_cleanly(server);
}

/* A full mailbox refuses, and what it took all runs. */
Test(worker, refuses_posts_when_its_mailbox_is_full)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--mailbox", "100", "--listen",
                       test_listen("127.0.0.1:0", "posts", NULL) },
    });
    int peer = peer_connect(server_address(server, 0));

    for (unsigned i = 0; i < 5; i++)
        ask(peer, "full\n", "full EAGAIN 100\nran 100\n");
    cr_expect_geq(server_figure(server, "posts_refused"), 5);
    peer_close(peer);
    server_stop_cleanly(server);
}

/* Blocking work does not block the worker. */
Test(worker, serves_on_while_offloaded_work_blocks)
{
    struct server *server = server_with("1", "posts", NULL);
    int peer = peer_connect(server_address(server, 0));
    int other = peer_connect(server_address(server, 0));

    ask(peer, "offload 1000\n", "offloaded\n");
    for (unsigned i = 0; i < 50; i++)
        ask(other, "ping\n", "pong\n");
    cr_expect(peer_is_quiet(peer), "the work was done too early, or it blocked the worker");
    peer_expect_text(peer, "done\n");
    peer_close(peer);
    peer_close(other);
    server_stop_cleanly(server);
}

/* Work whose stream is gone when it is done. */
Test(worker, may_lose_the_stream_while_work_is_under_way)
{
    struct server *server = server_with("1", "posts", NULL);
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "offload 200\n", "offloaded\n");
    peer_reset(peer);
    server_wait_figure(server, "streams", 0);
    server_stop_cleanly(server);
}

Test(worker, refuses_work_when_too_much_waits)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--offload-threads", "2", "--offload-queue", "10",
                       "--listen", test_listen("127.0.0.1:0", "posts", NULL) },
    });
    int peer = peer_connect(server_address(server, 0));
    unsigned taken = 0, refused = 0, other = 0;
    char line[64];

    peer_send_text(peer, "crowd 40\n");
    peer_read_line(peer, line, sizeof line);
    cr_assert_eq(sscanf(line, "crowd %u %u %u", &taken, &refused, &other), 3, "%s", line);
    cr_expect(taken >= 10 && taken <= 12, "%s", line);
    cr_expect_eq(taken + refused, 40);
    cr_expect_eq(server_figure(server, "offload_refused"), refused);
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(worker, walks_over_its_streams)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen("127.0.0.1:0", "walk", NULL),
                       "--listen", test_listen("127.0.0.1:0", "walk", NULL) },
    });
    int peer = peer_connect(server_address(server, 0));
    int other = peer_connect(server_address(server, 1));
    struct crowd crowd;

    ask(peer, "count\n", "count 1\n");
    crowd_connect(&crowd, server_address(server, 0), 30);
    server_wait_figure(server, "streams", 32);
    ask(peer, "count\n", "count 31\n");
    ask(other, "count\n", "count 1\n");
    ask(peer, "nested\n", "nested 31 961\n");
    ask(peer, "close\n", "close 30 1\n");
    crowd_expect_gone(&crowd, 30);
    ask(peer, "count\n", "count 1\n");
    crowd_close(&crowd);
    peer_close(peer);
    peer_close(other);
    server_stop_cleanly(server);
}

/* By id: found while it lives, and no more from the moment it was closed. */
Test(worker, finds_streams_by_id_until_they_are_closed)
{
    struct server *server = server_with("1", "walk", NULL);
    int first = peer_connect(server_address(server, 0));
    int second = peer_connect(server_address(server, 0));

    ask(first, "find\n", "find 1\n");
    ask(second, "look\n", "found 1\n");
    ask(second, "close-last\n", "found 0\n");
    ask(second, "look\n", "found 0\n");
    peer_expect_gone(first);
    peer_close(first);
    peer_close(second);
    server_stop_cleanly(server);
}

/* Counters and gauges of plugins, summed over the workers. */
Test(worker, adds_up_figures_of_plugins)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "4", "--dispatch", "round-robin", "--listen",
                       test_listen("127.0.0.1:0", "tally", NULL) },
    });
    int peers[8];

    for (unsigned i = 0; i < 8; i++) {
        peers[i] = peer_connect(server_address(server, 0));
        ask(peers[i], "hello\n", "ok\n");
    }
    server_wait_figure(server, "tally_bytes", 48);
    server_wait_figure(server, "tally_present", 8);
    for (unsigned i = 0; i < 4; i++)
        ask(peers[i], "set 10\n", "ok\n");
    server_wait_figure(server, "tally_level", 40);
    ask(peers[0], "set -7\n", "ok\n");
    server_wait_figure(server, "tally_level", 23);
    for (unsigned i = 0; i < 8; i++)
        peer_close(peers[i]);
    server_wait_figure(server, "tally_present", 0);
    server_stop_cleanly(server);
}

/* Two of them on one name keep theirs apart. */
Test(worker, keeps_figures_of_instances_apart)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen("127.0.0.1:0", "tally", NULL),
                       "--listen", test_listen("[::1]:0", "tally", NULL) },
    });
    int peer = peer_connect(server_address(server, 1));

    ask(peer, "hello\n", "ok\n");
    server_figure(server, "turns");
    server_wait_log(server, "figure 127.0.0.1:0=tally tally_bytes=0");
    server_wait_log(server, "figure [::1]:0=tally tally_bytes=6");
    peer_close(peer);
    server_stop_cleanly(server);
}

/* One worker stalled by a plugin that blocks 2 s: the other one and accepting go on; afterwards no
 * stream is closed as idle whose bytes had come in the meantime. */
Test(worker, that_stalls_harms_nobody_else)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--dispatch", "round-robin", "--listen",
                       test_listen("127.0.0.1:0", "stall", "idle-timeout=1s") },
    });
    int blocker = -1, same[10], same_count = 0, free_one;
    uint8_t index, blocked_index;

    blocker = peer_connect(server_address(server, 0));
    peer_read_exactly(blocker, &blocked_index, 1);
    while (same_count < 10) {
        int peer = peer_connect(server_address(server, 0));

        peer_read_exactly(peer, &index, 1);
        if (index == blocked_index)
            same[same_count++] = peer;
        else
            peer_reset(peer);
    }
    peer_send_text(blocker, "block 2000\n");

    /* New connections still come to the other worker, and are answered while ours is blocked. */
    free_one = -1;
    for (unsigned i = 0; i < 4 && free_one < 0; i++) {
        int peer = peer_connect(server_address(server, 0));

        if (wait_quietly(peer, 200 * test_slowness())) {
            peer_read_exactly(peer, &index, 1);
            cr_expect_neq(index, blocked_index);
            free_one = peer;
        } else {
            peer_reset(peer);
        }
    }
    cr_assert_geq(free_one, 0, "nobody was accepted while one worker stalled");
    unsigned answered = 0;
    for (; peer_is_quiet(blocker); answered++) {
        ask(free_one, "ping\n", "pong\n");
        /* By now the worker is blocked: what it has not read yet comes in the meantime. */
        for (int i = 0; answered == 50 && i < same_count; i++)
            peer_send_text(same[i], "ping\n");
    }
    cr_expect_geq(answered, 100, "the other worker answered %u times meanwhile", answered);
    peer_expect_text(blocker, "unblocked\n");
    for (int i = 0; i < same_count; i++) {
        peer_expect_text(same[i], "pong\n");
        peer_close(same[i]);
    }
    peer_close(free_one);
    peer_close(blocker);
    server_wait_figure(server, "streams", 0);
    cr_expect_eq(server_log_count(server, " timeout;"), 0, "%s", server_log(server));
    server_stop_cleanly(server);
}
