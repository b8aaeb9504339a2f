/* SPDX-License-Identifier: MIT
 *
 * How input is presented: pauses, unconsumed rests, frames however the network cuts them, and the
 * last call after the peer's end.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "flow.h"
#include "pattern.h"
#include "peer.h"
#include "server.h"

/* Makes sure that the server has read what was sent before: on a single worker an answer on another
 * connection comes only after the turn that could read it began. Twice, for the turn that was under
 * way. */
static void settle(int other, const char *question, const char *answer)
{
    for (int i = 0; i < 2; i++) {
        peer_send_text(other, question);
        peer_expect_text(other, answer);
    }
}

/* S8: no byte is lost or reordered across pauses. */
Test(input, survives_many_pauses_byte_for_byte)
{
    struct server *server = server_with("1", "probe", NULL);
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "on timer resume\n");
    peer_send_text(peer, "on data pause; timer 2\n");
    peer_send_text(peer, "on close bytes\n");
    peer_send_text(peer, "quiet; raw 50000\n");
    flow_send(peer, 0, 5000000);
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);

    server_wait_event(server, port, "close ok");
    cr_expect_eq(server_event_number(server, port, "bytes "), 5000071);
    cr_expect_eq(server_log_count(server, "wrong"), 0);
    server_stop_cleanly(server);
}

/* S8: on a closed stream they are harmless. */
Test(input, may_be_paused_and_resumed_on_a_closed_stream)
{
    struct server *server = server_with("1", "probe", NULL);
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "on close resume; pause; resume\n");
    peer_send_text(peer, "pause; close; resume; pause; resume\n");
    peer_expect_gone(peer);
    peer_close(peer);
    server_expect_events(server, port, "open; close ok");
    server_stop_cleanly(server);
}

/* S8: ending a pause presents an unconsumed rest once, without waiting for bytes. */
Test(input, presents_the_rest_once_when_a_pause_ends)
{
    struct server *server = server_with("1", "probe", NULL);
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);
    uint8_t bytes[11];

    pattern_fill(bytes, 0, sizeof bytes);
    peer_send_text(peer, "on data off data; timer 10\n");
    peer_send_text(peer, "on timer pause; resume\n");
    peer_send_text(peer, "raw 0\n");
    peer_send(peer, bytes, 10);
    server_expect_events(server, port, "open; data 10; timer; data 10");
    peer_send(peer, bytes + 10, 1);
    server_expect_events(server, port, "open; data 10; timer; data 10; data 11");
    peer_reset(peer);
    server_stop_cleanly(server);
}

/* A paused stream is not read. */
Test(input, is_not_presented_while_paused)
{
    struct server *server = server_with("1", "probe", NULL);
    int peer = peer_connect(server_address(server, 0));
    int other = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);
    uint8_t bytes[100];

    pattern_fill(bytes, 0, sizeof bytes);
    peer_send_text(peer, "on timer say resuming; resume\n");
    peer_send_text(peer, "raw 1000; pause; timer 300\n");
    settle(other, "text pong\n", "pong");
    peer_send(peer, bytes, 100);
    settle(other, "text pong\n", "pong");
    server_expect_events(server, port, "open; timer; resuming; data 100");
    peer_close(peer);
    peer_close(other);
    server_stop_cleanly(server);
}

/* Consuming nothing of max_frame bytes closes, unless the stream is paused. */
Test(input, may_fill_max_frame_while_paused)
{
    struct server *server = server_with("1", "probe", NULL);
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);
    uint8_t bytes[10];

    pattern_fill(bytes, 0, sizeof bytes);
    peer_send_text(peer, "on timer close\n");
    peer_send_text(peer, "on data pause; timer 30\n");
    peer_send_text(peer, "raw 0; max-frame 10\n");
    peer_send(peer, bytes, 10);
    peer_expect_gone(peer);
    peer_close(peer);
    server_expect_events(server, port, "open; max-frame 10; data 10; timer; close ok");
    server_stop_cleanly(server);
}

Test(input, waits_for_what_evf_need_asked_for)
{
    struct server *server = server_with("1", "probe", NULL);
    int peer = peer_connect(server_address(server, 0));
    int other = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);
    uint8_t bytes[200000];

    pattern_fill(bytes, 0, sizeof bytes);
    peer_send_text(peer, "raw 1000000; need 100000\n");
    for (size_t at = 0; at < 100000; at += 20000) {
        settle(other, "text pong\n", "pong");
        peer_send(peer, bytes + at, 20000);
    }
    server_expect_events(server, port, "open; data 100000");
    /* It holds for the next `data` only. */
    peer_send(peer, bytes + 100000, 10);
    server_expect_events(server, port, "open; data 100000; data 10");
    peer_close(peer);
    peer_close(other);
    server_wait_event(server, port, "end");
    server_stop_cleanly(server);
}

/* Three frames: 5 bytes, none, 30. */
static size_t three_frames(uint8_t *bytes)
{
    static const uint8_t sizes[] = { 5, 0, 30 };
    size_t len = 0;

    for (size_t i = 0; i < sizeof sizes; i++) {
        memcpy(bytes + len, (uint8_t[]){ 0, 0, 0, sizes[i] }, 4);
        pattern_fill(bytes + len + 4, 0, sizes[i]);
        len += 4 + sizes[i];
    }
    return len;
}

