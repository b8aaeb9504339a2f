/* SPDX-License-Identifier: MIT
 *
 * Who may come to a listener: block, allow and their files, and how a refusal is told, also the one
 * at max-connections.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "server.h"

static struct server *listening(const char *accept, const char *address, const char *options)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--accept", accept, "--listen",
                       test_listen(address, "minimal", options) },
    });
}

static int from(const char *source, const char *address)
{
    return peer_connect_with(address, &(struct peer_settings){ .source = source });
}

static void expect_served(int peer)
{
    peer_send_text(peer, "hello");
    peer_expect_text(peer, "hello");
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
}

static void expect_refused(int peer)
{
    peer_expect_gone(peer);
    peer_close(peer);
}

static void check_block(const char *accept)
{
    struct server *server = listening(accept, "127.0.0.1:0", "block=127.0.0.8/29,block=127.1.0.0");
    const char *address = server_address(server, 0);
    unsigned open_files = server_open_files(server);

    expect_served(from("127.0.0.7", address));
    expect_refused(from("127.0.0.8", address));
    expect_refused(from("127.0.0.15", address));
    expect_served(from("127.0.0.16", address));
    expect_refused(from("127.1.0.0", address));
    expect_served(from("127.1.0.1", address));
    server_wait_figure(server, "connections_refused_blocked", 3);
    cr_expect_eq(server_figure(server, "connections_accepted"), 3);
    cr_expect_eq(server_figure(server, "refused_limit"), 0);
    cr_expect_leq(server_open_files(server), open_files);
    server_stop_cleanly(server);
}

Test(listen_access, closes_blocked_peers_at_once)
{
    check_block("shared");
}

Test(listen_access, closes_blocked_peers_at_once_with_reuseport)
{
    check_block("reuseport");
}

static void check_allow(const char *accept)
{
    struct server *server =
        listening(accept, "127.0.0.1:0",
                  "allow=127.0.0.0/28,allow=127.3.3.3,block=127.0.0.9,block=127.9.0.0/16");
    const char *address = server_address(server, 0);

    expect_served(from("127.0.0.1", address));
    expect_served(from("127.3.3.3", address));
    expect_refused(from("127.0.0.9", address)); /* block wins */
    expect_refused(from("127.0.0.16", address));
    expect_refused(from("127.9.1.1", address));
    server_wait_figure(server, "connections_refused_blocked", 3);
    server_stop_cleanly(server);
}

Test(listen_access, serves_only_the_allowed_where_any_is_listed)
{
    check_allow("shared");
}

Test(listen_access, serves_only_the_allowed_where_any_is_listed_with_reuseport)
{
    check_allow("reuseport");
}

/* One socket for both families: a peer that comes over IPv4 is judged as one of IPv4. */
Test(listen_access, judges_ipv4_peers_of_a_dual_stack_socket_as_ipv4)
{
    struct server *server =
        listening("shared", ":0", "block=127.0.0.9,block=::ffff:127.0.0.10,block=fe80::/10");
    unsigned port = server_port(server, 0);
    const char *four = test_text("127.0.0.1:%u", port);

    expect_served(from("127.0.0.8", four));
    expect_refused(from("127.0.0.9", four));
    expect_refused(from("127.0.0.10", four));
    expect_served(peer_connect(test_text("[::1]:%u", port)));
    server_wait_log(server, "from 127.0.0.9:");
    server_wait_log(server, test_text(" to 127.0.0.1:%u", port));
    server_stop_cleanly(server);
}

Test(listen_access, does_not_take_ipv4_peers_for_ipv6)
{
    struct server *server = listening("shared", ":0", "block=::/0");
    unsigned port = server_port(server, 0);

    expect_served(from("127.0.0.8", test_text("127.0.0.1:%u", port)));
    expect_refused(peer_connect(test_text("[::1]:%u", port)));
    server_stop_cleanly(server);
}

Test(listen_access, leaves_unix_peers_alone)
{
    struct server *server =
        listening("shared", "unix:@evf-access", "allow=192.0.2.1,block=0.0.0.0/0,block=::/0");

    expect_served(peer_connect("unix:@evf-access"));
    cr_expect_eq(server_figure(server, "refused_blocked"), 0);
    server_stop_cleanly(server);
}

