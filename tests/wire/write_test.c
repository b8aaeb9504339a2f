/* SPDX-License-Identifier: MIT
 *
 * Writing: straight to the socket, queued, corked, refused; what is owed and what is told. The
 * peer reads slowly or not at all; the probe reports what its calls answered.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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

TestSuite(write, .init = begin, .fini = finish);

/* A peer whose small window makes the kernel refuse most of a large write. */
static int narrow_peer(void)
{
    return peer_connect_with(server_address(server, 0),
                             &(struct peer_settings){ .receive_buffer = 4096 });
}

/* S1 */
Test(write, goes_straight_to_the_socket_when_nothing_is_queued)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "write copy 1000; queued; bytes; write copy 0\n");

    flow_expect(peer, 0, 1000, 0);
    peer_close(peer);
    server_expect_events(server, port,
                         "open; write flushed; queued 0; bytes 45 1000; write flushed; end; "
                         "close ok");
}

/* S1: what the kernel refused continues at the exact byte, whatever the piece came from, and S3:
 * what is written meanwhile comes behind it, and S4: the end behind that. */
static void check_partial_write(const char *kind)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);
    char commands[200];

    snprintf(commands, sizeof commands,
             "marks 262144 64000000; write %s 6000000; write %s 777; write %s 100001; write copy "
             "5; end\n",
             kind, kind, kind);
    peer_send_text(peer, commands);

    server_wait_event(server, port, "ending ok");
    flow_expect(peer, 0, 6100783, 1021);
    peer_expect_end(peer);
    peer_close(peer);
    server_expect_events(server, port,
                         "open; write full; write full; write full; write full; ending ok; "
                         "drain 0; end; close ok");
}

Test(write, continues_a_partial_copy_at_the_exact_byte)
{
    check_partial_write("copy");
}

Test(write, continues_a_partial_slice_at_the_exact_byte)
{
    check_partial_write("slice");
}

Test(write, continues_a_partial_static_piece_at_the_exact_byte)
{
    check_partial_write("static");
}

Test(write, continues_a_partial_owned_piece_at_the_exact_byte)
{
    check_partial_write("owned");
}

Test(write, continues_a_partial_vector_at_the_exact_byte)
{
    check_partial_write("vector");
}

Test(write, continues_a_partial_file_at_the_exact_byte)
{
    check_partial_write("file");
}

/* S1, S3: pieces of all kinds in one queue, of every size, stay in order. */
Test(write, keeps_the_order_of_mixed_pieces)
{
    static const unsigned sizes[] = { 1, 13, 1023, 1024, 4096, 65536, 100003, 7, 300000, 2 };
    int peer = narrow_peer();
    uint64_t total = 0;

    peer_send_text(peer, "marks 1000000 64000000; write file 400000\n");
    total += 400000;
    for (unsigned round = 0; round < 10; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            char command[64];

            snprintf(command, sizeof command, "write mixed %u\n", sizes[i]);
            peer_send_text(peer, command);
            total += sizes[i];
        }
    }
    peer_send_text(peer, "end\n");

    flow_expect(peer, 0, total, 3001);
    peer_expect_end(peer);
    peer_close(peer);
}

/* S2: once per emptied queue, when it is all out, and never when nothing was owed. */
Test(write, owes_one_drain_for_each_emptied_queue)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);

    peer_send_text(peer, "write copy 10; write copy 6000000; write copy 10; write copy 0\n");
    server_wait_log_count(server, " write full;", 3);
    flow_expect(peer, 0, 1000000, 0);
    cr_expect_eq(server_log_count(server, " drain "), 0, "drained with much of it unread");
    flow_expect(peer, 1000000, 5000020, 0);
    server_wait_event(server, port, "drain 0");
    peer_send_text(peer, "write copy 100\n");
    flow_expect(peer, 6000020, 100, 0);
    peer_send_text(peer, "write static 6000000\n");
    server_wait_log_count(server, " write full;", 4);
    flow_expect(peer, 6000120, 6000000, 0);
    server_wait_log_count(server, " drain 0;", 2);
    peer_close(peer);

    server_expect_events(server, port,
                         "open; write flushed; write full; write full; write full; drain 0; "
                         "write flushed; write full; drain 0; end; close ok");
}

/* S2: also after the end was asked for, and before `close`. */
Test(write, pays_the_drain_after_an_end_and_before_close)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);

    peer_send_text(peer, "write owned 6000000; end\n");
    peer_end(peer);
    server_wait_event(server, port, "end");
    flow_expect(peer, 0, 6000000, 0);
    peer_expect_end(peer);

    peer_close(peer);
    server_expect_events(server, port, "open; write full; ending ok; end; drain 0; close ok");
}

/* S2, S6: never when the stream is closed by force; what was dropped is told. */
Test(write, owes_no_drain_when_closed_by_force)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);
    unsigned long long read = 0, written = 0;
    char text[64];

    peer_send_text(peer, "on close queued; bytes\n");
    peer_send_text(peer, "write owned 3000000; write slice 3000000; write file 3000000; close\n");
    server_wait_event(server, port, "close ok");
    peer_close(peer);
    server_event_text(server, port, "bytes ", text, sizeof text);
    cr_assert_eq(sscanf(text, "%llu %llu", &read, &written), 2);
    cr_expect_eq(written + server_event_number(server, port, "queued "), 9000000);
    cr_expect_eq(server_log_count(server, " drain "), 0);
}

