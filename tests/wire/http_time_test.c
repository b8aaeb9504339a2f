/* SPDX-License-Identifier: MIT
 *
 * http: what takes too long, and the graceful stop.
 */
#include "http_client.h"

#include <signal.h>
#include <time.h>

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST

static void expect_timeout(struct server *server, const char *begin)
{
    struct client *client = client_new(server);
    uint64_t began = clock_ms();
    struct answer *answer = ask(client, begin);
    expect_status(answer, 408, begin);
    expect_field(answer, "Connection", "close");
    cr_assert_geq(clock_ms() - began, 299, "after %d ms", (int)(clock_ms() - began));
    answer_free(answer);
    expect_end(client);
    client_free(client);
}

Test(http_time, is_over_for_a_head_that_does_not_end)
{
    struct server *server = http_server("body=x,header-timeout=300ms,body-timeout=1h");
    expect_timeout(server, "G");
    expect_timeout(server, "\r\n\r");
    expect_timeout(server, GET);
    server_stop_cleanly(server);
}

Test(http_time, is_over_for_a_body_that_does_not_go_on)
{
    struct server *server = http_server("body=x,header-timeout=1h,body-timeout=300ms");
    expect_timeout(server, POST "Content-Length: 3\r\n\r\n");
    expect_timeout(server, POST "Content-Length: 3\r\n\r\nab");
    expect_timeout(server, POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    expect_timeout(server, POST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n");
    server_stop_cleanly(server);
}

/* The date goes on, whether or not there was anything to answer meanwhile. */
Test(http_time, is_told_to_the_second)
{
    struct server *server = http_server("body=x");
    struct client *client = client_new(server);
    for (int i = 0; i < 12; i++) {
        struct tm parts = { 0 };
        time_t before = time(NULL);
        struct answer *answer = ask(client, GET "\r\n");
        time_t after = time(NULL);
        const char *date = answer_field(answer, "Date");
        cr_assert_not_null(strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &parts), "%s", date);
        time_t told = timegm(&parts);
        cr_assert(told >= before - 1 && told <= after, "%s between %lld and %lld", date,
                  (long long)before, (long long)after);
        answer_free(answer);
        cr_assert_not(wait_quietly(client->fd, i < 10 ? 170 : 1200));
    }
    client_free(client);
    server_stop_cleanly(server);
}

/* The time runs from the first byte: pieces do not start it anew. */
Test(http_time, for_a_head_is_not_prolonged_by_more_of_it)
{
    struct server *server = http_server("body=x,header-timeout=400ms");
    struct client *client = client_new(server);
    peer_send_text(client->fd, GET);
    uint64_t deadline = deadline_usual();
    while (!wait_quietly(client->fd, 20)) {
        cr_assert_gt(deadline_left(deadline), 0, "still open while its head goes on and on");
        peer_send_text(client->fd, "X: y\r\n");
    }
    struct answer *answer = answer_read(client, false);
    expect_status(answer, 408, "slow head");
    answer_free(answer);
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_time, for_a_body_starts_anew_with_every_piece)
{
    struct server *server = http_server("body=x,body-timeout=2s");
    struct client *client = client_new(server);
    peer_send_text(client->fd, POST "Content-Length: 8\r\n\r\n");
    for (int i = 0; i < 8; i++) {
        cr_assert_not(wait_quietly(client->fd, 300));
        peer_send_text(client->fd, "a");
    }
    struct answer *answer = answer_read(client, false);
    expect_status(answer, 200, "a body in 2.4 s");
    answer_free(answer);
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_time, between_requests_is_not_a_heads_time)
{
    struct server *server = http_server("body=x,header-timeout=100ms");
    struct client *client = client_new(server);
    answer_free(ask(client, GET "\r\n"));
    cr_assert_not(wait_quietly(client->fd, 400));
    /* An empty line behind a request, as old clients send it, begins none. */
    peer_send_text(client->fd, "\r\n");
    cr_assert_not(wait_quietly(client->fd, 400));
    struct answer *answer = ask(client, GET "\r\n");
    expect_status(answer, 200, "after a while");
    answer_free(answer);
    /* But only one. */
    peer_send_text(client->fd, "\r\n");
    cr_assert_not(wait_quietly(client->fd, 100));
    answer = ask(client, "\r\n");
    expect_status(answer, 400, "two empty lines");
    answer_free(answer);
    client_free(client);
    server_stop_cleanly(server);
}

static struct server *stopping_server(const char *grace)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--grace", grace, "--listen", "127.0.0.1:0=http,body=x" },
    });
}

