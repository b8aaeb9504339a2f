/* SPDX-License-Identifier: MIT
 *
 * PROXY headers over real sockets: who the plugin is told that its peers are, what is closed
 * without the plugin's ever hearing of it, and that no byte of data is lost or taken for a
 * header's.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "flow.h"
#include "peer.h"
#include "server.h"

#define LINE "PROXY TCP4 192.0.2.9 198.51.100.1 5000 443\r\n"
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
/* From 192.0.2.9:5000 to 198.51.100.1:443, with the TLV UNIQUE_ID "id". */
#define BINARY SIGNATURE "\x21\x11\0\x11\xc0\0\x02\x09\xc6\x33\x64\x01\x13\x88\x01\xbb\x05\0\x02id"
#define LOCAL SIGNATURE "\x20\0\0\0"

static struct server *server;

static void start(const char *options)
{
    server = server_with("1", "arrival", options);
}

static int connect_here(void)
{
    return peer_connect(server_address(server, 0));
}

/* The plugin says this about the connection; PORT stands for its own port. */
static void is_told(int peer, const char *format)
{
    char line[3100], expected[400] = "";
    const char *port = strstr(format, "PORT");

    if (port != NULL)
        snprintf(expected, sizeof expected, "%.*s%u%s", (int)(port - format), format,
                 peer_port(peer), port + 4);
    else
        snprintf(expected, sizeof expected, "%s", format);
    peer_read_line(peer, line, sizeof line);
    cr_assert_eq(strncmp(line, expected, strlen(expected)), 0, "\"%s\" is not \"%s\"", line,
                 expected);
}

/* The header's client, told with a good header of that version. */
static void is_told_the_client(int peer, unsigned version)
{
    is_told(peer, test_text("peer=192.0.2.9:5000 local=198.51.100.1:443 proxy=127.0.0.1:PORT "
                            "version=%u tlvs=%s nodelay=ok",
                            version, version == 2 ? "05:6964" : ""));
}

/* Nothing is left that the plugin had not both opened and closed; so many in all. */
static void ends_with(unsigned opens)
{
    server_wait_figure(server, "arrival_opens", opens);
    server_wait_figure(server, "arrival_closes", opens);
    server_stop_cleanly(server);
}

/* What was sent before has been read: the one worker has served another since. */
static void wait_until_read(void)
{
    int witness = connect_here();

    peer_send(witness, LOCAL "?", sizeof LOCAL);
    is_told(witness, "peer=127.0.0.1:PORT ");
    peer_expect_text(witness, "?");
    peer_close(witness);
}

/* -- required -- */

Test(proxy_header, of_version_1_names_the_client_and_data_behind_it_arrives)
{
    start("proxy-protocol=required");
    int peer = connect_here();

    peer_send_text(peer, LINE "hello");
    is_told_the_client(peer, 1);
    peer_expect_text(peer, "hello");
    peer_send_text(peer, LINE);
    peer_expect_text(peer, LINE);
    peer_close(peer);
    server_wait_figure(server, "proxy_headers", 1);
    server_wait_figure(server, "bytes_read", 5 + sizeof LINE - 1);
    ends_with(1);
}

Test(proxy_header, of_version_2_names_the_client_and_data_behind_it_arrives)
{
    start("proxy-protocol=required,proxy-trusted=127.0.0.0/8");
    int peer = connect_here();

    peer_send(peer, BINARY "hello", sizeof BINARY + 4);
    is_told_the_client(peer, 2);
    peer_expect_text(peer, "hello");
    peer_close(peer);
    ends_with(1);
}

static void check_cuts(const char *bytes, size_t header_len, size_t len, unsigned version)
{
    start("proxy-protocol=required");
    unsigned opens = 0, step = test_slowness() > 1 ? 3 : 1;

    for (size_t cut = 1; cut < len; cut += step) {
        int peer = connect_here();

        peer_send(peer, bytes, cut);
        wait_until_read();
        if (cut < header_len)
            cr_assert(peer_is_quiet(peer), "opened by %zu bytes", cut);
        peer_send(peer, bytes + cut, len - cut);
        is_told_the_client(peer, version);
        peer_expect(peer, bytes + header_len, len - header_len);
        peer_close(peer);
        opens += 2;
    }
    ends_with(opens);
}