/* S3: refused after an end, nothing taken, the stream unharmed. */
Test(write, is_refused_after_an_end_and_harms_nothing)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "write copy 10; end; write copy 10; write slice 2000; write static 10; "
                         "write owned 10; write vector 10; write file 10\n");
    flow_expect(peer, 0, 10, 0);
    peer_expect_end(peer);
    peer_send_text(peer, "say still here; bytes; state; end\n");
    server_wait_event(server, port, "still here");
    peer_close(peer);

    server_expect_events(server, port,
                         "open; write flushed; ending ok; write EPIPE; write EPIPE; write EPIPE; "
                         "write EPIPE; write EPIPE; write EPIPE; still here; bytes 151 10; "
                         "state read-only; ending ok; end; close ok");
}

/* S4: an end with an empty queue acts at once; asked twice it is harmless. */
Test(write, ends_at_once_when_nothing_is_queued)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "end; end; state\n");
    peer_expect_end(peer);
    peer_close(peer);

    server_expect_events(server, port,
                         "open; ending ok; ending ok; state read-only; end; close ok");
}

/* S1: a queue that is not empty may not grow beyond write_max: then the slow reader is closed. */
Test(write, closes_a_slow_reader_at_write_max)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);

    peer_send_text(peer, "marks 1000 100000; write copy 6000000; write copy 10; state; "
                         "write copy 10\n");
    /* What the kernel has taken may need long on its way to so narrow a peer. */
    server_wait_event(server, port, "close ESLOW");
    peer_close(peer);

    server_expect_events(server, port,
                         "open; write full; write ESLOW; state closed; write EPIPE; close ESLOW");
    server_wait_figure(server, "streams_slow", 1);
}

/* Neither file ranges nor static memory count towards write_max. */
Test(write, does_not_count_files_and_static_memory_towards_write_max)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);

    peer_send_text(peer, "marks 1000 100000; write file 6000000; write static 6000000; "
                         "write file 6000000; write static 6000000; end\n");
    server_wait_event(server, port, "ending ok");
    flow_expect(peer, 0, 24000000, 0);
    peer_expect_end(peer);
    peer_close(peer);

    server_expect_events(server, port,
                         "open; write full; write full; write full; write full; ending ok; "
                         "drain 0; end; close ok");
}

Test(write, tells_full_at_write_high_and_queued_below)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);

    peer_send_text(peer, "marks 7000000 20000000; write copy 6000000; write copy 0; "
                         "write copy 6000000; write copy 0; end\n");
    server_wait_event(server, port, "ending ok");
    flow_expect(peer, 0, 12000000, 0);
    peer_expect_end(peer);
    peer_close(peer);

    server_expect_events(server, port,
                         "open; write queued; write queued; write full; write full; ending ok; "
                         "drain 0; end; close ok");
}

/* A cork gathers; it nests; uncork at level 0 does nothing. */
Test(write, is_gathered_by_a_cork)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "uncork; write copy 1; cork; cork; write copy 10; write static 20; "
                         "queued; uncork; queued; uncork; queued; write copy 0\n");
    flow_expect(peer, 0, 31, 0);
    server_wait_event(server, port, "drain 0");
    peer_close(peer);

    server_expect_events(server, port,
                         "open; write flushed; write queued; write queued; queued 30; queued 30; "
                         "queued 0; write flushed; drain 0; end; close ok");
}

/* A cork that nobody lifts ends with the turn. */
Test(write, is_flushed_at_the_end_of_the_turn_when_corked)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "cork; write copy 10; write slice 2000\n");
    flow_expect(peer, 0, 2010, 0);
    server_wait_event(server, port, "drain 0");
    peer_send_text(peer, "write copy 10\n");
    flow_expect(peer, 2010, 10, 0);
    peer_close(peer);

    server_expect_events(server, port,
                         "open; write queued; write queued; drain 0; write flushed; end; "
                         "close ok");
}

/* A cork holds back at most write_high bytes, and no file. */
Test(write, is_held_back_by_a_cork_up_to_write_high)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "marks 1000 100000; cork; write copy 900; write copy 600; queued\n");
    flow_expect(peer, 0, 1500, 0);
    cr_expect_leq(server_event_number(server, port, "queued "), 1000);
    peer_close(peer);
    server_wait_event(server, port, "close ok");

    peer = peer_connect(server_address(server, 0));
    port = peer_port(peer);
    peer_send_text(peer, "cork; write copy 10; write file 1000; queued\n");
    flow_expect(peer, 0, 1010, 0);
    cr_expect_eq(server_event_number(server, port, "queued "), 0);
    peer_close(peer);
    server_wait_event(server, port, "close ok");
}

/* An end does not wait for uncork. */
Test(write, ends_in_spite_of_a_cork)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "cork; write copy 10; end; queued\n");
    flow_expect(peer, 0, 10, 0);
    peer_expect_end(peer);
    peer_close(peer);
    server_wait_event(server, port, "close ok");
    cr_expect_eq(server_event_number(server, port, "queued "), 0);
}

Test(write, sends_only_regular_files)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "dir-file; write copy 10\n");
    flow_expect(peer, 0, 10, 0);
    peer_close(peer);
    server_expect_events(server, port, "open; dir-file EINVAL; write flushed; end; close ok");
}

Test(write, closes_when_a_file_is_shorter_than_announced)
{
    int peer = narrow_peer();
    unsigned port = peer_port(peer);

    peer_send_text(peer, "short-file 5000\n");
    peer_expect_gone(peer);
    peer_close(peer);
    server_wait_event(server, port, "close EIO");
}
