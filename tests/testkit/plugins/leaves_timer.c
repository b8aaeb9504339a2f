/* SPDX-License-Identifier: MIT
 *
 * A planted bug: a timer in memory of its own is left running when its stream closes.
 */
#include <stdlib.h>
#include <string.h>

#include <evframe/evframe.h>

struct state {
    struct evf_timer *timer;
};

static void late(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    (void)worker;
    (void)timer;
    (void)argument;
}

static void opened(evf_stream *stream)
{
    struct state *state = evf_stream_state(stream);
    state->timer = calloc(1, sizeof *state->timer);
    if (state->timer != NULL)
        evf_timer_start(evf_stream_worker(stream), state->timer, 3600 * 1000, late, NULL);
}

static size_t data(evf_stream *stream, evf_slice input)
{
    evf_write(stream, input.data, input.len);
    return input.len;
}

/* The bug: there is no `close` that stops it. */
static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .open = opened,
    .data = data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "leaves_timer",
    .version = "1.0.0",
    .handler = &handler,
};
