/* myproto: every byte comes back. PROTOCOL.md says it in full.
 *
 * Everything below runs on the thread of the stream's worker, one callback at a time: there is
 * nothing to lock. Only what `start` has filled is shared, and nobody writes it afterwards.
 */
#include <evframe/evframe.h>

#include <string.h>

/* One for each --listen that uses the plugin. */
struct myproto_server {
    const char *greeting;
    evf_counter *bytes;
};

static int myproto_start(evf_instance *instance)
{
    struct myproto_server *server = evf_instance_state(instance);
    server->greeting = evf_option_string(instance, "greeting");
    server->bytes = evf_counter_new(instance, "bytes_returned", "bytes sent back");
    return 0;
}

static void myproto_open(evf_stream *stream)
{
    const struct myproto_server *server = evf_instance_state(evf_stream_instance(stream));
    if (server->greeting == NULL)
        return;
    struct iovec pieces[] = { { (void *)server->greeting, strlen(server->greeting) },
                              { (void *)"\n", 1 } };
    int result = evf_writev(stream, pieces, 2);
    if (result < 0)
        evf_close_with(stream, result);
}

/* Input comes as the network has cut it, and goes back as it is, without a copy. Where the peer
 * does not read, the framework stops reading from it, because the handler has no `drain`. */
static size_t myproto_data(evf_stream *stream, evf_slice input)
{
    const struct myproto_server *server = evf_instance_state(evf_stream_instance(stream));

    if (evf_ready_state(stream) == EVF_READ_ONLY) /* the server stops */
        return input.len;

    int result = evf_write_slice(stream, input);
    if (result < 0)
        evf_close_with(stream, result);
    else
        evf_counter_add(server->bytes, input.len);
    return input.len;
}

static const struct evf_option options[] = {
    { .name = "greeting", .type = EVF_OPTION_STRING, .help = "a line that is said first" },
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
    .summary = "sends every byte back",
    .options = options,
    .handler = &myproto_handler,
    .instance_state_size = sizeof(struct myproto_server),
    .start = myproto_start,
};
