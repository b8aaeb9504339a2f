/* SPDX-License-Identifier: MIT
 *
 * Accepted: every struct is longer than evframe's, as after fields were added without a new minor
 * version. What evframe does not know is left out, and options are walked by the plugin's stride.
 */
#include <evframe/evframe.h>

struct longer_handler {
    struct evf_handler handler;
    void *unknown[3];
};

struct longer_option {
    struct evf_option option;
    void *unknown;
};

struct longer_plugin {
    struct evf_plugin plugin;
    void *unknown[5];
};

static char mark;

static const struct longer_handler handler = {
    .handler = { .struct_size = sizeof(struct longer_handler), .stream_state_size = 24 },
    .unknown = { &mark, &mark, &mark },
};

static const struct longer_option options[] = {
    { { .name = "first", .type = EVF_OPTION_INT, .default_value = "11" }, &mark },
    { { .name = "second", .type = EVF_OPTION_SIZE, .default_value = "2k" }, &mark },
    { { 0 }, 0 },
};

/* The linker's name of this object is evf_plugin, which the header declares with another type. */
EVF_API extern const struct longer_plugin longer_plugin __asm__("evf_plugin");

const struct longer_plugin longer_plugin = {
    .plugin = {
        .magic = EVF_PLUGIN_MAGIC,
        .abi_major = EVF_ABI_MAJOR,
        .abi_minor = EVF_ABI_MINOR,
        .struct_size = sizeof(struct longer_plugin),
        .option_size = sizeof(struct longer_option),
        .name = "longer_structs",
        .version = "1.0.0",
        .options = &options[0].option,
        .handler = &handler.handler,
    },
    .unknown = { &mark, &mark, &mark, &mark, &mark },
};
