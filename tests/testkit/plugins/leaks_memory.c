/* SPDX-License-Identifier: MIT
 *
 * A planted bug: memory for a session is forgotten when there is none for its name.
 */
#include <stdlib.h>
#include <string.h>

#include <evframe/evframe.h>

struct state {
    char *session, *name;
};

static void opened(evf_stream *stream)
{
    char *session = malloc(100), *name = strdup("somebody");
    struct state *state = evf_stream_state(stream);
    if (session == NULL || name == NULL) {
        free(name);
        evf_close(stream); /* the bug: session is lost */
        return;
    }
    state->session = session;
    state->name = name;
}

static size_t data(evf_stream *stream, evf_slice input)
{
    evf_write(stream, input.data, input.len);
    return input.len;
}

static void closed(evf_stream *stream, int reason)
{
    struct state *state = evf_stream_state(stream);
    (void)reason;
    free(state->session);
    free(state->name);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .open = opened,
    .data = data,
    .close = closed,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "leaks_memory",
    .version = "1.0.0",
    .handler = &handler,
};
