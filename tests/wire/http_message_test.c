/* SPDX-License-Identifier: MIT
 *
 * http: which requests are answered and which refused, with what, and whether the connection goes
 * on. Through the real launcher; the finer cases of parsing are unit tests.
 */
#include "http_client.h"

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

struct exchange {
    const char *request;
    unsigned status;
    bool stays; /* the connection takes another request afterwards */
};

static void check_all(struct server *server, const struct exchange *exchanges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct exchange *exchange = &exchanges[i];
        struct client *client = client_new(server);
        struct answer *answer = ask(client, exchange->request);
        expect_status(answer, exchange->status, exchange->request);
        cr_assert_not_null(answer_field(answer, "Date"));
        if (exchange->stays) {
            expect_field(answer, "Connection", NULL);
            answer_free(answer);
            answer = ask(client, GET "\r\n");
            expect_status(answer, 200, exchange->request);
        } else {
            expect_field(answer, "Connection", "close");
            expect_end(client);
        }
        answer_free(answer);
        client_free(client);
    }
}

#define CHECK_ALL(server, list) check_all(server, list, sizeof list / sizeof list[0])

Test(http_message, refuses_what_is_malformed_and_ends_the_connection)
{
    static const struct exchange list[] = {
        { "GET / HTTP/1.1\r\n\r\n", 400, false },
        { GET HOST "\r\n", 400, false },
        { "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, false },
        { "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, false },
        { GET "X: a\r\n b\r\n\r\n", 400, false },
        { GET "X : a\r\n\r\n", 400, false },
        { GET ": a\r\n\r\n", 400, false },
        { GET "X Y: a\r\n\r\n", 400, false },
        { "GET / HTTP/1.1\nHost: a\n\n", 400, false },
        { GET "X: a\rb\r\n\r\n", 400, false },
        { GET "X: \x01\r\n\r\n", 400, false },
        { "GET  / HTTP/1.1\r\n" HOST "\r\n", 400, false },
        { "GET /\r\n\r\n", 400, false },
        { "\r\n\r\n" GET "\r\n", 400, false },
        { "GET a HTTP/1.1\r\n" HOST "\r\n", 400, false },
        { "GET * HTTP/1.1\r\n" HOST "\r\n", 400, false },
        { "GET /#a HTTP/1.1\r\n" HOST "\r\n", 400, false },
        { "GET / http/1.1\r\n" HOST "\r\n", 400, false },
        { "GET / RTSP/1.0\r\n" HOST "\r\n", 400, false },
        { "\x16\x03\x01\x02", 400, false },
        { POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400, false },
        { POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", 400, false },
        { POST "Content-Length: 1, 1\r\n\r\na", 400, false },
        { POST "Content-Length: +1\r\n\r\na", 400, false },
        { POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, false },
        { POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400, false },
        { POST "Transfer-Encoding: chunked, gzip\r\n\r\n", 400, false },
        { POST "Transfer-Encoding: gzip\r\n\r\n", 400, false },
        { POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400, false },
        { "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, false },
        { CHUNKED "x\r\n", 400, false },
        { CHUNKED "1\nx\r\n", 400, false },
        { CHUNKED "1\r\nxy", 400, false },
        { CHUNKED "0\r\n\n", 400, false },
        { CHUNKED "0\r\nA : b\r\n\r\n", 400, false },
    };
    struct server *server = http_server("body=x");
    CHECK_ALL(server, list);
    server_stop_cleanly(server);
}

Test(http_message, says_what_it_does_not_do)
{
    static const struct exchange list[] = {
        { "FOO / HTTP/1.1\r\n" HOST "\r\n", 501, false },
        { "get / HTTP/1.1\r\n" HOST "\r\n", 501, false },
        { POST "Transfer-Encoding: foo\r\n\r\n", 501, false },
        { POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, false },
        { "GET / HTTP/2.0\r\n" HOST "\r\n", 505, false },
        { "GET / HTTP/0.9\r\n" HOST "\r\n", 505, false },
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, false },
        { POST "\r\n", 411, false },
        { "PUT / HTTP/1.1\r\n" HOST "\r\n", 411, false },
        { GET "Expect: something\r\n\r\n", 417, false },
        { POST "Expect: something\r\nContent-Length: 1\r\n\r\n", 417, false },
        { "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405, false },
        { "TRACE / HTTP/1.1\r\n" HOST "\r\n", 405, true },
    };
    struct server *server = http_server("body=x");
    CHECK_ALL(server, list);
    server_stop_cleanly(server);
}

Test(http_message, answers_what_is_well_formed_and_goes_on)
{
    static const struct exchange list[] = {
        { GET "\r\n", 200, true },
        { "\r\n" GET "\r\n", 200, true },
        { "HEAD / HTTP/1.1\r\n" HOST "\r\n", 200, true },
        { "DELETE / HTTP/1.1\r\n" HOST "\r\n", 200, true },
        { "OPTIONS / HTTP/1.1\r\n" HOST "\r\n", 200, true },
        { "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 204, true },
        { "GET http://b:80/c?d HTTP/1.1\r\n" HOST "\r\n", 200, true },
        { "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200, true },
        { "GET / HTTP/1.2\r\n" HOST "\r\n", 200, true },
        { GET "X: \xff\tb \r\nY:\r\n\r\n", 200, true },
        { GET "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", 200, true },
        { POST "Content-Length: 0\r\n\r\n", 200, true },
        { POST "Content-Length: 5\r\n\r\nhello", 200, true },
        { GET "Content-Length: 5\r\n\r\nhello", 200, true },
        { CHUNKED "5\r\nhello\r\n0\r\n\r\n", 200, true },
        { CHUNKED "5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", 200, true },
        { POST "Content-Length: 5\r\n\r\nhello\r\n", 200, true },
        { GET "Expect: 100-continue\r\n\r\n", 200, true },
        { GET "Connection: close\r\n\r\n", 200, false },
        { GET "Connection: keep-alive, close\r\n\r\n", 200, false },
        { "GET / HTTP/1.0\r\n\r\n", 200, false },
        { "GET / HTTP/1.0\r\nConnection: close\r\n\r\n", 200, false },
    };
    struct server *server = http_server("body=x");
    CHECK_ALL(server, list);
    server_stop_cleanly(server);
}

Test(http_message, keeps_http_1_0_alive_when_asked)
{
    struct server *server = http_server("body=x");
    struct client *client = client_new(server);
    for (int i = 0; i < 3; i++) {
        struct answer *answer = ask(client, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        expect_status(answer, 200, "HTTP/1.0");
        expect_field(answer, "Connection", "keep-alive");
        expect_body(answer, "x");
        answer_free(answer);
    }
    struct answer *answer = ask(client, "GET / HTTP/1.0\r\n\r\n");
    expect_field(answer, "Connection", "close");
    expect_end(client);
    answer_free(answer);
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_message, limits_line_head_and_body)
{
    struct server *server = http_server("body=x,max-line=100,max-head=1000,max-body=10");
    const char *line = test_text("GET /%0100d HTTP/1.1\r\n" HOST "\r\n", 0);
    const char *head = test_text(GET "X: %01000d\r\n\r\n", 0);
    const struct exchange list[] = {
        { line, 414, false },
        { head, 431, false },
        { POST "Content-Length: 11\r\n\r\n", 413, false },
        { POST "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n", 413, false },
        { POST "Content-Length: 10\r\n\r\n0123456789", 200, true },
        { CHUNKED "b\r\n", 413, false },
        { CHUNKED "6\r\n012345\r\n6\r\n", 413, false },
        { CHUNKED "6\r\n012345\r\n4\r\n6789\r\n0\r\n\r\n", 200, true },
        { test_text(CHUNKED "0\r\nX: %01000d\r\n\r\n", 0), 431, false },
        { test_text(CHUNKED "1;a=%01100d\r\n", 0), 400, false },
    };
    CHECK_ALL(server, list);
    server_stop_cleanly(server);
}

Test(http_message, errors_say_what_they_are_but_nothing_that_the_peer_said)
{
    struct server *server = http_server("body=x");
    struct answer *answer = ask_once(server, "FOO /<script> HTTP/1.1\r\n" HOST "\r\n", 501);
    expect_field(answer, "Content-Type", "text/plain; charset=utf-8");
    expect_body(answer, "501 Not Implemented\n");
    cr_assert_null(strstr(answer->head, "script"));
    answer_free(answer);
    answer = ask_once(server, "TRACE / HTTP/1.1\r\n" HOST "Secret: s\r\n\r\n", 405);
    cr_assert_not_null(answer_field(answer, "Allow"));
    cr_assert_null(strstr(answer->body, "Secret"));
    answer_free(answer);
    server_stop_cleanly(server);
}

Test(http_message, counts_requests_and_answers)
{
    struct server *server = http_server("body=x");
    answer_free(ask_once(server, GET "\r\n", 200));
    answer_free(ask_once(server, GET "\r\n", 200));
    answer_free(ask_once(server, "FOO / HTTP/1.1\r\n" HOST "\r\n", 501));
    answer_free(ask_once(server, "GET / HTTP/1.1\r\n\r\n", 400));
    server_wait_figure(server, "requests", 4);
    server_wait_figure(server, "responses_2xx", 2);
    server_wait_figure(server, "responses_4xx", 1);
    server_wait_figure(server, "responses_5xx", 1);
    server_stop_cleanly(server);
}

Test(http_message, is_what_the_options_say)
{
    struct server *server = http_server("body=a\\,b\\\\c,status=503,type=text/x-test");
    struct answer *answer = ask_once(server, GET "\r\n", 503);
    expect_body(answer, "a,b\\c");
    expect_field(answer, "Content-Type", "text/x-test");
    answer_free(answer);
    server_stop_cleanly(server);

    server = http_server("status=204");
    answer = ask_once(server, GET "\r\n", 204);
    expect_field(answer, "Content-Length", NULL);
    answer_free(answer);
    server_stop_cleanly(server);

    server = http_server("status=404");
    answer = ask_once(server, GET "\r\n", 404);
    expect_body(answer, "404 Not Found\n");
    answer_free(answer);
    server_stop_cleanly(server);
}

Test(http_message, without_options_is_a_page_that_says_what_runs)
{
    struct server *server = http_server(NULL);
    struct answer *answer = ask_once(server, GET "\r\n", 200);
    expect_field(answer, "Content-Type", "text/html; charset=utf-8");
    cr_assert_not_null(strstr(answer->body, "evframe is running"));
    cr_assert_not_null(strstr(answer->body, "2 workers"));
    answer_free(answer);
    server_stop_cleanly(server);
}

static void refuses(const char *options, const char *text)
{
    struct server_spec spec = {
        .arguments = { "--listen", test_text("127.0.0.1:0=http,%s", options) },
    };
    launcher_refuses(&spec, 1, text);
}

Test(http_message, refuses_options_that_cannot_be)
{
    refuses("root=/nowhere/at/all", "/nowhere/at/all");
    refuses("root=/etc/passwd", "/etc/passwd");
    refuses("root=/tmp,body=x", "root and body exclude each other");
    refuses("root=/tmp,status=200", "root and status exclude each other");
    refuses("body=x,type=nonsense", "nonsense");
    refuses("body=x,type=a/b\r\nX: y", "media type");
    refuses("status=100", "status");
    refuses("status=600", "status");
    refuses("max-line=1", "max-line");
    refuses("rot=/tmp", "root");
}
