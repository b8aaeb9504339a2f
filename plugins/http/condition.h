/* SPDX-License-Identifier: MIT
 *
 * Conditional and range requests (RFC 9110, 13 and 14): from what the client said and what the file
 * is to what is to be answered.
 */
#ifndef HTTP_CONDITION_H
#define HTTP_CONDITION_H

#include "text.h"

enum { HTTP_ETAG_MAX = 56 }; /* three 64-bit numbers in hexadecimal, two dashes, two quotes */

/* What is known of the file. */
struct http_facts {
    uint64_t size;
    uint64_t inode;
    int64_t modified_s;
    uint32_t modified_ns;
};

/* What the client said; at is NULL for what it did not say. */
struct http_wishes {
    bool get; /* GET, else HEAD: a range is for GET alone */
    struct http_text if_match, if_none_match, if_modified_since, if_unmodified_since, if_range,
        range;
};

struct http_verdict {
    uint16_t status;     /* 200, 206, 304, 412 or 416 */
    uint64_t first, len; /* the part to send, of 200 and 206 */
};

/* A strong validator: it changes with size, time of change and file. Returns its length. */
size_t http_etag_format(const struct http_facts *facts, char ret[HTTP_ETAG_MAX]);

/* What Last-Modified may say: never later than now. */
int64_t http_last_modified(const struct http_facts *facts, int64_t now);

/* In the order of RFC 9110, 13.2.2. Malformed dates and ranges, units other than bytes, and several
 * ranges at once are as if they had not been said. */
struct http_verdict http_judge(const struct http_wishes *wishes, const struct http_facts *facts,
                               int64_t now);

#endif