Test(proxy_header, of_version_1_may_be_cut_anywhere)
{
    check_cuts(LINE "ab", sizeof LINE - 1, sizeof LINE + 1, 1);
}

Test(proxy_header, of_version_2_may_be_cut_anywhere)
{
    check_cuts(BINARY "ab", sizeof BINARY - 1, sizeof BINARY + 1, 2);
}

/* Bytes that wait for more are taken from the kernel: nothing fires again and again. */
Test(proxy_header, that_comes_byte_by_byte_and_stops_costs_next_to_nothing)
{
    start("proxy-protocol=optional,proxy-trusted=127.0.0.1,proxy-timeout=60s");
    int undecided = connect_here(), begun = connect_here(), binary = connect_here();

    for (size_t i = 0; i < 5; i++)
        peer_send(undecided, &(LINE)[i], 1);
    for (size_t i = 0; i < 40; i++)
        peer_send(begun, &(LINE)[i], 1);
    for (size_t i = 0; i < 20; i++)
        peer_send(binary, &(BINARY)[i], 1);
    wait_until_read();
    uint64_t before = server_cpu_ms(server);
    cr_assert_not(wait_quietly(begun, 1000));
    cr_expect_leq(server_cpu_ms(server) - before, 100);
    peer_send_text(undecided, "!");
    is_told(undecided, "peer=127.0.0.1:PORT ");
    peer_expect_text(undecided, "PROXY!");
    peer_send_text(begun, &(LINE)[40]);
    is_told_the_client(begun, 1);
    peer_send(binary, &(BINARY)[20], sizeof BINARY - 21);
    is_told_the_client(binary, 2);
    peer_close(undecided);
    peer_close(begun);
    peer_close(binary);
    ends_with(4);
}

Test(proxy_header, that_is_never_finished_is_closed_in_time_without_the_plugin)
{
    static const char *const parts[] = { "", "PROXY",
                                         "PROXY TCP4 192.0.2.9 198.51.100.1 5000 443\r" };
    start("proxy-protocol=required,proxy-timeout=300ms");
    for (size_t i = 0; i < 3; i++) {
        uint64_t before = clock_ms();
        int peer = connect_here();

        peer_send_text(peer, parts[i]);
        peer_expect_gone(peer);
        cr_expect_geq(clock_ms() - before, 299);
        cr_expect_leq(clock_ms() - before, 300 + 1000 * test_slowness());
        peer_close(peer);
    }
    server_wait_log(server, "its proxy-timeout is over");
    server_wait_figure(server, "proxy_headers_missing", 3);
    server_wait_figure(server, "connections_never_opened", 3);
    ends_with(0);
}

/* Slowly sent bytes do not lengthen the time. */
Test(proxy_header, that_trickles_is_closed_in_time)
{
    start("proxy-protocol=required,proxy-timeout=500ms");
    uint64_t before = clock_ms();
    int peer = connect_here();
    size_t sent = 0;

    while (!wait_quietly(peer, 50) && sent < 40)
        sent += peer_send_some(peer, &(LINE)[sent], 1);
    peer_expect_gone(peer);
    cr_expect_leq(clock_ms() - before, 500 + 1000 * test_slowness());
    peer_close(peer);
    ends_with(0);
}

Test(proxy_header, that_ends_or_is_reset_before_it_is_complete_is_closed)
{
    start("proxy-protocol=required");
    int ended = connect_here(), reset = connect_here(), silent = connect_here();

    peer_send_text(ended, "PROXY TCP4");
    peer_end(ended);
    peer_expect_gone(ended);
    peer_close(ended);
    peer_send_text(reset, "PROXY TCP4");
    peer_reset(reset);
    peer_close(silent);
    server_wait_figure(server, "proxy_headers_missing", 3);
    ends_with(0);
}

