/* SPDX-License-Identifier: MIT
 *
 * Plugins and programs of earlier minor versions of the ABI, built against the headers of their
 * time (tests/abi/past), run with the launcher and the library of today.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "server.h"

#define OPTIONS "text=hello,number=5,path=/tmp,address=127.0.0.1:1,address=[::1]:2,side=right"

static struct server *server;

static void begin(void)
{
    server = server_with("2", "past-1.0", OPTIONS);
}

static void finish(void)
{
    server_stop_cleanly(server);
}

static int connected(void)
{
    int peer = peer_connect(server_address(server, 0));
    peer_expect_text(peer, "welcome\n");
    return peer;
}

TestSuite(past, .init = begin, .fini = finish);

Test(past, plugins_are_started_with_their_options)
{
    server_wait_log(server, "past start hello 5 1 2048 3000 /tmp 2 [::1]:2 right;");
    server_wait_log(server, "past worker_start 1 of 2;");
    server_wait_log(server, "past worker_start 2 of 2;");
}

Test(past, plugins_get_data_and_the_end)
{
    int peer = connected();
    peer_send_text(peer, "one\ntw");
    peer_expect_text(peer, "one\n");
    peer_send_text(peer, "o\n");
    peer_expect_text(peer, "two\n");
    peer_send_text(peer, "keep this\n");
    peer_send_text(peer, "kept\n");
    peer_expect_text(peer, "this\n");
    server_wait_figure(server, "past_lines", 4);
    server_wait_figure(server, "past_open", 1);
    peer_end(peer);
    peer_expect_text(peer, "goodbye\n");
    peer_expect_end(peer);
    server_wait_log(server, test_text("past close 127.0.0.1:%u: success;", peer_port(peer)));
    peer_close(peer);
}

Test(past, plugins_write_in_every_way_and_get_the_drain)
{
    enum { LEN = 3000000 };
    static char bytes[LEN];
    int peer = connected();
    peer_send_text(peer, test_text("fill %d\n", LEN));
    peer_read_exactly(peer, bytes, LEN);
    for (size_t i = 0; i < LEN; i++)
        cr_assert_eq(bytes[i], 'a', "byte %zu", i);
    peer_expect_text(peer, "filled\n");
    peer_close(peer);
}

Test(past, plugins_get_the_timeout)
{
    int peer = connected();
    peer_send_text(peer, "idle\n");
    peer_expect_text(peer, "once more\n");
    peer_expect_gone(peer);
    server_wait_log(server, "Connection timed out;");
    peer_close(peer);
}

Test(past, plugins_have_timers_messages_and_helpers)
{
    int peer = connected();
    peer_send_text(peer, "timer\n");
    peer_expect_text(peer, "ticked\n");
    peer_send_text(peer, "post\n");
    peer_expect_text(peer, "posted\n");
    peer_send_text(peer, "work\n");
    peer_expect_text(peer, "worked\n");
    peer_close(peer);
}

TestSuite(past_alone);

Test(past_alone, plugins_are_told_of_the_stop)
{
    begin();
    int peer = connected();
    server_signal(server, SIGTERM);
    peer_expect_text(peer, "stopping\n");
    peer_expect_end(peer);
    peer_close(peer);
    server_wait_ended(server, 0);
    cr_assert_eq(server_log_count(server, "past worker_stop"), 2);
    cr_assert_eq(server_log_count(server, "past stop 5;"), 1);
    server_ended(server, 0);
}

/* The slot for descriptors came with 1.1: what lies behind a handler of 1.0 is not called. */
Test(past_alone, handlers_end_where_they_ended)
{
    const char *folder = test_folder();
    server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen",
                       test_listen(test_text("unix:%s/past", folder), "past-1.0", OPTIONS) },
    });
    int peer = connected();
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { .header = { .cmsg_level = SOL_SOCKET,
                              .cmsg_type = SCM_RIGHTS,
                              .cmsg_len = CMSG_LEN(sizeof(int)) } };
    struct iovec piece = { (void *)(uintptr_t) "text\n", 5 };
    struct msghdr message = { .msg_iov = &piece,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof control };
    unsigned open = server_open_files(server);
    for (unsigned i = 0; i < 10; i++) {
        cr_assert_eq(sendmsg(peer, &message, MSG_NOSIGNAL), 5);
        peer_expect_text(peer, "text\n");
    }
    cr_assert_eq(server_open_files(server), open);
    peer_close(peer);
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

Test(past_alone, plugins_are_inspected_as_what_they_are)
{
    struct launcher_result result =
        launcher_run(&(struct server_spec){ .arguments = { "inspect", test_plugin("past-1.0") } });
    cr_assert_eq(result.status, 0, "%s", result.errors);
    cr_assert_not_null(strstr(result.output, "ABI       1.0 (this evframe has 1."), "%s",
                       result.output);
    cr_assert_not_null(
        strstr(result.output, "handler   open, data, end, drain, timeout, quiesce, close\n"), "%s",
        result.output);
}

TestSuite(past_program);

static int asked(const char *question)
{
    int peer = peer_connect(server_address(server, 0));
    peer_send_text(peer, question);
    return peer;
}

Test(past_program, embeds_a_server_with_every_function_of_its_time)
{
    const char *folder = getenv("EVF_TEST_PROGRAMS");
    cr_assert_not_null(folder, "EVF_TEST_PROGRAMS names no folder");
    server = server_start(&(struct server_spec){
        .program = test_text("%s/past-1.0-embedding", folder),
        .arguments = { test_plugin("past-1.0") },
        .listeners = 1,
    });

    static const char *const questions[] = { "facts\n", "settings\n", "each\n", "pause\n" };
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        int peer = asked(questions[i]);
        peer_expect_text(peer, i < 3 ? questions[i] : "paused\n");
        peer_end(peer);
        peer_expect_end(peer);
        peer_close(peer);
        server_wait_log_count(server, "embedding close 0;", (unsigned)i + 1);
    }

    int peer = asked("need\n");
    peer_expect_text(peer, "ready\n");
    peer_send_text(peer, "1234");
    peer_send_text(peer, "5678");
    peer_expect_text(peer, "need\n");
    peer_close(peer);

    peer = asked("close\n");
    peer_expect_end(peer);
    peer_close(peer);
    peer = asked("reset\n");
    peer_expect_gone(peer);
    peer_close(peer);
    peer = asked("why\n");
    server_wait_log(server, test_text("embedding close %d;", -EPROTO));
    peer_close(peer);

    peer = asked("facts\n");
    peer_expect_text(peer, "facts\n");
    server_signal(server, SIGTERM);
    peer_expect_text(peer, "quiesce\n");
    peer_expect_end(peer);
    peer_close(peer);
    server_wait_log(server, "embedding ends well;");
    server_ended(server, 0);
}
