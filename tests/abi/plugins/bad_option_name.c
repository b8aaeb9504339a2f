/* SPDX-License-Identifier: MIT
 *
 * Refused: an option has the name of one that every listener has.
 */
#include <evframe/evframe.h>

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };

static const struct evf_option options[] = {
    { .name = "idle-timeout", .type = EVF_OPTION_DURATION, .help = "every listener's" },
    { 0 },
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "bad_option_name",
    .version = "1.0.0",
    .options = options,
    .handler = &handler,
};
