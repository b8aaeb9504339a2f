/* SPDX-License-Identifier: MIT
 *
 * Accepted: a plugin in C with every type of option, state, and all callbacks. Its start fails when
 * it is asked to.
 */
#include <evframe/evframe.h>

struct state {
    int64_t depth;
};

static const char *const colours[] = { "red", "green", "blue", NULL };

static const struct evf_option options[] = {
    { .name = "greeting",
      .type = EVF_OPTION_STRING,
      .default_value = "hello",
      .help = "what is said first" },
    { .name = "depth",
      .type = EVF_OPTION_INT,
      .default_value = "3",
      .help = "how deep it goes",
      .min = 1,
      .max = 10 },
    { .name = "verbose", .type = EVF_OPTION_BOOL, .help = "says more" },
    { .name = "buffer", .type = EVF_OPTION_SIZE, .default_value = "64k", .min = 1, .max = 1 << 30 },
    { .name = "patience", .type = EVF_OPTION_DURATION, .default_value = "30s" },
    { .name = "folder", .type = EVF_OPTION_PATH },
    { .name = "upstream", .type = EVF_OPTION_ADDRESS | EVF_OPTION_REPEATABLE },
    { .name = "colour", .type = EVF_OPTION_CHOICE, .default_value = "green", .choices = colours },
    { .name = "fail", .type = EVF_OPTION_STRING, .help = "start fails, saying this" },
    { 0 },
};

static size_t on_data(evf_stream *stream, evf_slice input)
{
    evf_write_slice(stream, input);
    return input.len;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = 32,
    .data = on_data,
};

static int on_start(evf_instance *instance)
{
    struct state *state = evf_instance_state(instance);
    state->depth = evf_option_int(instance, "depth");
    if (evf_option_count(instance, "fail") > 0)
        return evf_fail(instance, "asked to fail: %s", evf_option_string(instance, "fail"));
    return 0;
}

static void on_stop(evf_instance *instance)
{
    struct state *state = evf_instance_state(instance);
    state->depth = 0;
}

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "good",
    .version = "1.2.3",
    .summary = "a plugin with one of everything",
    .options = options,
    .handler = &handler,
    .instance_state_size = sizeof(struct state),
    .worker_state_size = 8,
    .start = on_start,
    .stop = on_stop,
};
