/* SPDX-License-Identifier: MIT
 *
 * Refused: an option's default value is out of its own range.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };

static const struct evf_option options[] = {
    { .name = "colour", .type = EVF_OPTION_STRING, .help = "a good one" },
    { .name = "depth", .type = EVF_OPTION_INT, .default_value = "17", .min = 1, .max = 10 },
    { 0 },
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "bad_option_default",
    .version = "1.0.0",
    .options = options,
    .handler = &handler,
};
