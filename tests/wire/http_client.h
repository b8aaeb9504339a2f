/* SPDX-License-Identifier: MIT
 *
 * A client for the tests of the http plugin: sends requests as bytes, reads answers one by one, and
 * looks into them. Header only; every function belongs to the one test that includes it.
 */
#ifndef EVF_TESTS_WIRE_HTTP_CLIENT_H
#define EVF_TESTS_WIRE_HTTP_CLIENT_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check.h"
#include "peer.h"
#include "server.h"

/* One connection, with what was read beyond the last answer. */
struct client {
    int fd;
    size_t at, len;
    char bytes[64 * 1024];
};

/* One answer. The body is the client's to free. */
struct answer {
    unsigned status;
    char head[16 * 1024]; /* terminated, with the empty line */
    char *body;
    size_t len;
};

__attribute__((unused)) static struct client *client_new(struct server *server)
{
    struct client *client = test_allocate(sizeof *client);
    client->fd = peer_connect(server_address(server, 0));
    client->at = client->len = 0;
    return client;
}

__attribute__((unused)) static void client_free(struct client *client)
{
    peer_close(client->fd);
    free(client);
}

__attribute__((unused)) static void client_fill(struct client *client)
{
    if (client->at == client->len) {
        client->at = 0;
        client->len = peer_read(client->fd, client->bytes, sizeof client->bytes);
    }
}

/* The next byte, or -1 at the end. */
__attribute__((unused)) static int client_byte(struct client *client)
{
    client_fill(client);
    return client->len == 0 ? -1 : (unsigned char)client->bytes[client->at++];
}

__attribute__((unused)) static const char *answer_field(const struct answer *answer,
                                                        const char *name)
{
    static char value[16 * 1024];
    size_t len = strlen(name);
    for (const char *line = strstr(answer->head, "\r\n"); line != NULL && line[2] != '\r';
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *begin = line + 2 + len + 1;
            begin += strspn(begin, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(begin, "\r"), begin);
            return value;
        }
    }
    return NULL;
}

/* Reads the next answer; without_body: to HEAD. */
__attribute__((unused)) static struct answer *answer_read(struct client *client, bool without_body)
{
    struct answer *answer = test_allocate(sizeof *answer);
    size_t len = 0;
    answer->body = NULL;
    answer->len = 0;
    while (len < 4 || memcmp(answer->head + len - 4, "\r\n\r\n", 4) != 0) {
        int byte = client_byte(client);
        if (byte < 0)
            support_fail("the connection ended after %zu bytes of a head", len);
        if (len == sizeof answer->head - 1)
            support_fail("the head does not end");
        answer->head[len++] = (char)byte;
    }
    answer->head[len] = 0;
    if (sscanf(answer->head, "HTTP/1.1 %3u ", &answer->status) != 1)
        support_fail("no status line: %.40s", answer->head);

    const char *length = answer_field(answer, "Content-Length");
    if (length != NULL && !without_body && answer->status != 304) {
        answer->len = strtoul(length, NULL, 10);
        answer->body = test_allocate(answer->len + 1);
        for (size_t got = 0; got < answer->len;) {
            client_fill(client);
            if (client->len == 0)
                support_fail("the connection ended after %zu of %zu bytes", got, answer->len);
            size_t part = client->len - client->at;
            if (part > answer->len - got)
                part = answer->len - got;
            memcpy(answer->body + got, client->bytes + client->at, part);
            client->at += part;
            got += part;
        }
        answer->body[answer->len] = 0;
    }
    return answer;
}

__attribute__((unused)) static void answer_free(struct answer *answer)
{
    free(answer->body);
    free(answer);
}

__attribute__((unused)) static void expect_status(const struct answer *answer, unsigned status,
                                                  const char *to)
{
    if (answer->status != status)
        support_fail("%u instead of %u to:\n%s", answer->status, status, to);
}

__attribute__((unused)) static void expect_field(const struct answer *answer, const char *name,
                                                 const char *value)
{
    const char *found = answer_field(answer, name);
    if ((found == NULL) != (value == NULL) || (found != NULL && strcmp(found, value) != 0))
        support_fail("%s is '%s' instead of '%s' in:\n%s", name, found ? found : "(absent)",
                     value ? value : "(absent)", answer->head);
}

__attribute__((unused)) static void expect_body(const struct answer *answer, const char *body)
{
    if (answer->len != strlen(body) || (answer->len > 0 && strcmp(answer->body, body) != 0))
        support_fail("the body is '%s' instead of '%s'", answer->body ? answer->body : "", body);
}

/* The server has said all and ends its side. */
__attribute__((unused)) static void expect_end(struct client *client)
{
    int byte = client_byte(client);
    if (byte >= 0)
        support_fail("a byte (%d) instead of the end", byte);
}

/* Sends the request and reads its answer. */
__attribute__((unused)) static struct answer *ask(struct client *client, const char *request)
{
    peer_send_text(client->fd, request);
    return answer_read(client, strncmp(request, "HEAD ", 5) == 0);
}

/* The same on a connection of its own; fails unless the answer has that status. */
__attribute__((unused)) static struct answer *ask_once(struct server *server, const char *request,
                                                       unsigned status)
{
    struct client *client = client_new(server);
    struct answer *answer = ask(client, request);
    expect_status(answer, status, request);
    client_free(client);
    return answer;
}

#define ask(...) SUPPORT_HERE((ask)(__VA_ARGS__))
#define ask_once(...) SUPPORT_HERE((ask_once)(__VA_ARGS__))
#define answer_read(...) SUPPORT_HERE((answer_read)(__VA_ARGS__))
#define expect_end(...) SUPPORT_HERE((expect_end)(__VA_ARGS__))

/* A server with the http plugin and these options (may be NULL) on one listener. */
__attribute__((unused)) static struct server *http_server(const char *options)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--listen",
                       test_text("127.0.0.1:0=http%s%s", options != NULL ? "," : "",
                                 options != NULL ? options : "") },
    });
}

#endif
