/* SPDX-License-Identifier: MIT
 *
 * Stopping: nothing that a client already sent is lost, what goes on may finish, and what does not
 * end is named.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "crowd.h"
#include "flow.h"
#include "peer.h"
#include "server.h"

/* L6: what waits in the kernel's queue when the stop is asked for is accepted and served. */
static void check_waiting_connections(const char *address, const char *accept)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--accept", accept, "--listen",
                       test_listen(address, "minimal", NULL) },
    });
    int peers[50];

    server_signal(server, SIGSTOP);
    server_wait_stopped(server);
    for (unsigned i = 0; i < 50; i++) {
        peers[i] = peer_connect(server_address(server, 0));
        peer_send_text(peers[i], "a request");
    }
    server_signal(server, SIGTERM);
    server_signal(server, SIGCONT);
    for (unsigned i = 0; i < 50; i++) {
        peer_expect_text(peers[i], "a request");
        peer_expect_end(peers[i]);
        peer_close(peers[i]);
    }
    server_ended(server, 0);
}

Test(stop, serves_50_connections_that_wait_in_the_kernel)
{
    check_waiting_connections("127.0.0.1:0", "shared");
}

Test(stop, serves_50_connections_that_wait_in_the_kernel_with_reuseport)
{
    check_waiting_connections("127.0.0.1:0", "reuseport");
}

Test(stop, serves_50_connections_that_wait_at_a_unix_socket)
{
    const char *folder = test_folder();

    check_waiting_connections(test_text("unix:%s/socket", folder), "shared");
    test_folder_remove(folder);
}

/* What was sent is presented before `quiesce`, also on streams accepted during the stop. */
Test(stop, presents_what_was_sent_before_quiesce)
{
    struct server *server = server_with("1", "probe", NULL);
    int before = peer_connect(server_address(server, 0));
    unsigned before_port = peer_port(before);

    peer_send_text(before, "on quiesce text bye; end\n");
    peer_send_text(before, "say ready\n");
    server_wait_event(server, before_port, "ready");
    server_signal(server, SIGSTOP);
    server_wait_stopped(server);
    int during = peer_connect(server_address(server, 0));
    unsigned during_port = peer_port(during);
    peer_send_text(during, "on quiesce text ciao; end\nsay request\n");
    peer_send_text(before, "say more\n");
    server_signal(server, SIGTERM);
    server_signal(server, SIGCONT);

    peer_expect_text(before, "bye");
    peer_expect_end(before);
    peer_expect_text(during, "ciao");
    peer_expect_end(during);
    peer_close(before);
    peer_close(during);
    server_wait_ended(server, 0);
    server_expect_events(server, before_port,
                         "open; ready; more; quiesce; ending ok; end; close ok");
    server_expect_events(server, during_port, "open; request; quiesce; ending ok; end; close ok");
    server_ended(server, 0);
}

/* A request of which half had come is finished. */
Test(stop, lets_a_half_finished_request_finish)
{
    struct server *server = server_with("2", "probe", NULL);
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "on quiesce say waiting\n");
    peer_send_text(peer, "write copy 100000; te");
    server_wait_figure_from(server, "bytes_read", 44);
    server_signal(server, SIGTERM);
    server_wait_event(server, port, "waiting");
    peer_send_text(peer, "xt done; write copy 10; end\n");
    flow_expect(peer, 0, 100000, 0);
    peer_expect_text(peer, "done");
    flow_expect(peer, 100000, 10, 0);
    peer_expect_end(peer);
    peer_close(peer);
    server_ended(server, 0);
}

/* An empty quiesce slot: flush, then end. */
Test(stop, flushes_and_ends_streams_without_a_quiesce_slot)
{
    struct server *server = server_with("1", "probe_bare", NULL);
    int peer = peer_connect_with(server_address(server, 0),
                                 &(struct peer_settings){ .receive_buffer = 4096 });
    unsigned port = peer_port(peer);

    peer_send_text(peer, "write mixed 6000000\n");
    server_wait_event(server, port, "write full");
    server_signal(server, SIGTERM);
    server_wait_log(server, "stopping");
    flow_expect(peer, 0, 6000000, 0);
    peer_expect_end(peer);
    peer_close(peer);
    server_wait_ended(server, 0);
    server_expect_events(server, port, "open; write full; close ok");
    server_ended(server, 0);
}

/* Nobody is accepted any more. */
Test(stop, refuses_new_connections)
{
    struct server *server = server_with("1", "probe", NULL);
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "on quiesce say waiting\n");
    peer_send_text(peer, "say ready\n");
    server_wait_event(server, port, "ready");
    server_signal(server, SIGINT);
    server_wait_event(server, port, "waiting");
    cr_expect_eq(peer_try_connect(server_address(server, 0)), -ECONNREFUSED);
    peer_close(peer);
    server_ended(server, 0);
}

