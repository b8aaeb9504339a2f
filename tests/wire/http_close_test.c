/* SPDX-License-Identifier: MIT
 *
 * http: how a connection ends behind its last answer. With an endless linger only a connection that
 * needs none is closed while its client does nothing.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "http_client.h"
#include "pattern.h"

#define HOST "Host: a\r\n"
#define CLOSE "Connection: close\r\n"

static struct server *server;

static void begin(void)
{
    server = http_server("body=hello,linger=0");
}

static void finish(void)
{
    server_wait_figure(server, "streams", 0);
    server_stop_cleanly(server);
}

TestSuite(http_close, .init = begin, .fini = finish);

Test(http_close, is_immediate_when_the_client_sends_no_more)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\n" HOST CLOSE "\r\n",
        "HEAD / HTTP/1.1\r\n" HOST CLOSE "\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST CLOSE "Content-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\n" HOST CLOSE "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST CLOSE "\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct client *client = client_new(server);
        unsigned answers = strstr(requests[i] + 1, "GET") != NULL ? 2 : 1;
        peer_send_text(client->fd, requests[i]);
        for (; answers > 0; answers--) {
            struct answer *answer = answer_read(client, strncmp(requests[i], "HEAD", 4) == 0);
            cr_assert_neq(answer->status / 100, 5);
            answer_free(answer);
        }
        expect_end(client);
        server_wait_figure(server, "streams", 0);
        client_free(client);
    }
}

/* One segment has both, so the client that sees the bytes has seen the end. */
Test(http_close, comes_with_the_answer)
{
    struct client *client = client_new(server);
    peer_send_text(client->fd, "GET / HTTP/1.1\r\n" HOST CLOSE "\r\n");
    struct pollfd both = { .fd = client->fd, .events = POLLIN | POLLRDHUP };
    cr_assert_eq(poll(&both, 1, 10000), 1);
    cr_assert_eq(both.revents & (POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
    struct answer *answer = answer_read(client, false);
    expect_status(answer, 200, "last");
    expect_field(answer, "Connection", "close");
    expect_body(answer, "hello");
    answer_free(answer);
    expect_end(client);
    client_free(client);
}

/* What still comes is discarded and not answered with a reset. */
static void check_waits(const char *text, unsigned status)
{
    struct client *client = client_new(server);
    peer_send_text(client->fd, text);
    struct answer *answer = answer_read(client, false);
    expect_status(answer, status, text);
    expect_field(answer, "Connection", "close");
    answer_free(answer);
    expect_end(client);
    for (int i = 0; i < 3; i++) {
        int64_t before = server_figure(server, "bytes_read");
        peer_send_text(client->fd, "more");
        server_wait_figure(server, "bytes_read", before + 4);
        cr_assert_eq(server_figure(server, "streams"), 1);
    }
    client_free(client);
    server_wait_figure(server, "streams", 0);
}

Test(http_close, waits_for_a_client_that_may_send_more)
{
    check_waits("GET / HTTP/1.1\r\n" HOST CLOSE "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 200);
    check_waits("GET / HTTP/1.1\r\n\r\n", 400);
    check_waits("no request\r\n\r\n", 400);
    check_waits("POST / HTTP/1.1\r\n" HOST CLOSE "Content-Length: 1x\r\n\r\n", 400);
}

/* More than the kernel takes at once: nothing is cut off. */
Test(http_close, waits_until_all_is_sent)
{
    enum { LEN = 8 * 1024 * 1024 };
    const char *folder = test_folder();
    uint8_t *bytes = test_allocate(LEN);
    pattern_fill(bytes, 0, LEN);
    int fd = open(test_text("%s/large", folder), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, LEN), LEN);
    close(fd);
    struct server *files = http_server(test_text("root=%s", folder));
    struct client *client = client_new(files);
    peer_send_text(client->fd, "GET /large HTTP/1.1\r\n" HOST CLOSE "\r\n");
    struct answer *answer = answer_read(client, false);
    expect_status(answer, 200, "large");
    cr_assert_eq(answer->len, LEN);
    cr_assert_eq(memcmp(answer->body, bytes, LEN), 0);
    answer_free(answer);
    expect_end(client);
    client_free(client);
    free(bytes);
    server_wait_figure(files, "streams", 0);
    server_stop_cleanly(files);
}
