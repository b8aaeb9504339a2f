/* SPDX-License-Identifier: MIT
 *
 * Waiting for a PROXY header: however it is cut, `open` comes when it is complete and not before,
 * and every byte that is not the header's reaches the handler in order.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/access.h"
#include "base/address.h"
#include "bench.h"
#include "proxy_bytes.h"
#include "stream/arrival.h"

static struct {
    uint8_t bytes[8192]; /* all that was consumed, in order */
    size_t len, take_from;
    unsigned opens, calls, ends, timeouts, closes;
    int reason;
    bool pause_at_open;
} seen;

static void on_open(evf_stream *stream)
{
    seen.opens++;
    cr_assert_eq(seen.calls, 0);
    if (seen.pause_at_open)
        evf_pause(stream);
}

/* Consumes nothing below take_from bytes. */
static size_t on_data(evf_stream *stream, evf_slice input)
{
    seen.calls++;
    if (input.len < seen.take_from && !evf_input_ended(stream))
        return 0;
    memcpy(seen.bytes + seen.len, input.data, input.len);
    seen.len += input.len;
    return input.len;
}

/* Our side stays open, so that the stream can still be asked. */
static void on_end(evf_stream *stream)
{
    (void)stream;
    seen.ends++;
}

static bool on_timeout(evf_stream *stream)
{
    (void)stream;
    seen.timeouts++;
    return true;
}

static void on_close(evf_stream *stream, int reason)
{
    (void)stream;
    seen.closes++;
    seen.reason = reason;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = on_open,
    .data = on_data,
    .end = on_end,
    .timeout = on_timeout,
    .close = on_close,
};

static struct bench bench;
static struct evf__proxy_rules rules;
static struct proxy_bytes made;
static const struct sockaddr_in balancer = { .sin_family = AF_INET,
                                             .sin_port = 0x2923,
                                             .sin_addr = { 0x0100007f } };

static void begin_from(enum evf__proxy_mode mode, const void *peer, socklen_t peer_len)
{
    memset(&seen, 0, sizeof seen);
    rules.mode = mode;
    rules.timeout_ms = 5000;
    bench_accept(&bench, &handler, &rules, peer, peer_len);
}

static void begin(enum evf__proxy_mode mode)
{
    begin_from(mode, &balancer, sizeof balancer);
}

static void trust(const char *address)
{
    char error[128];
    cr_assert_eq(evf__prefixes_add(&rules.trusted, address, error, sizeof error), 0);
    evf__prefixes_sort(&rules.trusted);
}

/* So many of the bytes have come by now. */
static void come(const void *bytes, size_t len)
{
    bench.wire.input = bytes;
    bench.wire.input_len = len;
    bench_receive(&bench);
    bench_settle(&bench);
}

static uint64_t figure(enum evf__figure_id id)
{
    return evf__figure_get(&bench.worker->figures, id);
}

static void is_waiting(void)
{
    cr_assert_eq(seen.opens, 0);
    cr_assert_not(bench.wire.closed);
    cr_assert(bench.wire.watched_input);
    cr_assert_eq(bench.wire.input_at, bench.wire.input_len, "nothing is left to fire for");
}

static void was_refused(enum evf__figure_id id)
{
    cr_assert(bench.wire.closed);
    cr_assert_eq(seen.opens + seen.calls + seen.ends + seen.closes, 0, "no callback");
    cr_assert_eq(figure(id), 1);
    cr_assert_eq(figure(EVF__FIGURE_NEVER_OPENED), 1);
    cr_assert_eq(figure(EVF__FIGURE_STREAMS_CLOSED), 0);
}

static void has_consumed(const void *bytes, size_t len)
{
    cr_assert_eq(seen.opens, 1);
    cr_assert_eq(seen.len, len, "%zu bytes instead of %zu", seen.len, len);
    cr_assert_eq(memcmp(seen.bytes, bytes, len), 0);
    cr_assert_eq(evf_bytes_read(bench.stream), len);
    cr_assert_eq(figure(EVF__FIGURE_BYTES_READ), len);
}

static void is_named(const char *peer)
{
    char name[EVF_PEER_NAME_SIZE];
    cr_assert_str_eq(evf_peer_name(bench.stream, name, sizeof name), peer);
}

/* -- cuts -- */

