/* SPDX-License-Identifier: MIT
 *
 * parser.c once more, compiled for SSE 4.2: there llhttp looks at 16 characters of a value at a
 * time.
 */
#include "parser.h"

#ifdef __SSE4_2__
static http_parser_fn http_parser_run_sse42;
#define HTTP_PARSER_RUN http_parser_run_sse42
#include "parser.c"
#endif

http_parser_fn *http_parser_best(void)
{
#ifdef __SSE4_2__
    if (__builtin_cpu_supports("sse4.2"))
        return http_parser_run_sse42;
#endif
    return http_parser_run;
}
