/* SPDX-License-Identifier: MIT
 *
 * The socks5 plugin: the handshake however it is cut, every reply, bytes both ways, and curl as a
 * client that others wrote. The test plays clients and servers; an echo listener of the same
 * launcher stands in where only the bytes count.
 */
#include <arpa/inet.h>
#include <signal.h>

#include "flow.h"
#include "proxy_wire.h"

#define BYTES(text) text, sizeof(text) - 1

/* -- the server, and what it is asked -- */

static struct server *socks5_with(const char *options)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--dns-server", "127.0.0.1:1", "--listen",
                       test_text("127.0.0.1:0=socks5%s%s", options[0] != '\0' ? "," : "", options),
                       "--listen", "[::1]:0=echo", "--listen", "127.0.0.1:0=echo", "--listen",
                       "127.0.0.1:0=http,body=hello" },
    });
}
#define socks5_with(...) SUPPORT_HERE((socks5_with)(__VA_ARGS__))

enum { SOCKS, ECHO_V6, ECHO_V4, HTTP }; /* its listeners */

/* A request to connect to an IPv4 address as in 127.0.0.1:80; returns its length. */
static size_t request_v4(const char *address, uint8_t *ret)
{
    struct sockaddr_storage storage;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&storage;

    peer_address(address, &storage);
    memcpy(ret, "\5\1\0\1", 4);
    memcpy(ret + 4, &v4->sin_addr, 4);
    memcpy(ret + 8, &v4->sin_port, 2);
    return 10;
}

/* The head of a reply with an IPv4 address; whatever address. */
static void expect_reply(int peer, uint8_t code)
{
    uint8_t reply[10];

    (peer_read_exactly)(peer, reply, sizeof reply);
    if (reply[0] != 5 || reply[1] != code || reply[2] != 0 || reply[3] != 1)
        support_fail("the reply is %u %u %u %u", reply[0], reply[1], reply[2], reply[3]);
}
#define expect_reply(...) SUPPORT_HERE((expect_reply)(__VA_ARGS__))

static int greeted(struct server *server)
{
    int peer = peer_connect(server_address(server, SOCKS));

    peer_send(peer, BYTES("\5\1\0"));
    peer_expect(peer, BYTES("\5\0"));
    return peer;
}

/* Connected through it to that address. */
static int client_of(struct server *server, const char *address)
{
    uint8_t request[10];
    int peer = greeted(server);

    peer_send(peer, request, request_v4(address, request));
    expect_reply(peer, 0);
    return peer;
}

static void finish(int peer, struct server *server)
{
    peer_close(peer);
    server_stop_cleanly(server);
}

/* -- connecting -- */

Test(socks5, connects_by_ipv4_and_tells_the_address_it_connects_from)
{
    struct server *server = socks5_with("");
    struct upstream upstream = upstream_at("127.0.0.1:0");
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    uint8_t request[10], reply[10];
    int peer = greeted(server);

    peer_send(peer, request, request_v4(upstream.address, request));
    int other = upstream_accept(&upstream);
    cr_assert_eq(getpeername(other, (struct sockaddr *)&from, &len), 0);
    peer_read_exactly(peer, reply, sizeof reply);
    cr_expect_arr_eq(reply, "\5\0\0\1", 4);
    cr_expect_arr_eq(reply + 4, &from.sin_addr, 4);
    cr_expect_arr_eq(reply + 8, &from.sin_port, 2);
    peer_send_text(peer, "a question");
    peer_expect_text(other, "a question");
    peer_send_text(other, "an answer");
    peer_expect_text(peer, "an answer");
    cr_expect_eq(server_figure(server, "connected"), 1);
    cr_expect_eq(server_figure(server, "sessions"), 1);
    peer_close(other);
    upstream_close(&upstream);
    finish(peer, server);
}

Test(socks5, connects_by_ipv6)
{
    struct server *server = socks5_with("");
    unsigned port = server_port(server, ECHO_V6);
    uint8_t request[22] = { 5, 1, 0, 4, [19] = 1, (uint8_t)(port >> 8), (uint8_t)port };
    uint8_t reply[22];
    int peer = greeted(server);

    peer_send(peer, request, sizeof request);
    peer_read_exactly(peer, reply, sizeof reply);
    cr_expect_arr_eq(reply, "\5\0\0\4", 4);
    cr_expect_arr_eq(reply + 4, request + 4, 16);
    peer_send_text(peer, "echo");
    peer_expect_text(peer, "echo");
    finish(peer, server);
}

