/* SPDX-License-Identifier: MIT
 *
 * Refused: needs a minor version of the ABI that is newer than evframe's.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };

EVF_PLUGIN = {
    .magic = EVF_PLUGIN_MAGIC,
    .abi_major = EVF_ABI_MAJOR,
    .abi_minor = EVF_ABI_MINOR + 1,
    .struct_size = sizeof(struct evf_plugin),
    .option_size = sizeof(struct evf_option),
    .name = "newer_minor",
    .version = "1.0.0",
    .summary = "a plugin that is wrong on purpose",
    .handler = &handler,
};
