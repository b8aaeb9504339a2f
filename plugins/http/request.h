/* SPDX-License-Identifier: MIT
 *
 * One request: its head taken apart by llhttp, completed by the rules that llhttp leaves out; then
 * its body counted and discarded.
 *
 * A head that is there as a whole, and right, is read once. One that is cut or wrong is left to the
 * scan: it finds the end, however the bytes come, and what is wrong; then llhttp sees all of it. So
 * the verdict is the same however the network cut the request.
 *
 *   HTTP_STEP_HEAD ──> HTTP_STEP_BODY ──> HTTP_STEP_DONE ──> http_request_init for the next
 *        └──────────────────┴── anything wrong: DONE with a status
 *
 * The head is not copied: its texts point into the bytes that were fed. Who needs them after these
 * bytes are gone moves the head (http_request_move).
 *
 * No clock, no socket, no allocation in here.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <llhttp/llhttp.h>

#include "head.h"
#include "path.h"

#if LLHTTP_STRICT_MODE != 1
#error "llhttp and its users must be compiled with LLHTTP_STRICT_MODE=1"
#endif

struct http_request;

/* Runs the parser: see parser.h. */
typedef size_t http_parser_fn(struct http_request *request, const char *bytes, size_t len);

/* What is allowed; the same for all requests of an instance. */
struct http_rules {
    http_parser_fn *run;
    uint32_t max_line;
    uint32_t max_head;
    uint64_t max_body;
    uint64_t methods; /* one bit for each llhttp_method that is answered */
};

#define HTTP_METHOD_BIT(method) ((uint64_t)1 << (method))

/* The fields that something here is interested in. */
enum http_field {
    HTTP_FIELD_HOST,
    HTTP_FIELD_IF_MATCH,
    HTTP_FIELD_IF_NONE_MATCH,
    HTTP_FIELD_IF_MODIFIED_SINCE,
    HTTP_FIELD_IF_UNMODIFIED_SINCE,
    HTTP_FIELD_IF_RANGE,
    HTTP_FIELD_RANGE,
    HTTP_FIELDS, /* these are kept; the others are acted on as they come */
    HTTP_FIELD_CONNECTION = HTTP_FIELDS,
    HTTP_FIELD_CONTENT_LENGTH,
    HTTP_FIELD_EXPECT,
    HTTP_FIELD_TRANSFER_ENCODING,
    HTTP_FIELD_OTHER,
};

enum http_step { HTTP_STEP_HEAD, HTTP_STEP_BODY, HTTP_STEP_DONE };

/* A part of the head by its place, so that the head can move. */
struct http_span {
    uint32_t at;
    uint32_t len;
};

struct http_request {
    llhttp_t parser; /* stands first: llhttp's functions find the request by it */

    const char *head;
    uint32_t head_len; /* with the empty line; 0 until the head was understood */
    uint32_t line;     /* length of the request line; 0 until llhttp saw its version */
    struct http_span target;
    struct http_head_scan scan; /* of a head that came cut, later of the trailers */
    uint8_t step;               /* enum http_step */

    /* What to refuse it with, or 0. With `close` the framing is lost or not worth following: no
     * more requests on this connection. */
    uint16_t status;
    bool close;

    /* An empty line came in front of the request line; one is tolerated (RFC 9112, 2.2). Whoever
     * keeps requests of one connection apart may set it for a request of which nothing else came.
     */
    bool skipped;

    /* Of the head. */
    uint8_t method; /* enum llhttp_method; right when the head was understood */
    bool headed;    /* llhttp has understood the head, which is within its limits */
    bool parsed;    /* and method, target and fields are right */
    bool version_1_0;
    bool keep_alive; /* the client would send more requests */
    bool has_body;
    bool expects_continue; /* and so far not a byte of the body has come */
    bool repeated;         /* a conditional field came twice: none is looked at */
    uint8_t present;       /* one bit for each of `fields` that came */
    bool in_trailers;      /* the last chunk was seen: the trailer section is being scanned */
    bool complete;         /* llhttp said so */

    /* While the head is parsed. */
    uint8_t field;     /* enum http_field */
    bool value_due;    /* a field's name came, its value did not */
    bool saw_encoding; /* Transfer-Encoding, however empty */
    bool saw_length;
    bool saw_close, saw_keep_alive;
    bool other_expectation;
    bool last_chunked;   /* the last coding of Transfer-Encoding is chunked */
    bool early_chunked;  /* chunked stands before another one */
    bool unknown_coding; /* one that is none of the registered ones */
    uint32_t codings;
    const char *next_line; /* where the next line must begin */
    /* Of the body. */
    uint64_t body_len; /* content received */
    uint64_t wire_len; /* with its framing */
    uint64_t chunks;   /* how many began */

    /* What stands above is zero when a request begins; what follows is set before it is used. */
    const char *colon;                    /* behind the field's name */
    const char *end;                      /* of the bytes that llhttp sees */
    struct http_span fields[HTTP_FIELDS]; /* right where `present` says so */
    const struct http_rules *rules;
};
_Static_assert(HTTP_FIELDS <= 8, "`present` has a bit for each");

/* Ready for a request's first byte. rules must outlive it. */
void http_request_init(struct http_request *request, const struct http_rules *rules);

/* Goes on with bytes: in HTTP_STEP_HEAD all that is there from the request's first byte on, in
 * HTTP_STEP_BODY what follows the bytes consumed before (unconsumed ones again in front). Returns
 * how many are consumed. Afterwards step tells: HTTP_STEP_HEAD and HTTP_STEP_BODY need more bytes
 * (nothing has begun when HTTP_STEP_HEAD left nothing over); HTTP_STEP_DONE is to be answered, with
 * status unless that is 0. */
size_t http_request_feed(struct http_request *request, const char *bytes, size_t len);

/* The head lies elsewhere now, byte for byte the same. */
void http_request_move(struct http_request *request, const char *head);

/* The target as it came. */
struct http_text http_request_target(const struct http_request *request);

/* The value of one of the HTTP_FIELDS; at is NULL where it did not come. */
struct http_text http_request_field(const struct http_request *request, enum http_field which);

#endif