Test(proxy_header, that_is_bad_is_closed_without_the_plugin_and_its_sender_named)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *why;
    } bad[] = {
#define BAD(text, why) { text, sizeof(text) - 1, why }
        BAD("GET / HTTP/1.1\r\n\r\n", "it sent no PROXY header"),
        BAD("PROXY TCP4 192.0.2.9 198.51.100.1 5000 65536\r\n", "not in its canonical form"),
        BAD("PROXY HTTP\r\n", "its protocol is none of"),
        BAD(SIGNATURE "\x31", "its version is not 2"),
        BAD(SIGNATURE "\x21\x11\0\x0b", "below that of its addresses"),
        BAD(SIGNATURE "\x21\x11\xff\xff", "longer than the 4096 bytes"),
#undef BAD
    };
    start("proxy-protocol=required");
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        int peer = connect_here();
        char line[512];

        peer_send(peer, bad[i].bytes, bad[i].len);
        peer_expect_gone(peer);
        server_log_line(server, bad[i].why, line, sizeof line);
        cr_assert_not_null(strstr(line, test_text("127.0.0.1:%u", peer_port(peer))), "%s", line);
        cr_assert_not_null(strstr(line, " warn "), "%s", line);
        peer_close(peer);
        server_wait_figure(server, "proxy_headers_bad", i + 1);
    }
    ends_with(0);
}

Test(proxy_header, that_is_bad_again_and_again_does_not_flood_the_log)
{
    start("proxy-protocol=required");
    uint64_t before = clock_ms();
    for (unsigned i = 0; i < 300; i++) {
        int peer = connect_here();

        peer_send_text(peer, "bad");
        peer_expect_gone(peer);
        peer_close(peer);
    }
    server_wait_figure(server, "proxy_headers_bad", 300);
    uint64_t seconds = (clock_ms() - before) / 1000 + 2;
    cr_expect_leq(server_log_count(server, "it sent no PROXY header"), 8 * seconds);
    cr_expect_geq(server_log_count(server, "counted only"), 1);
    ends_with(0);
}

Test(proxy_header, that_is_local_leaves_the_connection_its_own_addresses)
{
    start("proxy-protocol=required");
    int local = connect_here(), unknown = connect_here();

    peer_send(local, LOCAL "health", sizeof LOCAL + 5);
    is_told(local, test_text("peer=127.0.0.1:PORT local=%s ", server_address(server, 0)));
    peer_expect_text(local, "health");
    peer_send_text(unknown, "PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\nx");
    is_told(unknown,
            test_text("peer=127.0.0.1:PORT local=%s proxy=127.0.0.1:", server_address(server, 0)));
    peer_expect_text(unknown, "x");
    peer_close(local);
    peer_close(unknown);
    ends_with(2);
}

Test(proxy_header, of_a_peer_that_is_not_trusted_closes_it)
{
    start("proxy-protocol=required,proxy-trusted=127.0.0.1,proxy-trusted=192.0.2.0/24");
    int good = connect_here();
    int bad = peer_connect_with(server_address(server, 0),
                                &(struct peer_settings){ .source = "127.0.0.7" });

    peer_expect_gone(bad);
    server_wait_log(server, "its address is not one of the listener's proxy-trusted");
    server_wait_figure(server, "proxy_untrusted", 1);
    peer_send_text(good, LINE);
    is_told_the_client(good, 1);
    peer_close(good);
    peer_close(bad);
    ends_with(1);
}

/* -- optional and off -- */

Test(proxy_header, that_is_optional_and_missing_loses_no_byte)
{
    static const char *const texts[] = { "PROX",
                                         "PROXY",
                                         "\r\n\r\n",
                                         "\r\n",
                                         "P",
                                         "PROXIMA\n",
                                         "GET / HTTP/1.1\r\n\r\n",
                                         "\r\n\r\nPROXY TCP4\r\n" };
    start("proxy-protocol=optional,proxy-trusted=127.0.0.1,proxy-timeout=60s");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int peer = connect_here();
        size_t len = strlen(texts[i]);

        for (size_t at = 0; at < len; at++) {
            peer_send(peer, texts[i] + at, 1);
            if (at % 3 == 1)
                wait_until_read();
        }
        peer_send_text(peer, "and more");
        is_told(peer, "peer=127.0.0.1:PORT local=127.0.0.1:");
        peer_expect_text(peer, texts[i]);
        peer_expect_text(peer, "and more");
        peer_close(peer);
    }
    server_stop_cleanly(server);
}

Test(proxy_header, that_is_optional_and_cut_off_by_the_end_is_data)
{
    static const char *const texts[] = { "", "PROX", "\r\n\r\n" };
    start("proxy-protocol=optional,proxy-trusted=127.0.0.1,proxy-timeout=60s");
    for (size_t i = 0; i < 3; i++) {
        int peer = connect_here();

        peer_send_text(peer, texts[i]);
        peer_end(peer);
        is_told(peer, "peer=127.0.0.1:PORT ");
        peer_expect_text(peer, texts[i]);
        peer_expect_end(peer);
        peer_close(peer);
    }
    ends_with(3);
}