static void stop(struct server *server)
{
    server_signal(server, SIGTERM);
    server_wait_log(server, "stopping");
}

/* The log says 'stopping' before the workers know. What comes in between is answered as ever, so
 * the tests ask until they are told that the connection ends. */
static void ask_until_closed(struct client *client, struct answer *answer)
{
    while (answer_field(answer, "Connection") == NULL) {
        answer_free(answer);
        answer = ask(client, GET "\r\n");
        expect_status(answer, 200, "while stopping");
    }
    expect_field(answer, "Connection", "close");
    answer_free(answer);
    expect_end(client);
}

Test(http_stop, answers_the_next_request_of_an_idle_connection_and_says_close)
{
    struct server *server = stopping_server("30s");
    struct client *client = client_new(server);
    struct answer *answer = ask(client, GET "\r\n");
    expect_field(answer, "Connection", NULL);
    stop(server);
    cr_assert(peer_is_quiet(client->fd));
    ask_until_closed(client, answer);
    client_free(client);
    server_ended(server, 0);
}

Test(http_stop, ends_idle_connections_after_half_of_the_grace)
{
    struct server *server = stopping_server("6s");
    struct client *used = client_new(server);
    struct client *fresh = client_new(server);
    answer_free(ask(used, GET "\r\n"));
    answer_free(ask(fresh, GET "\r\n"));
    stop(server);
    uint64_t began = clock_ms();
    expect_end(used);
    expect_end(fresh);
    cr_assert_geq(clock_ms() - began, 2500);
    cr_assert_lt(clock_ms() - began, 5500, "that was the end of the whole grace");
    client_free(used);
    client_free(fresh);
    server_ended(server, 0);
}

Test(http_stop, finishes_requests_that_are_half_there)
{
    static const char *const halves[][2] = {
        { "GET / HT", "TP/1.1\r\nHost: a\r\n\r\n" },
        { POST "Content-Length: 4\r\n\r\nab", "cd" },
        { POST "Transfer-Encoding: chunked\r\n\r\n4\r\nab", "cd\r\n0\r\n\r\n" },
    };
    struct server *server = stopping_server("30s");
    struct client *clients[3];
    for (size_t i = 0; i < 3; i++) {
        clients[i] = client_new(server);
        peer_send_text(clients[i]->fd, GET "\r\n");
        peer_send_text(clients[i]->fd, halves[i][0]);
        answer_free(answer_read(clients[i], false));
    }
    stop(server);
    for (size_t i = 0; i < 3; i++) {
        struct answer *answer = ask(clients[i], halves[i][1]);
        expect_status(answer, 200, halves[i][0]);
        ask_until_closed(clients[i], answer);
        client_free(clients[i]);
    }
    server_ended(server, 0);
}

Test(http_stop, says_close_only_in_the_last_answer_of_a_batch)
{
    struct server *server = stopping_server("30s");
    struct client *client = client_new(server);
    bool closes = false;
    answer_free(ask(client, GET "\r\n"));
    stop(server);
    while (!closes) {
        peer_send_text(client->fd, GET "\r\n" GET "\r\n" GET "\r\n");
        for (int i = 0; i < 3; i++) {
            struct answer *answer = answer_read(client, false);
            expect_status(answer, 200, "batch");
            cr_assert_not(closes);
            closes = answer_field(answer, "Connection") != NULL;
            cr_assert(i == 2 || !closes);
            answer_free(answer);
        }
    }
    expect_end(client);
    client_free(client);
    server_ended(server, 0);
}

/* The server is held still while clients connect and ask: all are served. */
Test(http_stop, serves_what_already_waits)
{
    enum { CLIENTS = 50 };
    struct server *server = stopping_server("30s");
    struct client *clients[CLIENTS];
    server_signal(server, SIGSTOP);
    server_wait_stopped(server);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_new(server);
        peer_send_text(clients[i]->fd, GET "\r\n");
    }
    server_signal(server, SIGTERM);
    server_signal(server, SIGCONT);
    for (int i = 0; i < CLIENTS; i++) {
        struct answer *answer = answer_read(clients[i], false);
        expect_status(answer, 200, "while stopping");
        answer_free(answer);
        /* Whether it was answered before the stop reached it or behind, it ends. */
        peer_end(clients[i]->fd);
        expect_end(clients[i]);
        client_free(clients[i]);
    }
    server_ended(server, 0);
}
