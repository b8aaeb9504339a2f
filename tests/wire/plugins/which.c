/* SPDX-License-Identifier: MIT
 *
 * Test plugin: tells every connection, as its first byte, which worker it came to, and holds it.
 * Then it sends back what comes.
 */
#include <evframe/evframe.h>

static void on_open(evf_stream *stream)
{
    uint8_t index = (uint8_t)evf_worker_index(evf_stream_worker(stream));

    evf_write(stream, &index, 1);
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    evf_write_slice(stream, input);
    return input.len;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = on_open,
    .data = on_data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "which",
    .version = "1.0.0",
    .summary = "tells which worker serves a connection",
    .handler = &handler,
};
