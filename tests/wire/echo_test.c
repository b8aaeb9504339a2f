/* SPDX-License-Identifier: MIT
 *
 * Much data there and back: byte for byte, through readers slow and fast, with memory bounded by
 * the marks. By a plugin of our own that pauses itself, and by the one with empty slots, for which
 * the framework does it.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "flow.h"
#include "peer.h"
#include "server.h"

enum { KIB = 1024, MIB = 1024 * KIB };

struct memory {
    struct server *server;
    uint64_t at_start, most, next;
};

static void watch_memory(void *argument, uint64_t received)
{
    struct memory *memory = argument;
    uint64_t now;

    if (received < memory->next)
        return;
    memory->next = received + 512 * KIB;
    now = server_memory(memory->server);
    if (now > memory->most)
        memory->most = now;
}

/* What one stream may hold: its marks, the page that crosses them, and the allocator's slack. */
static void expect_bounded(const struct memory *memory, uint64_t allowed)
{
    uint64_t grown = memory->most > memory->at_start ? memory->most - memory->at_start : 0;

    /* Sanitizers keep freed memory in quarantine: there the bound tells nothing. */
    if (test_slowness() == 1)
        cr_expect_leq(grown, allowed, "grew by %llu KiB", (unsigned long long)grown / KIB);
}

/* S1, S2, S8, B1: 64 MiB in pieces of 1 byte to 1 MiB, through a reader that reads only when it
 * must. */
Test(echo, returns_64_mib_byte_for_byte_through_a_slow_reader)
{
    struct server *server = server_with("1", "minimal", NULL);
    int peer = peer_connect(server_address(server, 0));
    struct memory memory = { .server = server };

    flow_echo(peer, &(struct flow){ .total = MIB,
                                    .send_least = 1,
                                    .send_most = MIB,
                                    .read_most = MIB,
                                    .seed = test_seed() });
    memory.at_start = server_memory(server);
    peer_close(peer);

    peer = peer_connect_with(server_address(server, 0),
                             &(struct peer_settings){ .receive_buffer = 16 * KIB });
    flow_echo(peer, &(struct flow){ .total = 64 * MIB,
                                    .send_least = 1,
                                    .send_most = MIB,
                                    .read_most = 64 * KIB,
                                    .slow_reader = true,
                                    .seed = test_seed(),
                                    .watch = watch_memory,
                                    .argument = &memory });
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);

    /* write_high (256 KiB) of whole pages, times what small slices of a page may pin, is below the
     * 8 MiB of write_max. */
    expect_bounded(&memory, 10 * MIB);
    server_stop_cleanly(server);
}

/* S1: the same in pieces of a few bytes. */
Test(echo, returns_small_pieces_byte_for_byte)
{
    struct server *server = server_with("1", "minimal", NULL);
    int peer = peer_connect_with(server_address(server, 0),
                                 &(struct peer_settings){ .receive_buffer = 8 * KIB });

    flow_echo(peer, &(struct flow){ .total = 2 * MIB,
                                    .send_least = 1,
                                    .send_most = 700,
                                    .read_most = 333,
                                    .slow_reader = true,
                                    .seed = test_seed() });
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
    server_stop_cleanly(server);
}

static void check_kind(const char *plugin, const char *kind)
{
    struct server *server = server_with("1", plugin, NULL);
    int peer = peer_connect_with(server_address(server, 0),
                                 &(struct peer_settings){ .receive_buffer = 8 * KIB });
    unsigned port = peer_port(peer);
    char command[64];

    snprintf(command, sizeof command, "marks 100000 4000000; echo %s\n", kind);
    peer_send_text(peer, command);
    flow_echo(peer, &(struct flow){ .total = 8 * MIB,
                                    .send_least = 1,
                                    .send_most = 200 * KIB,
                                    .read_most = 50001,
                                    .slow_reader = true,
                                    .seed = test_seed() });
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
    server_wait_event(server, port, "close ok");
    cr_expect_eq(server_log_count(server, "wrong"), 0);
    server_wait_figure(server, "owned_held", 0);
    server_stop_cleanly(server);
}

/* S1, S8: each kind of write, with a plugin that pauses at EVF_FULL and resumes at `drain`. */
Test(echo, returns_all_by_copies)
{
    check_kind("probe", "copy");
}

Test(echo, returns_all_by_slices)
{
    check_kind("probe", "slice");
}

Test(echo, returns_all_by_the_input_itself)
{
    check_kind("probe", "input");
}

Test(echo, returns_all_by_static_memory)
{
    check_kind("probe", "static");
}

Test(echo, returns_all_by_owned_memory)
{
    check_kind("probe", "owned");
}

Test(echo, returns_all_by_vectors)
{
    check_kind("probe", "vector");
}

Test(echo, returns_all_by_files)
{
    check_kind("probe", "file");
}

Test(echo, returns_all_by_every_kind_in_turn)
{
    check_kind("probe", "mixed");
}

/* S1, S8: without a drain slot the framework itself stops reading while the queue is full. */
Test(echo, is_held_back_by_the_framework_when_drain_is_left_out)
{
    check_kind("probe_bare", "mixed");
}

/* S8: what is not read back is not read in: a peer that only sends is stopped at the marks. */
Test(echo, stops_reading_from_a_peer_that_does_not_read)
{
    struct server *server = server_with("1", "minimal", "write-high=64k,write-max=1m");
    int peer = peer_connect_with(
        server_address(server, 0),
        &(struct peer_settings){ .receive_buffer = 8 * KIB, .send_buffer = 64 * KIB });
    uint64_t sent = flow_send_until_stuck(peer, 0, 64 * MIB);

    cr_expect_lt(sent, 64 * MIB, "everything was taken");
    cr_expect_eq(server_figure(server, "streams_slow"), 0);
    flow_expect(peer, 0, sent, 0);
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
    server_stop_cleanly(server);
}