/* The header and data behind it, in two parts, wherever the cut is. */
static void opens_with_every_cut(const uint8_t *bytes, size_t header_len, size_t len,
                                 const char *peer, unsigned version)
{
    for (size_t cut = 0; cut <= len; cut++) {
        begin(EVF__PROXY_REQUIRED);
        bench_settle(&bench);
        come(bytes, cut);
        if (cut < header_len)
            is_waiting();
        come(bytes, len);
        has_consumed(bytes + header_len, len - header_len);
        is_named(peer);
        cr_assert_eq(evf_proxy_version(bench.stream), version);
        cr_assert_eq(figure(EVF__FIGURE_PROXY_HEADERS), 1);
        bench_finish(&bench);
        cr_assert_eq(seen.closes, 1);
    }
}

Test(arrival, opens_after_a_header_of_version_1_with_every_cut)
{
    static const char text[] = "PROXY TCP6 2001:db8::7 ::1 5000 443\r\nPROXY TCP4 data\r\n";
    opens_with_every_cut((const uint8_t *)text, 37, sizeof text - 1, "[2001:db8::7]:5000", 1);
}

Test(arrival, opens_after_a_header_of_version_2_with_every_cut)
{
    static const uint8_t zeros[512];
    proxy_begin_tcp4(&made);
    proxy_add_tlv(&made, 0x05, "id-1", 4);
    proxy_add_tlv(&made, 0x04, zeros, sizeof zeros); /* more than the room made at first */
    proxy_seal(&made);
    size_t header_len = made.len;
    proxy_add(&made, PROXY_SIGNATURE "data", 16);
    opens_with_every_cut(made.at, header_len, made.len, "192.0.2.1:5000", 2);
}

Test(arrival, opens_after_the_longest_header_that_comes_byte_by_byte)
{
    static const uint8_t zeros[EVF__PROXY_HEADER_MAX];
    proxy_begin_tcp4(&made);
    proxy_add_tlv(&made, 0x04, zeros, EVF__PROXY_HEADER_MAX - made.len - 3);
    cr_assert_eq(made.len, EVF__PROXY_HEADER_MAX);
    begin(EVF__PROXY_REQUIRED);
    for (size_t len = 1; len < made.len; len++) {
        come(made.at, len);
        is_waiting();
    }
    cr_assert_leq(bench.wire.receives, made.len, "a byte is received once");
    come(made.at, made.len);
    has_consumed("", 0);
    is_named("192.0.2.1:5000");
    bench_finish(&bench);
}

Test(arrival, takes_a_header_and_data_that_come_in_small_pieces)
{
    for (size_t most = 1; most < 60; most++) {
        static const char text[] = "PROXY TCP4 192.0.2.9 192.0.2.1 5000 443\r\nhello";
        begin(EVF__PROXY_REQUIRED);
        bench.wire.receive_most = most;
        for (int i = 0; i < 60; i++)
            come(text, sizeof text - 1);
        has_consumed("hello", 5);
        is_named("192.0.2.9:5000");
        bench_finish(&bench);
    }
}

/* -- optional -- */

Test(arrival, presents_data_that_is_no_header_with_every_cut)
{
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n\r\n", "PROXX",          "PROXY\r\n", "P", "PROXYTCP4 ", "\r\n\r\nGET /",
        "\r\n\r\n\0\r\nQUIT!",    "\r\n\r\n\0\r\n",
    };
    trust("127.0.0.0/8");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = i < 6 ? strlen(texts[i]) : i == 6 ? 12 : 7;
        for (size_t cut = 0; cut <= len; cut++) {
            begin(EVF__PROXY_OPTIONAL);
            bench_settle(&bench);
            come(texts[i], cut);
            come(texts[i], len);
            bench.wire.input_ended = true;
            come(texts[i], len);
            has_consumed(texts[i], len);
            is_named("127.0.0.1:9001");
            cr_assert_eq(evf_proxy_version(bench.stream), 0);
            cr_assert_eq(seen.ends, 1);
            cr_assert_eq(figure(EVF__FIGURE_PROXY_HEADERS), 0);
            bench_finish(&bench);
            cr_assert_eq(seen.closes, 1);
        }
    }
}

