/* SPDX-License-Identifier: MIT
 *
 * A plugin that crashes: the report names the signal, the callback, the plugin, the worker, the
 * stream and its peer, and has a backtrace with symbols; then the process dies of that signal.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "server.h"

static struct server *crashing(const char *how, const char *where, const char *more)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen",
                       test_listen("127.0.0.1:0", "crash",
                                   test_text("how=%s,where=%s%s", how, where, more)) },
        .environment = { SERVER_OWN_CRASHES },
        .crashes = true,
    });
}

static void expect_said(const char *log, const char *text)
{
    if (strstr(log, text) == NULL)
        cr_assert_fail("nothing says \"%s\" in:\n%s", text, log);
}

/* One line, and in it both texts. */
static void expect_line(const char *log, const char *begin, const char *and)
{
    const char *at = strstr(log, begin);

    if (at == NULL)
        cr_assert_fail("nothing says \"%s\" in:\n%s", begin, log);
    const char *found = strstr(at, and), *end = strchr(at, '\n');
    if (found == NULL || (end != NULL && found > end))
        cr_assert_fail("the line of \"%s\" does not say \"%s\":\n%s", begin, and, log);
}

static const char *file(void)
{
    return test_plugin("crash");
}

/* What every report says of this plugin. */
static void expect_report(const char *log, const char *what, const char *callback)
{
    expect_said(log, test_text("evframe: crash: %s", what));
    expect_said(log,
                test_text("evframe: crash: in `%s` of plugin crash 1.2.3 (%s)", callback, file()));
    expect_said(log, "evframe: crash: the process ends\n");
}

/* The plugin's own functions, static ones, with file and line. */
static void expect_trace(const char *log, const char *function)
{
    expect_line(log, test_text(" %s+0x", function), " at wire/plugins/crash.c:");
    expect_line(log, test_text(" %s+0x", function), test_text("(%s+0x", file()));
}

/* In `data`, by each signal. */
static void crash_in_data(const char *how, int signal, const char *what, const char *function)
{
    struct server *server = crashing(how, "data", "");
    int peer = peer_connect(server_address(server, 0));
    unsigned port = peer_port(peer);

    peer_send_text(peer, "hello");
    server_wait_died(server, signal);
    const char *log = server_log(server);
    expect_report(log, what, "data");
    expect_line(log, "evframe: crash: in `data`", "on worker 0");
    expect_line(log, "evframe: crash: stream ", test_text(" with 127.0.0.1:%u\n", port));
    expect_line(log, "evframe: crash: evframe ", "evf-worker-0");
    expect_trace(log, function);
    expect_trace(log, "on_data");
    peer_close(peer);
    server_forget(server);
}

Test(crash, a_write_to_bad_memory)
{
    crash_in_data("wild", SIGSEGV, "SIGSEGV (no memory there) at 0x10", "write_wildly");
}

Test(crash, a_call_of_nothing_names_the_caller)
{
    crash_in_data("call", SIGSEGV, "SIGSEGV", "call_nothing");
}

Test(crash, a_division_by_zero)
{
    crash_in_data("divide", SIGFPE, "SIGFPE (integer divided by zero)", "fall_over");
}

Test(crash, a_stack_overflow_names_who_began)
{
    crash_in_data("overflow", SIGSEGV, "SIGSEGV (stack overflow)", "recurse_for_ever");
}

Test(crash, an_abort)
{
    crash_in_data("abort", SIGABRT, "SIGABRT", "fall_over");
}

Test(crash, a_failed_assert)
{
    crash_in_data("assert", SIGABRT, "SIGABRT", "fall_over");
}

Test(crash, an_illegal_instruction)
{
    crash_in_data("illegal", SIGILL, "SIGILL", "fall_over");
}

Test(crash, memory_behind_the_end_of_a_file)
{
    crash_in_data("bus", SIGBUS, "SIGBUS (behind the end of a mapped file)", "read_behind_a_file");
}

