/* SPDX-License-Identifier: MIT
 *
 * Outgoing streams to an address: rows C1, C3 and T4 of the behaviours, what may be done while one
 * is opening, and how each failure is told.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dialler.h"

/* -- C1, C3: reaching somebody -- */

Test(connect, reaches_a_listener_and_both_sides_talk)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d, "dial a host=127.0.0.1 port=%u", d.port);
    dialler_expect(&d, "a connect ok");
    int peer = dialler_accept(&d);
    dialler_expect(&d, "a open");
    peer_send_text(peer, "hello\n");
    dialler_expect(&d, "a data hello|");
    dialler_say(&d, "write a hello yourself");
    dialler_expect(&d, "a write flushed");
    peer_expect_text(peer, "hello yourself");
    peer_close(peer);
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    dialler_finish(&d);
}

Test(connect, sends_what_was_written_before_in_order_and_only_after_open)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d,
                "dial a host=127.0.0.1 port=%u; write a one,; file a two,; cork a; write a three,; "
                "write a four,; on a open write a five,; file a six,; write a seven",
                d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d, "a file queued");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d, "a open");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d, "a file queued");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d, "a drain 0");
    int peer = dialler_accept(&d);
    peer_expect_text(peer, "one,two,three,four,five,six,seven");
    peer_close(peer);
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    dialler_finish(&d);
}

Test(connect, ends_behind_what_was_written_when_it_was_ended_while_opening)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d,
                "dial a host=127.0.0.1 port=%u; write a all; end a; end a; write a more; "
                "on a open facts a; write a still more",
                d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d, "a end ok");
    dialler_expect(&d, "a end ok");
    dialler_expect(&d, "a write EPIPE");
    dialler_expect(&d, "a open");
    dialler_expect_begin(&d, "a facts read-only 127.0.0.1:");
    dialler_expect(&d, "a write EPIPE");
    int peer = dialler_accept(&d);
    peer_expect_text(peer, "all");
    peer_expect_end(peer);
    peer_send_text(peer, "an answer");
    dialler_expect(&d, "a drain 0");
    dialler_expect(&d, "a data an answer");
    peer_close(peer);
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    dialler_finish(&d);
}

Test(connect, ends_at_once_when_nothing_was_written)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d, "dial a host=127.0.0.1 port=%u; end a", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a end ok");
    dialler_expect(&d, "a open");
    int peer = dialler_accept(&d);
    peer_expect_end(peer);
    peer_close(peer);
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    dialler_finish(&d);
}

Test(connect, sends_a_megabyte_that_was_written_while_opening)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d, "dial a host=127.0.0.1 port=%u; pattern a 1048576; end a", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a pattern full");
    dialler_expect(&d, "a end ok");
    dialler_expect(&d, "a open");
    int peer = dialler_accept(&d);
    flow_expect(peer, 0, 1048576, 0);
    peer_expect_end(peer);
    peer_close(peer);
    dialler_expect(&d, "a drain 0");
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    dialler_finish(&d);
}

Test(connect, keeps_to_write_max_while_opening)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d,
                "dial a host=127.0.0.1 port=%u; marks a 1000 4000; pattern a 3000; pattern a 3000; "
                "write a no",
                d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a pattern full");
    dialler_expect(&d, "a pattern ESLOW");
    dialler_expect(&d, "a write EPIPE");
    dialler_expect_begin(&d, "a close ESLOW: connect to 127.0.0.1:");
    dialler_finish(&d);
}

Test(connect, keeps_pauses_limits_and_times_that_were_set_while_opening)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d,
                "dial a host=127.0.0.1 port=%u; pause a; max-frame a 4; timeout a 300; "
                "dial b host=127.0.0.1 port=%u; pause b; resume b",
                d.port, d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a max-frame 4");
    dialler_expect(&d, "b connect ok");
    int first = dialler_accept(&d), second = dialler_accept(&d);
    dialler_expect(&d, "a open");
    dialler_expect(&d, "b open");
    peer_send_text(first, "abcdefgh");
    peer_send_text(second, "abcdefgh");
    dialler_expect(&d, "b data abcdefgh"); /* and nothing of the one that is paused */
    dialler_say(&d, "resume a");
    dialler_expect(&d, "a data abcd");
    dialler_expect(&d, "a data efgh");
    dialler_expect(&d, "a timeout");
    dialler_expect(&d, "a close ETIMEDOUT");
    peer_close(first);
    peer_close(second);
    dialler_expect(&d, "b end");
    dialler_expect(&d, "b close ok");
    dialler_finish(&d);
}

