/* SPDX-License-Identifier: MIT
 *
 * The proxy plugin: bytes there and back, ends and resets carried through, back-pressure, times and
 * the graceful stop. The test plays the client and the upstream server.
 */
#include <signal.h>

#include "flow.h"
#include "proxy_wire.h"

static struct upstream upstream;
static struct server *proxy;

static void begin_with(const char *options)
{
    upstream = upstream_at("127.0.0.1:0");
    proxy = proxy_before(
        test_text("upstream=%s%s%s", upstream.address, options[0] != '\0' ? "," : "", options));
}

static void begin(void)
{
    begin_with("");
}

static void finish(void)
{
    server_stop_cleanly(proxy);
    upstream_close(&upstream);
}

TestSuite(proxy, .init = begin, .fini = finish);
TestSuite(proxy_alone);

struct couple {
    int client, server;
};

/* A client and the upstream server's end of its connection. */
static struct couple couple_new(void)
{
    struct couple couple;
    couple.client = peer_connect(server_address(proxy, 0));
    couple.server = upstream_accept(&upstream);
    return couple;
}

static void couple_close(struct couple couple)
{
    peer_close(couple.client);
    peer_close(couple.server);
}

Test(proxy, carries_bytes_both_ways)
{
    struct couple couple = couple_new();
    peer_send_text(couple.client, "a question");
    peer_expect_text(couple.server, "a question");
    peer_send_text(couple.server, "an answer");
    peer_expect_text(couple.client, "an answer");
    server_wait_figure(proxy, "bytes_to_upstream", 10);
    server_wait_figure(proxy, "bytes_to_client", 9);
    server_wait_figure(proxy, "proxied", 1);
    server_wait_figure(proxy, "pairs", 1);
    couple_close(couple);
    server_wait_figure(proxy, "pairs", 0);
}

Test(proxy, lets_the_server_speak_first)
{
    struct couple couple = couple_new();
    peer_send_text(couple.server, "220 ready\r\n");
    peer_expect_text(couple.client, "220 ready\r\n");
    couple_close(couple);
}

/* ---- Ends and resets ---- */

Test(proxy, carries_the_clients_end_first_and_the_servers_behind_its_answer)
{
    struct couple couple = couple_new();
    flow_send(couple.client, 0, 300 * KIB);
    peer_end(couple.client);
    flow_expect(couple.server, 0, 300 * KIB, 0);
    peer_expect_end(couple.server);
    cr_expect(peer_is_quiet(couple.client), "the other direction stands");
    flow_send(couple.server, 7, 300 * KIB);
    peer_end(couple.server);
    flow_expect(couple.client, 7, 300 * KIB, 0);
    peer_expect_end(couple.client);
    couple_close(couple);
    server_wait_figure(proxy, "pairs", 0);
    cr_expect_eq(server_figure(proxy, "streams_failed"), 0);
}

Test(proxy, carries_the_servers_end_first_and_the_clients_behind_its_bytes)
{
    struct couple couple = couple_new();
    flow_send(couple.server, 0, 300 * KIB);
    peer_end(couple.server);
    flow_expect(couple.client, 0, 300 * KIB, 0);
    peer_expect_end(couple.client);
    cr_expect(peer_is_quiet(couple.server), "the other direction stands");
    flow_send(couple.client, 7, 300 * KIB);
    peer_end(couple.client);
    flow_expect(couple.server, 7, 300 * KIB, 0);
    peer_expect_end(couple.server);
    couple_close(couple);
    server_wait_figure(proxy, "pairs", 0);
    cr_expect_eq(server_figure(proxy, "streams_failed"), 0);
}

Test(proxy, carries_ends_that_come_at_once)
{
    for (unsigned i = 0; i < 50; i++) {
        int client = peer_connect(server_address(proxy, 0));
        peer_end(client);
        int server = upstream_accept(&upstream);
        peer_end(server);
        peer_expect_end(client);
        peer_expect_end(server);
        peer_close(client);
        peer_close(server);
    }
    server_wait_figure(proxy, "pairs", 0);
}

