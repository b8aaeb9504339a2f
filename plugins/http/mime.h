/* SPDX-License-Identifier: MIT
 *
 * Media types by file name.
 */
#ifndef HTTP_MIME_H
#define HTTP_MIME_H

#include <stddef.h>

/* The type for a path by what follows its last dot, in any case; application/octet-stream when
 * there is none or it is unknown. Text types say charset=utf-8. Static text. */
const char *http_mime_type(const char *path, size_t len);

#endif
