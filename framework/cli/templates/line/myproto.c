/* myproto: lines of text, each answered with its length. PROTOCOL.md says it in full.
 *
 * Everything below runs on the thread of the stream's worker, one callback at a time: there is
 * nothing to lock. Only what `start` has filled is shared, and nobody writes it afterwards.
 */
#include <evframe/evframe.h>

#include <stdio.h>
#include <string.h>

/* One for each --listen that uses the plugin. */
struct myproto_server {
    size_t max_line;
    evf_counter *lines;
};

/* One for each connection, zeroed. */
struct myproto_stream {
    size_t seen; /* so many bytes of the unfinished line were looked at */
};

/* Answers one line, which comes without its end. Returns what the write has returned. */
static int answer(evf_stream *stream, const char *line, size_t len)
{
    char text[32];
    (void)line;
    int size = snprintf(text, sizeof(text), "%zu\n", len);
    return evf_write(stream, text, (size_t)size);
}

/* Says why, and ends. What the peer still sends is discarded until it ends too: closing at once
 * could lose it the answer. */
static size_t refuse(evf_stream *stream, const char *why, size_t input)
{
    int result = evf_write_last(stream, why, strlen(why));
    if (result < 0)
        evf_close_with(stream, result);
    return input;
}

static int myproto_start(evf_instance *instance)
{
    struct myproto_server *server = evf_instance_state(instance);
    server->max_line = (size_t)evf_option_int(instance, "max-line");
    server->lines = evf_counter_new(instance, "lines", "lines answered");
    return 0;
}

static void myproto_open(evf_stream *stream)
{
    const struct myproto_server *server = evf_instance_state(evf_stream_instance(stream));
    evf_set_max_frame(stream, server->max_line);
}

/* Input comes as the network has cut it: half a line, or a hundred of them. What is not consumed
 * comes again in front of what follows. */
static size_t myproto_data(evf_stream *stream, evf_slice input)
{
    const struct myproto_server *server = evf_instance_state(evf_stream_instance(stream));
    struct myproto_stream *state = evf_stream_state(stream);
    size_t used = 0;

    if (evf_ready_state(stream) == EVF_READ_ONLY) /* refused, or the server stops */
        return input.len;

    evf_cork(stream); /* the answers to all these lines leave together */
    while (used < input.len) {
        const char *line = (const char *)input.data + used;
        size_t left = input.len - used;
        const char *end = memchr(line + state->seen, '\n', left - state->seen);
        if (end == NULL && left >= server->max_line) {
            used = refuse(stream, "line too long\n", input.len);
            break;
        }
        if (end == NULL && !evf_input_ended(stream)) {
            state->seen = left;
            break;
        }

        size_t len = end != NULL ? (size_t)(end - line) : left;
        used += end != NULL ? len + 1 : len;
        state->seen = 0;
        if (len > 0 && line[len - 1] == '\r')
            len--;
        evf_counter_add(server->lines, 1);
        int result = answer(stream, line, len);
        if (result < 0)
            evf_close_with(stream, result);
        if (result < 0 || result == EVF_FULL)
            break; /* FULL: the peer reads slowly; the rest comes when it has caught up */
    }
    evf_uncork(stream);
    return used;
}

static const struct evf_option options[] = {
    { .name = "max-line",
      .type = EVF_OPTION_SIZE,
      .default_value = "4k",
      .help = "the longest line, its end included",
      .min = 2,
      .max = 1024 * 1024 },
    { 0 },
};

static const struct evf_handler myproto_handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct myproto_stream),
    .open = myproto_open,
    .data = myproto_data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "myproto",
    .version = "0.1.0",
    .summary = "answers each line with its length",
    .options = options,
    .handler = &myproto_handler,
    .instance_state_size = sizeof(struct myproto_server),
    .start = myproto_start,
};
