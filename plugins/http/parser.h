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
http_parser_fn http_parser_run;

/* The same by the processor's best means: http_parser_run, or another that comes to the same. */
http_parser_fn *http_parser_best(void);

#endif
