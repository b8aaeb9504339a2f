/* SPDX-License-Identifier: MIT
 *
 * What a stream knows and sets: addresses of every family, counters, socket options.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "peer.h"
#include "server.h"

static struct server *listening_on(const char *address)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen(address, "probe", "open=names") },
    });
}

/* S10: both addresses, in `open` and right until `close` returns, after a reset too. */
static void check_names(struct server *server, const char *target, const char *host, bool reset)
{
    int peer = peer_connect(target);
    unsigned port = peer_port(peer);
    const char *names = test_text("names %s:%u %s:%u", host, server_port(server, 0), host, port);

    peer_send_text(peer, "on close names\n");
    peer_send_text(peer, "say ready\n");
    server_wait_event(server, port, "ready");
    if (reset)
        peer_reset(peer);
    else
        peer_close(peer);
    server_expect_events(server, port,
                         test_text(reset ? "open; %s; ready; %s; close ECONNRESET"
                                         : "open; %s; ready; end; %s; close ok",
                                   names, names));
}

Test(facts, tell_both_addresses_of_ipv4)
{
    struct server *server = listening_on("127.0.0.1:0");

    check_names(server, server_address(server, 0), "127.0.0.1", false);
    check_names(server, server_address(server, 0), "127.0.0.1", true);
    server_stop_cleanly(server);
}

Test(facts, tell_both_addresses_of_ipv6)
{
    struct server *server = listening_on("[::1]:0");

    check_names(server, server_address(server, 0), "[::1]", false);
    check_names(server, server_address(server, 0), "[::1]", true);
    server_stop_cleanly(server);
}

/* S10, L1: IPv4 over a dual-stack socket is reported as IPv4. */
Test(facts, tell_ipv4_over_a_dual_stack_socket_as_ipv4)
{
    struct server *server = listening_on("[::]:0");
    unsigned port = server_port(server, 0);

    check_names(server, test_text("127.0.0.1:%u", port), "127.0.0.1", false);
    check_names(server, test_text("127.0.0.1:%u", port), "127.0.0.1", true);
    check_names(server, test_text("[::1]:%u", port), "[::1]", false);
    server_stop_cleanly(server);
}

/* S10: unix peers, unnamed and named. */
Test(facts, tell_the_names_of_unix_peers)
{
    const char *folder = test_folder();
    struct server *server = listening_on(test_text("unix:%s/socket", folder));
    struct sockaddr_un own = { .sun_family = AF_UNIX };
    struct sockaddr_storage target;
    socklen_t len = peer_address(server_address(server, 0), &target);
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "text hello\n");
    peer_expect_text(peer, "hello");
    server_wait_log(server, "names family 1 unix:;");
    peer_close(peer);

    peer = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(own.sun_path, sizeof own.sun_path, "%s/me", folder);
    cr_assert_eq(bind(peer, (struct sockaddr *)&own, sizeof own), 0);
    cr_assert_eq(connect(peer, (struct sockaddr *)&target, len), 0);
    server_wait_log(server, test_text("names family 1 unix:%s;", own.sun_path));
    peer_close(peer);
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

/* S9 and keep-alive and type of service: as the kernel has them. */
static void check_options(const char *address)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen(address, "probe", NULL) },
    });
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "sockopts\n");
    server_wait_log(server, "sockopts nodelay=1");
    peer_send_text(peer, "nodelay 0; keepalive 1 77 11 5; sockopts\n");
    server_wait_log(server, "sockopts nodelay=0 keepalive=1,77,11,5");
    peer_send_text(peer, "nodelay 1; keepalive 1 0 0 0; sockopts\n");
    server_wait_log(server, "sockopts nodelay=1 keepalive=1,77,11,5");
    peer_send_text(peer, "keepalive 0 0 0 0; sockopts; tos 16\n");
    server_wait_log(server, "sockopts nodelay=1 keepalive=0,");
    server_wait_event(server, port, "tos ok");
    if (strchr(address, '[') == NULL) {
        peer_send_text(peer, "sockopts\n");
        server_wait_log(server, " tos=16;");
    }
    peer_send_text(peer, "on close nodelay 1; keepalive 1 1 1 1; tos 0\n");
    peer_send_text(peer, "close\n");
    peer_expect_gone(peer);
    peer_close(peer);
    server_wait_event(server, port, "nodelay EPIPE");
    server_wait_event(server, port, "keepalive EPIPE");
    server_wait_event(server, port, "tos EPIPE");
    server_stop_cleanly(server);
}

Test(facts, include_socket_options_of_ipv4)
{
    check_options("127.0.0.1:0");
}

Test(facts, include_socket_options_of_ipv6)
{
    check_options("[::1]:0");
}

Test(facts, refuse_tcp_options_on_unix_sockets)
{
    const char *folder = test_folder();
    struct server *server = listening_on(test_text("unix:%s/socket", folder));
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "nodelay 1; keepalive 1 1 1 1; tos 16; text done\n");
    peer_expect_text(peer, "done");
    server_wait_log(server, "nodelay EOPNOTSUPP;");
    server_wait_log(server, "tos EOPNOTSUPP;");
    peer_close(peer);
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

/* Bytes received, consumed or not, and taken by the kernel. */
Test(facts, count_bytes)
{
    struct server *server = server_with("1", "probe", NULL);
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);
    uint8_t byte[1000];

    peer_send_text(peer, "bytes; write copy 1000; bytes\nleft");
    peer_read_exactly(peer, byte, sizeof byte);
    peer_send_text(peer, "over\nbytes\n");
    peer_close(peer);
    server_expect_events(server, port,
                         "open; bytes 34 0; write flushed; bytes 34 1000; "
                         "unknown command leftover; bytes 45 1000; end; close ok");
    server_wait_figure(server, "bytes_read", 45);
    server_wait_figure(server, "bytes_written", 1000);
    server_stop_cleanly(server);
}

/* Identifiers are never reused: the streams of one slot have different ones. */
Test(facts, include_an_id_that_is_never_reused)
{
    struct server *server = server_with("1", "walk", NULL);
    int first = peer_connect(server_address(server, 0));

    peer_send_text(first, "find\n");
    peer_expect_text(first, "find 1\n");
    peer_end(first);
    peer_expect_end(first);
    peer_close(first);

    for (unsigned i = 0; i < 50; i++) {
        int next = peer_connect(server_address(server, 0));

        peer_send_text(next, "look\n");
        peer_expect_text(next, "found 0\n");
        peer_end(next);
        peer_expect_end(next);
        peer_close(next);
    }
    server_stop_cleanly(server);
}