/* The linger of 5 s and 1 MiB, which other plugins have behind their end, is not for a proxy. */
Test(proxy, lets_a_half_closed_connection_go_on)
{
    struct couple couple = couple_new();
    peer_end(couple.client);
    peer_expect_end(couple.server);
    wait_quietly(couple.client, 5500);
    flow_send(couple.server, 0, 3 * MIB / 2);
    flow_expect(couple.client, 0, 3 * MIB / 2, 0);
    peer_end(couple.server);
    peer_expect_end(couple.client);
    couple_close(couple);
}

Test(proxy, carries_the_clients_reset)
{
    struct couple couple = couple_new();
    peer_send_text(couple.client, "half a ques");
    peer_expect_text(couple.server, "half a ques");
    peer_reset(couple.client);
    peer_expect_reset(couple.server);
    peer_close(couple.server);
    server_wait_figure(proxy, "pairs", 0);
}

Test(proxy, carries_the_servers_reset)
{
    struct couple couple = couple_new();
    peer_send_text(couple.server, "half an ans");
    peer_expect_text(couple.client, "half an ans");
    peer_reset(couple.server);
    peer_expect_reset(couple.client);
    peer_close(couple.client);
    server_wait_figure(proxy, "pairs", 0);
}

Test(proxy, carries_a_reset_after_an_end)
{
    struct couple couple = couple_new();
    peer_end(couple.client);
    peer_expect_end(couple.server);
    peer_reset(couple.server);
    peer_expect_reset(couple.client);
    peer_close(couple.client);
    couple = couple_new();
    peer_end(couple.server);
    peer_expect_end(couple.client);
    peer_reset(couple.client);
    peer_expect_reset(couple.server);
    peer_close(couple.server);
    server_wait_figure(proxy, "pairs", 0);
}

/* A server that closes without reading is told by the kernel, with a reset. */
Test(proxy, carries_a_close_with_unread_bytes)
{
    struct couple couple = couple_new();
    peer_send_text(couple.client, "unread");
    cr_assert(wait_for_fd(couple.server, POLLIN, deadline_usual()));
    peer_close(couple.server);
    peer_expect_reset(couple.client);
    peer_close(couple.client);
    server_wait_figure(proxy, "pairs", 0);
}

/* ---- Back-pressure ---- */

static void expect_bounded_stall(int from, int to)
{
    uint64_t before = server_memory(proxy);
    /* Kernels buffer some MiB on either connection. */
    uint64_t sent = flow_send_until_stuck(from, 0, 64 * MIB);
    cr_assert_lt(sent, 64 * MIB, "the proxy goes on reading");
    if (test_slowness() == 1)
        cr_expect_leq(server_memory(proxy), before + 4 * MIB);
    flow_expect(to, 0, sent, 0);
    flow_send(from, sent, 1000);
    flow_expect(to, sent, 1000, 0);
}

Test(proxy, stops_reading_the_client_while_the_server_does_not_read)
{
    struct couple couple = couple_new();
    expect_bounded_stall(couple.client, couple.server);
    couple_close(couple);
}

Test(proxy, stops_reading_the_server_while_the_client_does_not_read)
{
    struct couple couple = couple_new();
    expect_bounded_stall(couple.server, couple.client);
    couple_close(couple);
}

/* Where a second page is beyond both marks. */
Test(proxy_alone, never_meets_the_limit_for_slow_readers)
{
    begin_with("write-high=100k,write-max=100k");
    struct couple couple = couple_new();
    expect_bounded_stall(couple.client, couple.server);
    expect_bounded_stall(couple.server, couple.client);
    couple_close(couple);
    server_wait_figure(proxy, "pairs", 0);
    cr_expect_eq(server_figure(proxy, "streams_slow"), 0);
    finish();
}

struct memory {
    struct server *server;
    uint64_t at_start, most, next;
};

