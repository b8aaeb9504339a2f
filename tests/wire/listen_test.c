/* SPDX-License-Identifier: MIT
 *
 * Listeners: every form of address, what is said of each, and what is refused.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crowd.h"
#include "peer.h"
#include "server.h"

static struct server *listening_on(const char *address)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--listen", test_listen(address, "minimal", NULL) },
    });
}

static void refuses(const char *address, const char *text)
{
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--workers", "1", "--listen", test_listen(address, "minimal", NULL) },
        },
        1, text);
}

static void expect_echo(const char *address)
{
    int peer = peer_connect(address);

    peer_send_text(peer, "hello");
    peer_expect_text(peer, "hello");
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
}

/* L1, L5: port 0 reports the port chosen. */
Test(listen, tells_the_port_that_was_chosen)
{
    struct server *server = listening_on("127.0.0.1:0");

    cr_expect_gt(server_port(server, 0), 0);
    cr_expect_eq(strncmp(server_address(server, 0), "127.0.0.1:", 10), 0);
    server_wait_log(server, "with minimal, 2 workers");
    expect_echo(server_address(server, 0));
    server_stop_cleanly(server);
}

/* L1: IPv6 alone. */
Test(listen, serves_ipv6)
{
    struct server *server = listening_on("[::1]:0");

    cr_expect_eq(strncmp(server_address(server, 0), "[::1]:", 6), 0);
    expect_echo(server_address(server, 0));
    cr_expect_eq(peer_try_connect(test_text("127.0.0.1:%u", server_port(server, 0))),
                 -ECONNREFUSED);
    server_stop_cleanly(server);
}

/* L1: both families on all addresses. */
static void check_all_addresses(const char *address)
{
    struct server *server = listening_on(address);
    unsigned port = server_port(server, 0);

    expect_echo(test_text("127.0.0.1:%u", port));
    expect_echo(test_text("127.0.0.2:%u", port));
    expect_echo(test_text("[::1]:%u", port));
    server_stop_cleanly(server);
}

Test(listen, serves_both_families_on_the_any_address)
{
    check_all_addresses("[::]:0");
}

Test(listen, serves_all_addresses_when_only_a_port_is_given)
{
    check_all_addresses(":0");
    check_all_addresses("0");
}

/* L1, L5: several listeners, one line each, in their order. */
Test(listen, serves_several_addresses_at_once)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--listen", test_listen("127.0.0.1:0", "minimal", NULL),
                       "--listen", test_listen("[::1]:0", "upper", NULL), "--listen",
                       test_listen("unix:@evf-several", "minimal", NULL) },
    });

    expect_echo(server_address(server, 0));
    expect_echo(server_address(server, 2));
    int peer = peer_connect(server_address(server, 1));
    peer_send_text(peer, "hello\n");
    peer_expect_text(peer, "1 HELLO\n");
    peer_close(peer);
    server_stop_cleanly(server);
}

/* L1: every failure names the address and the reason. */
Test(listen, names_the_address_that_is_in_use)
{
    struct server *server = listening_on("127.0.0.1:0");

    refuses(server_address(server, 0), server_address(server, 0));
    refuses(server_address(server, 0), "in use");
    expect_echo(server_address(server, 0));
    server_stop_cleanly(server);
}

/* L1: one listener that cannot bind stops everything, before any plugin starts. */
Test(listen, starts_nothing_when_one_address_cannot_be_had)
{
    struct server *server = listening_on("127.0.0.1:0");
    struct launcher_result result = launcher_run(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen("127.0.0.1:0", "starter", NULL),
                       "--listen", test_listen(server_address(server, 0), "minimal", NULL) },
    });

    cr_expect_eq(result.status, 1);
    cr_expect_not_null(strstr(result.errors, "in use"));
    cr_expect_null(strstr(result.errors, "starter one"));
    cr_expect_null(strstr(result.errors, "listening on"));
    server_stop_cleanly(server);
}

Test(listen, says_why_an_address_cannot_be_had)
{
    refuses("192.0.2.1:4000", "192.0.2.1:4000");
    refuses("unix:/nowhere/at/all/socket", "/nowhere/at/all/socket");
}

/* L1: bad addresses are bad usage or a failure, each with its text. */
Test(listen, refuses_what_is_no_address)
{
    static const char *const bad[] = { "127.0.0.1",        "127.0.0.1:65536", "[::1:80",
                                       "127.0.0.1:http",   "unix:",           "fd:x",
                                       "999.1.1.1:0:0:80", "127.0.0.1:-1",    "fd:-1" };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct launcher_result result = launcher_run(&(struct server_spec){
            .arguments = { "--listen", test_listen(bad[i], "minimal", NULL) },
        });

        cr_expect_eq(result.status, 2, "%s: status %d", bad[i], result.status);
        cr_expect_not_null(strstr(result.errors, bad[i]), "%s: %s", bad[i], result.errors);
    }
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--listen",
                           test_listen(test_text("unix:/tmp/%0110d", 7), "minimal", NULL) },
        },
        2, "too long");
}

/* L4: as many wait as the backlog says, and L6: all of them are served. */
Test(listen, lets_4000_connections_wait_in_the_kernel)
{
    struct server *server = listening_on("127.0.0.1:0");
    struct crowd crowd;
    uint8_t bytes[4000];

    server_signal(server, SIGSTOP);
    server_wait_stopped(server);
    crowd_connect(&crowd, server_address(server, 0), 4000);
    crowd_send_text(&crowd, "x");
    server_signal(server, SIGCONT);
    crowd_read_bytes(&crowd, bytes);
    crowd_reset(&crowd);
    server_stop_cleanly(server);
}

