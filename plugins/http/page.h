/* SPDX-License-Identifier: MIT
 *
 * The page that a server without options shows.
 */
#ifndef HTTP_PAGE_H
#define HTTP_PAGE_H

#define HTTP_PAGE_TYPE "text/html; charset=utf-8"

/* Says what is running and how to go on. To be freed with free; NULL without memory. */
char *http_page_create(const char *version, unsigned workers);

#endif