/* -- facts -- */

Test(connect, knows_both_ends_once_it_is_open)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d, "dial a host=127.0.0.1 port=%u; facts a; each x", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d,
                   "a facts opening 127.0.0.1:%u peer=ENOTCONN local=ENOTCONN queued=0 found=1 "
                   "given=1",
                   d.port);
    dialler_expect(&d, "x each control");
    dialler_expect(&d, "a open");
    int peer = dialler_accept(&d);
    dialler_say(&d, "facts a; each x");
    dialler_expect(&d,
                   "a facts open 127.0.0.1:%u peer=127.0.0.1 %u local=127.0.0.1 %u queued=0 "
                   "found=1 given=1",
                   d.port, d.port, dialler_peer_port(peer));
    dialler_expect(&d, "x each control a");
    peer_close(peer);
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    dialler_finish(&d);
}

/* The kernel takes it for this host; the peer is where the connection really goes. */
Test(connect, knows_whom_the_unspecified_address_reaches)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d, "dial a host=0.0.0.0 port=%u", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a open");
    int peer = dialler_accept(&d);
    dialler_say(&d, "facts a");
    dialler_expect(&d,
                   "a facts open 127.0.0.1:%u peer=127.0.0.1 %u local=127.0.0.1 %u queued=0 "
                   "found=1 given=1",
                   d.port, d.port, dialler_peer_port(peer));
    peer_close(peer);
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    dialler_finish(&d);
}

Test(connect, reaches_ipv6_addresses)
{
    struct dialler d = dialler_start("[::1]:0");

    dialler_say(&d, "dial a host=::1 port=%u; facts a", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect_begin(&d, test_text("a facts opening [::1]:%u ", d.port));
    dialler_expect(&d, "a open");
    int peer = dialler_accept(&d);
    dialler_say(&d, "facts a");
    dialler_expect_begin(&d,
                         test_text("a facts open [::1]:%u peer=::1 %u local=::1 ", d.port, d.port));
    peer_close(peer);
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    dialler_finish(&d);
}

Test(connect, comes_from_the_address_it_is_bound_to)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d, "dial a host=127.0.0.1 port=%u bind=127.0.0.9", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a open");
    int peer = dialler_accept(&d);
    dialler_say(&d, "facts a");
    dialler_expect_begin(
        &d,
        test_text("a facts open 127.0.0.1:%u peer=127.0.0.1 %u local=127.0.0.9 ", d.port, d.port));
    peer_close(peer);
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    dialler_say(&d, "dial b host=127.0.0.1 port=%u bind=192.0.2.1", d.port);
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d,
                   "b close Cannot assign requested address: connect to 127.0.0.1:%u: Cannot "
                   "assign requested address",
                   d.port);
    dialler_finish(&d);
}

/* -- options: S9 for outgoing streams -- */

Test(connect, sets_the_socket_options_that_were_asked_for_while_opening)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d,
                "dial a host=127.0.0.1 port=%u; dial b host=127.0.0.1 port=%u; nodelay b 0; "
                "keepalive b 1 30 5 3; tos b 16; tos b 256; keepalive b 1 40000 0 0",
                d.port, d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "b nodelay ok");
    dialler_expect(&d, "b keepalive ok");
    dialler_expect(&d, "b tos ok");
    dialler_expect(&d, "b tos EINVAL");
    dialler_expect(&d, "b keepalive EINVAL");
    dialler_expect(&d, "a open");
    dialler_expect(&d, "b open");
    dialler_say(&d, "close a");
    dialler_expect(&d, "a close ok");
    dialler_say(&d, "sockopts b");
    dialler_expect(&d, "b sockopts nodelay=0 keepalive=1,30,5,3 tos=16");
    dialler_say(&d, "close b");
    dialler_expect(&d, "b close ok");
    dialler_say(&d, "dial c host=127.0.0.1 port=%u", d.port);
    dialler_expect(&d, "c connect ok");
    dialler_expect(&d, "c open");
    dialler_say(&d, "sockopts c; close c");
    dialler_expect_begin(&d, "c sockopts nodelay=1 keepalive=0,");
    dialler_expect(&d, "c close ok");
    dialler_finish(&d);
}

