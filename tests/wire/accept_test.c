/* SPDX-License-Identifier: MIT
 *
 * Accepting: spreading connections over workers, and what happens at the limits.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "crowd.h"
#include "peer.h"
#include "server.h"

enum { WORKERS = 8 };

static struct server *dispatching(const char *policy)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "8", "--dispatch", policy, "--listen",
                       test_listen("127.0.0.1:0", "which", NULL) },
    });
}

/* Counts the crowd by worker; each connection was told its worker's index. */
static void count_by_worker(struct crowd *crowd, unsigned *ret_counts)
{
    uint8_t *indexes = test_allocate(crowd->count);

    crowd_read_bytes(crowd, indexes);
    for (unsigned i = 0; i < WORKERS; i++)
        ret_counts[i] = 0;
    for (unsigned i = 0; i < crowd->count; i++) {
        cr_assert_lt(indexes[i], WORKERS);
        ret_counts[indexes[i]]++;
    }
    free(indexes);
}

static void expect_even(const unsigned *counts)
{
    unsigned least = counts[0], most = counts[0];

    for (unsigned i = 1; i < WORKERS; i++) {
        least = counts[i] < least ? counts[i] : least;
        most = counts[i] > most ? counts[i] : most;
    }
    cr_expect_leq(most - least, 1, "from %u to %u connections", least, most);
}

/* L3: 10 000 connections made in one burst and held: the fullest and the emptiest worker differ by
 * at most one. */
static void check_burst(const char *policy)
{
    struct server *server = dispatching(policy);
    struct crowd crowd;
    unsigned counts[WORKERS];

    crowd_connect(&crowd, server_address(server, 0), 10000);
    count_by_worker(&crowd, counts);
    expect_even(counts);
    server_wait_figure(server, "streams", 10000);
    crowd_reset(&crowd);
    server_stop_cleanly(server);
}

Test(accept, spreads_a_burst_of_10000_evenly_by_round_robin)
{
    check_burst("round-robin");
}

Test(accept, spreads_a_burst_of_10000_evenly_by_least)
{
    check_burst("least");
}

/* L3: `least` also fills up what became uneven. */
Test(accept, fills_the_emptier_workers_first_by_least)
{
    struct server *server = dispatching("least");
    struct crowd first, second;
    uint8_t indexes[800];
    unsigned counts[WORKERS];

    crowd_connect(&first, server_address(server, 0), 800);
    crowd_read_bytes(&first, indexes);
    for (unsigned i = 0; i < 800; i++) {
        if (indexes[i] >= 4)
            continue;
        peer_reset(first.fds[i]);
        first.fds[i] = -1;
    }
    server_wait_figure(server, "streams", 400);
    crowd_connect(&second, server_address(server, 0), 400);
    count_by_worker(&second, counts);
    for (unsigned i = 0; i < 4; i++)
        cr_expect_geq(counts[i], 99, "worker %u got %u", i, counts[i]);
    for (unsigned i = 4; i < WORKERS; i++)
        cr_expect_leq(counts[i], 1, "worker %u got %u", i, counts[i]);
    crowd_reset(&first);
    crowd_reset(&second);
    server_stop_cleanly(server);
}

/* L3: `hash` keeps a peer's address on one worker, and different ones apart. */
Test(accept, keeps_a_peer_on_its_worker_by_hash)
{
    struct server *server = dispatching("hash");
    bool used[WORKERS] = { false };
    unsigned used_count = 0;

    for (unsigned host = 1; host <= 60; host++) {
        const char *source = test_text("127.0.1.%u", host);
        uint8_t indexes[3];

        for (unsigned i = 0; i < 3; i++) {
            int peer = peer_connect_with(server_address(server, 0),
                                         &(struct peer_settings){ .source = source });

            peer_read_exactly(peer, &indexes[i], 1);
            peer_reset(peer);
        }
        cr_expect(indexes[0] == indexes[1] && indexes[1] == indexes[2], "%s moved", source);
        used_count += !used[indexes[0]];
        used[indexes[0]] = true;
    }
    cr_expect_geq(used_count, 5, "only %u workers got any of 60 peers", used_count);
    server_stop_cleanly(server);
}

/* With reuseport each worker listens for itself. */
Test(accept, serves_by_every_worker_with_reuseport)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "8", "--accept", "reuseport", "--listen",
                       test_listen("127.0.0.1:0", "which", NULL), "--listen",
                       test_listen("unix:@evf-reuseport", "which", NULL) },
    });
    struct crowd crowd;
    unsigned counts[WORKERS];

    crowd_connect(&crowd, server_address(server, 0), 1000);
    count_by_worker(&crowd, counts);
    for (unsigned i = 0; i < WORKERS; i++)
        cr_expect_gt(counts[i], 0, "worker %u got none", i);
    crowd_reset(&crowd);
    server_wait_figure(server, "streams", 0);

    /* Unix sockets go through the acceptor, evenly. */
    crowd_connect(&crowd, server_address(server, 1), 80);
    count_by_worker(&crowd, counts);
    expect_even(counts);
    crowd_close(&crowd);
    server_stop_cleanly(server);
}

