/* SPDX-License-Identifier: MIT
 *
 * The rules about a request's head that llhttp leaves to its user.
 */
#include "rules.h"

/* The fields that matter, each in the place of its own that place_of gives it. */
enum { PLACES = 32, NAME_MAX_LEN = 20, NAME_MIN_LEN = 4 };
static const struct {
    uint8_t len; /* 0: nobody's place */
    uint8_t field;
    char name[NAME_MAX_LEN];
} known[PLACES] = {
    [2] = { 14, HTTP_FIELD_CONTENT_LENGTH, "content-length" },
    [4] = { 5, HTTP_FIELD_RANGE, "range" },
    [6] = { 17, HTTP_FIELD_IF_MODIFIED_SINCE, "if-modified-since" },
    [8] = { 10, HTTP_FIELD_CONNECTION, "connection" },
    [10] = { 8, HTTP_FIELD_IF_RANGE, "if-range" },
    [11] = { 13, HTTP_FIELD_IF_NONE_MATCH, "if-none-match" },
    [15] = { 17, HTTP_FIELD_TRANSFER_ENCODING, "transfer-encoding" },
    [16] = { 19, HTTP_FIELD_IF_UNMODIFIED_SINCE, "if-unmodified-since" },
    [19] = { 6, HTTP_FIELD_EXPECT, "expect" },
    [24] = { 4, HTTP_FIELD_HOST, "host" },
    [29] = { 8, HTTP_FIELD_IF_MATCH, "if-match" },
};

/* Length and fourth character tell the names apart. */
static unsigned place_of(const char *name, size_t len)
{
    return ((unsigned)len + ((unsigned char)name[3] | 0x20u) * 9) % PLACES;
}

/* name consists of characters of a token: with 0x20 set, none but its own upper case becomes the
 * same as a character of a known name. */
static bool same_name(const char *name, const char *lower, size_t len)
{
    const uint32_t bits = 0x20202020u;
    uint32_t a, b, different = 0;
    for (size_t at = 0; at + 4 <= len; at += 4) {
        memcpy(&a, name + at, 4);
        memcpy(&b, lower + at, 4);
        different |= (a | bits) ^ b;
    }
    memcpy(&a, name + len - 4, 4);
    memcpy(&b, lower + len - 4, 4);
    return (different | ((a | bits) ^ b)) == 0;
}

enum http_field http_field_find(const char *name, size_t len)
{
    if (len < NAME_MIN_LEN || len > NAME_MAX_LEN)
        return HTTP_FIELD_OTHER;
    unsigned place = place_of(name, len);
    if (known[place].len != len || !same_name(name, known[place].name, len))
        return HTTP_FIELD_OTHER;
    return (enum http_field)known[place].field;
}

static void take_connection(struct http_request *request, struct http_text value)
{
    struct http_text option;
    while (http_next_element(&value, &option)) {
        if (http_text_is(option, "close"))
            request->saw_close = true;
        else if (http_text_is(option, "keep-alive"))
            request->saw_keep_alive = true;
    }
}