Test(arrival, presents_undecided_bytes_together_with_those_that_decide)
{
    trust("127.0.0.1");
    begin(EVF__PROXY_OPTIONAL);
    seen.take_from = 6;
    come("PROXIM", 4);
    is_waiting();
    come("PROXIM", 6);
    has_consumed("PROXIM", 6);
    cr_assert_eq(seen.calls, 1);
    bench_finish(&bench);
}

Test(arrival, presents_undecided_bytes_when_the_time_is_up)
{
    trust("127.0.0.1");
    begin(EVF__PROXY_OPTIONAL);
    come("PROXY", 5);
    bench_advance_ms(&bench, 4999);
    bench_settle(&bench);
    is_waiting();
    bench_advance_ms(&bench, 1);
    bench_settle(&bench);
    has_consumed("PROXY", 5);
    come("PROXY TCP4 1", 12);
    has_consumed("PROXY TCP4 1", 12);
    bench_finish(&bench);
}

Test(arrival, opens_a_silent_peer_when_the_time_is_up)
{
    trust("127.0.0.1");
    begin(EVF__PROXY_OPTIONAL);
    bench_settle(&bench);
    is_waiting();
    bench_advance_ms(&bench, 5000);
    bench_settle(&bench);
    has_consumed("", 0);
    cr_assert_eq(seen.calls, 0);
    bench_finish(&bench);
}

Test(arrival, keeps_undecided_bytes_for_a_handler_that_pauses_at_open)
{
    trust("127.0.0.1");
    begin(EVF__PROXY_OPTIONAL);
    seen.pause_at_open = true;
    come("PRO", 3);
    bench_advance_ms(&bench, 5000);
    bench_settle(&bench);
    cr_assert_eq(seen.opens, 1);
    cr_assert_eq(seen.calls, 0);
    evf_resume(bench.stream);
    bench_settle(&bench);
    has_consumed("PRO", 3);
    bench_finish(&bench);
}

Test(arrival, closes_a_header_that_began_though_none_was_required)
{
    trust("127.0.0.1");
    begin(EVF__PROXY_OPTIONAL);
    come("PROXY HTTP", 10);
    was_refused(EVF__FIGURE_PROXY_BAD);
    bench_finish(&bench);

    begin(EVF__PROXY_OPTIONAL);
    come("PROXY TCP4", 10);
    bench_advance_ms(&bench, 5000);
    bench_settle(&bench);
    was_refused(EVF__FIGURE_PROXY_MISSING);
    bench_finish(&bench);
}

Test(arrival, never_looks_for_a_header_of_a_peer_that_is_not_trusted)
{
    static const char text[] = "PROXY TCP4 192.0.2.9 192.0.2.1 5000 443\r\n";
    trust("127.0.0.2");
    begin(EVF__PROXY_OPTIONAL);
    cr_assert_eq(seen.opens, 1, "at once");
    come(text, sizeof text - 1);
    has_consumed(text, sizeof text - 1);
    is_named("127.0.0.1:9001");
    cr_assert_eq(evf_proxy_version(bench.stream), 0);
    bench_finish(&bench);
}

/* -- required -- */

Test(arrival, closes_a_peer_that_is_not_trusted)
{
    trust("127.0.0.2");
    begin(EVF__PROXY_REQUIRED);
    bench_settle(&bench);
    was_refused(EVF__FIGURE_PROXY_UNTRUSTED);
    bench_finish(&bench);
}

Test(arrival, closes_a_peer_without_a_header)
{
    static const char *const texts[] = { "GET / HTTP/1.1\r\n", "PROXY TCP4 bad\r\n", "p",
                                         "\r\n\r\n\r\n" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        begin(EVF__PROXY_REQUIRED);
        come(texts[i], strlen(texts[i]));
        was_refused(EVF__FIGURE_PROXY_BAD);
        bench_finish(&bench);
    }
}

Test(arrival, closes_a_peer_that_ends_or_fails_within_its_header)
{
    static const char text[] = "PROXY TCP4 192.0.2.9 192.0.2.1 5000 443\r\n";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        for (int error = 0; error < 2; error++) {
            begin(EVF__PROXY_REQUIRED);
            come(text, len);
            is_waiting();
            bench.wire.input_ended = error == 0;
            bench.wire.receive_error = error == 0 ? 0 : -ECONNRESET;
            come(text, len);
            was_refused(EVF__FIGURE_PROXY_MISSING);
            bench_finish(&bench);
        }
    }
}

