/* SPDX-License-Identifier: MIT
 *
 * Refused: its handler forgot struct_size.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = { .stream_state_size = 16 };

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "bad_handler_size",
    .version = "1.0.0",
    .handler = &handler,
};
