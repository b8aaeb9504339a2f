/* SPDX-License-Identifier: MIT
 *
 * The proxy plugin behind HAProxy: the client's address goes through both, in PROXY headers of
 * either version.
 */
#include "flow.h"
#include "foreign.h"
#include "proxy_wire.h"

static void expect_passed_on(const char *words, const char *version)
{
    struct upstream upstream = upstream_at("127.0.0.1:0");
    struct server *proxy = proxy_before(
        test_text("proxy-protocol=required,upstream=%s,send-proxy=%s", upstream.address, version));
    struct foreign *haproxy =
        foreign_haproxy("", test_text(" server it %s %s", server_address(proxy, 0), words));
    for (unsigned i = 1; i <= 5; i++) {
        const char *source = test_text("127.0.0.%u", 20 + i);
        int client = peer_connect_with(foreign_address(haproxy),
                                       &(struct peer_settings){ .source = source });
        peer_send_text(client, "hello");
        int server = upstream_accept(&upstream);
        peer_expect_text(server,
                         test_text("PROXY TCP4 %s 127.0.0.1 %u %s\r\nhello", source,
                                   peer_port(client), strrchr(foreign_address(haproxy), ':') + 1));
        flow_send(server, 0, MIB);
        flow_expect(client, 0, MIB, 0);
        peer_end(client);
        peer_expect_end(server);
        peer_end(server);
        peer_expect_end(client);
        peer_close(client);
        peer_close(server);
    }
    server_wait_figure(proxy, "pairs", 0);
    foreign_stop(haproxy);
    server_stop_cleanly(proxy);
    upstream_close(&upstream);
}

Test(proxy_behind, passes_on_whom_haproxy_names_in_version_1)
{
    expect_passed_on("send-proxy", "v1");
}

Test(proxy_behind, passes_on_whom_haproxy_names_in_version_2)
{
    expect_passed_on("send-proxy-v2", "v1");
}

/* By the client behind HAProxy and not by HAProxy. */
Test(proxy_behind, balances_by_the_client_that_haproxy_names)
{
    struct upstream a = upstream_at("127.0.0.1:0"), b = upstream_at("127.0.0.1:0");
    struct server *proxy = proxy_before(test_text(
        "proxy-protocol=required,balance=hash,upstream=%s,upstream=%s", a.address, b.address));
    struct foreign *haproxy =
        foreign_haproxy("", test_text(" server it %s send-proxy", server_address(proxy, 0)));
    unsigned of_a = 0, of_b = 0;
    for (unsigned i = 1; i <= 16; i++) {
        int client =
            peer_connect_with(foreign_address(haproxy),
                              &(struct peer_settings){ .source = test_text("127.0.0.%u", i) });
        struct pollfd entries[2] = { { .fd = a.fd, .events = POLLIN },
                                     { .fd = b.fd, .events = POLLIN } };
        cr_assert_gt(poll(entries, 2, deadline_left(deadline_usual())), 0);
        int server = upstream_accept(entries[0].revents != 0 ? &a : &b);
        of_a += entries[0].revents != 0;
        of_b += entries[0].revents == 0;
        peer_close(client);
        peer_close(server);
    }
    cr_expect(of_a > 0 && of_b > 0, "%u and %u", of_a, of_b);
    server_wait_figure(proxy, "pairs", 0);
    foreign_stop(haproxy);
    server_stop_cleanly(proxy);
    upstream_close(&a);
    upstream_close(&b);
}
