/* SPDX-License-Identifier: MIT
 *
 * The proxy plugin: which upstream server gets a client, and what happens when servers fail.
 */
#include <signal.h>

#include "crowd.h"
#include "proxy_wire.h"

/* A server of evframe's own that echoes, on that address. */
static struct server *echo_at(const char *address)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen(address, "minimal", NULL) },
    });
}

/* A client that goes through to somebody who echoes. */
static int served_from(struct server *proxy, const char *source)
{
    int client =
        peer_connect_with(server_address(proxy, 0), &(struct peer_settings){ .source = source });
    peer_send_text(client, "hello");
    peer_expect_text(client, "hello");
    return client;
}

static int served(struct server *proxy)
{
    return served_from(proxy, NULL);
}

static void served_and_gone(struct server *proxy)
{
    int client = served(proxy);
    peer_end(client);
    peer_expect_end(client);
    peer_close(client);
}

static int64_t opened(struct server *server)
{
    return server_figure(server, "streams_opened");
}

static void kill_now(struct server *server)
{
    server_signal(server, SIGKILL);
    server_ended(server, 128 + SIGKILL);
}

/* Two that echo, and a proxy before them. */
struct two {
    struct server *a, *b, *proxy;
};

static struct two two_begin(const char *options)
{
    struct two two = { echo_at("127.0.0.1:0"), echo_at("127.0.0.1:0"), NULL };
    two.proxy = proxy_before(test_text("upstream=%s,upstream=%s%s", server_address(two.a, 0),
                                       server_address(two.b, 0), options));
    return two;
}

static void two_finish(struct two *two)
{
    server_stop_cleanly(two->proxy);
    if (two->a != NULL)
        server_stop_cleanly(two->a);
    if (two->b != NULL)
        server_stop_cleanly(two->b);
}

Test(proxy_health, takes_turns)
{
    struct two two = two_begin("");
    for (unsigned i = 0; i < 20; i++)
        served_and_gone(two.proxy);
    cr_expect_eq(opened(two.a), 10);
    cr_expect_eq(opened(two.b), 10);
    two_finish(&two);
}

Test(proxy_health, least_goes_where_the_fewest_are)
{
    struct two two = two_begin(",balance=least");
    int clients[10];
    for (unsigned i = 0; i < 10; i++)
        clients[i] = served(two.proxy);
    server_wait_figure(two.a, "streams", 5);
    server_wait_figure(two.b, "streams", 5);
    /* Every second one is on the same server. */
    for (unsigned i = 0; i < 10; i += 2)
        peer_close(clients[i]);
    server_wait_figure(two.proxy, "pairs", 5);
    for (unsigned i = 0; i < 10; i += 2)
        clients[i] = served(two.proxy);
    server_wait_figure(two.a, "streams", 5);
    server_wait_figure(two.b, "streams", 5);
    for (unsigned i = 0; i < 10; i++)
        peer_close(clients[i]);
    two_finish(&two);
}

Test(proxy_health, hash_sends_an_address_to_the_same_server_always)
{
    struct two two = two_begin(",balance=hash");
    int64_t of_a = 0, of_b = 0;
    for (unsigned i = 1; i <= 16; i++) {
        const char *source = test_text("127.0.0.%u", i);
        int64_t a = opened(two.a), b = opened(two.b);
        for (unsigned k = 0; k < 3; k++)
            peer_close(served_from(two.proxy, source));
        a = opened(two.a) - a;
        b = opened(two.b) - b;
        cr_expect(a == 3 || b == 3, "%s: %d and %d", source, (int)a, (int)b);
        of_a += a;
        of_b += b;
    }
    cr_expect_gt(of_a, 0);
    cr_expect_gt(of_b, 0);
    two_finish(&two);
}

/* Each of its clients finds out once, and is not tried with it again. */
Test(proxy_health, hash_gives_the_clients_of_a_dead_server_to_the_other)
{
    struct two two = two_begin(",balance=hash,max-fails=0");
    kill_now(two.a);
    two.a = NULL;
    for (unsigned i = 1; i <= 16; i++)
        peer_close(served_from(two.proxy, test_text("127.0.0.%u", i)));
    int64_t failures = server_figure(two.proxy, "connect_failures");
    cr_expect(failures > 0 && failures < 16, "%d failures", (int)failures);
    cr_expect_eq(server_figure(two.proxy, "retries"), failures);
    two_finish(&two);
}