static void check_cuts(const char *options)
{
    struct server *server = server_with("1", "frames", options);
    int other = peer_connect(server_address(server, 0));
    char expected[200] = "", answer[200];
    uint8_t bytes[64];
    size_t len = three_frames(bytes);

    for (size_t cut = 0; cut <= len; cut++) {
        int peer = peer_connect(server_address(server, 0));
        size_t answered;

        peer_send(peer, bytes, cut);
        peer_send(other, "\0\0\0\0", 4);
        peer_expect_text(other, "0 0\n");
        peer_send(peer, bytes + cut, len - cut);
        peer_end(peer);
        answered = peer_read_until_closed(peer, answer, sizeof answer - 1);
        answer[answered] = '\0';
        if (cut == 0)
            snprintf(expected, sizeof expected, "%s", answer);
        cr_expect_str_eq(answer, expected, "cut at %zu", cut);
        peer_close(peer);
    }
    cr_expect_eq(strncmp(expected, "5 ", 2), 0, "%s", expected);
    peer_close(other);
    server_stop_cleanly(server);
}

/* Whether a frame fits, and what comes of it, never depends on how the network cut it. */
Test(input, means_the_same_however_it_is_cut)
{
    check_cuts(NULL);
}

Test(input, means_the_same_however_it_is_cut_with_evf_need)
{
    check_cuts("need=on");
}

/* One frame of that many bytes (its head included) with max-frame=100, cut everywhere. */
static void check_frame_size(const char *options, size_t size, bool fits)
{
    struct server *server = server_with("1", "frames", options);
    int other = peer_connect(server_address(server, 0));
    uint8_t bytes[200] = { 0, 0, 0, (uint8_t)(size - 4) };
    char answer[200];

    for (size_t cut = 0; cut <= size; cut += cut < 8 ? 1 : 9) {
        int peer = peer_connect(server_address(server, 0));
        unsigned port = peer_port(peer);

        peer_send(peer, bytes, cut);
        peer_send(other, "\0\0\0\0", 4);
        peer_expect_text(other, "0 0\n");
        peer_send(peer, bytes + cut, size - cut);
        if (fits) {
            peer_end(peer);
            size_t len = peer_read_until_closed(peer, answer, sizeof answer);

            cr_expect_gt(len, 0, "cut at %zu", cut);
        } else {
            peer_expect_gone(peer);
        }
        peer_close(peer);
        server_expect_events(server, port, fits ? "close ok" : "close EMSGSIZE");
    }
    peer_close(other);
    server_stop_cleanly(server);
}

Test(input, takes_a_frame_of_max_frame_however_it_is_cut)
{
    check_frame_size("max-frame=100", 100, true);
}

Test(input, takes_a_frame_of_max_frame_with_evf_need)
{
    check_frame_size("max-frame=100,need=on", 100, true);
}

Test(input, refuses_a_frame_beyond_max_frame_however_it_is_cut)
{
    check_frame_size("max-frame=100", 101, false);
}

Test(input, refuses_a_frame_beyond_max_frame_with_evf_need)
{
    check_frame_size("max-frame=100,need=on", 101, false);
}

/* Bytes beyond max_frame held ones follow once something was consumed. */
Test(input, goes_on_beyond_max_frame_when_something_was_consumed)
{
    struct server *server = server_with("1", "frames", "max-frame=100");
    int peer = peer_connect(server_address(server, 0));
    uint8_t bytes[60 * 50] = { 0 };

    for (size_t i = 0; i < 60; i++)
        bytes[i * 50 + 3] = 46;
    peer_send(peer, bytes, sizeof bytes);
    for (size_t i = 0; i < 60; i++)
        peer_expect_text(peer, "46 0\n");
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
    server_stop_cleanly(server);
}

/* A large frame in single bytes: what is not consumed is kept, and grows in place. */
Test(input, keeps_what_is_not_consumed_byte_by_byte)
{
    struct server *server = server_with("1", "frames", NULL);
    int peer = peer_connect(server_address(server, 0));
    uint8_t bytes[20004] = { 0, 0, 20000 >> 8, 20000 & 255 };
    char line[64], expected[64];
    uint32_t sum = 0;

    pattern_fill(bytes + 4, 0, 20000);
    for (size_t i = 4; i < sizeof bytes; i++)
        sum = sum * 31 + bytes[i];
    for (size_t i = 0; i < sizeof bytes; i++)
        peer_send(peer, bytes + i, 1);
    peer_read_line(peer, line, sizeof line);
    snprintf(expected, sizeof expected, "20000 %u", sum);
    cr_expect_str_eq(line, expected);
    peer_close(peer);
    server_stop_cleanly(server);
}

/* S5: what is left at the peer's end is presented once more. */
Test(input, presents_the_rest_at_the_peers_end)
{
    struct server *server = server_with("1", "frames", NULL);
    int peer = peer_connect(server_address(server, 0));

    peer_send(peer, "\0\0\0\2ab\0\0\0\377half of it", 20);
    peer_end(peer);
    peer_expect_text(peer, "2 3105\nrest 14\n");
    peer_expect_end(peer);
    peer_close(peer);
    server_stop_cleanly(server);
}

/* S5, S8: a pause in that last call defers both. */
Test(input, may_be_paused_in_the_last_call)
{
    struct server *server = server_with("1", "lastcall", NULL);
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "0123456789");
    server_wait_event(server, port, "data 10 ended 0");
    peer_end(peer);
    peer_expect_text(peer, "bye\n");
    peer_expect_end(peer);
    peer_close(peer);
    server_expect_events(server, port,
                         "data 10 ended 0; data 10 ended 1; resume; data 10 ended 1; end; "
                         "close ok");
    server_stop_cleanly(server);
}

/* Without a data slot input is discarded. */
Test(input, is_discarded_without_a_data_slot)
{
    struct server *server = server_with("1", "empty", "max-frame=1000");
    int peer = peer_connect(server_address(server, 0));

    flow_send(peer, 0, 3000000);
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
    server_wait_figure(server, "bytes_read", 3000000);
    server_stop_cleanly(server);
}
