/* SPDX-License-Identifier: MIT
 *
 * Refused: calls a function that exists nowhere.
 */
#include <evframe/evframe.h>

void function_that_exists_nowhere(evf_stream *stream);

static void on_open(evf_stream *stream)
{
    function_that_exists_nowhere(stream);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = on_open,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "unresolved_symbol",
    .version = "1.0.0",
    .handler = &handler,
};