Test(proxy_header, that_is_optional_is_not_waited_for_beyond_its_time)
{
    start("proxy-protocol=optional,proxy-trusted=127.0.0.1,proxy-timeout=200ms");
    int silent = connect_here(), undecided = connect_here(), begun = connect_here();

    peer_send_text(undecided, "PROX");
    peer_send_text(begun, "PROXY TCP");
    is_told(silent, "peer=127.0.0.1:PORT ");
    is_told(undecided, "peer=127.0.0.1:PORT ");
    peer_expect_text(undecided, "PROX");
    peer_expect_gone(begun);
    peer_close(silent);
    peer_close(undecided);
    peer_close(begun);
    ends_with(2);
}

Test(proxy_header, that_is_optional_is_data_from_a_peer_that_is_not_trusted)
{
    start("proxy-protocol=optional,proxy-trusted=127.0.0.1");
    int good = connect_here();
    int other = peer_connect_with(server_address(server, 0),
                                  &(struct peer_settings){ .source = "127.0.0.7" });

    is_told(other, "peer=127.0.0.7:PORT local=127.0.0.1:"); /* without waiting for a byte */
    peer_send_text(other, LINE);
    peer_expect_text(other, LINE);
    peer_send_text(good, LINE "data");
    is_told_the_client(good, 1);
    peer_expect_text(good, "data");
    peer_close(good);
    peer_close(other);
    ends_with(2);
}

Test(proxy_header, is_data_where_none_is_looked_for)
{
    start(NULL);
    int peer = connect_here();

    is_told(peer, "peer=127.0.0.1:PORT local=127.0.0.1:");
    peer_send_text(peer, LINE);
    peer_expect_text(peer, LINE);
    peer_close(peer);
    ends_with(1);
}

/* -- other listeners, lists, loads -- */

Test(proxy_header, from_a_unix_socket_is_trusted)
{
    const char *folder = test_folder();
    server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen",
                       test_listen(test_text("unix:%s/socket", folder), "arrival",
                                   "proxy-protocol=optional") },
    });
    int peer = connect_here(), plain = connect_here();

    peer_send_text(peer, LINE "data");
    is_told(peer, "peer=192.0.2.9:5000 local=198.51.100.1:443 proxy=unix version=1 tlvs= "
                  "nodelay=EOPNOTSUPP");
    peer_expect_text(peer, "data");
    peer_send_text(plain, "data");
    is_told(plain, "peer=unix: local=unix proxy=none version=0");
    peer_expect_text(plain, "data");
    peer_close(peer);
    peer_close(plain);
    ends_with(2);
    test_folder_remove(folder);
}

Test(proxy_header, is_read_by_every_worker_and_on_ipv6)
{
    server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--accept", "reuseport", "--listen",
                       test_listen("[::]:0", "arrival",
                                   "proxy-protocol=required,proxy-trusted=127.0.0.0/8") },
    });
    const char *address = test_text("127.0.0.1:%u", server_port(server, 0));
    const char *address6 = test_text("[::1]:%u", server_port(server, 0));
    unsigned count = test_scaled(100);
    int *peers = test_allocate(count * sizeof *peers);

    for (unsigned i = 0; i < count; i++) {
        peers[i] = peer_connect(address);
        peer_send_text(peers[i], test_text("PROXY TCP6 2001:db8::%x ::1 %u 1\r\n%u;", i + 1, i, i));
    }
    for (unsigned i = 0; i < count; i++) {
        is_told(peers[i],
                test_text("peer=[2001:db8::%x]:%u local=[::1]:1 proxy=127.0.0.1:PORT", i + 1, i));
        peer_expect_text(peers[i], test_text("%u;", i));
        peer_close(peers[i]);
    }
    int other = peer_connect(address6);
    peer_expect_gone(other);
    peer_close(other);
    ends_with(count);
}

