/* SPDX-License-Identifier: MIT
 *
 * A planted bug: a long answer is written until the queue is full, and goes on at drain; but when
 * the queue is full for a second time nobody goes on.
 */
#include <stdlib.h>
#include <string.h>

#include <evframe/evframe.h>

struct state {
    size_t left;
    bool full;
};

static void go_on(evf_stream *stream)
{
    static const char block[512];
    struct state *state = evf_stream_state(stream);
    while (state->left > 0) {
        size_t len = state->left < sizeof block ? state->left : sizeof block;
        int status = evf_write(stream, block, len);
        if (status < 0)
            return;
        state->left -= len;
        if (status == EVF_FULL) {
            state->full = true;
            return;
        }
    }
}

/* Each byte is worth 2 KiB. */
static size_t data(evf_stream *stream, evf_slice input)
{
    struct state *state = evf_stream_state(stream);
    state->left += 2048 * input.len;
    go_on(stream);
    return input.len;
}

static void drain(evf_stream *stream)
{
    struct state *state = evf_stream_state(stream);
    if (!state->full)
        return;
    static bool once; /* the bug: it should belong to the stream, and there should be none */
    if (once)
        return;
    once = true;
    state->full = false;
    go_on(stream);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .data = data,
    .drain = drain,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "forgets_drain",
    .version = "1.0.0",
    .handler = &handler,
};