Test(socks5, connects_by_name_and_by_an_address_that_is_sent_as_a_name)
{
    struct server *server = socks5_with("");
    unsigned port = server_port(server, ECHO_V4);
    static const char *const names[] = { "localhost", "127.0.0.1" };

    for (unsigned i = 0; i < 2; i++) {
        uint8_t request[64] = { 5, 1, 0, 3, (uint8_t)strlen(names[i]) };
        size_t len = 5 + strlen(names[i]);
        int peer = greeted(server);

        memcpy(request + 5, names[i], len - 5);
        request[len] = (uint8_t)(port >> 8);
        request[len + 1] = (uint8_t)port;
        peer_send(peer, request, len + 2);
        expect_reply(peer, 0);
        peer_send_text(peer, "echo");
        peer_expect_text(peer, "echo");
        peer_close(peer);
    }
    server_stop_cleanly(server);
}

/* Messages byte by byte, and all at once with the first bytes for the server behind them. */
Test(socks5, takes_the_handshake_however_it_is_cut)
{
    struct server *server = socks5_with("");
    uint8_t all[64] = "\5\2\0\2";
    size_t len = 4 + request_v4(server_address(server, ECHO_V4), all + 4);
    int slow = peer_connect(server_address(server, SOCKS));
    int quick = peer_connect(server_address(server, SOCKS));

    for (size_t i = 0; i < len; i++) {
        peer_send(slow, all + i, 1);
        server_wait_figure(server, "bytes_read", (int64_t)i + 1);
    }
    peer_expect(slow, BYTES("\5\0"));
    expect_reply(slow, 0);
    peer_send_text(slow, "slow");
    peer_expect_text(slow, "slow");

    memcpy(all + len, "early", 5);
    peer_send(quick, all, len + 5);
    peer_end(quick);
    peer_expect(quick, BYTES("\5\0"));
    expect_reply(quick, 0);
    peer_expect_text(quick, "early");
    peer_expect_end(quick);
    peer_close(quick);
    finish(slow, server);
}

/* -- refusals -- */

Test(socks5, replies_why_it_cannot_connect)
{
    struct server *server = socks5_with("connect-timeout=300ms");
    struct upstream closed = upstream_at("127.0.0.1:0"), silent = upstream_silent();
    uint8_t refused[10], late[10];

    request_v4(closed.address, refused);
    upstream_close(&closed);
    request_v4(silent.address, late);
    const struct {
        const void *bytes;
        size_t len;
        uint8_t reply;
    } rows[] = {
        { refused, sizeof refused, 5 },
        { late, sizeof late, 6 },
        { BYTES("\5\1\0\3\14nowhere.test\0\120"), 4 }, /* no name server answers */
        { BYTES("\5\2\0\1\177\0\0\1\0\120"), 7 },
        { BYTES("\5\3\0\1\177\0\0\1\0\120"), 7 },
        { BYTES("\5\1\0\2\177\0\0\1\0\120"), 8 },
        { BYTES("\5\1\0\1\177\0\0\1\0\0"), 1 },
        { BYTES("\5\1\0\3\3a\0b\0\120"), 1 },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t deadline = deadline_in(5000); /* half of what a connect has by itself */
        int peer = greeted(server);

        peer_send(peer, rows[i].bytes, rows[i].len);
        expect_reply(peer, rows[i].reply);
        cr_expect_gt(deadline_left(deadline), 0, "row %u", i);
        peer_expect_end(peer);
        peer_close(peer);
    }
    cr_expect_eq(server_figure(server, "failed"), 8);
    cr_expect_eq(server_figure(server, "connected"), 0);
    upstream_close(&silent);
    server_stop_cleanly(server);
}

/* What was refused may go on sending for a moment: the reply must not be lost in a reset. */
Test(socks5, is_heard_by_who_sends_on)
{
    struct server *server = socks5_with("");
    int peer = greeted(server);

    peer_send(peer, BYTES("\5\2\0\1\177\0\0\1\0\120"));
    for (unsigned i = 0; i < 100; i++)
        peer_send_text(peer, "more and more and more");
    expect_reply(peer, 7);
    peer_expect_end(peer);
    finish(peer, server);
}