Test(connect, sets_the_traffic_class_over_ipv6)
{
    struct dialler d = dialler_start("[::1]:0");

    dialler_say(&d, "dial a host=::1 port=%u; tos a 32", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a tos ok");
    dialler_expect(&d, "a open");
    dialler_say(&d, "sockopts a; close a");
    dialler_expect_begin(&d, "a sockopts nodelay=1 ");
    cr_assert_not_null(strstr(d.line, " tos=32"), "%s", d.line);
    dialler_expect(&d, "a close ok");
    dialler_finish(&d);
}

/* -- what cannot be -- */

Test(connect, refuses_at_once_what_cannot_be)
{
    static const char *const impossible[] = {
        "dial a port=80",
        "dial a host=127.0.0.1",
        "dial a host=127.0.0.1 port=80 unix=/tmp/x",
        "dial a host=127.0.0.1 port=80 family=6",
        "dial a host=::1 port=80 family=4",
        "dial a host=127.0.0.1 port=80 family=77",
        "dial a host=127.0.0.1 port=80 bind=localhost",
        "dial a host=127.0.0.1 port=80 bind=::1",
        "dial a host=127.0.0.1 port=80 bind=127.0.0.1 family=6",
        "dial a host=[::1] port=80",
        "dial a host=fe80::1%no-such port=80",
        "dial a host=fe80::1% port=80",
        "dial a unix=",
        "dial a unix=@",
        "dial a unix=/tmp/x family=4",
        "dial a unix=/tmp/x bind=127.0.0.1",
        "dial a host=127.0.0.1 port=80 size=8",
        "dial a host=127.0.0.1 port=80 size=64 unknown=1",
        "dial a host=127.0.0.1 port=80 size=100000",
        "dial a host=127.0.0.1 port=80 handler=tiny",
        "dial a host=127.0.0.1 port=80 handler=huge",
        "dial a host=127.0.0.1 port=80 handler=none",
    };
    struct dialler d = dialler_start(NULL);
    char longer[320];

    for (unsigned i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        dialler_say(&d, "%s", impossible[i]);
        dialler_expect(&d, "a connect EINVAL");
    }
    memset(longer, 'a', sizeof longer);
    dialler_say(&d, "dial a host=%.254s port=80; dial a unix=/%.107s", longer, longer);
    dialler_expect(&d, "a connect File name too long");
    dialler_expect(&d, "a connect File name too long");
    cr_assert_eq(server_figure(d.server, "connects"), 0);
    dialler_finish(&d);
}

Test(connect, takes_structs_of_other_versions)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d,
                "dial a host=127.0.0.1 port=%u size=32; dial b host=127.0.0.1 port=%u size=64; "
                "dial c host=127.0.0.1 port=%u handler=short",
                d.port, d.port, d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "c connect ok");
    dialler_expect(&d, "a open");
    dialler_expect(&d, "b open");
    dialler_expect(&d, "c open");
    dialler_say(&d, "close a; close b; close c");
    dialler_expect(&d, "a close ok");
    dialler_expect(&d, "b close ok");
    dialler_expect(&d, "c close ok");
    dialler_finish(&d);
}

/* -- failing -- */

Test(connect, says_that_nobody_listens)
{
    struct dialler d = dialler_start(NULL);
    char address[64];
    int fd = peer_listen("127.0.0.1:0", address, sizeof address);

    peer_close(fd);
    dialler_say(&d, "dial a host=127.0.0.1 port=%s; write a lost", strrchr(address, ':') + 1);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d, "a close Connection refused: connect to %s: Connection refused", address);
    cr_assert_eq(server_figure(d.server, "connects"), 1);
    cr_assert_eq(server_figure(d.server, "connects_failed"), 1);
    cr_assert_eq(server_figure(d.server, "connect_attempts"), 1);
    cr_assert_eq(server_figure(d.server, "streams_opened"), 1, "the control stream alone");
    cr_assert_eq(server_figure(d.server, "streams_closed"), 0);
    dialler_finish(&d);
}

