/* SPDX-License-Identifier: MIT
 *
 * llhttp, with what this plugin wants to hear from it compiled in.
 */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include "request.h"

/* Runs llhttp over bytes that follow those before; a parser that is all zero begins. Returns how
 * many it took. What it found is in the request: a head that was understood sets `headed`, its end
 * `complete`. Anything else than a need for more bytes has set status and close, except before the
 * head was understood, where status may still be 0.
 *
 * Heads come whole, from request->head on; a head that is cut is not understood. */
size_t http_parser_run(struct http_request *request, const char *bytes, size_t len);

#endif