/* At the end of the grace the rest is closed with -ESHUTDOWN, and that is still orderly. */
Test(stop, closes_what_is_left_at_the_end_of_the_grace)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--grace", "300ms", "--listen",
                       test_listen("127.0.0.1:0", "probe", NULL) },
    });
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "say ready\n");
    server_wait_event(server, port, "ready");
    uint64_t before = clock_ms();
    server_signal(server, SIGTERM);
    server_wait_ended(server, 0);
    cr_expect_geq(clock_ms() - before, 299);
    server_expect_events(server, port, "open; ready; quiesce; close ESHUTDOWN");
    peer_expect_gone(peer);
    peer_close(peer);
    server_ended(server, 0);
}

/* A second signal ends it at once. */
Test(stop, happens_at_once_at_a_second_signal)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--grace", "1h", "--listen",
                       test_listen("127.0.0.1:0", "probe", NULL) },
    });
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "on quiesce say waiting\n");
    peer_send_text(peer, "say ready\n");
    server_wait_event(server, port, "ready");
    server_signal(server, SIGTERM);
    server_wait_event(server, port, "waiting");
    server_signal(server, SIGTERM);
    server_wait_ended(server, 0);
    server_expect_events(server, port, "open; ready; quiesce; waiting; close ESHUTDOWN");
    peer_close(peer);
    server_ended(server, 0);
}

/* A callback that never returns is named, and the status is 1. */
Test(stop, names_a_callback_that_never_returns)
{
    struct server *server = server_with("2", "stall", NULL);
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "forever\n");
    server_wait_log(server, "going to hang");
    server_signal(server, SIGTERM);
    server_wait_log(server, "stopping");
    server_signal(server, SIGTERM);
    server_wait_ended(server, 1);
    server_wait_log(server, "`data` of plugin stall does not return");
    peer_close(peer);
    server_ended(server, 1);
}

/* So is offloaded work. */
Test(stop, names_offloaded_work_that_never_returns)
{
    struct server *server = server_with("1", "stall", NULL);
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "offload\nping\n");
    peer_expect(peer, "\0pong\n", 6);
    peer_close(peer);
    server_signal(server, SIGTERM);
    server_wait_log(server, "stopping");
    server_signal(server, SIGTERM);
    server_wait_ended(server, 1);
    server_wait_log(server, "offloaded work does not return");
    server_ended(server, 1);
}

/* A callback that takes long, but returns within the grace, is waited for. */
Test(stop, waits_for_a_callback_that_returns_in_time)
{
    struct server *server = server_with("1", "stall", NULL);
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "ping\n");
    peer_expect(peer, "\0pong\n", 6);
    peer_send_text(peer, "block 700\n");
    server_signal(server, SIGTERM);
    peer_expect_text(peer, "unblocked\n");
    peer_expect_end(peer);
    peer_close(peer);
    server_ended(server, 0);
}

/* Under load: clients that send one request after the other see every answer and then the end,
 * never a reset. */
Test(stop, loses_no_answer_under_load)
{
    struct server *server = server_with("2", "minimal", NULL);
    struct crowd crowd;
    uint8_t bytes[200];

    crowd_connect(&crowd, server_address(server, 0), 200);
    for (unsigned round = 0; round < 20; round++) {
        crowd_send_text(&crowd, "x");
        crowd_read_bytes(&crowd, bytes);
    }
    crowd_send_text(&crowd, "y");
    server_signal(server, SIGTERM);
    for (unsigned i = 0; i < 200; i++) {
        peer_expect_text(crowd.fds[i], "y");
        peer_expect_end(crowd.fds[i]);
    }
    crowd_close(&crowd);
    server_ended(server, 0);
}

/* The order of a plugin's stops: every worker_stop, then every stop. */
Test(stop, runs_every_worker_stop_before_any_stop)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--listen",
                       test_listen("127.0.0.1:0", "starter", "label=one"), "--listen",
                       test_listen("127.0.0.1:0", "starter", "label=two") },
    });

    server_signal(server, SIGTERM);
    server_wait_ended(server, 0);
    cr_expect_eq(server_log_count(server, ": worker_stop"), 4);
    cr_expect_eq(server_log_count(server, "one: stop"), 1);
    cr_expect_eq(server_log_count(server, "two: stop"), 1);
    const char *log = server_log(server), *last = NULL;
    for (const char *at = log; (at = strstr(at, ": worker_stop")) != NULL; at++)
        last = at;
    cr_expect_lt(last, strstr(log, "one: stop"));
    cr_expect_lt(last, strstr(log, "two: stop"));
    server_ended(server, 0);
}