Test(proxy_header, is_judged_by_the_block_list_too)
{
    start("proxy-protocol=required,block=192.0.2.9,block=2001:db8::/32");
    static const char *const lines[] = { LINE, "PROXY TCP6 2001:db8::9 ::1 1 2\r\n",
                                         "PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n" };
    for (size_t i = 0; i < 3; i++) {
        int peer = connect_here();

        peer_send_text(peer, lines[i]);
        peer_expect_gone(peer);
        peer_close(peer);
    }
    server_wait_figure(server, "connections_refused_blocked", 3);
    server_wait_log(server, "192.0.2.9:5000");
    int peer = connect_here();
    peer_send_text(peer, "PROXY TCP4 192.0.2.10 192.0.2.9 1 2\r\n");
    is_told(peer, "peer=192.0.2.10:1 local=192.0.2.9:2 ");
    peer_close(peer);
    ends_with(1);
}

Test(proxy_header, is_followed_by_megabytes_that_arrive_unharmed)
{
    start("proxy-protocol=optional,proxy-trusted=127.0.0.1");
    int peer = connect_here();

    peer_send(peer, BINARY, sizeof BINARY - 1);
    is_told_the_client(peer, 2);
    flow_echo(peer, &(struct flow){ .total = test_scaled(32) * (uint64_t)(1 << 20),
                                    .send_least = 1,
                                    .send_most = 100000,
                                    .read_most = 65536,
                                    .seed = test_seed() });
    peer_close(peer);
    ends_with(1);
}

/* -- stop -- */

Test(proxy_header, that_is_awaited_at_the_stop_is_waited_for_within_its_time)
{
    start("proxy-protocol=required,proxy-timeout=1s");
    int late = connect_here(), never = connect_here();

    peer_send_text(late, "PROXY TCP4 192.0.2.9 ");
    peer_send_text(never, "PROXY TCP4 192.0.2.9 ");
    wait_until_read();
    uint64_t before = clock_ms();
    server_signal(server, SIGTERM);
    server_wait_log(server, "stopping");
    peer_send_text(late, "198.51.100.1 5000 443\r\nrequest");
    is_told_the_client(late, 1);
    peer_expect_text(late, "request");
    peer_expect_end(late);
    peer_close(late);
    peer_expect_gone(never);
    peer_close(never);
    server_ended(server, 0);
    cr_expect_leq(clock_ms() - before, 1000 + 3000 * test_slowness());
}

/* An optional one that never comes: the client has said nothing, and is told that the server ends.
 */
Test(proxy_header, that_is_optional_and_awaited_at_the_stop_does_not_hold_it_up)
{
    server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--grace", "60s", "--listen",
                       test_listen("127.0.0.1:0", "arrival",
                                   "proxy-protocol=optional,proxy-trusted=127.0.0.1,"
                                   "proxy-timeout=1s,idle-timeout=0") },
    });
    int silent = connect_here();

    server_wait_figure(server, "streams", 1);
    uint64_t before = clock_ms();
    server_signal(server, SIGTERM);
    is_told(silent, "peer=127.0.0.1:PORT ");
    peer_expect_end(silent);
    peer_close(silent);
    server_ended(server, 0);
    cr_expect_leq(clock_ms() - before, 1000 + 5000 * test_slowness());
}

Test(proxy_header, that_is_awaited_beyond_the_grace_is_given_up)
{
    server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--grace", "300ms", "--listen",
                       test_listen("127.0.0.1:0", "arrival",
                                   "proxy-protocol=required,proxy-timeout=60s") },
    });
    int never = connect_here();

    peer_send_text(never, "PROXY TCP4 192.0.2.9 ");
    wait_until_read();
    server_signal(server, SIGTERM);
    peer_expect_gone(never);
    peer_close(never);
    server_ended(server, 0);
}

/* -- options -- */

static void refuses(const char *options, const char *text)
{
    launcher_refuses(
        &(struct server_spec){ .arguments = { "--check", "--listen",
                                              test_listen("127.0.0.1:0", "arrival", options) } },
        1, text);
}

Test(proxy_header, options_that_make_no_sense_stop_the_start)
{
    refuses("proxy-protocol=optional", "optional needs proxy-trusted=ADDRESS");
    refuses("proxy-protocol=on", "allowed: off, optional or required");
    refuses("proxy-trusted=127.0.0.1", "no effect without proxy-protocol");
    refuses("proxy-timeout=1s", "no effect without proxy-protocol");
    refuses("proxy-protocol=required,proxy-trusted=localhost", "option proxy-trusted: 'localhost'");
    refuses("proxy-protocol=required,proxy-timeout=0", "option proxy-timeout");
    refuses("proxy-protocol=required,proxy-timeout=61s", "option proxy-timeout");
}