Test(arrival, closes_a_peer_whose_time_is_up_and_no_sooner)
{
    static const char text[] = "PROXY TCP4 192.0.2.9 192.0.2.1 5000 443\r\n";
    begin(EVF__PROXY_REQUIRED);
    for (size_t len = 0; len < 10; len++) {
        come(text, len);
        bench_advance_ms(&bench, 499);
    }
    bench_settle(&bench);
    is_waiting();
    bench_advance_ms(&bench, 10);
    bench_settle(&bench);
    was_refused(EVF__FIGURE_PROXY_MISSING);
    bench_finish(&bench);
}

/* After a stall the header may wait in the kernel when the time is up. */
Test(arrival, takes_what_has_come_when_its_time_is_up)
{
    static const char text[] = "PROXY TCP4 192.0.2.9 192.0.2.1 5000 443\r\nhello";
    begin(EVF__PROXY_REQUIRED);
    bench_settle(&bench);
    bench.wire.input = (const uint8_t *)text;
    bench.wire.input_len = sizeof text - 1;
    bench_advance_ms(&bench, 60000);
    cr_assert_eq(seen.opens, 0, "nothing is opened in the step of time-outs");
    bench_settle(&bench);
    has_consumed("hello", 5);
    bench_finish(&bench);
}

Test(arrival, is_over_when_all_streams_are_closed)
{
    begin(EVF__PROXY_REQUIRED);
    come("PROXY", 5);
    evf__streams_close_all(bench.worker, -ESHUTDOWN);
    bench_settle(&bench);
    cr_assert(bench.wire.closed);
    cr_assert_eq(seen.opens + seen.closes, 0);
    bench_finish(&bench);
}

/* -- what follows -- */

Test(arrival, lets_the_times_of_a_stream_run_from_open)
{
    static const char text[] = "PROXY TCP4 192.0.2.9 192.0.2.1 5000 443\r\n";
    begin(EVF__PROXY_REQUIRED);
    bench.stream->extra->limits.idle_timeout_ms = 1000;
    bench.origin.limits.first_byte_ms = 3000;
    bench_settle(&bench);
    bench_advance_ms(&bench, 4000);
    is_waiting();
    come(text, sizeof text - 1);
    cr_assert_eq(seen.opens, 1);
    bench_advance_ms(&bench, 999);
    cr_assert_eq(seen.timeouts, 0);
    bench_advance_ms(&bench, 1);
    cr_assert_eq(seen.timeouts, 1);
    bench_advance_ms(&bench, 1999);
    cr_assert_eq(seen.closes, 0);
    bench_advance_ms(&bench, 1);
    cr_assert_eq(seen.closes, 1);
    cr_assert_eq(seen.reason, -ETIMEDOUT);
    bench_finish(&bench);
}

Test(arrival, blocks_by_the_address_that_the_header_names)
{
    static const char text[] = "PROXY TCP4 192.0.2.9 127.0.0.1 5000 443\r\n";
    struct evf__access access = { .listed_only = false };
    char error[128];
    cr_assert_eq(evf__prefixes_add(&access.block, "192.0.2.9", error, sizeof error), 0);
    evf__prefixes_sort(&access.block);
    for (int blocked = 0; blocked < 2; blocked++) {
        begin(EVF__PROXY_REQUIRED);
        bench.origin.access = blocked == 1 ? &access : NULL;
        come(text, sizeof text - 1);
        if (blocked == 1)
            was_refused(EVF__FIGURE_REFUSED_BLOCKED);
        else
            has_consumed("", 0);
        bench_finish(&bench);
    }
    evf__access_free(&access);
}

static void has_address(int status, const struct sockaddr_storage *address, const char *text)
{
    char name[EVF_PEER_NAME_SIZE];
    cr_assert_eq(status, 0);
    cr_assert_str_eq(
        evf__address_format((const struct sockaddr *)address, sizeof *address, name, sizeof name),
        text);
}