Test(proxy_health, reaches_servers_over_unix_sockets)
{
    const char *folder = test_folder();
    const char *path = test_text("unix:%s/echo", folder);
    const char *name = test_text("unix:@evf-test-proxy-%d", (int)getpid());
    struct server *a = echo_at(path), *b = echo_at(name);
    struct server *proxy = proxy_before(test_text("upstream=%s,upstream=%s", path, name));
    for (unsigned i = 0; i < 4; i++)
        served_and_gone(proxy);
    cr_expect_eq(opened(a), 2);
    cr_expect_eq(opened(b), 2);
    server_stop_cleanly(proxy);
    server_stop_cleanly(a);
    server_stop_cleanly(b);
    test_folder_remove(folder);
}

Test(proxy_health, gives_the_client_to_the_next_server_when_one_refuses)
{
    struct two two = two_begin(",max-fails=0");
    kill_now(two.a);
    two.a = NULL;
    for (unsigned i = 0; i < 10; i++)
        served_and_gone(two.proxy);
    cr_expect_eq(server_figure(two.proxy, "retries"), 10);
    cr_expect_eq(server_figure(two.proxy, "connect_failures"), 10);
    cr_expect_eq(server_figure(two.proxy, "ejections"), 0);
    cr_expect_eq(server_figure(two.proxy, "unserved"), 0);
    cr_expect_eq(server_log_count(two.proxy, "Connection refused"), 1, "told once");
    two_finish(&two);
}

/* evf_connect itself says no. */
Test(proxy_health, gives_the_client_to_the_next_server_when_an_interface_is_missing)
{
    struct upstream good = upstream_at("127.0.0.1:0");
    struct server *proxy = proxy_before(test_text(
        "upstream=[fe80::1%%no-such-if]:80,upstream=%s,max-fails=2,fail-time=1h", good.address));
    for (unsigned i = 0; i < 6; i++) {
        int client = peer_connect(server_address(proxy, 0));
        int server = upstream_accept(&good);
        peer_close(client);
        peer_close(server);
    }
    server_wait_log(proxy, "no-such-if]:80 is ejected after 2 failures");
    cr_expect_eq(server_figure(proxy, "connect_failures"), 2);
    cr_expect_eq(server_figure(proxy, "retries"), 2);
    cr_expect_eq(server_figure(proxy, "unserved"), 0);
    server_wait_figure(proxy, "pairs", 0);
    upstream_close(&good);
    server_stop_cleanly(proxy);
}

Test(proxy_health, gives_the_client_to_the_next_server_when_one_is_silent)
{
    struct upstream silent = upstream_silent();
    struct server *echo = echo_at("127.0.0.1:0");
    struct server *proxy =
        proxy_before(test_text("upstream=%s,upstream=%s,connect-timeout=200ms,max-fails=1,"
                               "fail-time=1h",
                               silent.address, server_address(echo, 0)));
    uint64_t before = clock_ms();
    served_and_gone(proxy);
    cr_expect_geq(clock_ms() - before, 190);
    for (unsigned i = 0; i < 5; i++)
        served_and_gone(proxy);
    cr_expect_eq(server_figure(proxy, "connect_failures"), 1);
    cr_expect_eq(server_figure(proxy, "upstreams_ejected"), 1);
    server_wait_log(proxy, "is ejected after 1 failures");
    server_stop_cleanly(proxy);
    server_stop_cleanly(echo);
    upstream_close(&silent);
}

Test(proxy_health, tries_no_more_servers_than_it_may)
{
    struct two two = two_begin(",tries=1,max-fails=0");
    kill_now(two.a);
    two.a = NULL;
    /* The turn is the first one's: it takes the lowest index. */
    for (unsigned i = 0; i < 3; i++) {
        expect_unserved(two.proxy);
        served_and_gone(two.proxy);
    }
    cr_expect_eq(server_figure(two.proxy, "retries"), 0);
    two_finish(&two);
}

Test(proxy_health, resets_clients_when_nobody_answers)
{
    struct two two = two_begin("");
    kill_now(two.a);
    kill_now(two.b);
    two.a = two.b = NULL;
    for (unsigned i = 0; i < 20; i++) {
        expect_unserved(two.proxy);
    }
    server_wait_figure(two.proxy, "unserved", 20);
    cr_expect_leq(server_log_count(two.proxy, "upstream "), 3, "two failures and an ejection");
    two_finish(&two);
}

/* An ejection would only help nobody. */
Test(proxy_health, never_ejects_the_last_server)
{
    struct upstream port = upstream_at("127.0.0.1:0");
    const char *address = test_text("%s", port.address);
    upstream_close(&port);
    struct server *proxy = proxy_before(test_text("upstream=%s,fail-time=1h", address));
    for (unsigned i = 0; i < 10; i++) {
        expect_unserved(proxy);
    }
    struct server *echo = echo_at(address);
    served_and_gone(proxy);
    server_stop_cleanly(proxy);
    server_stop_cleanly(echo);
}