/* A signal that somebody sends is no instruction's fault, and ends the process all the same. */
Test(crash, a_signal_from_outside)
{
    struct server *server = crashing("wild", "nowhere", "");

    server_signal(server, SIGSEGV);
    server_wait_died(server, SIGSEGV);
    expect_said(server_log(server), "evframe: crash: SIGSEGV (sent by a process)\n");
    expect_said(server_log(server), "evframe: crash: in no callback of a plugin\n");
    server_forget(server);
}

/* In each callback; how a client brings it about. */
enum act { CONNECTS, SENDS, ENDS, READS, STAYS, LEAVES, IS_STOPPED };

/* All that the plugin sends for `drain`. */
static void read_all(int peer)
{
    static char bytes[64 * 1024];

    for (size_t got = 0; got < 16 * 1024 * 1024;)
        got += peer_read(peer, bytes, sizeof bytes);
}

static void crash_where(const char *where, const char *callback, enum act act)
{
    struct server *server = crashing("wild", where, act == STAYS ? ",idle-timeout=50ms" : "");
    int peer = peer_connect(server_address(server, 0));
    bool of_stream = strcmp(where, callback) == 0 && act != CONNECTS;

    if (act == SENDS)
        peer_send_text(peer, "hello");
    else if (act == READS)
        peer_send_text(peer, "much");
    else if (act == ENDS)
        peer_end(peer);
    if (act == READS)
        read_all(peer);
    unsigned port = peer_port(peer);
    if (act == LEAVES)
        peer_reset(peer);
    if (act == IS_STOPPED)
        server_signal(server, SIGTERM);
    server_wait_died(server, SIGSEGV);
    const char *log = server_log(server);
    expect_report(log, "SIGSEGV", callback);
    expect_trace(log, "write_wildly");
    if (of_stream || strcmp(where, "open") == 0)
        expect_line(log, "evframe: crash: stream ", test_text(" with 127.0.0.1:%u\n", port));
    else
        cr_expect_null(strstr(log, "evframe: crash: stream "));
    if (act != LEAVES)
        peer_close(peer);
    server_forget(server);
}

Test(crash, in_open)
{
    crash_where("open", "open", CONNECTS);
}

Test(crash, in_end)
{
    crash_where("end", "end", ENDS);
}

Test(crash, in_drain)
{
    crash_where("drain", "drain", READS);
}

Test(crash, in_timeout)
{
    crash_where("timeout", "timeout", STAYS);
}

Test(crash, in_quiesce)
{
    crash_where("quiesce", "quiesce", IS_STOPPED);
}

Test(crash, in_close)
{
    crash_where("close", "close", LEAVES);
}

Test(crash, in_a_timer)
{
    crash_where("timer", "timer", CONNECTS);
}

Test(crash, in_a_post)
{
    crash_where("post", "post", CONNECTS);
}

Test(crash, in_the_answer_of_offloaded_work)
{
    crash_where("done", "post", CONNECTS);
}

Test(crash, in_the_release_of_owned_memory)
{
    crash_where("free", "free", CONNECTS);
}

Test(crash, in_the_answer_of_a_look_up)
{
    crash_where("look-up", "look-up", CONNECTS);
}

Test(crash, in_offloaded_work_on_a_helper)
{
    struct server *server = crashing("overflow", "offload", "");
    int peer = peer_connect(server_address(server, 0));

    server_wait_died(server, SIGSEGV);
    expect_report(server_log(server), "SIGSEGV (stack overflow)", "offloaded work");
    expect_line(server_log(server), "evframe: crash: evframe ", "evf-offload-0");
    cr_expect_null(strstr(server_log(server), "on worker"));
    expect_trace(server_log(server), "recurse_for_ever");
    peer_close(peer);
    server_forget(server);
}

