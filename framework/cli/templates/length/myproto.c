/* myproto: messages with their length in front, each sent back. PROTOCOL.md says it in full.
 *
 * Everything below runs on the thread of the stream's worker, one callback at a time: there is
 * nothing to lock. Only what `start` has filled is shared, and nobody writes it afterwards.
 */
#include <evframe/evframe.h>

enum { HEADER_SIZE = 4 };

/* One for each --listen that uses the plugin. */
struct myproto_server {
    size_t max_message;
    evf_counter *messages;
};

static size_t read_length(const uint8_t *header)
{
    return (size_t)header[0] << 24 | (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];
}

static void write_length(uint8_t *header, size_t len)
{
    header[0] = (uint8_t)(len >> 24);
    header[1] = (uint8_t)(len >> 16);
    header[2] = (uint8_t)(len >> 8);
    header[3] = (uint8_t)len;
}

/* Answers one message. Returns what the write has returned. */
static int answer(evf_stream *stream, const uint8_t *message, size_t len)
{
    uint8_t header[HEADER_SIZE];
    write_length(header, len);
    struct iovec pieces[] = { { header, sizeof(header) }, { (void *)message, len } };
    return evf_writev(stream, pieces, 2);
}

static int myproto_start(evf_instance *instance)
{
    struct myproto_server *server = evf_instance_state(instance);
    server->max_message = (size_t)evf_option_int(instance, "max-message");
    server->messages = evf_counter_new(instance, "messages", "messages answered");
    return 0;
}

static void myproto_open(evf_stream *stream)
{
    const struct myproto_server *server = evf_instance_state(evf_stream_instance(stream));
    evf_set_max_frame(stream, HEADER_SIZE + server->max_message);
}

/* Input comes as the network has cut it: half a message, or a hundred of them. What is not consumed
 * comes again in front of what follows. */
static size_t myproto_data(evf_stream *stream, evf_slice input)
{
    const struct myproto_server *server = evf_instance_state(evf_stream_instance(stream));
    size_t used = 0;

    if (evf_ready_state(stream) == EVF_READ_ONLY) /* refused, or the server stops */
        return input.len;

    evf_cork(stream); /* the answers to all these messages leave together */
    while (input.len - used >= HEADER_SIZE) {
        const uint8_t *frame = input.data + used;
        size_t len = read_length(frame);
        if (len > server->max_message) {
            /* What was answered still goes out; what the peer still sends is discarded. */
            evf_log(EVF_INFO, "a message of %zu bytes is too long", len);
            evf_end(stream);
            used = input.len;
            break;
        }
        if (input.len - used - HEADER_SIZE < len) {
            evf_need(stream, HEADER_SIZE + len); /* do not call again before it is complete */
            break;
        }

        used += HEADER_SIZE + len;
        evf_counter_add(server->messages, 1);
        int result = answer(stream, frame + HEADER_SIZE, len);
        if (result < 0)
            evf_close_with(stream, result);
        if (result < 0 || result == EVF_FULL)
            break; /* FULL: the peer reads slowly; the rest comes when it has caught up */
    }
    evf_uncork(stream);
    return used;
}

static const struct evf_option options[] = {
    { .name = "max-message",
      .type = EVF_OPTION_SIZE,
      .default_value = "64k",
      .help = "the longest message, without its length",
      .min = 1,
      .max = 16 * 1024 * 1024 },
    { 0 },
};

static const struct evf_handler myproto_handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = myproto_open,
    .data = myproto_data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "myproto",
    .version = "0.1.0",
    .summary = "sends each length-prefixed message back",
    .options = options,
    .handler = &myproto_handler,
    .instance_state_size = sizeof(struct myproto_server),
    .start = myproto_start,
};
