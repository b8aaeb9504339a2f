/* SPDX-License-Identifier: MIT
 *
 * Test plugin: the smallest useful one. It sends every byte back; half-close and back-pressure come
 * from its empty slots.
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
    .name = "minimal",
    .version = "1.0.0",
    .summary = "sends every byte back",
    .handler = &echo_handler,
};
