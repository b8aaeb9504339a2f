/* SPDX-License-Identifier: MIT
 *
 * Test plugin: idle times. A line with a number sets so many milliseconds and answers "set\n". At
 * the time-out it logs `expired DEADLINE NOW`, both on the worker's clock.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

struct idle {
    uint64_t deadline;
};

static size_t on_data(evf_stream *stream, evf_slice input)
{
    struct idle *idle = evf_stream_state(stream);
    char text[32]; /* input is not terminated */
    uint32_t ms;

    if (memchr(input.data, '\n', input.len) == NULL)
        return 0;
    snprintf(text, sizeof text, "%.*s", (int)input.len, (const char *)input.data);
    ms = (uint32_t)strtoul(text, NULL, 10);
    evf_set_timeout(stream, ms);
    idle->deadline = evf_now(evf_stream_worker(stream)) + ms;
    evf_write(stream, "set\n", 4);
    return input.len;
}

static bool on_timeout(evf_stream *stream)
{
    struct idle *idle = evf_stream_state(stream);

    evf_log(EVF_INFO, "expired %llu %llu", (unsigned long long)idle->deadline,
            (unsigned long long)evf_now(evf_stream_worker(stream)));
    return false;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct idle),
    .data = on_data,
    .timeout = on_timeout,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "idle",
    .version = "1.0.0",
    .summary = "sets idle times",
    .handler = &handler,
};
