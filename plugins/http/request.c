/* SPDX-License-Identifier: MIT
 *
 * Requests: feeding llhttp, and the body. What llhttp tells is in parser.c, the rules about fields
 * in rules.c.
 */
#include "request.h"

#include "limits.h"
#include "rules.h"

void http_request_init(struct http_request *request, const struct http_rules *rules)
{
    /* Line by line: a longer memset becomes an instruction that takes its time to begin. */
    _Static_assert(offsetof(struct http_request, colon) == 3 * 64, "three lines are cleared");
    char *bytes = (char *)request;
    memset(bytes, 0, 64);
    memset(bytes + 64, 0, 64);
    memset(bytes + 128, 0, 64);
    request->rules = rules;
}

static size_t done(struct http_request *request, size_t consumed)
{
    request->step = HTTP_STEP_DONE;
    return consumed;
}

static size_t fail(struct http_request *request, uint16_t status, size_t consumed)
{
    request->status = status;
    request->close = true;
    return done(request, consumed);
}

/* The head is understood: refused, complete, or followed by a body. */
static size_t headed(struct http_request *request, size_t len)
{
    if (request->status != 0 && request->close)
        return done(request, len);
    if (request->complete)
        return done(request, request->head_len);
    request->step = HTTP_STEP_BODY;
    return request->head_len;
}

/* The head as nearly all come: whole and right. If not, nothing has happened. */
static bool take_at_once(struct http_request *request, const char *bytes, size_t len)
{
    request->head = bytes;
    request->rules->run(request, bytes, len);
    if (request->headed)
        return true;
    bool skipped = request->skipped;
    http_request_init(request, request->rules);
    request->skipped = skipped;
    return false;
}

static size_t feed_head(struct http_request *request, const char *bytes, size_t len)
{
    const struct http_rules *rules = request->rules;
    if (request->scan.seen == 0 && len > 0 && take_at_once(request, bytes, len))
        return headed(request, len);

    /* A head that is refused before it is parsed may ask for no body nevertheless. */
    if (len >= 5 && memcmp(bytes, "HEAD ", 5) == 0)
        request->method = HTTP_HEAD;
    int found = http_head_scan(&request->scan, bytes, len, rules->max_line, rules->max_head, false);
    if (found == HTTP_HEAD_MORE)
        return 0;
    if (found != HTTP_HEAD_COMPLETE)
        return fail(request, (uint16_t)found, len);
    request->head = bytes;
    request->rules->run(request, bytes, request->scan.seen);
    if (request->headed)
        return headed(request, len);
    return fail(request, request->status != 0 ? request->status : http_rules_blame(request), len);
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
    size_t used = request->rules->run(request, bytes, trailers);
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
        used = request->rules->run(request, bytes, len);
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

struct http_text http_request_target(const struct http_request *request)
{
    return (struct http_text){ request->head + request->target.at, request->target.len };
}

struct http_text http_request_field(const struct http_request *request, enum http_field which)
{
    if ((request->present & 1u << which) == 0)
        return (struct http_text){ NULL, 0 };
    return (struct http_text){ request->head + request->fields[which].at,
                               request->fields[which].len };
}
