/* SPDX-License-Identifier: MIT
 *
 * Dates as HTTP writes and reads them (RFC 9110, 5.6.7), without locale and time zone.
 */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include "text.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define HTTP_DATE_LEN 29

/* Writes HTTP_DATE_LEN characters, not terminated. Seconds since 1970; what lies outside the years
 * 0 to 9999 is moved to the nearest end. */
void http_date_format(int64_t seconds, char *ret);

/* Reads any of the three forms; now decides the century of a two-digit year. False for what is no
 * date. */
bool http_date_parse(struct http_text text, int64_t now, int64_t *ret);

#endif
