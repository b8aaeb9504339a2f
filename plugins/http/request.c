/* SPDX-License-Identifier: MIT
 *
 * Requests: feeding llhttp, and the body. The rules about fields are in rules.c.
 */
#include "request.h"

#include "limits.h"
#include "rules.h"

static uint32_t place(const struct http_request *request, const char *at)
{
    return (uint32_t)(at - request->head);
}

/* Refuses the request and ends the connection. */
static int refuse(struct http_request *request, uint16_t status)
{
    request->status = status;
    request->close = true;
    return HPE_USER;
}

/* ---- llhttp's callbacks. The head is fed whole, so each text comes in one piece. ---- */

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;
    request->target = (struct http_span){ place(request, at), (uint32_t)len };
    return 0;
}

/* llhttp takes RTSP and ICE as well, and more than one blank between the parts of the request line;
 * only HTTP and exactly one are right. */
static int on_version(llhttp_t *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;
    const struct http_span target = request->target;
    uint32_t version = place(request, at);
    (void)len;
    if (version != target.at + target.len + 6 || memcmp(at - 6, " HTTP/", 6) != 0)
        return refuse(request, 400);
    if (request->head[target.at - 1] != ' ' || request->head[target.at - 2] == ' ')
        return refuse(request, 400);
    request->saw_version = true;
    return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;
    if (request->in_trailers)
        return 0;
    if (len == 0 || request->value_due)
        return refuse(request, 400);
    request->field = http_field_find(at, len);
    request->value_due = true;
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;
    if (request->in_trailers)
        return 0;
    if (!request->value_due)
        return refuse(request, 400);
    request->value_due = false;
    if (request->field == HTTP_FIELD_OTHER)
        return 0;
    uint16_t status = http_field_take(request, at, len);
    return status == 0 ? 0 : refuse(request, status);
}

static int on_headers_complete(llhttp_t *parser)
{
    struct http_request *request = parser->data;
    request->method = parser->method;
    request->version_1_0 = parser->http_minor == 0;
    request->has_body = (parser->flags & F_CHUNKED) != 0 || parser->content_length > 0;
    uint16_t status = http_rules_check(request);
    if (status != 0) {
        /* Any value but 0, 1 and 2 stops llhttp here. */
        refuse(request, status);
        return -1;
    }
    request->parsed = true;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;
    (void)at;
    /* Within max_body: the length of all, or of each chunk, was checked before. */
    request->body_len += len;
    return 0;
}

static int on_chunk_header(llhttp_t *parser)
{
    struct http_request *request = parser->data;
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

static int on_message_complete(llhttp_t *parser)
{
    struct http_request *request = parser->data;
    request->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_version = on_version,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_header = on_chunk_header,
    .on_message_complete = on_message_complete,
};

/* ---- Feeding ---- */

void http_request_init(struct http_request *request, const struct http_rules *rules)
{
    memset(request, 0, sizeof *request);
    request->rules = rules;
}

static size_t done(struct http_request *request, size_t consumed)
{
    request->step = HTTP_STEP_DONE;
    return consumed;
}

static size_t fail(struct http_request *request, uint16_t status, size_t consumed)
{
    refuse(request, status);
    return done(request, consumed);
}

/* Runs llhttp over bytes. Returns how many it took; whatever stopped it is in the request. */
static size_t execute(struct http_request *request, const char *bytes, size_t len)
{
    llhttp_errno_t error = llhttp_execute(&request->parser, bytes, len);
    if (error == HPE_OK)
        return len;
    if (error == HPE_PAUSED) {
        size_t used = (size_t)(llhttp_get_error_pos(&request->parser) - bytes);
        llhttp_resume(&request->parser);
        return used;
    }
    if (request->status == 0)
        refuse(request, request->parsed ? 400 : http_rules_blame(request));
    return len;
}

static size_t feed_head(struct http_request *request, const char *bytes, size_t len)
{
    const struct http_rules *rules = request->rules;
    /* A head that is refused before it is parsed may ask for no body nevertheless. */
    if (len >= 5 && memcmp(bytes, "HEAD ", 5) == 0)
        request->method = HTTP_HEAD;
    int found = http_head_scan(&request->scan, bytes, len, rules->max_line, rules->max_head, false);
    if (found == HTTP_HEAD_MORE)
        return 0;
    if (found != HTTP_HEAD_COMPLETE)
        return fail(request, (uint16_t)found, len);

    request->head = bytes;
    request->head_len = request->scan.seen;
    llhttp_init(&request->parser, HTTP_REQUEST, &settings);
    request->parser.data = request;
    /* All versions come through, so that 505 can be told from 400. */
    request->parser.lenient_flags = LENIENT_VERSION;
    execute(request, bytes, request->head_len);
    if (request->status != 0 && request->close)
        return done(request, len);
    /* llhttp waits for more than the head only behind `PRI * HTTP/2.0`. */
    if (!request->parsed)
        return fail(request, http_rules_blame(request), len);
    if (request->complete)
        return done(request, request->head_len);
    request->step = HTTP_STEP_BODY;
    return request->head_len;
}

/* A chunked body may not consist of framing alone: extensions, padding and trailers together stay
 * below what a head may have. */
static bool is_padded(const struct http_request *request)
{
    uint64_t fair = request->body_len + HTTP_CHUNK_OVERHEAD * (request->chunks + 1);
    return request->wire_len > fair && request->wire_len - fair > request->rules->max_head;
}

static size_t feed_trailers(struct http_request *request, const char *bytes, size_t len)
{
    uint32_t room = request->rules->max_head;
    int found = http_head_scan(&request->scan, bytes, len, room, room, true);
    if (found == HTTP_HEAD_MORE)
        return 0;
    if (found != HTTP_HEAD_COMPLETE)
        return fail(request, (uint16_t)found, len);
    size_t trailers = request->scan.seen;
    size_t used = execute(request, bytes, trailers);
    if (request->status != 0 && request->close)
        return done(request, len);
    if (!request->complete || used != trailers)
        return fail(request, 400, len);
    return done(request, trailers);
}

static size_t feed_body(struct http_request *request, const char *bytes, size_t len)
{
    size_t used = 0;
    request->expects_continue = request->expects_continue && len == 0;
    if (!request->in_trailers && len > 0) {
        used = execute(request, bytes, len);
        request->wire_len += used;
        if (request->status != 0 && request->close)
            return done(request, len);
        if (request->parser.flags & F_CHUNKED && is_padded(request))
            return fail(request, 400, len);
        if (request->complete)
            return done(request, used);
    }
    if (request->in_trailers)
        used += feed_trailers(request, bytes + used, len - used);
    return used;
}

size_t http_request_feed(struct http_request *request, const char *bytes, size_t len)
{
    size_t used = 0;
    if (request->step == HTTP_STEP_HEAD) {
        if (len >= 2 && bytes[0] == '\r' && bytes[1] == '\n' && !request->skipped) {
            request->skipped = true;
            used = 2;
        }
        used += feed_head(request, bytes + used, len - used);
    }
    if (request->step == HTTP_STEP_BODY)
        used += feed_body(request, bytes + used, len - used);
    return used;
}

void http_request_move(struct http_request *request, const char *head)
{
    request->head = head;
}

struct http_text http_request_text(const struct http_request *request, struct http_span span)
{
    if (span.at == 0)
        return (struct http_text){ NULL, 0 };
    return (struct http_text){ request->head + span.at, span.len };
}
