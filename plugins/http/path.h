/* SPDX-License-Identifier: MIT
 *
 * Request targets and the paths in them.
 *
 * Nothing here touches the file system. A path that comes out of http_path_resolve has no dot
 * segments, no empty segments and no leading slash; what it may reach is settled again by the
 * kernel, which opens it beneath root.
 */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include "text.h"

enum http_target_form { HTTP_ORIGIN, HTTP_ABSOLUTE, HTTP_ASTERISK, HTTP_AUTHORITY };

struct http_target {
    enum http_target_form form;
    struct http_text authority; /* of the absolute form */
    struct http_text path;  /* begins with '/', still encoded; "/" for an absolute form without */
    struct http_text query; /* without '?'; at is NULL when there is none */
};

/* Splits a request target (RFC 9112, 3.2). The parts point into target or at static text. False for
 * what is no target. Whether the form suits the method is the caller's to ask. */
bool http_target_split(struct http_text target, struct http_target *ret);

/* True for uri-host [":" port] (RFC 9110, 7.2), the empty one included; user information, blanks
 * and ports above 65535 are refused. */
bool http_host_valid(struct http_text host);

/* Decodes percent-encoding once, then resolves dot segments and merges slashes. ret gets the
 * path relative to root, terminated; "" is root itself, and a trailing slash stays ("a/b/").
 *
 * 0, or the status to answer: 400 for bad encoding, an encoded NUL, and ".." above root; 404 for an
 * encoded slash, which no file name holds; 414 when size is too small. */
int http_path_resolve(struct http_text path, char *ret, size_t size, size_t *ret_len);

/* Writes a resolved path so that it can stand in Location: everything unusual percent-encoded. */
void http_path_encode(struct http_writer *writer, const char *path, size_t len);

/* The same for a query as it came: what may stand in one stays, codes included. */
void http_query_encode(struct http_writer *writer, const char *query, size_t len);

#endif