static const char *list_file(const char *folder, const char *name, const char *text)
{
    const char *path = test_text("%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600);

    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

Test(listen_access, reads_lists_from_files)
{
    const char *folder = test_folder();
    const char *block = list_file(folder, "block",
                                  "# noisy ones\n"
                                  "127.0.0.9   # this one too\n"
                                  "\n"
                                  "127.0.2.0/24\n"
                                  "2001:db8::/32");
    const char *allow = list_file(folder, "allow", "127.0.0.0/16\n");
    struct server *server = listening(
        "shared", "127.0.0.1:0",
        test_text("block-file=%s,block=127.0.0.7,allow-file=%s,allow=127.1.0.1", block, allow));
    const char *address = server_address(server, 0);

    expect_served(from("127.0.0.8", address));
    expect_served(from("127.1.0.1", address));
    expect_refused(from("127.0.0.7", address));
    expect_refused(from("127.0.0.9", address));
    expect_refused(from("127.0.2.255", address));
    expect_refused(from("127.1.0.2", address));
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

/* An empty list of allowed ones lets nobody in: it was asked for. */
Test(listen_access, lets_nobody_in_by_an_empty_list)
{
    const char *folder = test_folder();
    const char *allow = list_file(folder, "allow", "# nobody\n");
    struct server *server = listening("shared", "127.0.0.1:0", test_text("allow-file=%s", allow));

    expect_refused(from("127.0.0.1", server_address(server, 0)));
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

static void refuses(const char *options, const char *text)
{
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--check", "--listen", test_listen("127.0.0.1:0", "minimal", options) },
        },
        1, text);
}

Test(listen_access, says_what_is_wrong_with_a_list)
{
    const char *folder = test_folder();
    const char *bad = list_file(folder, "bad", "127.0.0.1\n127.0.0.0/40\n");

    refuses("block=127.0.0.1/8", "listener 127.0.0.1:0, plugin minimal: option block: "
                                 "'127.0.0.1/8' has bits set behind its first 8; the prefix is "
                                 "127.0.0.0/8");
    refuses("allow=localhost", "option allow: 'localhost' is no IP address");
    refuses("allow=", "option allow: '' is no IP address");
    refuses("block-file=/nowhere/list", "option block-file: /nowhere/list: cannot be opened");
    refuses(test_text("allow-file=%s", bad), test_text("option allow-file: %s: line 2", bad));
    refuses(test_text("allow-file=%s", folder), "is not a regular file");
    test_folder_remove(folder);
}

/* Refusals are told once per burst, with both ends; the others are served meanwhile, and nothing
 * spins. */
static void check_burst(const char *accept)
{
    struct server *server = listening(accept, "127.0.0.1:0", "block=127.0.0.9");
    const char *address = server_address(server, 0);
    unsigned count = test_scaled(400);
    int peers[400];
    char line[400];

    for (unsigned i = 0; i < count; i++) {
        peers[i] = from("127.0.0.9", address);
        if (i % 50 == 0)
            expect_served(from("127.0.0.1", address));
    }
    for (unsigned i = 0; i < count; i++)
        expect_refused(peers[i]);
    server_wait_figure(server, "connections_refused_blocked", count);
    server_wait_figure(server, "refused_blocked", count);
    server_log_line(server, "blocked or not allowed", line, sizeof line);
    cr_expect_not_null(strstr(line, "from 127.0.0.9:"), "%s", line);
    cr_expect_not_null(strstr(line, test_text(" to %s", address)), "%s", line);
    server_wait_log(server, "from addresses that may not come were closed");
    cr_expect_leq(server_log_count(server, "blocked or not allowed"), 6, "logged per event");

    uint64_t cpu_ms = server_cpu_ms(server);
    int quiet = peer_connect(address);
    cr_expect_not(wait_quietly(quiet, 500));
    cr_expect_lt(server_cpu_ms(server) - cpu_ms, 100u * test_slowness(), "it spins");
    peer_close(quiet);
    server_stop_cleanly(server);
}

Test(listen_access, tells_a_burst_of_blocked_peers_once)
{
    check_burst("shared");
}

Test(listen_access, tells_a_burst_of_blocked_peers_once_with_reuseport)
{
    check_burst("reuseport");
}

/* Who is blocked takes no place. */
Test(listen_access, does_not_count_blocked_peers_as_connections)
{
    struct server *server = listening("shared", "127.0.0.1:0", "block=127.0.0.9,max-connections=1");
    const char *address = server_address(server, 0);

    for (unsigned i = 0; i < 5; i++)
        expect_refused(from("127.0.0.9", address));
    expect_served(from("127.0.0.1", address));
    server_wait_figure(server, "streams", 0);
    cr_expect_eq(server_figure(server, "connections_refused_limit"), 0);
    server_stop_cleanly(server);
}

/* A refusal at the limit names both ends, and each listener has a count of its own. */
Test(listen_access, tells_refusals_at_the_limit_by_listener_and_with_both_ends)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen",
                       test_listen("127.0.0.1:0", "minimal", "max-connections=1"), "--listen",
                       test_listen("127.0.0.2:0", "minimal", "max-connections=1"), "--listen",
                       test_listen("127.0.0.3:0", "minimal", "block=127.0.0.9") },
    });
    const char *one = server_address(server, 0), *two = server_address(server, 1);
    int first = peer_connect(one), other = peer_connect(two);

    peer_send_text(first, "x");
    peer_expect_text(first, "x");
    peer_send_text(other, "x");
    peer_expect_text(other, "x");
    for (unsigned i = 0; i < 3; i++)
        expect_refused(from("127.0.0.7", two));
    expect_refused(from("127.0.0.9", server_address(server, 2)));
    server_wait_log(server, test_text("%s: max-connections (1) is reached", two));
    server_wait_log(server, "the first one from 127.0.0.7:");
    server_wait_log(server, test_text(" to %s", two));
    server_wait_figure(server, "connections_refused_limit", 3);
    server_wait_log(server, "figure 127.0.0.1:0=minimal refused_limit=0");
    server_wait_log(server, "figure 127.0.0.2:0=minimal refused_limit=3");
    server_wait_log(server, "figure 127.0.0.2:0=minimal refused_blocked=0");
    server_wait_log(server, "figure 127.0.0.3:0=minimal refused_blocked=1");
    peer_close(first);
    peer_close(other);
    server_stop_cleanly(server);
}