static void watch_memory(void *argument, uint64_t received)
{
    struct memory *memory = argument;
    if (received < memory->next)
        return;
    memory->next = received + 512 * KIB;
    uint64_t now = server_memory(memory->server);
    memory->most = now > memory->most ? now : memory->most;
}

/* EVF_PROXY_MIB=1024 for a gibibyte. */
static uint64_t much(void)
{
    const char *given = getenv("EVF_PROXY_MIB");
    return (given != NULL ? strtoull(given, NULL, 10) : test_scaled(96)) * MIB;
}

static void echo_much(const char *workers)
{
    struct server *echo = server_with("1", "minimal", NULL);
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", workers, "--listen",
                       test_text("127.0.0.1:0=proxy,upstream=%s", server_address(echo, 0)) },
    });
    struct memory memory = { .server = server };
    int client = peer_connect(server_address(server, 0));
    flow_echo(client, &(struct flow){ .total = 4 * MIB,
                                      .send_least = 1,
                                      .send_most = MIB,
                                      .read_most = MIB,
                                      .seed = test_seed() });
    peer_close(client);
    memory.at_start = server_memory(server);
    client = peer_connect_with(server_address(server, 0),
                               &(struct peer_settings){ .receive_buffer = 16 * KIB });
    flow_echo(client, &(struct flow){ .total = much(),
                                      .send_least = 1,
                                      .send_most = MIB,
                                      .read_most = 64 * KIB,
                                      .slow_reader = true,
                                      .seed = test_seed(),
                                      .watch = watch_memory,
                                      .argument = &memory });
    peer_end(client);
    peer_expect_end(client);
    peer_close(client);
    uint64_t grown = memory.most > memory.at_start ? memory.most - memory.at_start : 0;
    printf("memory grew by %llu KiB\n", (unsigned long long)grown / KIB);
    if (test_slowness() == 1)
        cr_expect_leq(grown, 4 * MIB);
    server_stop_cleanly(server);
    server_stop_cleanly(echo);
}

Test(proxy_alone, carries_much_byte_for_byte_through_a_slow_reader_in_little_memory, .timeout = 280)
{
    echo_much("2");
}

Test(proxy, carries_many_small_pieces)
{
    struct couple couple = couple_new();
    for (unsigned i = 0; i < 20000; i += 1 + i % 7)
        flow_send(couple.client, i, 1 + i % 7);
    unsigned total = 0;
    for (unsigned i = 0; i < 20000; i += 1 + i % 7)
        total = i + 1 + i % 7;
    flow_expect(couple.server, 0, total, 333);
    couple_close(couple);
}

/* The client has said all and is gone; the server has not read it yet. */
Test(proxy_alone, delivers_what_is_queued_when_the_client_is_gone)
{
    begin_with(test_text("write-high=16m,write-max=16m,idle-timeout=%ums", 500 * test_slowness()));
    for (unsigned reads = 0; reads < 2; reads++) {
        struct couple couple = couple_new();
        peer_end(couple.server);
        peer_expect_end(couple.client);
        flow_send(couple.client, 0, 12 * MIB);
        peer_end(couple.client);
        peer_close(couple.client);
        server_wait_figure(proxy, "streams", 1);
        if (reads == 1) {
            flow_expect(couple.server, 0, 12 * MIB, 0);
            peer_expect_end(couple.server);
        }
        /* Nor is it kept for ever for one that never reads. */
        server_wait_figure(proxy, "pairs", 0);
        cr_expect_eq(server_figure(proxy, "streams_timed_out"), 1);
        peer_close(couple.server);
    }
    finish();
}

/* ---- Before the upstream stream is open ---- */

struct early {
    struct upstream silent;
    struct upstream next;
};

static struct early early_begin(const char *options)
{
    struct early early = { upstream_silent(), upstream_at("127.0.0.1:0") };
    proxy = proxy_before(
        test_text("upstream=%s,upstream=%s,%s", early.silent.address, early.next.address, options));
    return early;
}

static void early_finish(struct early *early)
{
    server_stop_cleanly(proxy);
    upstream_close(&early->silent);
    upstream_close(&early->next);
}

