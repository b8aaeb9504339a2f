/* SPDX-License-Identifier: MIT
 *
 * Test plugin: a counter and a gauge. Every byte received counts; the gauge is the number of
 * connections. "set N\n" is answered once the worker's share of the gauge `level` is N.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

struct tally {
    evf_counter *bytes;
    evf_gauge *present, *level;
};

static void on_open(evf_stream *stream)
{
    struct tally *tally = evf_instance_state(evf_stream_instance(stream));

    evf_gauge_add(tally->present, 1);
}

static void set_level(struct tally *tally, evf_slice input)
{
    char text[32]; /* input is not terminated */

    snprintf(text, sizeof text, "%.*s", (int)input.len - 4, (const char *)input.data + 4);
    evf_gauge_set(tally->level, strtol(text, NULL, 10));
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    struct tally *tally = evf_instance_state(evf_stream_instance(stream));

    if (input.data[input.len - 1] != '\n')
        return 0;
    evf_counter_add(tally->bytes, input.len);
    evf_counter_add(NULL, 1);
    if (memcmp(input.data, "set ", 4) == 0)
        set_level(tally, input);
    evf_write(stream, "ok\n", 3);
    return input.len;
}

static void on_close(evf_stream *stream, int reason)
{
    struct tally *tally = evf_instance_state(evf_stream_instance(stream));

    (void)reason;
    evf_gauge_add(tally->present, -1);
}

static int start(evf_instance *instance)
{
    struct tally *tally = evf_instance_state(instance);

    tally->bytes = evf_counter_new(instance, "tally_bytes", "bytes of whole lines");
    tally->present = evf_gauge_new(instance, "tally_present", "connections");
    tally->level = evf_gauge_new(instance, "tally_level", "what a peer set");
    return tally->bytes == NULL || tally->present == NULL || tally->level == NULL
               ? evf_fail(instance, "no figures")
               : 0;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = on_open,
    .data = on_data,
    .close = on_close,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "tally",
    .version = "1.0.0",
    .summary = "counts",
    .handler = &handler,
    .instance_state_size = sizeof(struct tally),
    .start = start,
};
