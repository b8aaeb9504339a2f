/* SPDX-License-Identifier: MIT
 *
 * Outgoing streams at the edges of a server's life: made in worker_start, when a start fails,
 * during a stop and at its deadline; and when descriptors run out.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "dialler.h"

static struct server *start(const char *grace)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--grace", grace, "--listen",
                       test_listen("127.0.0.1:0", "connect", NULL) },
    });
}

static void end_and_close(int *fd)
{
    peer_end(*fd);
    peer_expect_end(*fd);
    peer_close(*fd);
}

/* -- the start -- */

Test(connect_stop, may_be_called_in_worker_start)
{
    char address[64];
    int listening = peer_listen("127.0.0.1:0", address, sizeof address);
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--listen",
                       test_listen("127.0.0.1:0", "connect",
                                   test_text("start=dial a host=127.0.0.1 port=%s; write a early",
                                             strrchr(address, ':') + 1)) },
    });
    struct dialler d = { .server = server, .listening = listening };

    for (unsigned i = 0; i < 2; i++) {
        int peer = dialler_accept(&d);

        peer_expect_text(peer, "early");
        peer_close(peer);
    }
    server_wait_log_count(server, "dial a connect ok;", 2);
    server_wait_log_count(server, "dial a write queued;", 2);
    server_wait_log_count(server, "dial a open;", 2);
    server_wait_log_count(server, "dial a close ok;", 2);
    peer_close(listening);
    server_signal(server, SIGTERM);
    server_ended(server, 0);
}

/* No `open` where a worker_start has failed, however the threads meet. */
Test(connect_stop, closes_without_open_what_a_failed_start_has_made)
{
    char address[64];
    int listening = peer_listen("127.0.0.1:0", address, sizeof address);

    for (unsigned i = 0; i < test_scaled(20); i++) {
        struct launcher_result result = launcher_run(&(struct server_spec){
            .arguments = { "--workers", "4", "--listen",
                           test_listen("127.0.0.1:0", "connect",
                                       test_text("start=dial a host=127.0.0.1 port=%s,fail=yes",
                                                 strrchr(address, ':') + 1)) },
        });

        cr_assert_eq(result.status, 1, "%s", result.errors);
        cr_assert_not_null(strstr(result.errors, "as was asked for"), "%s", result.errors);
        cr_assert_not_null(strstr(result.errors, "dial a close ESHUTDOWN: connect to "), "%s",
                           result.errors);
        cr_assert_null(strstr(result.errors, "dial a open"), "%s", result.errors);
    }
    peer_close(listening);
}

/* -- the stop -- */

Test(connect_stop, quiesces_outgoing_streams_when_no_accepted_one_is_left)
{
    struct server *server = start("1m");
    struct dialler d = dialler_with(server, NULL);

    dialler_say(&d, "dial a host=127.0.0.1 port=%u; dial p host=127.0.0.1 port=%u handler=plain",
                d.port, d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "p connect ok");
    dialler_expect(&d, "a open");
    dialler_expect(&d, "p open");
    int first = dialler_accept(&d), second = dialler_accept(&d);

    server_signal(server, SIGTERM);
    server_wait_log(server, "control quiesce");
    /* Everything works, and the accepted stream is still there. */
    dialler_say(&d, "dial b host=127.0.0.1 port=%u", d.port);
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "b open");
    int third = dialler_accept(&d);
    dialler_say(&d, "write a still here; write p still here; write b still here");
    peer_expect_text(first, "still here");
    peer_expect_text(second, "still here");
    peer_expect_text(third, "still here");
    dialler_expect(&d, "a write flushed");
    dialler_expect(&d, "p write flushed");
    dialler_expect(&d, "b write flushed");
    cr_assert_eq(server_log_count(server, " quiesce;"), 0);

    end_and_close(&d.control);
    server_wait_log(server, "dial a quiesce;");
    server_wait_log(server, "dial b quiesce;");
    peer_expect_end(first);
    peer_expect_end(third);
    peer_close(first);
    peer_close(third);
    server_wait_log(server, "dial a close ok;");
    server_wait_log(server, "dial b close ok;");
    cr_assert(peer_is_quiet(second), "one without the slot is not disturbed");
    cr_assert_eq(server_log_count(server, "dial p quiesce;"), 0);
    peer_close(second);
    peer_close(d.listening);
    server_wait_ended(server, 0);
    cr_assert_eq(server_log_count(server, " quiesce;"), 2, "each gets it once");
    cr_assert_eq(server_log_count(server, "dial p close ok;"), 1);
    server_ended(server, 0);
}

