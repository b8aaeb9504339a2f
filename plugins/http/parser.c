/* SPDX-License-Identifier: MIT
 *
 * llhttp, with what this plugin wants to hear from it compiled in.
 *
 * llhttp.c calls a function for every event and leaves it to others what these do; the library's
 * own api.c looks them up in a table at run time. Here they are static functions in front of
 * llhttp.c, so that the compiler drops the events nobody wants and inlines the others.
 *
 * llhttp is used for the texts and their characters, the framing and the chunks. How a head is cut
 * into lines is checked here once more: each line begins where the one before ended, and ends with
 * CRLF. So a folded line, a line that ends with LF alone, or an empty one in front is never taken,
 * whatever llhttp thinks of it.
 */
#include "parser.h"

#include "rules.h"

typedef const unsigned char *position;

static struct http_request *request_of(llhttp_t *parser)
{
    return (struct http_request *)parser;
}

static uint32_t place(const struct http_request *request, position at)
{
    return (uint32_t)((const char *)at - request->head);
}

/* Refuses the request and ends the connection. */
static int refuse(struct http_request *request, uint16_t status)
{
    request->status = status;
    request->close = true;
    return HPE_USER;
}

/* A line of the head ends here; false when it does not, or is cut. */
static bool ends_line(struct http_request *request, position at)
{
    const char *end = (const char *)at;
    if (request->end - end < 2 || end[0] != '\r' || end[1] != '\n')
        return false;
    request->next_line = end + 2;
    return true;
}

/* ---- What llhttp tells. The head is there as a whole, so each of its texts comes in one piece. */

static inline int llhttp__on_url(llhttp_t *parser, position at, position end)
{
    struct http_request *request = request_of(parser);
    request->target = (struct http_span){ place(request, at), (uint32_t)(end - at) };
    return 0;
}

/* llhttp takes RTSP and ICE as well, and more than one blank between the parts of the request line;
 * only HTTP and exactly one are right. */
static inline int llhttp__on_version(llhttp_t *parser, position at, position end)
{
    struct http_request *request = request_of(parser);
    const struct http_span target = request->target;
    if (place(request, at) != target.at + target.len + 6 || memcmp(at - 6, " HTTP/", 6) != 0)
        return refuse(request, 400);
    if (request->head[target.at - 1] != ' ' || request->head[target.at - 2] == ' ')
        return refuse(request, 400);
    if (request->head[0] == '\r' || request->head[0] == '\n' || !ends_line(request, end))
        return refuse(request, 400);
    request->line = place(request, end);
    return 0;
}

static inline int llhttp__on_header_field(llhttp_t *parser, position at, position end)
{
    struct http_request *request = request_of(parser);
    if (request->in_trailers)
        return 0;
    if (end == at || (const char *)at != request->next_line || request->value_due)
        return refuse(request, 400);
    request->field = http_field_find((const char *)at, (size_t)(end - at));
    request->colon = (const char *)end;
    request->value_due = true;
    return 0;
}

/* Between the colon and the value there are blanks only; behind an empty value llhttp is on the
 * next line already. */
static bool stands_behind_colon(struct http_request *request, position at, position end)
{
    const char *blank = request->colon + 1;
    const char *value = (const char *)at;
    while (blank < value && (*blank == ' ' || *blank == '\t'))
        blank++;
    if (at != end)
        return blank == value && ends_line(request, end);
    return value - blank == 2 && ends_line(request, (position)blank);
}

static inline int llhttp__on_header_value(llhttp_t *parser, position at, position end)
{
    struct http_request *request = request_of(parser);
    if (request->in_trailers)
        return 0;
    if (!request->value_due || !stands_behind_colon(request, at, end))
        return refuse(request, 400);
    request->value_due = false;
    if (request->field == HTTP_FIELD_OTHER)
        return 0;
    uint16_t status = http_field_take(request, (const char *)at, (size_t)(end - at));
    return status == 0 ? 0 : refuse(request, status);
}

