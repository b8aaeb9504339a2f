/* SPDX-License-Identifier: MIT
 *
 * Test plugin: breaks the rule of the API that its option says, in `data`, on a worker's second
 * stream where a first one must be over.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <evframe/evframe.h>

struct state {
    struct evf_timer timer;
};

static const char *rule = "";
static evf_stream *gone; /* a stream whose `close` has returned */
static evf_slice late;   /* a slice whose callback has returned */
static evf_counter *counter;
static struct evf_message message;

static void on_timer(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    (void)worker;
    (void)timer;
    (void)argument;
}

static void on_post(evf_worker *worker, void *argument)
{
    (void)worker;
    (void)argument;
}

static void on_work(void *argument)
{
    if (strcmp(rule, "thread") == 0)
        evf_write(argument, "x", 1);
    else if (strcmp(rule, "counter thread") == 0)
        evf_counter_add(counter, 1);
}

static void on_done(evf_worker *worker, void *argument)
{
    (void)worker;
    (void)argument;
}

static void on_resolved(evf_worker *worker, int status, const struct sockaddr_storage *addresses,
                        size_t count, void *argument)
{
    evf_lookup *lookup = *(evf_lookup **)argument;

    (void)worker;
    (void)status;
    (void)addresses;
    (void)count;
    evf_resolve_cancel(lookup);
}

static void drop_twice(evf_worker *worker)
{
    evf_slice slice;

    if (evf_slice_new(worker, "abc", 3, &slice) != 0)
        abort();
    evf_slice_drop(slice);
    evf_slice_drop(slice);
}

static void start_on_garbage(evf_worker *worker)
{
    static struct evf_timer timer;

    memset(&timer, 0x5a, sizeof timer);
    evf_timer_start(worker, &timer, 10, on_timer, NULL);
}

static void overwrite_running(evf_worker *worker)
{
    static struct evf_timer timer;
    static const uint64_t nothing[2];

    evf_timer_start(worker, &timer, 1000, on_timer, NULL);
    memcpy(&timer.private_[6], nothing, sizeof nothing);
    evf_timer_stop(&timer);
}

static void with_slices(evf_stream *stream, evf_slice input)
{
    evf_worker *worker = evf_stream_worker(stream);

    if (strcmp(rule, "drop") == 0)
        drop_twice(worker);
    else if (strcmp(rule, "sub") == 0)
        (void)evf_slice_sub(input, 1, input.len);
    else if (strcmp(rule, "keep") == 0 && late.page != NULL)
        (void)evf_slice_keep(late);
    else if (strcmp(rule, "write late") == 0 && late.page != NULL)
        evf_write_slice(stream, late);
    late = input;
}

static void with_timers(evf_stream *stream)
{
    evf_worker *worker = evf_stream_worker(stream);
    struct state *state = evf_stream_state(stream);

    if (strcmp(rule, "timer") == 0) {
        evf_timer_start(worker, &state->timer, 60000, on_timer, NULL);
        evf_close(stream);
    } else if (strcmp(rule, "timer garbage") == 0) {
        start_on_garbage(worker);
    } else if (strcmp(rule, "timer overwritten") == 0) {
        overwrite_running(worker);
    } else if (strcmp(rule, "timer nothing") == 0) {
        evf_timer_start(worker, &state->timer, 1, NULL, NULL);
    }
}

static void with_workers(evf_stream *stream)
{
    static evf_lookup *lookup;
    evf_worker *worker = evf_stream_worker(stream);
    evf_instance *instance = evf_stream_instance(stream);

    if (strcmp(rule, "thread") == 0 || strcmp(rule, "counter thread") == 0)
        evf_offload(worker, on_work, on_done, stream);
    else if (strcmp(rule, "other worker") == 0)
        (void)evf_worker_state(instance, evf_worker_at(instance, 1 - evf_worker_index(worker)));
    else if (strcmp(rule, "message") == 0) {
        evf_post_message(worker, &message, on_post, NULL);
        evf_post_message(worker, &message, on_post, NULL);
    } else if (strcmp(rule, "post nothing") == 0)
        evf_post(worker, NULL, NULL);
    else if (strcmp(rule, "cancel") == 0)
        evf_resolve(worker, "127.0.0.1", AF_INET, on_resolved, &lookup, &lookup);
    else if (strcmp(rule, "counter") == 0)
        (void)evf_counter_new(instance, "late", "too late");
    else if (strcmp(rule, "option") == 0)
        (void)evf_option_int(instance, "no-such-option");
    else if (strcmp(rule, "option type") == 0)
        (void)evf_option_int(instance, "rule");
    else if (strcmp(rule, "fail") == 0)
        (void)evf_fail(instance, "too late");
}

static void with_streams(evf_stream *stream)
{
    if (strcmp(rule, "closed write") == 0 && gone != NULL)
        evf_write(gone, "x", 1);
    else if (strcmp(rule, "closed fact") == 0 && gone != NULL)
        (void)evf_peer_name(gone, (char[EVF_PEER_NAME_SIZE]){ 0 }, EVF_PEER_NAME_SIZE);
    else if (strcmp(rule, "closed state") == 0 && gone != NULL)
        (void)evf_stream_state(gone);
    else if (strcmp(rule, "closed close") == 0 && gone != NULL)
        evf_close(gone);
    else if (strcmp(rule, "no stream") == 0)
        evf_write(NULL, "x", 1);
    else if (strcmp(rule, "no bytes") == 0)
        evf_write(stream, NULL, 1);
    else if (strcmp(rule, "owned") == 0)
        evf_write_owned(stream, "x", 1, NULL, NULL);
    else if (strcmp(rule, "reason") == 0)
        evf_close_with(stream, 1);
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    with_streams(stream);
    with_slices(stream, input);
    with_timers(stream);
    with_workers(stream);
    evf_write(stream, "ok\n", 3);
    return strcmp(rule, "consumed") == 0 ? input.len + 1 : input.len;
}

static void on_close(evf_stream *stream, int reason)
{
    (void)reason;
    gone = stream;
}

static int on_start(evf_instance *instance)
{
    rule = evf_option_string(instance, "rule");
    counter = evf_counter_new(instance, "things", "some things");
    return strcmp(rule, "start") == 0 ? 1 : 0;
}

static int on_worker_start(evf_instance *instance, evf_worker *worker)
{
    struct state *state = evf_worker_state(instance, worker);

    if (strcmp(rule, "worker timer") == 0)
        evf_timer_start(worker, &state->timer, 60000, on_timer, NULL);
    return strcmp(rule, "worker start") == 0 ? 1 : 0;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .data = on_data,
    .close = on_close,
};

static const struct evf_option options[] = {
    { .name = "rule", .type = EVF_OPTION_STRING, .default_value = "" },
    { .name = NULL },
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "misuse",
    .version = "0.9",
    .summary = "breaks a rule",
    .options = options,
    .handler = &handler,
    .worker_state_size = sizeof(struct state),
    .start = on_start,
    .worker_start = on_worker_start,
};
