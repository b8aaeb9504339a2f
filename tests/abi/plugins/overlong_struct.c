/* SPDX-License-Identifier: MIT
 *
 * Refused: says that its descriptor is longer than the symbol really is.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };

EVF_PLUGIN = {
    .magic = EVF_PLUGIN_MAGIC,
    .abi_major = EVF_ABI_MAJOR,
    .abi_minor = EVF_ABI_MINOR,
    .struct_size = 4096,
    .option_size = sizeof(struct evf_option),
    .name = "overlong_struct",
    .version = "1.0.0",
    .summary = "a plugin that is wrong on purpose",
    .handler = &handler,
};
