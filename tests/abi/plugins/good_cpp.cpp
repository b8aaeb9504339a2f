/* SPDX-License-Identifier: MIT
 *
 * Accepted: a plugin in C++20, with designated initialisers.
 */
#include <evframe/evframe.h>

namespace
{
size_t on_data(evf_stream *stream, evf_slice input)
{
    evf_write_slice(stream, input);
    return input.len;
}

const evf_option options[] = {
    { .name = "greeting",
      .type = EVF_OPTION_STRING,
      .default_value = "hello",
      .help = "what is said first",
      .min = 0,
      .max = 0,
      .choices = nullptr },
    {},
};

const evf_handler handler = {
    .struct_size = sizeof(evf_handler),
    .stream_state_size = 0,
    .open = nullptr,
    .data = on_data,
    .end = nullptr,
    .drain = nullptr,
    .timeout = nullptr,
    .quiesce = nullptr,
    .close = nullptr,
    .fd = nullptr,
};
} // namespace

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "good_cpp",
    .version = "1.0.0",
    .summary = "C++20",
    .options = options,
    .handler = &handler,
    .instance_state_size = 0,
    .worker_state_size = 0,
    .start = nullptr,
    .worker_start = nullptr,
    .worker_stop = nullptr,
    .stop = nullptr,
};