Test(socks5, does_not_answer_what_is_no_socks)
{
    struct server *server = socks5_with("");
    int http = peer_connect(server_address(server, SOCKS));
    int old = peer_connect(server_address(server, SOCKS));
    int odd = greeted(server);

    peer_send_text(http, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect_end(http);
    peer_send(old, BYTES("\4\1\0\120\177\0\0\1\0"));
    peer_expect_end(old);
    peer_send(odd, BYTES("\4"));
    peer_expect_end(odd);
    cr_expect_eq(server_figure(server, "malformed"), 3);
    peer_close(http);
    peer_close(old);
    finish(odd, server);
}

Test(socks5, wants_a_method_that_it_knows)
{
    struct server *server = socks5_with("");
    int peer = peer_connect(server_address(server, SOCKS));

    peer_send(peer, BYTES("\5\2\1\2"));
    peer_expect(peer, BYTES("\5\377"));
    peer_expect_end(peer);
    cr_expect_eq(server_figure(server, "denied"), 1);
    finish(peer, server);
}

/* -- users -- */

static struct server *socks5_with_users(const char *folder)
{
    const char *path = test_text("%s/users", folder);
    FILE *file = fopen(path, "w");

    if (file == NULL || fputs("# people\nbob:secret\nann:pass:word\n", file) < 0)
        support_fail("%s: %m", path);
    fclose(file);
    return socks5_with(test_text("auth=password,users=%s", path));
}

Test(socks5, lets_users_in_by_their_password)
{
    const char *folder = test_folder();
    struct server *server = socks5_with_users(folder);
    uint8_t request[10];
    size_t len = request_v4(server_address(server, ECHO_V4), request);
    static const struct {
        const char *bytes;
        size_t len;
        bool known;
    } logins[] = {
        { BYTES("\1\3bob\6secret"), true },    { BYTES("\1\3ann\11pass:word"), true },
        { BYTES("\1\3bob\6secreT"), false },   { BYTES("\1\3bob\11pass:word"), false },
        { BYTES("\1\4bob\0\6secret"), false }, { BYTES("\1\5eve\33[\1x"), false },
    };
    for (unsigned i = 0; i < sizeof logins / sizeof logins[0]; i++) {
        int peer = peer_connect(server_address(server, SOCKS));

        peer_send(peer, BYTES("\5\2\0\2"));
        peer_expect(peer, BYTES("\5\2"));
        peer_send(peer, logins[i].bytes, logins[i].len);
        if (logins[i].known) {
            peer_expect(peer, BYTES("\1\0"));
            peer_send(peer, request, len);
            expect_reply(peer, 0);
            peer_send_text(peer, "echo");
            peer_expect_text(peer, "echo");
        } else {
            peer_expect(peer, BYTES("\1\1"));
            peer_expect_end(peer);
        }
        peer_close(peer);
    }
    int without = peer_connect(server_address(server, SOCKS));
    peer_send(without, BYTES("\5\1\0"));
    peer_expect(without, BYTES("\5\377"));
    peer_expect_end(without);
    cr_expect_eq(server_figure(server, "denied"), 5);
    server_wait_log_count(server, "user bob may not log in", 3);
    finish(without, server);
    test_folder_remove(folder);
}

static void refuses(const char *options, const char *text)
{
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--check", "--listen", test_text("127.0.0.1:0=socks5,%s", options) },
        },
        1, text);
}

Test(socks5, refuses_options_that_contradict_each_other)
{
    struct server_spec spec = { .arguments = { "--listen", "127.0.0.1:0=socks5,auth=password" } };

    launcher_refuses(&spec, 1, "auth=password needs users=FILE");
    spec.arguments[1] = "127.0.0.1:0=socks5,users=/etc/hostname";
    launcher_refuses(&spec, 1, "has no effect without auth=password");
    spec.arguments[1] = "127.0.0.1:0=socks5,auth=password,users=/nowhere";
    launcher_refuses(&spec, 1, "users=/nowhere: No such file or directory");
    refuses("auth=anything", "auth");
}

/* -- times -- */

Test(socks5, bounds_the_time_of_the_handshake)
{
    struct server *server = socks5_with("handshake-timeout=200ms");
    int silent = peer_connect(server_address(server, SOCKS)), half = greeted(server);
    int done = client_of(server, server_address(server, ECHO_V4));

    peer_send(half, BYTES("\5\1\0"));
    peer_expect_gone(silent);
    peer_expect_gone(half);
    cr_expect_not(wait_quietly(done, 300), "whoever is connected stays");
    peer_send_text(done, "echo");
    peer_expect_text(done, "echo");
    peer_close(silent);
    peer_close(half);
    finish(done, server);
}

