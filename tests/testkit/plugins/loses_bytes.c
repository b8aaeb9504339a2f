/* SPDX-License-Identifier: MIT
 *
 * A planted bug: lines are answered, but the beginning of a line whose end has not come is lost.
 */
#include <stdlib.h>
#include <string.h>

#include <evframe/evframe.h>

static size_t data(evf_stream *stream, evf_slice input)
{
    const uint8_t *at = input.data, *end = input.data + input.len, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        evf_write(stream, at, (size_t)(newline + 1 - at));
        at = newline + 1;
    }
    return input.len; /* the bug: it should be what was answered */
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "loses_bytes",
    .version = "1.0.0",
    .handler = &handler,
};