Test(connect, is_cancelled_by_a_close_in_the_same_call)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d,
                "dial a host=127.0.0.1 port=%u; close a; write a no; facts a; dial b "
                "host=127.0.0.1 port=%u; reset b; dial c host=127.0.0.1 port=%u; close-with c 5",
                d.port, d.port, d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a write EPIPE");
    dialler_expect_begin(&d, test_text("a facts closed 127.0.0.1:%u peer=ENOTCONN", d.port));
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "c connect ok");
    dialler_expect(&d, "a close ok: connect to 127.0.0.1:%u; given up before the connection stood",
                   d.port);
    dialler_expect(&d, "b close ok: connect to 127.0.0.1:%u; given up before the connection stood",
                   d.port);
    dialler_expect(&d, "c close EIO: connect to 127.0.0.1:%u; given up: Input/output error",
                   d.port);
    dialler_finish(&d);
}

/* T4: a listener whose queue is full lets connects hang. */
Test(connect, gives_up_when_its_time_is_over)
{
    struct dialler d = dialler_start(NULL);
    int waiting[4];
    uint64_t begun_ms;

    dialler_fill(&d, waiting);
    begun_ms = clock_ms();
    dialler_say(&d, "dial a host=127.0.0.1 port=%u timeout=300", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(
        &d,
        "a close ETIMEDOUT: connect to 127.0.0.1:%u: Connection timed out; not connected "
        "within 300 ms",
        d.port);
    cr_assert_geq(clock_ms() - begun_ms, 300);
    cr_assert_leq(clock_ms() - begun_ms, 300 + 700 * test_slowness());
    dialler_say(&d, "dial b host=127.0.0.1 port=%u", d.port);
    dialler_expect(&d, "b connect ok");
    server_wait_figure(d.server, "connect_attempts", 2);
    dialler_say(&d, "close b");
    dialler_expect(&d,
                   "b close ok: connect to 127.0.0.1:%u: no answer yet; given up before the "
                   "connection stood",
                   d.port);
    dialler_unfill(waiting);
    dialler_finish(&d);
}

/* -- where it may be called -- */

Test(connect, may_be_called_in_close)
{
    struct dialler d = dialler_start(NULL);

    dialler_say(&d, "dial a host=127.0.0.1 port=%u; on a close dial b host=127.0.0.1 port=%u",
                d.port, d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a open");
    dialler_say(&d, "close a");
    dialler_expect(&d, "a close ok");
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "b open");
    dialler_say(&d, "close b");
    dialler_expect(&d, "b close ok");
    dialler_finish(&d);
}

Test(connect, leaves_nothing_behind_of_10_000_of_which_a_third_are_cancelled)
{
    struct dialler d = dialler_start(NULL);
    struct dialler silent = dialler_with(d.server, NULL);
    unsigned count = test_scaled(10000);
    unsigned gone = 0, open = 0, cancelled = 0, failed = 0;
    int waiting[4];

    dialler_fill(&silent, waiting);
    dialler_say(&d, "flood f count=%u at_once=50 host=127.0.0.1 port=%u silent=%u", count, d.port,
                silent.port);
    dialler_serve_until_line(&d);
    cr_assert_eq(sscanf(d.line, "f flooded %u open %u cancelled %u failed %u", &gone, &open,
                        &cancelled, &failed),
                 4, "%s", d.line);
    cr_assert_eq(gone, count);
    cr_assert_eq(failed, 0);
    cr_assert_eq(open + cancelled, count);
    cr_assert_geq(cancelled, count / 3);
    server_wait_figure(d.server, "connecting", 0);
    cr_assert_eq(server_figure(d.server, "connects"), count);
    cr_assert_eq(server_figure(d.server, "connects_failed"), cancelled);
    cr_assert_eq(server_figure(d.server, "streams_opened"), open + 2);
    dialler_unfill(waiting);
    close(silent.listening);
    peer_close(silent.control);
    dialler_finish(&d);
}
