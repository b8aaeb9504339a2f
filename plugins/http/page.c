/* SPDX-License-Identifier: MIT
 *
 * The welcome page: one piece of HTML without anything to load.
 */
#include "page.h"

#include <stdio.h>

static const char page[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>evframe is running</title>\n"
    "<style>\n"
    "body { font: 16px/1.6 system-ui, sans-serif; max-width: 42em; margin: 12vh auto; "
    "padding: 0 1.5em; color: #222; background: #fff }\n"
    "h1 { font-weight: 600; margin-bottom: .2em }\n"
    "p.what { color: #666; margin-top: 0 }\n"
    "pre { background: #f4f4f4; padding: .8em 1em; border-radius: 6px; overflow-x: auto }\n"
    "@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1b1b1b } "
    "pre { background: #2a2a2a } p.what { color: #999 } }\n"
    "</style>\n"
    "<h1>evframe is running</h1>\n"
    "<p class=\"what\">evframe %s, plugin http, %u worker%s</p>\n"
    "<p>Serve a folder:</p>\n"
    "<pre>evframe --listen 127.0.0.1:8080=http,root=/srv/www</pre>\n"
    "<p>Answer everything with one text:</p>\n"
    "<pre>evframe --listen '127.0.0.1:8080=http,body=Hello\\, World!'</pre>\n"
    "<p>Serve a protocol of your own, a plugin of twenty lines:</p>\n"
    "<pre>evframe --listen 0.0.0.0:7000=./myproto.so</pre>\n"
    "<p>All options of a plugin:</p>\n"
    "<pre>evframe inspect http.so</pre>\n"
    "</html>\n";

char *http_page_create(const char *version, unsigned workers)
{
    char *text;
    if (asprintf(&text, page, version, workers, workers == 1 ? "" : "s") < 0)
        return NULL;
    return text;
}