/* 0: there is no body, and the message is complete. */
static inline int llhttp__on_headers_complete(llhttp_t *parser, position at, position end)
{
    struct http_request *request = request_of(parser);
    const struct http_rules *rules = request->rules;
    (void)end;
    if (request->next_line == NULL || request->value_due ||
        !ends_line(request, (position)request->next_line) || request->next_line != (const char *)at)
        return -1;
    uint32_t head_len = place(request, at);
    if (request->line > rules->max_line || head_len > rules->max_head)
        return -1;
    request->head_len = head_len;
    request->headed = true;
    request->method = parser->method;
    request->version_1_0 = parser->http_minor == 0;
    request->has_body = (parser->flags & F_CHUNKED) != 0 || parser->content_length > 0;
    uint16_t status = http_rules_check(request);
    if (status != 0) {
        refuse(request, status);
        return -1;
    }
    request->parsed = true;
    return request->has_body ? HPE_PAUSED : 0;
}

static inline int llhttp__on_body(llhttp_t *parser, position at, position end)
{
    /* Within max_body: the length of all, or of each chunk, was checked before. */
    request_of(parser)->body_len += (uint64_t)(end - at);
    return 0;
}

static inline int llhttp__on_chunk_header(llhttp_t *parser, position at, position end)
{
    struct http_request *request = request_of(parser);
    (void)at;
    (void)end;
    request->chunks++;
    if (parser->content_length == 0) {
        /* The trailers: llhttp waits until the scan has found their end. */
        request->in_trailers = true;
        request->scan = (struct http_head_scan){ 0, 0 };
        return HPE_PAUSED;
    }
    if (parser->content_length > request->rules->max_body - request->body_len) {
        refuse(request, 413);
        return -1;
    }
    return 0;
}

static inline int llhttp__on_message_complete(llhttp_t *parser, position at, position end)
{
    (void)at;
    (void)end;
    request_of(parser)->complete = true;
    return HPE_PAUSED;
}

/* ---- What nobody wants to know ---- */

#define NOTHING(event)                                                                             \
    static inline int llhttp__on_##event(llhttp_t *parser, position at, position end)              \
    {                                                                                              \
        (void)parser;                                                                              \
        (void)at;                                                                                  \
        (void)end;                                                                                 \
        return 0;                                                                                  \
    }
NOTHING(message_begin)
NOTHING(method)
NOTHING(method_complete)
NOTHING(url_complete)
NOTHING(version_complete)
NOTHING(status)
NOTHING(status_complete)
NOTHING(header_field_complete)
NOTHING(header_value_complete)
NOTHING(chunk_extension_name)
NOTHING(chunk_extension_name_complete)
NOTHING(chunk_extension_value)
NOTHING(chunk_extension_value_complete)
NOTHING(chunk_complete)
NOTHING(reset)

#include <llhttp.c>

#ifndef HTTP_PARSER_RUN
#define HTTP_PARSER_RUN http_parser_run
#endif

size_t HTTP_PARSER_RUN(struct http_request *request, const char *bytes, size_t len)
{
    llhttp_t *parser = &request->parser;
    if (parser->_current == NULL) {
        /* What llhttp_init does, but that all is zero already. */
        parser->_current = (void *)(intptr_t)s_n_llhttp__internal__n_start;
        parser->type = HTTP_REQUEST;
        /* All versions come through, so that 505 can be told from 400. */
        parser->lenient_flags = LENIENT_VERSION;
    }
    request->end = bytes + len;
    int error = llhttp__internal_execute(parser, bytes, bytes + len);
    if (error == HPE_OK)
        return len;
    if (error == HPE_PAUSED) {
        parser->error = HPE_OK;
        return (size_t)(parser->error_pos - bytes);
    }
    if (request->status == 0 && request->headed)
        refuse(request, 400);
    return len;
}
