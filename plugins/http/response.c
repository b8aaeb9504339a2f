/* SPDX-License-Identifier: MIT
 *
 * Writing response heads.
 */
#include "response.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
    uint16_t status;
    const char *reason;
} reasons[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 203, "Non-Authoritative Information" },
    { 204, "No Content" },
    { 205, "Reset Content" },
    { 206, "Partial Content" },
    { 300, "Multiple Choices" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 407, "Proxy Authentication Required" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 417, "Expectation Failed" },
    { 418, "I'm a teapot" },
    { 421, "Misdirected Request" },
    { 422, "Unprocessable Content" },
    { 423, "Locked" },
    { 424, "Failed Dependency" },
    { 425, "Too Early" },
    { 426, "Upgrade Required" },
    { 428, "Precondition Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 451, "Unavailable For Legal Reasons" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
    { 507, "Insufficient Storage" },
    { 511, "Network Authentication Required" },
};

const char *http_reason(uint16_t status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

bool http_status_has_body(uint16_t status)
{
    return status >= 200 && status != 204 && status != 205 && status != 304;
}

static void put_range(struct http_writer *writer, const struct http_response *response)
{
    const struct http_verdict *range = &response->range;
    http_put_text(writer, "\r\nContent-Range: bytes ");
    if (range->status == 206) {
        http_put_number(writer, range->first);
        http_put(writer, "-", 1);
        http_put_number(writer, range->first + range->len - 1);
    } else {
        http_put(writer, "*", 1);
    }
    http_put(writer, "/", 1);
    http_put_number(writer, response->facts->size);
}

static void put_facts(struct http_writer *writer, const struct http_response *response, int64_t now)
{
    char tag[HTTP_ETAG_MAX];
    char date[HTTP_DATE_LEN];
    size_t len = http_etag_format(response->facts, tag);
    http_date_format(http_last_modified(response->facts, now), date);
    http_put_text(writer, "\r\nLast-Modified: ");
    http_put(writer, date, sizeof date);
    http_put_text(writer, "\r\nETag: ");
    http_put(writer, tag, len);
    http_put_text(writer, "\r\nAccept-Ranges: bytes");
}

void http_put_head(struct http_writer *writer, const struct http_response *response,
                   const char *date, int64_t now)
{
    http_put_text(writer, "HTTP/1.1 ");
    http_put_number(writer, response->status);
    http_put(writer, " ", 1);
    http_put_text(writer, http_reason(response->status));
    http_put_text(writer, "\r\nDate: ");
    http_put(writer, date, HTTP_DATE_LEN);
    if (response->type != NULL) {
        http_put_text(writer, "\r\nContent-Type: ");
        http_put_text(writer, response->type);
    }
    if (response->has_length) {
        http_put_text(writer, "\r\nContent-Length: ");
        http_put_number(writer, response->length);
    }
    if (response->facts != NULL && !response->has_range)
        put_facts(writer, response, now);
    if (response->has_range && response->facts != NULL) {
        if (response->range.status == 206)
            put_facts(writer, response, now);
        put_range(writer, response);
    }
    if (response->allow != NULL) {
        http_put_text(writer, "\r\nAllow: ");
        http_put_text(writer, response->allow);
    }
    if (response->location.at != NULL) {
        http_put_text(writer, "\r\nLocation: ");
        http_put(writer, response->location.at, response->location.len);
    }
    if (response->connection == HTTP_CLOSES)
        http_put_text(writer, "\r\nConnection: close");
    else if (response->connection == HTTP_KEEPS_ALIVE)
        http_put_text(writer, "\r\nConnection: keep-alive");
    http_put_text(writer, "\r\n\r\n");
}

size_t http_error_body(uint16_t status, char ret[HTTP_ERROR_BODY_MAX])
{
    struct http_writer writer = { ret, ret + HTTP_ERROR_BODY_MAX, false };
    http_put_number(&writer, status);
    http_put(&writer, " ", 1);
    http_put_text(&writer, http_reason(status));
    http_put(&writer, "\n", 1);
    return (size_t)(writer.at - ret);
}

int http_prepare(struct http_prepared *prepared, const struct http_response *response,
                 struct http_text body)
{
    static const char no_date[HTTP_DATE_LEN + 1] = "Thu, 01 Jan 1970 00:00:00 GMT";
    struct http_response form = *response;
    size_t size = (HTTP_HEAD_MAX + body.len + HTTP_LINE - 1) / HTTP_LINE * HTTP_LINE;
    char *memory = aligned_alloc(HTTP_LINE, HTTP_CONNECTIONS * size);
    if (memory == NULL)
        return -ENOMEM;
    for (int i = 0; i < HTTP_CONNECTIONS; i++) {
        char *bytes = memory + (size_t)i * size;
        struct http_writer writer = { bytes, bytes + HTTP_HEAD_MAX, false };
        form.connection = (enum http_connection)i;
        http_put_head(&writer, &form, no_date, 0);
        if (body.len > 0)
            memcpy(writer.at, body.at, body.len);
        prepared->forms[i].bytes = bytes;
        prepared->forms[i].head_len = (uint32_t)(writer.at - bytes);
        prepared->forms[i].len = prepared->forms[i].head_len + (uint32_t)body.len;
    }
    /* The date stands behind the status line, where nothing else can look like it. */
    prepared->date_at = (uint32_t)(strlen("HTTP/1.1 200 ") + strlen(http_reason(response->status)) +
                                   strlen("\r\nDate: "));
    prepared->memory = memory;
    return 0;
}

void http_prepared_set_date(struct http_prepared *prepared, const char *date)
{
    for (int i = 0; i < HTTP_CONNECTIONS && prepared->memory != NULL; i++)
        memcpy(prepared->forms[i].bytes + prepared->date_at, date, HTTP_DATE_LEN);
}

void http_prepared_fini(struct http_prepared *prepared)
{
    free(prepared->memory);
    prepared->memory = NULL;
}
