/* SPDX-License-Identifier: MIT
 *
 * A planted bug: what has come is remembered by its address, and looked at when more has come.
 */
#include <stdlib.h>
#include <string.h>

#include <evframe/evframe.h>

struct state {
    const uint8_t *first;
    size_t len;
};

static size_t data(evf_stream *stream, evf_slice input)
{
    struct state *state = evf_stream_state(stream);
    if (state->first == NULL) {
        state->first = input.data; /* the bug: it is gone when this returns */
        state->len = input.len;
        return input.len;
    }
    evf_write(stream, state->first, state->len);
    return input.len;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .data = data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "keeps_address",
    .version = "1.0.0",
    .handler = &handler,
};
