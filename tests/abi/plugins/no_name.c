/* SPDX-License-Identifier: MIT
 *
 * Refused: has no name.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .version = "1.0.0",
    .handler = &handler,
};
