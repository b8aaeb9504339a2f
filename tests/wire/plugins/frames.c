/* SPDX-License-Identifier: MIT
 *
 * Test plugin: frames of a length in four bytes, most significant first, and so many bytes. Each is
 * answered with "LENGTH SUM\n". Nothing of a frame is consumed before all of it is there; what is
 * left when the peer ends is reported as "rest N\n". Option `need`: tell evf_need what is missing.
 */
#include "report.h"

static bool uses_need(evf_stream *stream)
{
    return evf_option_bool(evf_stream_instance(stream), "need");
}

static void answer(evf_stream *stream, const uint8_t *bytes, size_t len)
{
    char text[64];
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + bytes[i];
    evf_write(stream, text, (size_t)snprintf(text, sizeof text, "%zu %u\n", len, sum));
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    size_t taken = 0;

    while (input.len - taken >= 4) {
        const uint8_t *at = input.data + taken;
        size_t len = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];

        if (input.len - taken - 4 < len) {
            if (uses_need(stream))
                evf_need(stream, len + 4);
            break;
        }
        answer(stream, at + 4, len);
        taken += 4 + len;
    }
    if (evf_input_ended(stream) && taken < input.len) {
        char text[64];

        evf_write(stream, text,
                  (size_t)snprintf(text, sizeof text, "rest %zu\n", input.len - taken));
    }
    return taken;
}

static void on_close(evf_stream *stream, int reason)
{
    report(stream, "close %s", report_status(reason));
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = on_data,
    .close = on_close,
};

static const struct evf_option options[] = {
    { .name = "need", .type = EVF_OPTION_BOOL, .default_value = "off", .help = "use evf_need" },
    { 0 },
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "frames",
    .version = "1.0.0",
    .summary = "length-prefixed frames",
    .options = options,
    .handler = &handler,
};