static bool is_registered(struct http_text coding)
{
    static const char *const names[] = { "gzip",     "x-gzip",     "deflate",
                                         "compress", "x-compress", "identity" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (http_text_is(coding, names[i]))
            return true;
    return false;
}

static void take_encoding(struct http_request *request, struct http_text value)
{
    struct http_text coding;
    request->saw_encoding = true;
    while (http_next_element(&value, &coding)) {
        request->codings++;
        request->early_chunked |= request->last_chunked;
        request->last_chunked = http_text_is(coding, "chunked");
        if (!request->last_chunked && !is_registered(coding))
            request->unknown_coding = true;
    }
}

static void take_expect(struct http_request *request, struct http_text value)
{
    struct http_text expectation;
    while (http_next_element(&value, &expectation)) {
        if (http_text_is(expectation, "100-continue"))
            request->expects_continue = true;
        else
            request->other_expectation = true;
    }
}

uint16_t http_field_take(struct http_request *request, const char *value, size_t len)
{
    struct http_text text = http_trim((struct http_text){ value, len });
    switch (request->field) {
    case HTTP_FIELD_CONNECTION:
        take_connection(request, text);
        return 0;
    case HTTP_FIELD_TRANSFER_ENCODING:
        take_encoding(request, text);
        return 0;
    case HTTP_FIELD_EXPECT:
        take_expect(request, text);
        return 0;
    case HTTP_FIELD_CONTENT_LENGTH:
        /* llhttp has refused a second one, lists, signs and blanks. */
        request->saw_length = true;
        return 0;
    default:
        break;
    }
    struct http_span *span = &request->fields[request->field];
    if ((request->present & 1u << request->field) != 0) {
        if (request->field == HTTP_FIELD_HOST)
            return 400;
        request->repeated = true;
    }
    request->present |= (uint8_t)(1u << request->field);
    span->at = (uint32_t)(text.at - request->head);
    span->len = (uint32_t)text.len;
    return 0;
}

/* RFC 9112, 6.1 and 6.3: only `chunked`, once, last, and without Content-Length. Two of these
 * llhttp refuses too; what lets requests be smuggled past a proxy is not left to one line of
 * defence. */
static uint16_t check_framing(const struct http_request *request)
{
    if (!request->saw_encoding)
        return request->parser.content_length > request->rules->max_body ? 413 : 0;
    if (request->version_1_0 || request->saw_length || request->early_chunked ||
        request->codings == 0)
        return 400;
    if (request->codings > 1 || request->unknown_coding)
        return request->last_chunked || request->unknown_coding ? 501 : 400;
    return request->last_chunked ? 0 : 400;
}

/* RFC 9112, 3.2: a form that suits the method, and one valid Host. */
static uint16_t check_target(const struct http_request *request)
{
    struct http_target target;
    struct http_text text = http_request_target(request);
    struct http_text host = http_request_field(request, HTTP_FIELD_HOST);
    if (host.at == NULL ? !request->version_1_0 : !http_host_valid(host))
        return 400;
    /* Nearly all are a path, of which only a part of the answers wants to know more. */
    if (text.len > 0 && text.at[0] == '/')
        return request->method == HTTP_CONNECT || memchr(text.at, '#', text.len) != NULL ? 400 : 0;
    if (!http_target_split(text, &target))
        return 400;
    if ((target.form == HTTP_ASTERISK && request->method != HTTP_OPTIONS) ||
        (target.form == HTTP_AUTHORITY) != (request->method == HTTP_CONNECT))
        return 400;
    return 0;
}

/* Methods whose content has a meaning: without a length it is unknown whether one was meant. */
static bool wants_length(const struct http_request *request)
{
    const uint64_t methods =
        HTTP_METHOD_BIT(HTTP_POST) | HTTP_METHOD_BIT(HTTP_PUT) | HTTP_METHOD_BIT(HTTP_PATCH);
    return (HTTP_METHOD_BIT(request->method) & methods) != 0 && !request->saw_length &&
           !request->saw_encoding;
}

uint16_t http_rules_check(struct http_request *request)
{
    const llhttp_t *parser = &request->parser;
    if (request->line == 0)
        return 400; /* HTTP/0.9 has no version */
    if (parser->http_major != 1)
        return 505;
    uint16_t status = check_target(request);
    if (status == 0)
        status = check_framing(request);
    if (status != 0)
        return status;

    request->keep_alive = !request->saw_close && (!request->version_1_0 || request->saw_keep_alive);
    /* HTTP/1.0 knows no expectations (RFC 9110, 10.1.1). */
    if (request->version_1_0)
        request->expects_continue = request->other_expectation = false;
    if (request->other_expectation)
        return 417;
    if ((request->rules->methods & HTTP_METHOD_BIT(request->method)) == 0) {
        /* After CONNECT the client may speak another protocol; a body that waits to be asked for is
         * not asked for. */
        if (request->method == HTTP_CONNECT || (request->expects_continue && request->has_body))
            return 405;
        request->status = 405;
        return 0;
    }
    return wants_length(request) ? 411 : 0;
}

uint16_t http_rules_blame(const struct http_request *request)
{
    struct http_text line = { request->head, request->scan.line };
    size_t at = 0;
    while (at < line.len && http_is_token(line.at[at]))
        at++;
    if (at == 0 || at == line.len || line.at[at] != ' ')
        return 400;
    size_t target = ++at;
    while (at < line.len && line.at[at] != ' ')
        at++;
    if (at == target || line.len - at != sizeof " HTTP/1.1" - 1 ||
        memcmp(line.at + at, " HTTP/", 6) != 0)
        return 400;
    const char *version = line.at + at + 6;
    if (!http_is_digit(version[0]) || version[1] != '.' || !http_is_digit(version[2]))
        return 400;
    if (version[0] != '1')
        return 505;
    int error = request->parser.error;
    return error == HPE_INVALID_METHOD || error == HPE_INVALID_CONSTANT ? 501 : 400;
}
