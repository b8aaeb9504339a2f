/* SPDX-License-Identifier: MIT
 *
 * Writing response heads, and the answers that are the same for every request: prepared once with
 * everything but the date, which is put in place once a second.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "condition.h"
#include "date.h"
#include "limits.h"

/* What the Connection field says. */
enum http_connection {
    HTTP_STAYS,      /* HTTP/1.1 that goes on: nothing */
    HTTP_CLOSES,     /* close */
    HTTP_KEEPS_ALIVE /* HTTP/1.0 that goes on: keep-alive */
};
enum { HTTP_CONNECTIONS = 3 };

/* A head; what is zero is left out. */
struct http_response {
    uint16_t status;
    enum http_connection connection;
    const char *type;
    bool has_length;
    uint64_t length;
    const char *allow;
    const struct http_facts *facts; /* gives ETag, Last-Modified and Accept-Ranges */
    bool has_range;                 /* Content-Range: `range` of facts, or that there is none */
    struct http_verdict range;
    struct http_text location;
};

/* "Not Found"; "Unknown" for a code without a name. */
const char *http_reason(uint16_t status);

/* Whether a response with that status may carry a body. */
bool http_status_has_body(uint16_t status);

/* Writes the head with its empty line. date holds HTTP_DATE_LEN characters; now is the same moment
 * in seconds. */
void http_put_head(struct http_writer *writer, const struct http_response *response,
                   const char *date, int64_t now);

/* The short text that goes along with an error, "404 Not Found\n". Returns its length. */
size_t http_error_body(uint16_t status, char ret[HTTP_ERROR_BODY_MAX]);

/* One answer in its three forms, each with its body behind its head. */
struct http_prepared {
    struct {
        char *bytes;
        uint32_t head_len;
        uint32_t len; /* of both */
    } forms[HTTP_CONNECTIONS];
    uint32_t date_at; /* in each form */
    char *memory;
};

/* The response's own `connection` is not looked at. -ENOMEM. */
int http_prepare(struct http_prepared *prepared, const struct http_response *response,
                 struct http_text body);
void http_prepared_set_date(struct http_prepared *prepared, const char *date);
/* What is all zero is let be. */
void http_prepared_fini(struct http_prepared *prepared);

#endif