Test(proxy_alone, gives_early_bytes_to_the_server_that_answers)
{
    static const unsigned sizes[] = { 1, 1000, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 300 * KIB };
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct early early = early_begin("connect-timeout=200ms");
        int client = peer_connect(server_address(proxy, 0));
        flow_send(client, 0, sizes[i]);
        int server = upstream_accept(&early.next);
        flow_expect(server, 0, sizes[i], 0);
        peer_send_text(server, "welcome");
        peer_expect_text(client, "welcome");
        cr_expect_eq(server_figure(proxy, "retries"), 1);
        peer_close(client);
        peer_close(server);
        early_finish(&early);
    }
}

Test(proxy_alone, gives_early_bytes_and_the_end_behind_them_to_the_server_that_answers)
{
    static const unsigned sizes[] = { 0, 5, 20 * KIB };
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct early early = early_begin("connect-timeout=200ms");
        int client = peer_connect(server_address(proxy, 0));
        flow_send(client, 0, sizes[i]);
        peer_end(client);
        int server = upstream_accept(&early.next);
        flow_expect(server, 0, sizes[i], 0);
        peer_expect_end(server);
        peer_send_text(server, "bye");
        peer_end(server);
        peer_expect_text(client, "bye");
        peer_expect_end(client);
        peer_close(client);
        peer_close(server);
        early_finish(&early);
    }
}

/* However little input the listener allows: what a client says early is no frame. */
Test(proxy_alone, keeps_early_bytes_within_max_frame)
{
    struct early early = early_begin("connect-timeout=200ms,max-frame=10");
    int client = peer_connect(server_address(proxy, 0));
    flow_send(client, 0, 5000);
    int server = upstream_accept(&early.next);
    flow_expect(server, 0, 5000, 0);
    peer_close(client);
    peer_close(server);
    early_finish(&early);
}

Test(proxy_alone, calls_the_connect_off_when_the_client_vanishes)
{
    struct upstream silent = upstream_silent();
    proxy = proxy_before(test_text("upstream=%s,connect-timeout=60s", silent.address));
    int client = peer_connect(server_address(proxy, 0));
    server_wait_figure(proxy, "pairs", 1);
    peer_reset(client);
    server_wait_figure(proxy, "pairs", 0);
    client = peer_connect(server_address(proxy, 0));
    peer_send_text(client, "early");
    server_wait_figure(proxy, "pairs", 1);
    peer_reset(client);
    server_wait_figure(proxy, "pairs", 0);
    cr_expect_eq(server_figure(proxy, "connect_failures"), 0);
    server_stop_cleanly(proxy);
    upstream_close(&silent);
}

/* ---- Times ---- */

Test(proxy_alone, closes_both_when_neither_moves_a_byte)
{
    begin_with("idle-timeout=400ms");
    struct couple couple = couple_new();
    peer_send_text(couple.client, "x");
    peer_expect_text(couple.server, "x");
    uint64_t before = clock_ms();
    peer_expect_gone(couple.client);
    uint64_t took = clock_ms() - before;
    cr_expect_geq(took, 350);
    cr_expect_leq(took, 400 + 1000 * test_slowness());
    peer_expect_gone(couple.server);
    couple_close(couple);
    server_wait_figure(proxy, "pairs", 0);
    finish();
}

Test(proxy_alone, keeps_both_while_bytes_go_one_way)
{
    begin_with("idle-timeout=500ms");
    struct couple couple = couple_new();
    for (unsigned i = 0; i < 12; i++) {
        peer_send_text(i < 6 ? couple.client : couple.server, "x");
        peer_expect_text(i < 6 ? couple.server : couple.client, "x");
        wait_quietly(couple.client, 150);
    }
    cr_expect(peer_is_quiet(couple.client));
    cr_expect(peer_is_quiet(couple.server));
    couple_close(couple);
    finish();
}

