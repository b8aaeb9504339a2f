/* SPDX-License-Identifier: MIT
 *
 * Refused: wants more state per stream than there may be.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = 64 * 1024 + 1,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "big_stream_state",
    .version = "1.0.0",
    .handler = &handler,
};
