/* SPDX-License-Identifier: MIT
 *
 * echo: sends every byte back. The smallest whole plugin, half-close and back-pressure included: an
 * empty `end` means 'flush, then close', and an empty `drain` means that the framework itself stops
 * reading while the queue is full. Its callback runs on the stream's worker.
 */
#include <evframe/evframe.h>

static size_t echo_data(evf_stream *stream, evf_slice input)
{
    evf_write_slice(stream, input);
    return input.len;
}

static const struct evf_handler echo_handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = echo_data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "echo",
    .version = "1.0.0",
    .summary = "sends every byte back",
    .handler = &echo_handler,
};