Test(socks5, closes_sessions_that_are_idle_on_both_sides)
{
    struct server *server = socks5_with("idle-timeout=300ms");
    struct upstream upstream = upstream_at("127.0.0.1:0");
    int peer = client_of(server, upstream.address), other = upstream_accept(&upstream);

    for (unsigned i = 0; i < 10; i++) { /* one side keeps both */
        wait_quietly(peer, 100);
        peer_send_text(other, "x");
        peer_expect_text(peer, "x");
    }
    peer_expect_gone(peer);
    peer_expect_gone(other);
    peer_close(other);
    upstream_close(&upstream);
    finish(peer, server);
}

Test(socks5, cancels_the_connect_of_a_client_that_vanishes)
{
    struct server *server = socks5_with("connect-timeout=1h");
    struct upstream silent = upstream_silent();
    uint8_t request[10];
    int peer = greeted(server);

    peer_send(peer, request, request_v4(silent.address, request));
    peer_send_text(peer, "early");
    server_wait_figure(server, "bytes_read", 18);
    server_wait_figure(server, "streams", 2);
    peer_reset(peer);
    server_wait_figure(server, "sessions", 0);
    upstream_close(&silent);
    server_stop_cleanly(server);
}

/* The silent server takes connections again. Returns the one that is not the test's own. */
static int end_of_silence(struct upstream *silent)
{
    struct sockaddr_in from, own;
    socklen_t len = sizeof from;

    for (;;) {
        int fd = (upstream_accept)(silent);
        bool is_filler = false;

        getpeername(fd, (struct sockaddr *)&from, &len);
        for (unsigned i = 0; i < silent->filler_count; i++) {
            getsockname(silent->fillers[i], (struct sockaddr *)&own, &len);
            is_filler |= own.sin_port == from.sin_port;
        }
        if (!is_filler)
            return fd;
        close(fd);
    }
}

/* While the connect is under way idle times do not count, and the client's end waits. */
Test(socks5, keeps_a_client_whose_connect_takes_long)
{
    struct server *server = socks5_with("idle-timeout=400ms,connect-timeout=1h");
    struct upstream silent = upstream_silent();
    uint8_t request[10];
    int peer = greeted(server);

    peer_send(peer, request, request_v4(silent.address, request));
    peer_end(peer);
    cr_expect_not(wait_quietly(peer, 1000), "nothing comes, not even an end");
    int other = end_of_silence(&silent);
    expect_reply(peer, 0);
    peer_expect_end(other);
    peer_send_text(other, "late");
    peer_expect_text(peer, "late");
    peer_close(other);
    upstream_close(&silent);
    finish(peer, server);
}

Test(socks5, holds_so_much_before_the_connection_stands_and_no_more)
{
    struct server *server = socks5_with("connect-timeout=1h");
    struct upstream silent = upstream_silent();
    uint8_t request[10];
    int peer = greeted(server);

    peer_send(peer, request, request_v4(silent.address, request));
    server_wait_figure(server, "streams", 2);
    flow_send_until_stuck(peer, 0, 64 * MIB);
    cr_expect_leq(server_figure(server, "bytes_read"), 300 * KIB);
    upstream_close(&silent); /* the next attempt of the kernel is refused */
    expect_reply(peer, 5);
    finish(peer, server);
}

/* -- bytes -- */

Test(socks5, carries_bulk_both_ways_to_a_slow_reader_too)
{
    struct server *server = socks5_with("");
    int quick = client_of(server, server_address(server, ECHO_V4));
    int slow = client_of(server, server_address(server, ECHO_V4));

    flow_echo(quick, &(struct flow){ .total = test_scaled(32) * MIB,
                                     .send_least = 1,
                                     .send_most = 100 * KIB,
                                     .read_most = 64 * KIB,
                                     .seed = test_seed() });
    flow_echo(slow, &(struct flow){ .total = test_scaled(32) * MIB,
                                    .send_least = 1,
                                    .send_most = 100 * KIB,
                                    .read_most = 64 * KIB,
                                    .slow_reader = true,
                                    .seed = test_seed() });
    peer_close(slow);
    finish(quick, server);
}

Test(socks5, reads_nothing_for_who_does_not_read)
{
    struct server *server = socks5_with("");
    struct upstream upstream = upstream_at("127.0.0.1:0");
    int peer = client_of(server, upstream.address), other = upstream_accept(&upstream);
    uint64_t sent = flow_send_until_stuck(peer, 0, 256 * MIB);

    cr_expect_lt(sent, 64 * MIB); /* kernels hold some megabytes on the way */
    flow_expect(other, 0, sent, 0);
    peer_close(other);
    upstream_close(&upstream);
    finish(peer, server);
}

