/* SPDX-License-Identifier: MIT
 *
 * The rules of RFC 9110 and 9112 about a request's head that llhttp leaves to its user.
 */
#ifndef HTTP_RULES_H
#define HTTP_RULES_H

#include "request.h"

/* Which field this is. name consists of characters of a token. */
enum http_field http_field_find(const char *name, size_t len);

/* Takes the value of request->field. 0, or the status to refuse the request with. */
uint16_t http_field_take(struct http_request *request, const char *value, size_t len);

/* With all fields taken: 0, or the status to refuse the request with. May instead set
 * request->status alone (405), where the body can still be read and the connection kept. */
uint16_t http_rules_check(struct http_request *request);

/* llhttp refused the head: 501 or 505 when only the method or the version is to blame, else 400. */
uint16_t http_rules_blame(const struct http_request *request);

#endif
