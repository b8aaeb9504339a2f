/* SPDX-License-Identifier: MIT
 *
 * Refused: the handler's size ends inside a slot.
 */
#include <stddef.h>

#include <evframe/evframe.h>

static const struct evf_handler handler = { .struct_size = offsetof(struct evf_handler, fd) + 4 };

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "uneven_handler",
    .version = "1.0.0",
    .summary = "a plugin that is wrong on purpose",
    .handler = &handler,
};