/* L3: the limit refuses at once, tells it once, and takes again when there is room. */
static void check_max_connections(const char *accept)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--accept", accept, "--listen",
                       test_listen("127.0.0.1:0", "which", "max-connections=50") },
    });
    struct crowd crowd, more;
    uint8_t indexes[50];

    crowd_connect(&crowd, server_address(server, 0), 50);
    crowd_read_bytes(&crowd, indexes);
    crowd_connect(&more, server_address(server, 0), 100);
    crowd_expect_gone(&more, 100);
    crowd_close(&more);
    server_wait_figure(server, "connections_refused_limit", 100);
    cr_expect_eq(server_figure(server, "streams"), 50);
    server_wait_log(server, "max-connections");
    cr_expect_leq(server_log_count(server, "max-connections"), 2, "logged per event");

    for (unsigned i = 0; i < 10; i++) {
        peer_reset(crowd.fds[i]);
        crowd.fds[i] = -1;
    }
    server_wait_figure(server, "streams", 40);
    crowd_connect(&more, server_address(server, 0), 10);
    crowd_read_bytes(&more, indexes);
    crowd_reset(&more);
    crowd_reset(&crowd);
    server_stop_cleanly(server);
}

Test(accept, refuses_at_max_connections)
{
    check_max_connections("shared");
}

Test(accept, refuses_at_max_connections_with_reuseport)
{
    check_max_connections("reuseport");
}

static bool all_200_are_decided(void *server)
{
    return server_figure(server, "connections_accepted") +
               server_figure(server, "connections_refused_descriptors") ==
           200;
}

/* Out of descriptors: the rest are closed at once, the CPU stays idle, and service resumes. */
static void check_out_of_descriptors(const char *accept)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--accept", accept, "--listen",
                       test_listen("127.0.0.1:0", "minimal", NULL) },
        .open_files = 64,
    });
    struct crowd crowd, more;
    int64_t refused, streams;
    uint64_t cpu_ms;

    crowd_connect(&crowd, server_address(server, 0), 200);
    cr_assert(wait_until(deadline_usual(), all_200_are_decided, server));
    refused = server_figure(server, "connections_refused_descriptors");
    crowd_expect_gone(&crowd, (unsigned)refused);
    streams = server_figure(server, "streams");
    cr_expect_eq(streams + refused, 200);
    cr_expect_geq(streams, 20, "only %d were served", (int)streams);

    for (unsigned i = 0; i < 200; i++) {
        if (crowd.fds[i] < 0)
            continue;
        peer_send_text(crowd.fds[i], "x");
        peer_expect_text(crowd.fds[i], "x");
    }
    server_wait_log(server, "out of descriptors; ");
    cr_expect_eq(server_log_count(server, "out of descriptors; "), 1, "logged per event");

    for (unsigned i = 0; i < 200 && crowd_standing(&crowd) > streams - 10; i++) {
        if (crowd.fds[i] < 0)
            continue;
        peer_reset(crowd.fds[i]);
        crowd.fds[i] = -1;
    }
    server_wait_figure(server, "streams", streams - 10);
    crowd_connect(&more, server_address(server, 0), 10);
    crowd_send_text(&more, "y");
    for (unsigned i = 0; i < 10; i++)
        peer_expect_text(more.fds[i], "y");

    /* Full again and left alone: nothing moves for a second, and nothing spins. */
    cpu_ms = server_cpu_ms(server);
    cr_expect_not(wait_quietly(more.fds[0], 1000));
    cr_expect_lt(server_cpu_ms(server) - cpu_ms, 100u * test_slowness(), "it spins");
    crowd_reset(&more);
    crowd_reset(&crowd);
    server_stop_cleanly(server);
}

Test(accept, closes_at_once_what_it_has_no_descriptor_for)
{
    check_out_of_descriptors("shared");
}

Test(accept, closes_at_once_what_it_has_no_descriptor_for_with_reuseport)
{
    check_out_of_descriptors("reuseport");
}

/* L3: one busy address does not starve another. */
Test(accept, serves_a_quiet_address_beside_a_busy_one)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--listen", test_listen("127.0.0.1:0", "which", NULL),
                       "--listen", test_listen("127.0.0.1:0", "which", NULL) },
    });
    struct crowd crowd;
    uint8_t index;

    for (unsigned round = 0; round < 5; round++) {
        crowd_connect(&crowd, server_address(server, 0), 1000);
        int quiet = peer_connect(server_address(server, 1));

        peer_read_exactly(quiet, &index, 1);
        peer_reset(quiet);
        crowd_reset(&crowd);
    }
    server_stop_cleanly(server);
}
