/* SPDX-License-Identifier: MIT
 *
 * The proxy plugin: upstream servers by name. A name server of the test's own gives the addresses,
 * and the test listens on them.
 */
#include <signal.h>

#include "names.h"
#include "proxy_wire.h"

/* Upstream servers on 127.0.0.2, 127.0.0.3 … and one port. */
enum { SERVERS = 3 };

static struct upstream servers[SERVERS];
static const char *port;

static void listen_all(void)
{
    servers[0] = upstream_at("127.0.0.2:0");
    port = strrchr(servers[0].address, ':') + 1;
    for (unsigned i = 1; i < SERVERS; i++)
        servers[i] = upstream_at(test_text("127.0.0.%u:%s", i + 2, port));
}

static void close_all(void)
{
    for (unsigned i = 0; i < SERVERS; i++)
        upstream_close(&servers[i]);
}

TestSuite(proxy_names, .init = listen_all, .fini = close_all);

static struct server *proxy_asking(const struct names *names, const char *name, const char *options)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--dns-server", names_address(names), "--dns-timeout",
                       "20s", "--listen",
                       test_text("127.0.0.1:0=proxy,upstream=%s:%s%s", name, port, options) },
    });
}

/* Nothing is left of any connection; timers there are, for the next look-up. */
static void stop(struct server *proxy)
{
    server_wait_figure(proxy, "pairs", 0);
    server_wait_figure(proxy, "streams", 0);
    server_wait_figure(proxy, "write_queues", 0);
    server_signal(proxy, SIGTERM);
    server_ended(proxy, 0);
}

/* Connects a client and tells which server got it; the three ends of it live on. */
static unsigned connect_one(struct server *proxy, int *ret_client, int *ret_server)
{
    struct pollfd entries[SERVERS];
    *ret_client = peer_connect(server_address(proxy, 0));
    for (unsigned i = 0; i < SERVERS; i++)
        entries[i] = (struct pollfd){ .fd = servers[i].fd, .events = POLLIN };
    if (poll(entries, SERVERS, deadline_left(deadline_usual())) < 1)
        support_fail("no server gets the client");
    for (unsigned i = 0; i < SERVERS; i++) {
        if (entries[i].revents == 0)
            continue;
        *ret_server = upstream_accept(&servers[i]);
        peer_send_text(*ret_client, "hello");
        peer_expect_text(*ret_server, "hello");
        return i;
    }
    support_fail("a server that is none");
}

static unsigned connect_and_leave(struct server *proxy)
{
    int client, server;
    unsigned which = connect_one(proxy, &client, &server);
    peer_close(client);
    peer_close(server);
    return which;
}

Test(proxy_names, counts_each_address_as_a_server)
{
    struct names *names = names_start(&(struct names_spec){
        .hosts =
            "127.0.0.2 many.zone.test\n127.0.0.3 many.zone.test\n127.0.0.4 many.zone.test\n" });
    struct server *proxy = proxy_asking(names, "many.zone.test", "");
    unsigned got[SERVERS] = { 0 };
    for (unsigned i = 0; i < 12; i++)
        got[connect_and_leave(proxy)]++;
    for (unsigned i = 0; i < SERVERS; i++)
        cr_expect_eq(got[i], 4);
    cr_expect_eq(server_figure(proxy, "upstreams"), 3);
    stop(proxy);
    names_stop(names);
}

Test(proxy_names, follows_a_name_when_its_time_to_live_ends)
{
    struct names *names = names_start(&(struct names_spec){
        .hosts = "127.0.0.2 some.zone.test\n127.0.0.3 some.zone.test\n", .ttl = 1 });
    struct server *proxy = proxy_asking(names, "some.zone.test", "");
    int clients[2], ends[2];
    unsigned first = connect_one(proxy, &clients[0], &ends[0]);
    unsigned second = connect_one(proxy, &clients[1], &ends[1]);
    cr_expect_eq(first + second, 1, "one each");
    names_change(names, "127.0.0.3 some.zone.test\n127.0.0.4 some.zone.test\n");
    /* Both are known for what they are once 127.0.0.4 is there: an answer comes as a whole. */
    uint64_t deadline = deadline_usual();
    while (connect_and_leave(proxy) != 2 && clock_ms() < deadline)
        wait_quietly(-1, 50);
    unsigned got[SERVERS] = { 0 };
    for (unsigned i = 0; i < 10; i++)
        got[connect_and_leave(proxy)]++;
    cr_expect(got[0] == 0 && got[1] == 5 && got[2] == 5, "%u %u %u", got[0], got[1], got[2]);
    cr_expect_eq(server_figure(proxy, "upstreams"), 2);
    for (unsigned i = 0; i < 2; i++) {
        peer_send_text(clients[i], "still here");
        peer_expect_text(ends[i], "still here");
        peer_close(clients[i]);
        peer_close(ends[i]);
    }
    stop(proxy);
    names_stop(names);
}

