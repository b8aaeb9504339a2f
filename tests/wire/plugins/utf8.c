/* SPDX-License-Identifier: MIT
 *
 * Test plugin: text in utf-8. It consumes whole characters only and sends them back one by one,
 * each in a message of its own: `[CHARACTER]`. Ill-formed input is answered with "ill-formed at
 * OFFSET\n" and ends the stream; a character that is cut when the peer ends, with "cut at OFFSET,
 * N missing\n".
 */
#include <string.h>

#include "report.h"

struct state {
    struct evf_utf8 utf8;
    bool refused;
};

static size_t size_of(uint8_t first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static void send_back(evf_stream *stream, const uint8_t *text, size_t len)
{
    char message[8];

    for (size_t at = 0; at < len; at += size_of(text[at])) {
        size_t size = size_of(text[at]);

        message[0] = '[';
        memcpy(message + 1, text + at, size);
        message[size + 1] = ']';
        evf_write(stream, message, size + 2);
    }
}

static void say(evf_stream *stream, const char *text)
{
    evf_write(stream, text, strlen(text));
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    struct state *state = evf_stream_state(stream);
    char text[100];

    if (state->refused)
        return input.len;
    size_t valid = evf_utf8_check(&state->utf8, input.data, input.len);
    send_back(stream, input.data, valid);
    if (evf_utf8_failed(&state->utf8)) {
        snprintf(text, sizeof text, "ill-formed at %llu\n", (unsigned long long)state->utf8.offset);
        say(stream, text);
        evf_end(stream);
        state->refused = true;
        return input.len;
    }
    return valid;
}

static void on_end(evf_stream *stream)
{
    const struct state *state = evf_stream_state(stream);
    char text[100];

    if (!state->refused && state->utf8.missing > 0) {
        snprintf(text, sizeof text, "cut at %llu, %u missing\n",
                 (unsigned long long)state->utf8.offset, state->utf8.missing);
        say(stream, text);
    }
    evf_end(stream);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .data = on_data,
    .end = on_end,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "utf8",
    .version = "1.0.0",
    .summary = "sends characters back one by one",
    .handler = &handler,
};