/* One of two is killed while both have clients: only its own are lost, new ones are served by the
 * other without a failure, and after fail-time it has its share again. */
Test(proxy_health, loses_only_the_clients_of_a_server_that_is_killed)
{
    struct two two = two_begin(",max-fails=2,fail-time=1500ms");
    const char *address = test_text("%s", server_address(two.a, 0));
    int clients[40];
    unsigned lost = 0;
    for (unsigned i = 0; i < 40; i++)
        clients[i] = served(two.proxy);
    server_wait_figure(two.a, "streams", 20);
    kill_now(two.a);
    for (unsigned i = 0; i < 40; i++) {
        char bytes[8];
        peer_send_text(clients[i], "still");
        if (!wait_for_fd(clients[i], POLLIN, deadline_usual()))
            support_fail("neither an answer nor an end");
        ssize_t len = recv(clients[i], bytes, sizeof bytes, MSG_DONTWAIT);
        lost += len <= 0;
        cr_expect(len <= 0 || len == 5);
        peer_close(clients[i]);
    }
    cr_expect_eq(lost, 20);

    /* While it is down: two find that out, and then it is left alone but for a probe a fail-time.
     */
    uint64_t begun = clock_ms();
    for (unsigned i = 0; i < 60; i++)
        served_and_gone(two.proxy);
    uint64_t probes = (clock_ms() - begun) / 1500 + 1;
    cr_expect_eq(server_figure(two.proxy, "ejections"), 1);
    cr_expect_leq(server_figure(two.proxy, "connect_failures"), 2 + (int64_t)probes);
    cr_expect_eq(server_figure(two.proxy, "unserved"), 0);

    two.a = echo_at(address);
    uint64_t deadline = deadline_usual();
    while (server_log_count(two.proxy, "is back") == 0 && clock_ms() < deadline) {
        served_and_gone(two.proxy);
        wait_quietly(-1, 20);
    }
    cr_assert_eq(server_log_count(two.proxy, "is back"), 1);
    cr_expect_eq(server_figure(two.proxy, "upstreams_ejected"), 0);
    int64_t a = opened(two.a), b = opened(two.b);
    for (unsigned i = 0; i < 20; i++)
        served_and_gone(two.proxy);
    cr_expect_eq(opened(two.a) - a, 10);
    cr_expect_eq(opened(two.b) - b, 10);
    two_finish(&two);
}

/* On trial one client at a time is put at risk. */
Test(proxy_health, probes_with_one_connection)
{
    struct upstream silent = upstream_silent();
    struct server *echo = echo_at("127.0.0.1:0");
    struct server *proxy =
        proxy_before(test_text("upstream=%s,upstream=%s,connect-timeout=700ms,max-fails=1,"
                               "fail-time=100ms",
                               silent.address, server_address(echo, 0)));
    served_and_gone(proxy);
    wait_quietly(-1, 150);
    int probe = peer_connect(server_address(proxy, 0));
    server_wait_figure(proxy, "pairs", 1);
    uint64_t before = clock_ms();
    for (unsigned i = 0; i < 5; i++)
        served_and_gone(proxy);
    cr_expect_leq(clock_ms() - before, 600 * test_slowness(), "nobody else waits");
    /* A probe whose client leaves may be repeated. */
    peer_reset(probe);
    server_wait_figure(proxy, "pairs", 0);
    probe = peer_connect(server_address(proxy, 0));
    peer_send_text(probe, "x");
    peer_expect_text(probe, "x");
    peer_close(probe);
    cr_expect_geq(server_figure(proxy, "connect_failures"), 2);
    server_stop_cleanly(proxy);
    server_stop_cleanly(echo);
    upstream_close(&silent);
}

/* Many at once, over several workers. */
Test(proxy_health, serves_a_crowd)
{
    struct server *echo = server_with("1", "which", NULL);
    struct server *proxy = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--listen",
                       test_text("127.0.0.1:0=proxy,upstream=%s", server_address(echo, 0)) },
    });
    struct crowd crowd;
    unsigned count = test_scaled(2000);
    uint8_t *bytes = test_allocate(count);
    crowd_connect(&crowd, server_address(proxy, 0), count);
    crowd_read_bytes(&crowd, bytes);
    server_wait_figure(proxy, "pairs", count);
    crowd_reset(&crowd);
    server_wait_figure(proxy, "pairs", 0);
    server_stop_cleanly(proxy);
    server_stop_cleanly(echo);
}
