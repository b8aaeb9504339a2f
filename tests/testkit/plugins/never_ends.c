/* SPDX-License-Identifier: MIT
 *
 * A planted bug: a stream is never ended, as if its peer had not.
 */
#include <stdlib.h>
#include <string.h>

#include <evframe/evframe.h>

static size_t data(evf_stream *stream, evf_slice input)
{
    evf_write_slice(stream, input);
    return input.len;
}

static void end(evf_stream *stream)
{
    (void)stream; /* the bug: evf_end is missing */
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = data,
    .end = end,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "never_ends",
    .version = "1.0.0",
    .handler = &handler,
};