/* Where no client is needed. */
static void crash_at_start(const char *where, const char *in, const char *constructor)
{
    struct launcher_result result = launcher_run(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen",
                       test_listen("127.0.0.1:0", "crash", test_text("how=wild,where=%s", where)) },
        .environment = { SERVER_OWN_CRASHES, constructor },
        .crashes = true,
    });

    cr_assert_eq(result.status, 128 + SIGSEGV, "status %d: %s", result.status, result.errors);
    expect_said(result.errors, "evframe: crash: SIGSEGV");
    expect_said(result.errors, test_text("evframe: crash: in %s", in));
    expect_trace(result.errors, "write_wildly");
}

Test(crash, in_start)
{
    crash_at_start("start", test_text("`start` of plugin crash 1.2.3 (%s)\n", file()), NULL);
}

Test(crash, in_worker_start)
{
    crash_at_start("worker_start", "`worker_start` of plugin crash 1.2.3", NULL);
}

Test(crash, in_a_constructor)
{
    struct launcher_result result = launcher_run(&(struct server_spec){
        .arguments = { "inspect", file() },
        .environment = { SERVER_OWN_CRASHES, "CRASH_CONSTRUCTOR=wild" },
        .crashes = true,
    });

    cr_assert_eq(result.status, 128 + SIGSEGV, "status %d: %s", result.status, result.errors);
    expect_said(result.errors, test_text("evframe: crash: in `loading` (%s)", file()));
}

static void crash_at_stop(const char *where)
{
    struct server *server = crashing("wild", where, "");

    server_signal(server, SIGTERM);
    server_wait_died(server, SIGSEGV);
    expect_report(server_log(server), "SIGSEGV", where);
    expect_trace(server_log(server), "write_wildly");
    server_forget(server);
}

Test(crash, in_worker_stop)
{
    crash_at_stop("worker_stop");
}

Test(crash, in_stop)
{
    crash_at_stop("stop");
}

/* The report goes where the log goes, as text whatever the log's format is. */
Test(crash, is_told_in_the_log_file)
{
    const char *folder = test_folder();
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--log-format", "json", "--listen",
                       test_listen("127.0.0.1:0", "crash", "how=wild,where=open") },
        .environment = { SERVER_OWN_CRASHES },
        .log_file = test_text("%s/log", folder),
        .crashes = true,
    });
    int peer = peer_connect(server_address(server, 0));

    server_wait_died(server, SIGSEGV);
    expect_report(server_log(server), "SIGSEGV", "open");
    expect_trace(server_log(server), "on_open");
    peer_close(peer);
    server_forget(server);
    test_folder_remove(folder);
}

/* Without the program that knows the names, files and places in them are told. */
Test(crash, is_told_without_symbols)
{
    const char *folder = test_folder(), *launcher = getenv("EVF_LAUNCHER");
    char command[1200];

    snprintf(
        command, sizeof command,
        "mkdir %s/bin %s/lib && cp %s %s/bin/evframe && cp $(dirname %s)/../lib/libevframe.so.1 "
        "%s/lib/",
        folder, folder, launcher, folder, launcher, folder);
    cr_assert_eq(system(command), 0);
    struct server *server = server_start(&(struct server_spec){
        .program = test_text("%s/bin/evframe", folder),
        .arguments = { "--workers", "1", "--listen",
                       test_listen("127.0.0.1:0", "crash", "how=wild,where=open") },
        .environment = { SERVER_OWN_CRASHES },
        .crashes = true,
    });
    int peer = peer_connect(server_address(server, 0));

    server_wait_died(server, SIGSEGV);
    expect_report(server_log(server), "SIGSEGV", "open");
    expect_line(server_log(server), "evframe: crash: #0 0x", test_text(" (%s+0x", file()));
    cr_expect_null(strstr(server_log(server), "write_wildly"));
    peer_close(peer);
    server_forget(server);
    snprintf(command, sizeof command, "rm -r %s/bin %s/lib", folder, folder);
    cr_expect_eq(system(command), 0);
    test_folder_remove(folder);
}