Test(arrival, keeps_what_the_header_says_until_the_stream_is_gone)
{
    struct sockaddr_storage address;
    const void *value;
    size_t len;
    uint8_t type;
    proxy_begin_tcp4(&made);
    proxy_add_tlv(&made, 0x02, "example.com", 11);
    begin(EVF__PROXY_REQUIRED);
    come(made.at, made.len);
    cr_assert_eq(evf_proxy_version(bench.stream), 2);
    has_address(evf_peer_address(bench.stream, &address), &address, "192.0.2.1:5000");
    has_address(evf_local_address(bench.stream, &address), &address, "198.51.100.2:443");
    has_address(evf_proxy_address(bench.stream, &address), &address, "127.0.0.1:9001");
    cr_assert_eq(evf_proxy_tlv(bench.stream, -1, 0, &type, &value, &len), 0);
    cr_assert(type == 2 && len == 11 && memcmp(value, "example.com", 11) == 0);
    cr_assert_eq(evf_proxy_tlv(bench.stream, 2, 0, NULL, &value, &len), 0);
    cr_assert_eq(evf_proxy_tlv(bench.stream, 2, 1, NULL, &value, &len), -ENOENT);
    cr_assert_eq(evf_proxy_tlv(bench.stream, 1, 0, NULL, &value, &len), -ENOENT);
    bench_finish(&bench);
}

Test(arrival, leaves_the_sockets_addresses_where_the_header_names_none)
{
    static const char text[] = "PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n";
    struct sockaddr_storage address;
    const void *value;
    size_t len;
    begin(EVF__PROXY_REQUIRED);
    come(text, sizeof text - 1);
    cr_assert_eq(evf_proxy_version(bench.stream), 1);
    has_address(evf_peer_address(bench.stream, &address), &address, "127.0.0.1:9001");
    has_address(evf_proxy_address(bench.stream, &address), &address, "127.0.0.1:9001");
    cr_assert_eq(evf_proxy_tlv(bench.stream, -1, 0, NULL, &value, &len), -ENOENT);
    bench_finish(&bench);
}

Test(arrival, names_a_unix_client_and_asks_the_socket_for_its_own_family)
{
    char paths[216] = "/run/client";
    struct sockaddr_storage address;
    memcpy(paths + 108, "/run/server", 11);
    proxy_begin(&made, V2_PROXY, UNIX);
    proxy_add(&made, paths, sizeof paths);
    proxy_measure(&made);
    begin(EVF__PROXY_REQUIRED);
    come(made.at, made.len);
    is_named("unix:/run/client");
    has_address(evf_local_address(bench.stream, &address), &address, "unix:/run/server");
    has_address(evf_proxy_address(bench.stream, &address), &address, "127.0.0.1:9001");
    cr_assert_eq(evf_set_nodelay(bench.stream, true), 0, "the socket is one of TCP");
    bench_finish(&bench);
}

Test(arrival, keeps_a_unix_sender_with_a_name_apart_from_the_client)
{
    static const struct sockaddr_un sender = { .sun_family = AF_UNIX, .sun_path = "/run/balancer" };
    static const char unnamed[216];
    struct sockaddr_storage address;
    for (int named = 0; named < 2; named++) {
        proxy_begin_tcp4(&made);
        if (named == 0) {
            proxy_begin(&made, V2_PROXY, UNIX);
            proxy_add(&made, unnamed, sizeof unnamed);
            proxy_measure(&made);
        }
        begin_from(EVF__PROXY_REQUIRED, &sender, sizeof sender);
        come(made.at, made.len);
        is_named(named == 0 ? "unix:" : "192.0.2.1:5000");
        has_address(evf_proxy_address(bench.stream, &address), &address, "unix:/run/balancer");
        cr_assert_eq(evf_set_nodelay(bench.stream, true), -EOPNOTSUPP);
        bench_finish(&bench);
    }
}

Test(arrival, keeps_the_senders_scope_apart_from_the_client)
{
    static const char text[] = "PROXY TCP6 fe80::7 fe80::8 5000 443\r\n";
    struct sockaddr_in6 sender = { .sin6_family = AF_INET6, .sin6_scope_id = 4000000000 };
    struct sockaddr_storage address;
    sender.sin6_addr.s6_addr[0] = 0xfe;
    sender.sin6_addr.s6_addr[1] = 0x80;
    begin_from(EVF__PROXY_REQUIRED, &sender, sizeof sender);
    come(text, sizeof text - 1);
    is_named("[fe80::7]:5000");
    has_address(evf_proxy_address(bench.stream, &address), &address, "[fe80::%4000000000]:0");
    bench_finish(&bench);
}
