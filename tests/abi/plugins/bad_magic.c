/* SPDX-License-Identifier: MIT
 *
 * Refused: the descriptor does not begin with the magic number.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };

EVF_PLUGIN = {
    .magic = 0x4b4e554au,
    .abi_major = EVF_ABI_MAJOR,
    .abi_minor = EVF_ABI_MINOR,
    .struct_size = sizeof(struct evf_plugin),
    .option_size = sizeof(struct evf_option),
    .name = "bad_magic",
    .version = "1.0.0",
    .summary = "a plugin that is wrong on purpose",
    .handler = &handler,
};
