/* SPDX-License-Identifier: MIT
 *
 * A callback that holds its worker is told, once, with a backtrace from inside; what only looks
 * like one is not.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "server.h"

static struct server *watched(const char *warn, const char *format)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--dispatch", "round-robin", "--stall-warn", warn,
                       "--log-format", format, "--listen",
                       test_listen("127.0.0.1:0", "hold", NULL) },
    });
}

static void expect_line(struct server *server, const char *begin, const char *and)
{
    char line[1100];

    server_log_line(server, begin, line, sizeof line);
    cr_assert_not_null(strstr(line, and), "\"%s\" is not in: %s", and, line);
}

/* Held until the test lets go: told meanwhile, and not again. */
static void hold(const char *command, const char *callback, const char *function, bool with_stream)
{
    struct server *server = watched("100ms", "text");
    int held = peer_connect(server_address(server, 0)), other;
    unsigned port = peer_port(held);

    peer_send_text(held, test_text("%s\n", command));
    server_wait_log(server, test_text(" %s+0x", function));
    expect_line(server, "stall: `",
                test_text("`%s` of plugin hold 2.0.1 (%s) on worker 0, for ", callback,
                          test_plugin("hold")));
    expect_line(server, test_text(" %s+0x", function), " at wire/plugins/hold.c:");
    expect_line(server, "stall: `", "warn");
    if (with_stream)
        expect_line(server, "stall: `", test_text("127.0.0.1:%u: ", port));

    cr_expect_not(wait_quietly(held, 300), "it was let go by itself");
    other = peer_connect(server_address(server, 0));
    peer_send_text(other, "go\n");
    peer_expect_text(other, "gone\n");
    peer_expect_text(held, "held\n");
    cr_expect_eq(server_log_count(server, "stall: `"), 1);
    cr_expect_eq(server_figure(server, "stalls"), 1);
    peer_close(held);
    peer_close(other);
    server_stop_cleanly(server);
}

Test(stall, of_a_callback_that_computes)
{
    hold("data busy", "data", "compute_for_long", true);
}

Test(stall, of_a_callback_that_sleeps)
{
    hold("data sleep", "data", "sleep_for_long", true);
}

Test(stall, of_a_timer)
{
    hold("timer busy", "timer", "compute_for_long", false);
}

Test(stall, is_told_in_json_with_its_facts)
{
    struct server *server = watched("100ms", "json");
    int held = peer_connect(server_address(server, 0)), other;

    peer_send_text(held, "data busy\n");
    server_wait_log(server, " compute_for_long+0x");
    expect_line(server, "stall: `", "\"plugin\":\"hold\"");
    expect_line(server, "stall: `", "\"worker\":0");
    expect_line(server, " compute_for_long+0x",
                test_text("\"peer\":\"127.0.0.1:%u\"", peer_port(held)));
    other = peer_connect(server_address(server, 0));
    peer_send_text(other, "go\n");
    peer_expect_text(held, "held\n");
    peer_close(held);
    peer_close(other);
    server_stop_cleanly(server);
}

/* Sends the command, and nothing is told. */
static void expect_silence(struct server *server, const char *command)
{
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, test_text("%s\n", command));
    peer_expect_text(peer, "held\n");
    peer_close(peer);
    cr_expect_eq(server_log_count(server, "stall: `"), 0);
    cr_expect_eq(server_figure(server, "stalls"), 0);
    server_stop_cleanly(server);
}

Test(stall, of_a_worker_that_sleeps_is_none)
{
    struct server *server = watched("10ms", "text");
    int peer = peer_connect(server_address(server, 0));

    cr_expect_not(wait_quietly(peer, 300));
    cr_expect_eq(server_figure(server, "stalls"), 0);
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(stall, of_many_short_callbacks_in_a_turn_is_none)
{
    expect_silence(watched("100ms", "text"), "many");
}

Test(stall, is_not_told_when_that_is_turned_off)
{
    expect_silence(watched("0", "text"), "for 400");
}

Test(stall, below_the_limit_is_none)
{
    expect_silence(watched("10s", "text"), "for 300");
}

/* The time that the whole process stood still is nobody's. */
Test(stall, of_a_stopped_process_is_none)
{
    struct server *server = watched("500ms", "text");
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "for 200\n");
    server_wait_log(server, "computing");
    server_signal(server, SIGSTOP);
    server_wait_stopped(server);
    cr_expect_not(wait_quietly(peer, 1500), "it was not stopped");
    server_signal(server, SIGCONT);
    peer_expect_text(peer, "held\n");
    cr_expect_eq(server_figure(server, "stalls"), 0);
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(stall, limit_out_of_range_is_refused)
{
    launcher_refuses(&(struct server_spec){ .arguments = { "--stall-warn", "1ms" } }, 2,
                     "--stall-warn");
}