/* The client waits for a server that reads slowly: only that side moves bytes. */
Test(proxy_alone, keeps_a_client_that_waits_for_a_slow_server)
{
    unsigned idle_ms = 600 * test_slowness();
    begin_with(test_text("idle-timeout=%ums,write-high=8m", idle_ms));
    struct couple couple = couple_new();
    uint64_t sent = flow_send_until_stuck(couple.client, 0, 64 * MIB), at = 0;
    cr_assert_gt(sent, 6 * MIB);
    for (unsigned i = 0; i < 18; i++) {
        flow_expect(couple.server, at, 256 * KIB, 0);
        at += 256 * KIB;
        wait_quietly(-1, idle_ms / 6);
    }
    flow_expect(couple.server, at, sent - at, 0);
    cr_expect(peer_is_quiet(couple.client));
    couple_close(couple);
    finish();
}

Test(proxy_alone, does_not_count_connecting_as_idle)
{
    struct upstream silent = upstream_silent();
    proxy = proxy_before(
        test_text("upstream=%s,connect-timeout=1500ms,idle-timeout=200ms", silent.address));
    uint64_t before = clock_ms();
    int client = peer_connect(server_address(proxy, 0));
    peer_expect_reset(client);
    cr_expect_geq(clock_ms() - before, 1450);
    peer_close(client);
    server_stop_cleanly(proxy);
    upstream_close(&silent);
}

/* ---- The stop ---- */

Test(proxy_alone, lets_transfers_finish_at_the_graceful_stop)
{
    upstream = upstream_at("127.0.0.1:0");
    proxy = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--grace", "60s", "--listen",
                       test_text("127.0.0.1:0=proxy,upstream=%s", upstream.address) },
    });
    struct couple couple = couple_new();
    flow_send(couple.client, 0, 1000);
    flow_expect(couple.server, 0, 1000, 0);
    server_signal(proxy, SIGTERM);
    server_wait_log(proxy, "stopping");
    flow_send(couple.client, 1000, MIB);
    flow_expect(couple.server, 1000, MIB, 0);
    flow_send(couple.server, 0, MIB);
    flow_expect(couple.client, 0, MIB, 0);
    peer_end(couple.server);
    peer_expect_end(couple.client);
    peer_end(couple.client);
    peer_expect_end(couple.server);
    couple_close(couple);
    server_ended(proxy, 0);
    upstream_close(&upstream);
}

Test(proxy_alone, closes_what_is_left_at_the_deadline)
{
    upstream = upstream_at("127.0.0.1:0");
    struct upstream silent = upstream_silent();
    proxy = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--grace", "300ms", "--listen",
                       test_text("127.0.0.1:0=proxy,upstream=%s", upstream.address), "--listen",
                       test_text("127.0.0.1:0=proxy,upstream=%s", silent.address) },
    });
    struct couple couple = couple_new();
    int connecting = peer_connect(server_address(proxy, 1));
    server_wait_figure(proxy, "streams_opened", 3);
    server_signal(proxy, SIGTERM);
    peer_expect_gone(couple.client);
    peer_expect_gone(couple.server);
    peer_expect_gone(connecting);
    couple_close(couple);
    peer_close(connecting);
    server_ended(proxy, 0);
    upstream_close(&upstream);
    upstream_close(&silent);
}

/* ---- Options ---- */

static void refuses(const char *options, const char *text)
{
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--listen", test_text("127.0.0.1:0=proxy%s", options) } },
        1, text);
}

Test(proxy_alone, says_what_is_wrong_with_its_options)
{
    refuses("", "option upstream: it must be given");
    refuses(",upstream=8080", "a host is missing");
    refuses(",upstream=127.0.0.1:0", "port 0 cannot be connected to");
    refuses(",upstream=127.0.0.1:1,upstream=127.0.0.1:1", "given twice");
    refuses(",upstream=127.0.0.1:1,balance=random", "round-robin, least or hash");
    refuses(",upstream=127.0.0.1:1,tries=17", "1 to 16");
    refuses(",upstream=127.0.0.1:1,send-proxy=v3", "off, v1 or v2");
}
