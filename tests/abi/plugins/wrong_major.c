/* SPDX-License-Identifier: MIT
 *
 * Refused: built for the ABI's next generation.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };

EVF_PLUGIN = {
    .magic = EVF_PLUGIN_MAGIC,
    .abi_major = EVF_ABI_MAJOR + 1,
    .abi_minor = EVF_ABI_MINOR,
    .struct_size = sizeof(struct evf_plugin),
    .option_size = sizeof(struct evf_option),
    .name = "wrong_major",
    .version = "1.0.0",
    .summary = "a plugin that is wrong on purpose",
    .handler = &handler,
};
