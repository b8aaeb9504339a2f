/* SPDX-License-Identifier: MIT
 *
 * http: many requests on a connection, bodies in pieces, readers that are slow, and the end.
 */
#include "http_client.h"

#include <signal.h>

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST

static char *repeat(const char *text, unsigned count)
{
    size_t len = strlen(text);
    char *all = test_allocate(len * count + 1);
    for (unsigned i = 0; i < count; i++)
        memcpy(all + len * i, text, len);
    all[len * count] = 0;
    return all;
}

Test(http_flow, answers_a_thousand_pipelined_requests_in_order)
{
    struct server *server = http_server("body=hello");
    struct client *client = client_new(server);
    /* Every third asks for the head alone: an answer out of order would not fit its request. */
    char *all = repeat(GET "\r\n" GET "\r\nHEAD / HTTP/1.1\r\n" HOST "\r\n", 333);
    peer_send_text(client->fd, all);
    for (int i = 0; i < 999; i++) {
        struct answer *answer = answer_read(client, i % 3 == 2);
        expect_status(answer, 200, "pipelined");
        expect_field(answer, "Content-Length", "5");
        expect_body(answer, i % 3 == 2 ? "" : "hello");
        answer_free(answer);
    }
    cr_assert(peer_is_quiet(client->fd));
    free(all);
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_flow, mixes_kinds_of_requests_in_one_write)
{
    struct server *server = http_server("body=hello");
    struct client *client = client_new(server);
    peer_send_text(client->fd,
                   POST "Content-Length: 3\r\n\r\nabc" GET "\r\n" POST
                        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\r\n"
                        "TRACE / HTTP/1.1\r\n" HOST "\r\n"
                        "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" GET "\r\n");
    static const unsigned statuses[] = { 200, 200, 200, 405, 200 };
    for (size_t i = 0; i < 5; i++) {
        struct answer *answer = answer_read(client, false);
        expect_status(answer, statuses[i], "mixed");
        answer_free(answer);
    }
    /* Nothing is answered behind `close`. */
    expect_end(client);
    client_free(client);
    server_stop_cleanly(server);
}

/* Answers smaller than the batch, about as large, and larger, alone and in company. */
Test(http_flow, keeps_answers_of_any_size_in_order)
{
    static const char all[] = GET "\r\n" GET "\r\nHEAD / HTTP/1.1\r\n" HOST "\r\n" GET "\r\n"
                                  "TRACE / HTTP/1.1\r\n" HOST "\r\n" GET "\r\n";
    static const size_t sizes[] = { 1, 30000, 50000, 52000, 65000, 65536, 100000 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *options = test_allocate(sizes[i] + sizeof "body=");
        memcpy(options, "body=", 5);
        for (size_t at = 0; at < sizes[i]; at++)
            options[5 + at] = (char)('a' + at * 7 % 26);
        options[5 + sizes[i]] = 0;
        struct server *server = http_server(options);
        struct client *client = client_new(server);
        for (int round = 0; round < 3; round++) {
            peer_send_text(client->fd, round == 0 ? GET "\r\n" : all);
            for (int n = 0; n < (round == 0 ? 1 : 6); n++) {
                struct answer *answer = answer_read(client, n == 2);
                expect_status(answer, n == 4 ? 405 : 200, "of any size");
                if (n != 4)
                    expect_body(answer, n == 2 ? "" : options + 5);
                answer_free(answer);
            }
        }
        cr_assert(peer_is_quiet(client->fd));
        client_free(client);
        server_stop_cleanly(server);
        free(options);
    }
}

Test(http_flow, takes_a_request_byte_by_byte)
{
    static const char request[] = "\r\n" POST "Transfer-Encoding: chunked\r\n\r\n"
                                  "5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n" GET "\r\n";
    struct server *server = http_server("body=hello");
    struct client *client = client_new(server);
    for (size_t i = 0; i < sizeof request - 1; i++)
        peer_send(client->fd, request + i, 1);
    for (int i = 0; i < 2; i++) {
        struct answer *answer = answer_read(client, false);
        expect_status(answer, 200, request);
        answer_free(answer);
    }
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_flow, takes_requests_cut_anywhere)
{
    static const char request[] = GET "\r\n" POST "Content-Length: 3\r\n\r\nabc" GET "\r\n";
    struct server *server = http_server("body=hello");
    for (size_t cut = 1; cut < sizeof request - 1; cut++) {
        struct client *client = client_new(server);
        /* The answer to a first request, sent whole, tells that the piece was presented. */
        peer_send_text(client->fd, GET "\r\n");
        peer_send(client->fd, request, cut);
        answer_free(answer_read(client, false));
        peer_send(client->fd, request + cut, sizeof request - 1 - cut);
        for (int i = 0; i < 3; i++) {
            struct answer *answer = answer_read(client, false);
            expect_status(answer, 200, request);
            answer_free(answer);
        }
        client_free(client);
    }
    server_stop_cleanly(server);
}