/* L4: cut by the system's limit, with a warning that says so. */
Test(listen, warns_when_the_system_cuts_the_backlog)
{
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "r");
    int limit = 0;

    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%d", &limit), 1);
    fclose(file);
    if (limit >= 65535)
        cr_skip_test("this system cuts nothing");

    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--backlog", "65535", "--workers", "1", "--listen",
                       test_listen("127.0.0.1:0", "minimal", NULL) },
    });
    server_wait_log(server, "somaxconn");
    server_wait_log(server, test_text("%d", limit));
    expect_echo(server_address(server, 0));
    server_stop_cleanly(server);
}

static bool exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

/* L2, L6: the path appears and is removed at the end. */
Test(listen, makes_and_removes_its_unix_path)
{
    const char *folder = test_folder();
    const char *path = test_text("%s/socket", folder);
    struct server *server = listening_on(test_text("unix:%s", path));

    cr_expect_str_eq(server_address(server, 0), test_text("unix:%s", path));
    expect_echo(server_address(server, 0));
    server_stop_cleanly(server);
    cr_expect_not(exists(path));
    test_folder_remove(folder);
}

/* L2: a stale socket is replaced. */
Test(listen, replaces_the_socket_of_a_dead_server)
{
    const char *folder = test_folder();
    const char *address = test_text("unix:%s/socket", folder);
    struct server *server = listening_on(address);

    server_signal(server, SIGKILL);
    server_ended(server, 128 + SIGKILL);
    cr_expect(exists(address + 5));
    server = listening_on(address);
    expect_echo(address);
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

/* L2: one in use is not. */
Test(listen, refuses_a_unix_path_in_use)
{
    const char *folder = test_folder();
    const char *address = test_text("unix:%s/socket", folder);
    struct server *server = listening_on(address);

    refuses(address, address);
    refuses(address, "listening there");
    expect_echo(address);
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

/* L2: also one of somebody else, who knows nothing of a lock. */
Test(listen, refuses_a_unix_path_in_use_by_another_program)
{
    const char *folder = test_folder();
    const char *address = test_text("unix:%s/socket", folder);
    char told[200];
    int listener = peer_listen(address, told, sizeof told);

    refuses(address, "listening there");
    cr_expect(exists(address + 5));
    int peer = peer_connect(address);
    peer_close(peer);
    peer_close(listener);
    test_folder_remove(folder);
}

/* L2: what is no socket is never deleted. */
Test(listen, deletes_nothing_that_is_not_a_socket)
{
    const char *folder = test_folder();
    const char *path = test_text("%s/precious", folder);
    const char *link = test_text("%s/link", folder);
    char text[16] = "";
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

    cr_assert_eq(write(fd, "precious", 8), 8);
    refuses(test_text("unix:%s", path), "not a socket");
    cr_assert_eq(symlink(path, link), 0);
    refuses(test_text("unix:%s", link), "link");
    refuses(test_text("unix:%s", folder), folder);
    cr_expect(exists(path));
    cr_expect(exists(link));
    cr_expect_eq(pread(fd, text, sizeof text, 0), 8);
    cr_expect_str_eq(text, "precious");
    close(fd);
    test_folder_remove(folder);
}

/* L6: a path that is no longer ours stays. */
Test(listen, leaves_a_path_that_somebody_else_took)
{
    const char *folder = test_folder();
    const char *path = test_text("%s/socket", folder);
    struct server *server = listening_on(test_text("unix:%s", path));

    cr_assert_eq(unlink(path), 0);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    server_stop_cleanly(server);
    cr_expect(exists(path));
    test_folder_remove(folder);
}

Test(listen, serves_an_abstract_unix_name)
{
    struct server *server = listening_on("unix:@evf-abstract");

    cr_expect_str_eq(server_address(server, 0), "unix:@evf-abstract");
    expect_echo("unix:@evf-abstract");
    refuses("unix:@evf-abstract", "in use");
    server_stop_cleanly(server);
    cr_expect_eq(peer_try_connect("unix:@evf-abstract"), -ECONNREFUSED);
}

/* An inherited socket; connections that waited before the server started are served. */
static void check_inherited(const char *address)
{
    char own[128];
    int listener = peer_listen(address, own, sizeof own);
    int early = peer_connect(own);
    struct server *server;

    peer_send_text(early, "early");
    server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--listen", test_listen("fd:3", "minimal", NULL) },
        .inherit = { listener },
        .inherit_count = 1,
    });
    peer_expect_text(early, "early");
    peer_close(early);
    cr_expect_str_eq(server_address(server, 0), own);
    expect_echo(own);
    server_wait_figure(server, "streams", 0);
    server_signal(server, SIGTERM);
    server_ended(server, 0);
    peer_close(listener);
}

Test(listen, serves_an_inherited_tcp_socket)
{
    check_inherited("127.0.0.1:0");
}

Test(listen, serves_an_inherited_unix_socket)
{
    check_inherited("unix:@evf-inherited");
}

static void refuses_descriptor(int fd, const char *text)
{
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--workers", "1", "--listen",
                           test_listen(fd < 0 ? "fd:50" : "fd:3", "minimal", NULL) },
            .inherit = { fd },
            .inherit_count = fd < 0 ? 0 : 1,
        },
        1, text);
}

Test(listen, says_what_is_wrong_with_an_inherited_descriptor)
{
    int plain = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    refuses_descriptor(-1, "fd:50");
    refuses_descriptor(-1, "no such descriptor");
    refuses_descriptor(plain, "not a socket");
    refuses_descriptor(stream, "does not listen");
    refuses_descriptor(datagram, "not a stream socket");
    close(plain);
    close(stream);
    close(datagram);
}
