/* SPDX-License-Identifier: MIT
 *
 * --watch: a plugin's file is built anew while it serves.
 *
 * "minimal" sends back what it gets, "shout" answers `logged`; both play the same plugin, my.so,
 * before and after a change.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "server.h"

static const char *folder, *plugin, *address;
static struct server *server;

/* What a build leaves: a whole new file under the old name, or the old file with new bytes. */
static void put(const char *bytes_of, bool in_place)
{
    char buffer[65536];
    const char *to = in_place ? plugin : test_text("%s/new", folder);
    int from_fd = open(bytes_of, O_RDONLY), to_fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    cr_assert(from_fd >= 0 && to_fd >= 0);
    ssize_t len;
    while ((len = read(from_fd, buffer, sizeof buffer)) > 0)
        cr_assert_eq(write(to_fd, buffer, (size_t)len), len);
    close(from_fd);
    close(to_fd);
    if (!in_place)
        cr_assert_eq(rename(to, plugin), 0);
}

static void build(const char *name)
{
    put(test_plugin(name), false);
}

static void begin(void)
{
    folder = test_folder();
    plugin = test_text("%s/my.so", folder);
    address = test_text("unix:%s/socket", folder);
    build("minimal");
    server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--watch", "--listen",
                       test_text("%s=%s", address, plugin) },
    });
}

static void finish(void)
{
    test_folder_remove(folder);
}

static void answers(const char *text)
{
    int peer = peer_connect(address);
    peer_send_text(peer, "hello\n");
    peer_expect_text(peer, text);
    peer_close(peer);
}

TestSuite(watch, .init = begin, .fini = finish);

Test(watch, a_file_that_was_replaced_serves_from_then_on)
{
    answers("hello\n");
    build("shout");
    server_wait_addresses(server, 2);
    answers("logged\n");
    build("minimal");
    server_wait_addresses(server, 3);
    answers("hello\n");
    server_stop_cleanly(server);
}

Test(watch, a_file_that_was_written_in_place_serves_from_then_on)
{
    put(test_plugin("shout"), true);
    server_wait_addresses(server, 2);
    answers("logged\n");
    server_stop_cleanly(server);
}

Test(watch, a_request_that_was_sent_before_the_restart_is_answered)
{
    int peer = peer_connect(address);
    build("shout");
    peer_send_text(peer, "hello\n");
    peer_expect_text(peer, "hello\n");
    peer_expect_end(peer);
    peer_close(peer);
    server_wait_addresses(server, 2);
    answers("logged\n");
    server_stop_cleanly(server);
}

Test(watch, what_cannot_be_loaded_replaces_nothing)
{
    put("/proc/self/cmdline", false);
    server_wait_log(server, "my.so has changed, but cannot be used");
    answers("hello\n");
    build("shout");
    server_wait_addresses(server, 2);
    answers("logged\n");
    server_stop_cleanly(server);
}

Test(watch, a_file_that_is_gone_is_waited_for)
{
    cr_assert_eq(unlink(plugin), 0);
    answers("hello\n");
    build("shout");
    server_wait_addresses(server, 2);
    cr_assert_eq(server_log_count(server, "cannot be used"), 0);
    answers("logged\n");
    server_stop_cleanly(server);
}

Test(watch, a_restart_that_fails_waits_for_the_next_change)
{
    const char *socket = test_text("%s/socket", folder);
    cr_assert_eq(unlink(socket), 0);
    int in_its_way = open(socket, O_CREAT | O_WRONLY, 0600);
    build("shout");
    server_wait_log(server, "is not a socket");
    close(in_its_way);
    cr_assert_eq(unlink(socket), 0);
    build("minimal");
    server_wait_addresses(server, 2);
    answers("hello\n");
    server_stop_cleanly(server);
}

Test(watch, a_stop_during_the_restart_ends_the_launcher)
{
    int peer = peer_connect(address);
    build("shout");
    peer_expect_end(peer); /* the restart has begun, and waits for this peer */
    server_signal(server, SIGTERM);
    peer_close(peer);
    server_ended(server, 0);
}

Test(watch, a_first_start_that_fails_ends_the_launcher)
{
    launcher_refuses(&(struct server_spec){ .arguments = { "--watch", "--listen",
                                                           test_text("unix:%s/none/socket=%s",
                                                                     folder, plugin) } },
                     1, "none/socket");
    server_stop_cleanly(server);
}