Test(connect_stop, quiesces_those_too_that_open_when_no_accepted_stream_is_left)
{
    struct server *server = start("1m");
    struct dialler d = dialler_with(server, NULL);

    dialler_say(&d,
                "dial a host=127.0.0.1 port=%u; on a quiesce dial b host=127.0.0.1 port=%u; "
                "write b more; end a",
                d.port, d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a open");
    int first = dialler_accept(&d);
    server_signal(server, SIGTERM);
    end_and_close(&d.control);
    int second = dialler_accept(&d);
    peer_expect_text(second, "more");
    peer_expect_end(second);
    peer_close(second);
    peer_expect_end(first);
    peer_close(first);
    peer_close(d.listening);
    server_wait_ended(server, 0);
    cr_assert_eq(server_log_count(server, "dial a quiesce;"), 1);
    cr_assert_eq(server_log_count(server, "dial b quiesce;"), 1);
    cr_assert_eq(server_log_count(server, "dial b close ok;"), 1);
    server_ended(server, 0);
}

/* What has come by then is presented first, as it is to accepted streams. */
Test(connect_stop, presents_what_waits_before_the_quiesce)
{
    struct server *server = start("1m");
    struct dialler d = dialler_with(server, NULL);

    dialler_say(&d, "dial a host=127.0.0.1 port=%u", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a open");
    int peer = dialler_accept(&d);
    server_signal(server, SIGSTOP);
    server_wait_stopped(server);
    peer_send_text(peer, "news");
    peer_end(d.control);
    server_signal(server, SIGTERM);
    server_signal(server, SIGCONT);
    peer_expect_end(peer);
    peer_close(peer);
    peer_close(d.control);
    peer_close(d.listening);
    server_wait_ended(server, 0);
    const char *log = server_log(server);
    const char *data = strstr(log, "dial a data news;"), *quiesce = strstr(log, "dial a quiesce;");
    cr_assert_not_null(data);
    cr_assert_not_null(quiesce);
    cr_assert_lt(data - log, quiesce - log);
    server_ended(server, 0);
}

Test(connect_stop, closes_what_is_open_or_opening_at_the_deadline_and_refuses_then)
{
    struct server *server = start("300ms");
    struct dialler d = dialler_with(server, NULL);
    int waiting[4];

    dialler_say(&d, "dial a host=127.0.0.1 port=%u handler=plain", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a open");
    int peer = dialler_accept(&d);
    dialler_fill(&d, waiting);
    dialler_say(&d,
                "dial b host=127.0.0.1 port=%u timeout=60000; write b lost; "
                "on b close dial c host=127.0.0.1 port=%u",
                d.port, d.port);
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "b write queued");
    server_wait_figure(server, "connect_attempts", 2);
    server_signal(server, SIGTERM);
    server_wait_ended(server, 0);
    cr_assert_eq(server_log_count(server, "dial a close ESHUTDOWN;"), 1);
    cr_assert_eq(
        server_log_count(server, test_text("dial b close ESHUTDOWN: connect to 127.0.0.1:%u: no "
                                           "answer yet; given up: the server stops;",
                                           d.port)),
        1);
    cr_assert_eq(server_log_count(server, "dial c connect ESHUTDOWN;"), 1);
    cr_assert_eq(server_log_count(server, "dial at worker_stop ESHUTDOWN;"), 1);
    dialler_unfill(waiting);
    peer_close(peer);
    peer_close(d.listening);
    peer_close(d.control);
    server_ended(server, 0);
}

/* -- descriptors -- */

Test(connect_stop, says_that_descriptors_have_run_out_and_goes_on)
{
    enum { DIALS = 60 };
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen("127.0.0.1:0", "connect", NULL) },
        .open_files = 64,
    });
    struct dialler d = dialler_with(server, NULL);
    unsigned open = 0, failed = 0;
    int peers[DIALS];

    for (unsigned i = 0; i < DIALS; i++) {
        dialler_say(&d, "dial a%u host=127.0.0.1 port=%u", i, d.port);
        dialler_expect(&d, "a%u connect ok", i);
        dialler_expect_begin(&d, test_text("a%u ", i));
        if (strcmp(d.line, test_text("a%u open", i)) == 0)
            peers[open++] = dialler_accept(&d);
        else if (strstr(d.line, test_text("close Too many open files: connect to 127.0.0.1:%u: "
                                          "Too many open files",
                                          d.port)) != NULL)
            failed++;
        else
            cr_assert_fail("%s", d.line);
    }
    cr_assert_gt(open, 10);
    cr_assert_gt(failed, 5);
    for (unsigned i = 0; i < open; i++)
        peer_close(peers[i]);
    server_wait_figure(server, "streams_closed", open);
    server_wait_figure(server, "connects_failed", failed);
    for (unsigned i = 0; i < 2 * open; i++)
        peer_read_line(d.control, d.line, sizeof d.line); /* their ends */
    dialler_say(&d, "dial b host=127.0.0.1 port=%u", d.port);
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "b open");
    dialler_say(&d, "close b");
    dialler_expect(&d, "b close ok");
    dialler_finish(&d);
}
