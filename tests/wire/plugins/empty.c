/* SPDX-License-Identifier: MIT
 *
 * Test plugin: no slot at all. Input is discarded; the peer's end closes the stream.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "empty",
    .version = "1.0.0",
    .handler = &handler,
};
