/* SPDX-License-Identifier: MIT
 *
 * A planted bug: a greeting is kept up to the end, and given back at the end; but when the peer
 * resets, `end` does not come.
 */
#include <stdlib.h>
#include <string.h>

#include <evframe/evframe.h>

struct state {
    evf_slice first;
};

static size_t data(evf_stream *stream, evf_slice input)
{
    struct state *state = evf_stream_state(stream);
    if (state->first.page == NULL)
        state->first = evf_slice_keep(input);
    evf_write_slice(stream, input);
    return input.len;
}

static void end(evf_stream *stream)
{
    struct state *state = evf_stream_state(stream);
    evf_write_slice(stream, state->first);
    evf_slice_drop(state->first); /* the bug: it should be in `close` */
    evf_end(stream);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .data = data,
    .end = end,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "leaks_slice",
    .version = "1.0.0",
    .handler = &handler,
};
