/* SPDX-License-Identifier: MIT
 *
 * Refused: says that an option has 3 bytes.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };

EVF_PLUGIN = {
    .magic = EVF_PLUGIN_MAGIC,
    .abi_major = EVF_ABI_MAJOR,
    .abi_minor = EVF_ABI_MINOR,
    .struct_size = sizeof(struct evf_plugin),
    .option_size = 3,
    .name = "bad_option_size",
    .version = "1.0.0",
    .summary = "a plugin that is wrong on purpose",
    .handler = &handler,
};