/* A half-closed session may go on for longer than others linger. */
Test(socks5, carries_the_ends_of_either_side_first)
{
    struct server *server = socks5_with("linger=200ms");
    struct upstream upstream = upstream_at("127.0.0.1:0");

    for (unsigned i = 0; i < 2; i++) {
        int peer = client_of(server, upstream.address), other = upstream_accept(&upstream);
        int first = i == 0 ? peer : other, second = i == 0 ? other : peer;

        flow_send(first, 0, 300 * KIB);
        peer_end(first);
        flow_expect(second, 0, 300 * KIB, 0);
        peer_expect_end(second);
        cr_expect_not(wait_quietly(first, 400), "the other direction stands");
        flow_send(second, 7, 300 * KIB);
        peer_end(second);
        flow_expect(first, 7, 300 * KIB, 0);
        peer_expect_end(first);
        peer_close(first);
        peer_close(second);
    }
    server_wait_figure(server, "sessions", 0);
    cr_expect_eq(server_figure(server, "streams_failed"), 0);
    upstream_close(&upstream);
    server_stop_cleanly(server);
}

Test(socks5, carries_resets)
{
    struct server *server = socks5_with("");
    struct upstream upstream = upstream_at("127.0.0.1:0");

    for (unsigned i = 0; i < 2; i++) {
        int peer = client_of(server, upstream.address), other = upstream_accept(&upstream);

        peer_reset(i == 0 ? peer : other);
        peer_expect_reset(i == 0 ? other : peer);
        peer_close(i == 0 ? other : peer);
    }
    upstream_close(&upstream);
    server_stop_cleanly(server);
}

/* -- the stop -- */

Test(socks5, lets_sessions_finish_at_the_stop)
{
    struct server *server = socks5_with("handshake-timeout=1h");
    struct upstream upstream = upstream_at("127.0.0.1:0");
    int peer = client_of(server, upstream.address), other = upstream_accept(&upstream);
    int half = greeted(server);

    server_signal(server, SIGTERM);
    peer_expect_end(half);
    peer_send_text(peer, "still");
    peer_expect_text(other, "still");
    peer_end(peer);
    peer_expect_end(other);
    peer_close(other);
    peer_expect_end(peer);
    peer_close(peer);
    peer_close(half);
    upstream_close(&upstream);
    server_ended(server, 0);
}

/* -- curl -- */

/* Runs curl through it; returns its exit status and what it printed. */
static struct launcher_result curl(struct server *server, const char *how, const char *user,
                                   const char *url)
{
    struct server_spec spec = {
        .program = "/usr/bin/curl",
        .arguments = { "-sS", "--max-time", "20", how, server_address(server, SOCKS), "--noproxy",
                       "", url, user != NULL ? "--proxy-user" : NULL, user },
    };

    return launcher_run(&spec);
}

Test(socks5, serves_curl)
{
    struct server *server = socks5_with("");
    const char *by_address = test_text("http://%s/", server_address(server, HTTP));
    const char *by_name = test_text("http://localhost:%u/", server_port(server, HTTP));

    cr_expect_str_eq(curl(server, "--socks5", NULL, by_address).output, "hello");
    cr_expect_str_eq(curl(server, "--socks5-hostname", NULL, by_name).output, "hello");
    struct launcher_result refused = curl(server, "--socks5", NULL, "http://127.0.0.1:1/");
    cr_expect_eq(refused.status, 97, "%d: %s", refused.status, refused.errors);
    cr_expect_eq(server_figure(server, "connected"), 2);
    server_stop_cleanly(server);
}

Test(socks5, serves_curl_with_user_and_password)
{
    const char *folder = test_folder();
    struct server *server = socks5_with_users(folder);
    const char *url = test_text("http://%s/", server_address(server, HTTP));

    cr_expect_str_eq(curl(server, "--socks5", "bob:secret", url).output, "hello");
    cr_expect_eq(curl(server, "--socks5", "bob:wrong", url).status, 97);
    cr_expect_eq(curl(server, "--socks5", NULL, url).status, 97);
    cr_expect_eq(server_figure(server, "denied"), 2);
    server_stop_cleanly(server);
    test_folder_remove(folder);
}