Test(proxy_names, keeps_the_last_addresses_of_a_name_that_fails)
{
    struct names *names =
        names_start(&(struct names_spec){ .hosts = "127.0.0.2 lost.zone.test\n", .ttl = 1 });
    struct server *proxy = proxy_asking(names, "lost.zone.test", "");
    cr_expect_eq(connect_and_leave(proxy), 0);
    names_change(names, "");
    server_wait_log(proxy, "cannot be looked up");
    cr_expect_eq(connect_and_leave(proxy), 0);
    names_wait_asked(names, "[A] lost.zone.test", names_asked(names, "[A] lost.zone.test") + 2);
    cr_expect_eq(connect_and_leave(proxy), 0);
    cr_expect_eq(server_log_count(proxy, "cannot be looked up"), 1, "told once");
    names_change(names, "127.0.0.3 lost.zone.test\n");
    server_wait_log(proxy, "is found again");
    cr_expect_eq(connect_and_leave(proxy), 1);
    stop(proxy);
    names_stop(names);
}

Test(proxy_names, lets_clients_wait_for_the_first_answer)
{
    struct names *names = names_start_odd();
    struct upstream server = upstream_at("127.0.0.1:0");
    struct server *proxy = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--dns-server", names_address(names), "--listen",
                       test_text("127.0.0.1:0=proxy,family=ipv4,upstream=slow-800.zone.test:%s",
                                 strrchr(server.address, ':') + 1) },
    });
    int clients[100];
    for (unsigned i = 0; i < 100; i++) {
        clients[i] = peer_connect(server_address(proxy, 0));
        peer_send_text(clients[i], "early");
    }
    /* One of them does not wait to the end. */
    server_wait_figure(proxy, "pairs", 100);
    cr_expect_not(upstream_has_caller(&server));
    peer_reset(clients[50]);
    for (unsigned i = 0; i < 99; i++) {
        int end = upstream_accept(&server);
        peer_expect_text(end, "early");
        peer_close(end);
    }
    for (unsigned i = 0; i < 100; i++)
        if (i != 50)
            peer_close(clients[i]);
    server_wait_figure(proxy, "pairs", 0);
    stop(proxy);
    upstream_close(&server);
    names_stop(names);
}

Test(proxy_names, lets_clients_wait_no_longer_than_a_connect_may_take)
{
    struct names *names = names_start_odd();
    struct server *proxy = proxy_asking(names, "silent.zone.test", ",connect-timeout=400ms");
    uint64_t before = clock_ms();
    expect_unserved(proxy);
    cr_expect_geq(clock_ms() - before, 390);
    server_wait_figure(proxy, "pairs", 0);
    stop(proxy);
    names_stop(names);
}

Test(proxy_names, serves_by_what_is_known_while_another_name_is_not)
{
    struct names *names = names_start_odd();
    struct server *proxy =
        proxy_asking(names, "silent.zone.test", test_text(",upstream=%s", servers[2].address));
    cr_expect_eq(connect_and_leave(proxy), 2);
    stop(proxy);
    names_stop(names);
}

Test(proxy_names, resets_clients_when_a_name_does_not_exist)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = "", .ttl = 1 });
    struct server *proxy = proxy_asking(names, "missing.zone.test", ",connect-timeout=60s");
    server_wait_log(proxy, "it has no address yet");
    expect_unserved(proxy);
    names_change(names, "127.0.0.4 missing.zone.test\n");
    server_wait_log(proxy, "is found again");
    cr_expect_eq(connect_and_leave(proxy), 2);
    stop(proxy);
    names_stop(names);
}

/* Looked up again, a name does not bring back into service what was ejected. */
Test(proxy_names, keeps_the_state_of_addresses_that_stay)
{
    struct names *names = names_start(&(struct names_spec){
        .hosts = "127.0.0.2 half.zone.test\n127.0.0.5 half.zone.test\n", .ttl = 1 });
    struct server *proxy = proxy_asking(names, "half.zone.test", ",max-fails=1,fail-time=1h");
    connect_and_leave(proxy);
    connect_and_leave(proxy);
    server_wait_figure(proxy, "upstreams_ejected", 1);
    names_wait_asked(names, "[A] half.zone.test", 3);
    server_wait_figure(proxy, "upstreams_ejected", 1);
    for (unsigned i = 0; i < 5; i++)
        cr_expect_eq(connect_and_leave(proxy), 0);
    cr_expect_eq(server_figure(proxy, "connect_failures"), 1);
    stop(proxy);
    names_stop(names);
}

/* Before the time to live ends, but not more often than once a second. */
Test(proxy_names, asks_sooner_when_nobody_can_be_reached)
{
    struct names *names =
        names_start(&(struct names_spec){ .hosts = "127.0.0.9 dead.zone.test\n", .ttl = 600 });
    struct server *proxy = proxy_asking(names, "dead.zone.test", "");
    server_wait_figure(proxy, "upstreams", 1);
    int64_t at_start = server_figure(proxy, "lookups"), asked = 0;
    uint64_t begun = clock_ms(), deadline = deadline_usual();
    while (asked < 6 && clock_ms() < deadline) {
        expect_unserved(proxy);
        asked = server_figure(proxy, "lookups") - at_start;
    }
    /* Of either family. */
    cr_expect_geq(asked, 6);
    cr_expect_leq(asked / 2, (int64_t)((clock_ms() - begun) / 1000 + 1));
    stop(proxy);
    names_stop(names);
}

Test(proxy_names, refuses_what_cannot_be_a_name)
{
    launcher_refuses(
        &(struct server_spec){ .arguments = { "--listen", "127.0.0.1:0=proxy,upstream=a..b:80" } },
        1, "upstream=a..b:80 cannot be looked up: Invalid argument; a name has letters");
}
