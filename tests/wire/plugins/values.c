/* SPDX-License-Identifier: MIT
 *
 * Test plugin: one option of every type; a connection is told their values, then ended.
 */
#include <string.h>

#include "report.h"

static const char *const colours[] = { "red", "green", "blue", NULL };

static const struct evf_option options[] = {
    { .name = "text", .type = EVF_OPTION_STRING, .default_value = "none", .help = "any text" },
    { .name = "number", .type = EVF_OPTION_INT, .min = -5, .max = 100, .help = "a number" },
    { .name = "flag", .type = EVF_OPTION_BOOL, .default_value = "no", .help = "a switch" },
    { .name = "size", .type = EVF_OPTION_SIZE, .default_value = "4k", .help = "a size" },
    { .name = "time", .type = EVF_OPTION_DURATION, .default_value = "2s", .help = "a time" },
    { .name = "path", .type = EVF_OPTION_PATH, .help = "a path" },
    { .name = "target", .type = EVF_OPTION_ADDRESS, .help = "an address" },
    { .name = "colour", .type = EVF_OPTION_CHOICE, .choices = colours, .help = "a colour" },
    { .name = "word", .type = EVF_OPTION_STRING | EVF_OPTION_REPEATABLE, .help = "words" },
    { .name = "must", .type = EVF_OPTION_STRING | EVF_OPTION_REQUIRED, .help = "a must" },
    { 0 },
};

static void tell(evf_stream *stream, const char *name, const char *value)
{
    char text[256];

    evf_write(stream, text,
              (size_t)snprintf(text, sizeof text, "%s=%s\n", name, value == NULL ? "-" : value));
}

static void tell_number(evf_stream *stream, const char *name, int64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)value);
    tell(stream, name, text);
}

static void on_open(evf_stream *stream)
{
    const evf_instance *instance = evf_stream_instance(stream);

    tell(stream, "text", evf_option_string(instance, "text"));
    tell_number(stream, "number", evf_option_int(instance, "number"));
    tell(stream, "flag", evf_option_bool(instance, "flag") ? "true" : "false");
    tell_number(stream, "size", evf_option_int(instance, "size"));
    tell_number(stream, "time", evf_option_int(instance, "time"));
    tell(stream, "path", evf_option_string(instance, "path"));
    tell(stream, "target", evf_option_string(instance, "target"));
    tell(stream, "colour", evf_option_string(instance, "colour"));
    tell_number(stream, "words", evf_option_count(instance, "word"));
    for (unsigned i = 0; i < evf_option_count(instance, "word"); i++)
        tell(stream, "word", evf_option_string_at(instance, "word", i));
    tell(stream, "beyond", evf_option_string_at(instance, "word", 100));
    tell(stream, "must", evf_option_string(instance, "must"));
    evf_end(stream);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = on_open,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "values",
    .version = "1.0.0",
    .summary = "tells its options",
    .options = options,
    .handler = &handler,
};
