/* SPDX-License-Identifier: MIT
 *
 * Response heads as they go out, byte for byte.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "http/response.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
enum { NOW = 784111777 };

static const char *head_of(const struct http_response *response)
{
    static char text[4096];
    struct http_writer writer = { text, text + sizeof text - 1, false };
    http_put_head(&writer, response, DATE, NOW);
    cr_assert_not(writer.full);
    *writer.at = 0;
    return text;
}

Test(response, says_what_there_is_to_say_and_no_more)
{
    struct http_response response = { .status = 200 };
    cr_assert_str_eq(head_of(&response), "HTTP/1.1 200 OK\r\nDate: " DATE "\r\n\r\n");
    response.type = "text/plain";
    response.has_length = true;
    response.connection = HTTP_CLOSES;
    cr_assert_str_eq(head_of(&response),
                     "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Type: text/plain\r\n"
                     "Content-Length: 0\r\nConnection: close\r\n\r\n");
    response = (struct http_response){ .status = 405, .allow = "GET, HEAD" };
    response.connection = HTTP_KEEPS_ALIVE;
    cr_assert_str_eq(head_of(&response),
                     "HTTP/1.1 405 Method Not Allowed\r\nDate: " DATE "\r\nAllow: GET, HEAD\r\n"
                     "Connection: keep-alive\r\n\r\n");
    response = (struct http_response){ .status = 301, .location = { "/a/", 3 } };
    cr_assert_str_eq(head_of(&response),
                     "HTTP/1.1 301 Moved Permanently\r\nDate: " DATE "\r\nLocation: /a/\r\n\r\n");
}

Test(response, names_the_part_and_the_whole)
{
    struct http_facts facts = { .size = 1000, .inode = 0xa, .modified_s = 0 };
    struct http_response response = { .status = 206, .facts = &facts, .has_range = true };
    response.range = (struct http_verdict){ .status = 206, .first = 10, .len = 5 };
    cr_assert_str_eq(head_of(&response),
                     "HTTP/1.1 206 Partial Content\r\nDate: " DATE
                     "\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nETag: \"a-3e8-0\"\r\n"
                     "Accept-Ranges: bytes\r\nContent-Range: bytes 10-14/1000\r\n\r\n");
    response.status = response.range.status = 416;
    cr_assert_str_eq(head_of(&response), "HTTP/1.1 416 Range Not Satisfiable\r\nDate: " DATE
                                         "\r\nContent-Range: bytes */1000\r\n\r\n");
}

/* The largest head that there can be fits where the plugin reserves room for it. */
Test(response, never_exceeds_its_limit)
{
    char type[HTTP_TYPE_MAX + 1];
    char text[HTTP_HEAD_MAX];
    struct http_facts facts = { UINT64_MAX, UINT64_MAX, INT64_MAX, 999999999 };
    struct http_response response = { .status = 431, .connection = HTTP_KEEPS_ALIVE };
    memset(type, 'x', sizeof type - 1);
    type[sizeof type - 1] = 0;
    response.type = type;
    response.has_length = response.has_range = true;
    response.length = UINT64_MAX;
    response.allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    response.facts = &facts;
    response.range = (struct http_verdict){ .status = 206, .first = UINT64_MAX - 1, .len = 2 };
    struct http_writer writer = { text, text + sizeof text, false };
    http_put_head(&writer, &response, DATE, NOW);
    cr_assert_not(writer.full);
}

Test(response, prepared_differs_only_in_connection_and_takes_any_date)
{
    struct http_prepared prepared = { 0 };
    struct http_text body = { "the body", 8 };
    static const char *const connections[] = { "", "Connection: close\r\n",
                                               "Connection: keep-alive\r\n" };
    struct http_response response = { .status = 404, .type = "a/b", .has_length = true };
    char expected[512];
    cr_assert_eq(http_prepare(&prepared, &response, body), 0);
    http_prepared_set_date(&prepared, DATE);
    for (int i = 0; i < HTTP_CONNECTIONS; i++) {
        int len = snprintf(expected, sizeof expected,
                           "HTTP/1.1 404 Not Found\r\nDate: " DATE "\r\nContent-Type: a/b\r\n"
                           "Content-Length: 0\r\n%s\r\nthe body",
                           connections[i]);
        cr_assert_eq(prepared.forms[i].len, (size_t)len);
        cr_assert_eq(prepared.forms[i].head_len, (size_t)len - 8);
        cr_assert(memcmp(prepared.forms[i].bytes, expected, (size_t)len) == 0);
    }
    http_prepared_fini(&prepared);
}

Test(response, has_a_text_for_every_error)
{
    char body[HTTP_ERROR_BODY_MAX];
    for (uint16_t status = 200; status < 600; status++)
        cr_assert_leq(http_error_body(status, body), sizeof body);
    size_t len = http_error_body(431, body);
    cr_assert_eq(len, strlen("431 Request Header Fields Too Large\n"));
    cr_assert(memcmp(body, "431 Request Header Fields Too Large\n", len) == 0);
    cr_assert_str_eq(http_reason(599), "Unknown");
}
