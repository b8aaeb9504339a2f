/* SPDX-License-Identifier: MIT
 *
 * Test plugin: logs what its peers send, as they sent it. Whatever comes in one piece is one line.
 */
#include <string.h>

#include "report.h"

static size_t on_data(evf_stream *stream, evf_slice input)
{
    evf_log(EVF_WARN, "heard <%.*s>", (int)input.len, (const char *)input.data);
    evf_write(stream, "logged\n", 7);
    return input.len;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = on_data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "shout",
    .version = "1.0.0",
    .summary = "logs what peers say",
    .handler = &handler,
};
