/* SPDX-License-Identifier: MIT
 *
 * Finds the end of a request's head, or of a trailer section, before anything interprets it.
 *
 * The bytes of a head stay unconsumed until it is complete, so that the parser sees it whole and
 * contiguous and nothing is copied. The scan remembers how far it has looked: a head that arrives
 * byte by byte costs time linear in its length.
 *
 * It refuses what servers are known to disagree about: line ends other than CRLF, a CR or LF or any
 * other control character but HTAB inside a line, and folded lines.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is the beginning. */
struct http_head_scan {
    uint32_t seen; /* bytes looked at; when complete, the length with the empty line */
    uint32_t line; /* length of the request line without its CRLF; 0 until it was seen */
};

enum { HTTP_HEAD_MORE = 0, HTTP_HEAD_COMPLETE = 1 };

/* bytes begins with the first byte of the head and holds all that is there of it. With trailers,
 * there is no request line and an empty section is one CRLF.
 *
 * HTTP_HEAD_MORE, HTTP_HEAD_COMPLETE, or the status to refuse it with: 400, 414 (the request line
 * exceeds max_line), 431 (the head exceeds max_head). */
int http_head_scan(struct http_head_scan *scan, const char *bytes, size_t len, uint32_t max_line,
                   uint32_t max_head, bool trailers);

#endif
