/* SPDX-License-Identifier: MIT
 *
 * A planted bug: what one peer says the one who came last hears, also when that one is gone.
 */
#include <stdlib.h>
#include <string.h>

#include <evframe/evframe.h>

struct state {
    evf_stream *last;
};

static struct state *state_of(evf_stream *stream)
{
    return evf_worker_state(evf_stream_instance(stream), evf_stream_worker(stream));
}

static void opened(evf_stream *stream)
{
    state_of(stream)->last = stream;
}

static size_t data(evf_stream *stream, evf_slice input)
{
    evf_write(state_of(stream)->last, input.data, input.len);
    return input.len;
}

/* The bug: there is no `close` that forgets the stream. */
static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = opened,
    .data = data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "keeps_stream",
    .version = "1.0.0",
    .handler = &handler,
    .worker_state_size = sizeof(struct state),
};
