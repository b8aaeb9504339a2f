/* SPDX-License-Identifier: MIT
 *
 * Feeding requests to the http plugin's parser in pieces, and what they come to. Header only; for
 * the tests of requests.
 */
#ifndef EVF_TESTS_UNIT_HTTP_FEED_H
#define EVF_TESTS_UNIT_HTTP_FEED_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/parser.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct http_rules rules = {
    .run = http_parser_run,
    .max_line = 256,
    .max_head = 1024,
    .max_body = 100,
    .methods = ~(HTTP_METHOD_BIT(HTTP_CONNECT) | HTTP_METHOD_BIT(HTTP_TRACE)),
};

/* What one request came to. */
struct outcome {
    enum http_step step;
    uint16_t status;
    bool close, keep_alive, version_1_0;
    uint8_t method;
    bool has_body, expects_continue, repeated;
    uint8_t present;
    uint32_t head_len;
    uint64_t body_len;
    char target[64];
    char fields[128];
    size_t consumed;
};

static struct outcome outcome_of(const struct http_request *request, size_t consumed)
{
    struct outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    outcome.step = request->step;
    outcome.status = request->status;
    outcome.close = request->close;
    if (request->step == HTTP_STEP_DONE && request->parsed) {
        struct http_text target = http_request_target(request);
        outcome.keep_alive = request->keep_alive;
        outcome.version_1_0 = request->version_1_0;
        outcome.method = request->method;
        outcome.has_body = request->has_body;
        outcome.expects_continue = request->expects_continue;
        outcome.repeated = request->repeated;
        outcome.present = request->present;
        outcome.head_len = request->head_len;
        outcome.body_len = request->body_len;
        size_t len = 0;
        for (int i = 0; i < HTTP_FIELDS; i++) {
            struct http_text value = http_request_field(request, (enum http_field)i);
            len += (size_t)snprintf(outcome.fields + len, sizeof outcome.fields - len, "%.*s;",
                                    value.len < 16 ? (int)value.len : 16, value.at);
        }
        snprintf(outcome.target, sizeof outcome.target, "%.*s", (int)target.len, target.at);
    }
    outcome.consumed = request->close ? 0 : consumed;
    return outcome;
}

/* Plays the stream: presents what is unconsumed in front of each piece, in memory of exactly that
 * size. Each piece has `piece` bytes, the first one `first`. */
static struct outcome feed(const struct http_rules *with, const char *bytes, size_t len,
                           size_t first, size_t piece)
{
    struct http_request request;
    size_t consumed = 0;
    size_t there = 0;
    char *head = NULL;
    http_request_init(&request, with);
    while (there < len && request.step != HTTP_STEP_DONE) {
        size_t more = there == 0 ? first : piece;
        there = more < len - there ? there + more : len;
        if (there == consumed)
            continue;
        size_t size = there - consumed;
        char *presented = malloc(size);
        memcpy(presented, bytes + consumed, size);
        size_t used = http_request_feed(&request, presented, size);
        cr_assert_leq(used, size);
        consumed += used;
        /* A head outlives its bytes only by being moved. */
        if (head == NULL && request.head_len > 0 && request.step != HTTP_STEP_HEAD) {
            head = malloc(request.head_len);
            memcpy(head, request.head, request.head_len);
            http_request_move(&request, head);
        }
        free(presented);
    }
    struct outcome outcome = outcome_of(&request, consumed);
    free(head);
    return outcome;
}

__attribute__((unused)) static bool same(const struct outcome *one, const struct outcome *other)
{
    return one->step == other->step && one->status == other->status && one->close == other->close &&
           one->keep_alive == other->keep_alive && one->version_1_0 == other->version_1_0 &&
           one->method == other->method && one->body_len == other->body_len &&
           one->has_body == other->has_body && one->expects_continue == other->expects_continue &&
           one->repeated == other->repeated && one->present == other->present &&
           one->head_len == other->head_len && one->consumed == other->consumed &&
           strcmp(one->target, other->target) == 0 && strcmp(one->fields, other->fields) == 0;
}

/* Whole, byte by byte, and in two at every cut, and with the processor's own parser: one outcome.
 */
__attribute__((unused)) static struct outcome feed_every_way(const struct http_rules *with,
                                                             const char *bytes, size_t len)
{
    struct http_rules best = *with;
    best.run = http_parser_best();
    struct outcome whole = feed(with, bytes, len, len, len);
    struct outcome other = feed(&best, bytes, len, len, len);
    cr_assert(same(&whole, &other), "%u instead of %u for\n%.*s", other.status, whole.status,
              (int)len, bytes);
    for (size_t cut = 1; cut <= len; cut++) {
        struct outcome part = feed(with, bytes, len, cut, len);
        cr_assert(same(&whole, &part), "cut at %zu: %u instead of %u for\n%.*s", cut, part.status,
                  whole.status, (int)len, bytes);
    }
    for (size_t piece = 1; piece <= 3; piece++) {
        struct outcome part = feed(with, bytes, len, piece, piece);
        cr_assert(same(&whole, &part), "in pieces of %zu: %u instead of %u for\n%.*s", piece,
                  part.status, whole.status, (int)len, bytes);
    }
    return whole;
}

#endif