Test(http_flow, stops_answering_a_client_that_does_not_read_and_loses_nothing)
{
    /* 20 MB of answers: more than the kernel holds for a connection. */
    enum { COUNT = 5000, LEN = 4096 };
    char *body = repeat("b", LEN);
    struct server *server = http_server(test_text("body=%s,write-high=64k", body));
    struct client *client = test_allocate(sizeof *client);
    client->fd = peer_connect_with(server_address(server, 0),
                                   &(struct peer_settings){ .receive_buffer = 8192 });
    client->at = client->len = 0;
    char *all = repeat(GET "\r\n", COUNT);
    uint64_t at_start = server_memory(server);
    peer_send_text(client->fd, all);
    for (int i = 0; i < COUNT; i++) {
        struct answer *answer = answer_read(client, false);
        expect_status(answer, 200, "pipelined");
        expect_body(answer, body);
        answer_free(answer);
        /* A sanitizer keeps freed memory: there the bound tells nothing. */
        if (i % 1000 == 0 && test_slowness() == 1)
            cr_assert_leq(server_memory(server), at_start + 2 * 1024 * 1024);
    }
    cr_assert(peer_is_quiet(client->fd));
    free(all);
    free(body);
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_flow, asks_for_a_body_that_waits_to_be_asked_for)
{
    static const char *const bodies[][2] = {
        { "Content-Length: 5\r\n", "hello" },
        { "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n" },
    };
    struct server *server = http_server("body=x");
    for (size_t i = 0; i < 2; i++) {
        struct client *client = client_new(server);
        const char *head = test_text(POST "Expect: 100-continue\r\n%s\r\n", bodies[i][0]);
        struct answer *answer = ask(client, head);
        expect_status(answer, 100, head);
        cr_assert_str_eq(answer->head, "HTTP/1.1 100 Continue\r\n\r\n");
        answer_free(answer);
        answer = ask(client, bodies[i][1]);
        expect_status(answer, 200, head);
        answer_free(answer);
        client_free(client);
    }
    /* A body that comes along was not waiting. */
    struct answer *answer =
        ask_once(server, POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na", 200);
    answer_free(answer);
    server_stop_cleanly(server);
}

Test(http_flow, says_continue_behind_the_answers_to_earlier_requests)
{
    struct server *server = http_server("body=x");
    struct client *client = client_new(server);
    struct answer *answer =
        ask(client, GET "\r\n" POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    expect_status(answer, 200, "first");
    answer_free(answer);
    answer = answer_read(client, false);
    expect_status(answer, 100, "second");
    answer_free(answer);
    answer = ask(client, "a");
    expect_status(answer, 200, "second's body");
    answer_free(answer);
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_flow, reads_a_large_body_and_discards_it)
{
    enum { LEN = 8 * 1024 * 1024 };
    struct server *server = http_server("body=x,max-body=8m");
    struct client *client = client_new(server);
    char *body = test_allocate(LEN);
    memset(body, 'b', LEN);
    peer_send_text(client->fd, test_text(POST "Content-Length: %d\r\n\r\n", LEN));
    peer_send(client->fd, body, LEN);
    struct answer *answer = ask(client, GET "\r\n");
    expect_status(answer, 200, "the body");
    answer_free(answer);
    answer = answer_read(client, false);
    expect_status(answer, 200, "what follows");
    answer_free(answer);
    free(body);
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_flow, lets_the_refusal_reach_a_client_that_still_sends)
{
    enum { LEN = 512 * 1024 };
    struct server *server = http_server("body=x,max-body=1k");
    struct client *client = client_new(server);
    char *body = test_allocate(LEN);
    memset(body, 'b', LEN);
    peer_send_text(client->fd, test_text(POST "Content-Length: %d\r\n\r\n", LEN));
    peer_send(client->fd, body, LEN);
    struct answer *answer = answer_read(client, false);
    expect_status(answer, 413, "too large a body");
    answer_free(answer);
    expect_end(client);
    free(body);
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_flow, answers_a_client_that_has_finished_sending)
{
    struct server *server = http_server("body=x");
    struct client *client = client_new(server);
    peer_send_text(client->fd, GET "\r\n" GET "\r\n");
    peer_end(client->fd);
    for (int i = 0; i < 2; i++) {
        struct answer *answer = answer_read(client, false);
        expect_status(answer, 200, "half-closed");
        answer_free(answer);
    }
    expect_end(client);
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_flow, refuses_a_request_that_ends_in_the_middle)
{
    static const char *const cut[] = {
        "G",
        GET,
        POST "Content-Length: 3\r\n\r\nab",
        POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        POST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b",
    };
    struct server *server = http_server("body=x");
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        struct client *client = client_new(server);
        peer_send_text(client->fd, cut[i]);
        peer_end(client->fd);
        struct answer *answer = answer_read(client, false);
        expect_status(answer, 400, cut[i]);
        expect_field(answer, "Connection", "close");
        answer_free(answer);
        expect_end(client);
        client_free(client);
    }
    server_stop_cleanly(server);
}

Test(http_flow, is_unharmed_by_clients_that_vanish_in_the_middle_of_anything)
{
    static const char *const cut[] = {
        "",
        "G",
        GET,
        GET "\r\n",
        POST "Content-Length: 3\r\n\r\na",
        POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        GET "\r\n" GET "\r\n" GET,
        POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        "\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n",
    };
    struct server *server = http_server("body=x");
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++)
        for (int reset = 0; reset < 2; reset++) {
            int peer = peer_connect(server_address(server, 0));
            peer_send_text(peer, cut[i]);
            if (reset)
                peer_reset(peer);
            else
                peer_close(peer);
        }
    answer_free(ask_once(server, GET "\r\n", 200));
    server_stop_cleanly(server);
}
