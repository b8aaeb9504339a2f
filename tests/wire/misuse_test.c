/* SPDX-License-Identifier: MIT
 *
 * Rules of the API that a plugin breaks: the function that it called is named, the rule, and in the
 * crash report the plugin, its callback and the stream. Most are checked in debug builds only,
 * which all builds with tests are.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <string.h>

#include "peer.h"
#include "server.h"

struct breach {
    char rule[24];
    char function[32]; /* "" for what is no call */
    char said[80];
    char callback[24];
};

static struct breach breaches[] = {
    { "closed write", "evf_write", "no stream is used after its `close` has returned", "data" },
    { "closed fact", "evf_peer_name", "no stream is used after its `close` has returned", "data" },
    { "closed state", "evf_stream_state", "no stream is used after its `close` has returned",
      "data" },
    { "closed close", "evf_close_with", "no stream is used after its `close` has returned",
      "data" },
    { "no stream", "evf_write", "a stream is given", "data" },
    { "no bytes", "evf_write", "bytes are given", "data" },
    { "owned", "evf_write_owned", "a release function is given", "data" },
    { "reason", "evf_close_with", "a reason is 0 or negative", "data" },
    { "consumed", "", "data consumes at most what it was given", "data" },
    { "drop", "evf_slice_drop", "no slice is dropped more often than it was kept", "data" },
    { "sub", "evf_slice_sub", "a part of a slice lies inside the slice", "data" },
    { "keep", "evf_slice_keep", "a slice is used, or kept, before its callback returns", "data" },
    { "write late", "evf_write_slice", "a slice is used, or kept, before its callback returns",
      "data" },
    { "timer", "evf_timer_start",
      "no timer runs in memory that is being freed: one in the stream's", "close" },
    { "timer garbage", "evf_timer_start", "a timer is zeroed before its first use", "data" },
    { "timer overwritten", "evf_timer_stop",
      "the memory of a running timer is neither freed nor written to", "data" },
    { "timer nothing", "evf_timer_start", "a timer has a callback", "data" },
    { "thread", "evf_write", "called on the stream's own worker's thread", "offloaded work" },
    { "counter thread", "evf_counter_add", "figures are changed on workers only",
      "offloaded work" },
    { "other worker", "evf_worker_state", "called on the worker's own thread", "data" },
    { "message", "", "a message is zeroed before its first use and not posted while", "data" },
    { "post nothing", "", "a posted function is given", "data" },
    { "cancel", "evf_resolve_cancel", "a look-up is cancelled before its callback begins",
      "look-up" },
    { "counter", "evf_counter_new", "counters and gauges are made in start", "data" },
    { "option", "evf_option_int", "only options of the plugin's schema are asked for", "data" },
    { "option type", "evf_option_int", "it is for INT, SIZE and DURATION", "data" },
    { "fail", "evf_fail", "evf_fail is for start and worker_start", "data" },
};

static struct server *misusing(const char *rule)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--dispatch", "round-robin", "--listen",
                       test_listen("127.0.0.1:0", "misuse", test_text("rule=%s", rule)) },
        .environment = { SERVER_OWN_CRASHES },
        .crashes = true,
    });
}

static void expect_said(const char *log, const char *text)
{
    if (strstr(log, text) == NULL)
        cr_assert_fail("nothing says \"%s\" in:\n%s", text, log);
}

static void expect_breach(const char *log, const struct breach *breach)
{
    const char *line = strstr(log, "evframe: rule broken: ");

    cr_assert_not_null(line, "no rule was broken:\n%s", log);
    if (breach->function[0] != '\0')
        expect_said(log, test_text("evframe: rule broken: %s: ", breach->function));
    const char *said = strstr(line, breach->said), *end = strchr(line, '\n');
    if (said == NULL || said > end)
        cr_assert_fail("\"%s\" is not said in: %.*s", breach->said, (int)(end - line), line);
    expect_said(log, "evframe: crash: SIGABRT: rule broken: ");
    expect_said(log, test_text("evframe: crash: in `%s` of plugin misuse 0.9 (%s)",
                               breach->callback, test_plugin("misuse")));
}

ParameterizedTestParameters(misuse, is_told)
{
    return cr_make_param_array(struct breach, breaches, sizeof breaches / sizeof breaches[0], NULL);
}

ParameterizedTest(const struct breach *breach, misuse, is_told)
{
    struct server *server = misusing(breach->rule);
    int first = peer_connect(server_address(server, 0)), second, third;
    const char *log;

    /* What the first leaves behind is used by the third, on the same worker; its input was longer,
     * so that the third's does not stand in the very same place. */
    peer_send_text(first, "something");
    if (strncmp(breach->rule, "closed", 6) == 0 || strcmp(breach->rule, "keep") == 0 ||
        strcmp(breach->rule, "write late") == 0) {
        peer_expect_text(first, "ok\n");
        peer_close(first);
        server_wait_figure(server, "streams_closed", 1); /* a gauge is as it was a turn ago */
        second = peer_connect(server_address(server, 0));
        third = peer_connect(server_address(server, 0));
        peer_send_text(third, "x");
    } else {
        second = third = -1;
    }
    server_wait_died(server, SIGABRT);
    log = server_log(server);
    expect_breach(log, breach);
    if (strcmp(breach->callback, "data") == 0 || strcmp(breach->callback, "close") == 0)
        expect_said(log, test_text("evframe: crash: stream "));
    if (third >= 0) {
        peer_close(second);
        peer_close(third);
    } else {
        peer_close(first);
    }
    server_forget(server);
}

/* At the start there is no server to talk to. */
static void break_at_start(const char *rule, const char *said, const char *callback)
{
    struct launcher_result result = launcher_run(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen",
                       test_listen("127.0.0.1:0", "misuse", test_text("rule=%s", rule)) },
        .environment = { SERVER_OWN_CRASHES },
        .crashes = true,
    });

    cr_assert_eq(result.status, 128 + SIGABRT, "status %d: %s", result.status, result.errors);
    expect_said(result.errors, said);
    expect_said(result.errors, test_text("evframe: crash: in `%s` of plugin misuse 0.9", callback));
}

Test(misuse, of_what_start_returns_is_told)
{
    break_at_start("start", "start returns 0 or a negative code", "start");
}

Test(misuse, of_what_worker_start_returns_is_told)
{
    break_at_start("worker start", "worker_start returns 0 or a negative code", "worker_start");
}

Test(misuse, of_a_timer_in_a_workers_state_is_told)
{
    struct server *server = misusing("worker timer");

    server_signal(server, SIGTERM);
    server_wait_died(server, SIGABRT);
    expect_said(server_log(server), "no timer runs in memory that is being freed: one in the "
                                    "worker's state would call ");
    expect_said(server_log(server), "evframe: crash: in `worker_stop` of plugin misuse 0.9");
    server_forget(server);
}
