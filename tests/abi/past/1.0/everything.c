/* SPDX-License-Identifier: MIT
 *
 * A plugin as it was written and built for ABI 1.0: against the headers beside it, which stay as
 * they were. It uses every callback, every type of option and every public struct of that version.
 *
 * It sends lines back. `fill N` writes N bytes in every way and says "filled" in `drain`; `idle`
 * sets a short idle time, which `timeout` lengthens once; `work`, `timer`, `post` and `kept` answer
 * by way of a helper thread, a timer, a message and a slice held over the call.
 */
#include <evframe/evframe.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if EVF_ABI_MAJOR != 1 || EVF_ABI_MINOR != 0
#error "this plugin is built against the headers of ABI 1.0"
#endif

struct state {
    struct evf_timer timer;
    struct evf_message message;
    evf_slice held;
    bool filled, lengthened;
};

struct shared {
    int64_t number;
};

struct job {
    uint64_t stream_id;
    const char *answer;
};

static evf_counter *lines;
static evf_gauge *open_now;
static FILE *file;

static void say(evf_stream *stream, const char *text)
{
    evf_write(stream, text, strlen(text));
}

static void on_open(evf_stream *stream)
{
    evf_gauge_add(open_now, 1);
    evf_log(EVF_INFO, "past open;");
    say(stream, "welcome\n");
}

static void release(void *argument)
{
    free(argument);
}

/* len bytes, 1 to 'a', in one of the six ways. */
static int write_way(evf_stream *stream, unsigned way, size_t len)
{
    static char bytes[4096];
    struct iovec halves[] = { { bytes, len / 2 }, { bytes, len - len / 2 } };
    evf_slice slice;
    int status;
    memset(bytes, 'a', sizeof bytes);
    switch (way) {
    case 0:
        return evf_write(stream, bytes, len);
    case 1:
        if ((status = evf_slice_new(evf_stream_worker(stream), bytes, len, &slice)) == 0) {
            status = evf_write_slice(stream, slice);
            evf_slice_drop(slice);
        }
        return status;
    case 2:
        return evf_write_static(stream, bytes, len);
    case 3:
        return evf_write_owned(stream, bytes, len, release, malloc(1));
    case 4:
        return evf_writev(stream, halves, 2);
    default:
        return evf_sendfile(stream, fileno(file), 0, len);
    }
}

static void fill(evf_stream *stream, size_t len)
{
    struct state *state = evf_stream_state(stream);
    evf_cork(stream);
    for (unsigned way = 0; len > 0; way = (way + 1) % 6) {
        size_t part = len < 4096 ? len : 4096;
        if (write_way(stream, way, part) < 0)
            return;
        len -= part;
    }
    evf_uncork(stream);
    state->filled = true;
}

static void on_drain(evf_stream *stream)
{
    struct state *state = evf_stream_state(stream);
    if (state->filled && evf_queued(stream) == 0)
        say(stream, "filled\n");
    state->filled = false;
}

static void work(void *argument)
{
    struct job *job = argument;
    job->answer = "worked\n";
}

static void done(evf_worker *worker, void *argument)
{
    struct job *job = argument;
    evf_stream *stream = evf_stream_find(worker, job->stream_id);
    if (stream != NULL)
        say(stream, job->answer);
    free(job);
}

static void on_timer(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    say(argument, evf_now(worker) > 0 && !evf_timer_running(timer) ? "ticked\n" : "wrong\n");
}

static void on_post(evf_worker *worker, void *argument)
{
    say(argument, worker == evf_stream_worker(argument) ? "posted\n" : "wrong\n");
}

static void offload(evf_stream *stream)
{
    struct job *job = malloc(sizeof *job);
    *job = (struct job){ .stream_id = evf_stream_id(stream) };
    if (evf_offload(evf_stream_worker(stream), work, done, job) != 0)
        abort();
}

static void obey(evf_stream *stream, evf_slice line)
{
    struct state *state = evf_stream_state(stream);
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)line.len, (const char *)line.data);
    evf_counter_add(lines, 1);
    if (strncmp(text, "fill ", 5) == 0) {
        fill(stream, strtoul(text + 5, NULL, 10));
    } else if (strcmp(text, "idle\n") == 0) {
        evf_set_timeout(stream, 50);
    } else if (strcmp(text, "work\n") == 0) {
        offload(stream);
    } else if (strcmp(text, "timer\n") == 0) {
        evf_timer_start(evf_stream_worker(stream), &state->timer, 1, on_timer, stream);
    } else if (strcmp(text, "post\n") == 0) {
        if (evf_post_message(evf_stream_worker(stream), &state->message, on_post, stream) != 0)
            abort();
    } else if (strncmp(text, "keep ", 5) == 0) {
        state->held = evf_slice_keep(evf_slice_sub(line, 5, line.len - 5));
    } else if (strcmp(text, "kept\n") == 0) {
        evf_write_slice(stream, state->held);
        evf_slice_drop(state->held);
    } else {
        evf_write_slice(stream, line);
    }
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    size_t taken = 0;
    const uint8_t *end;
    while ((end = memchr(input.data + taken, '\n', input.len - taken)) != NULL) {
        size_t len = (size_t)(end - input.data) + 1 - taken;
        obey(stream, evf_slice_sub(input, taken, len));
        taken += len;
    }
    return taken;
}

static void on_end(evf_stream *stream)
{
    say(stream, "goodbye\n");
    evf_end(stream);
}

static bool on_timeout(evf_stream *stream)
{
    struct state *state = evf_stream_state(stream);
    bool keep = !state->lengthened;
    state->lengthened = true;
    if (keep)
        say(stream, "once more\n");
    return keep;
}

static void on_quiesce(evf_stream *stream)
{
    say(stream, "stopping\n");
    evf_end(stream);
}

static void on_close(evf_stream *stream, int reason)
{
    struct state *state = evf_stream_state(stream);
    char name[EVF_PEER_NAME_SIZE];
    evf_timer_stop(&state->timer);
    evf_gauge_add(open_now, -1);
    evf_log(EVF_INFO, "past close %s: %s;", evf_peer_name(stream, name, sizeof name),
            evf_strerror(reason));
}

/* Nothing of 1.0 calls what lies behind its handler. */
static void never(void)
{
    abort();
}

static const struct {
    struct evf_handler handler;
    void (*behind[8])(void);
} known = {
    .handler = {
        .struct_size = sizeof(struct evf_handler),
        .stream_state_size = sizeof(struct state),
        .open = on_open,
        .data = on_data,
        .end = on_end,
        .drain = on_drain,
        .timeout = on_timeout,
        .quiesce = on_quiesce,
        .close = on_close,
    },
    .behind = { never, never, never, never, never, never, never, never },
};

static const char *const choices[] = { "left", "right", NULL };

static const struct evf_option options[] = {
    { .name = "text", .type = EVF_OPTION_STRING, .default_value = "t" },
    { .name = "number", .type = EVF_OPTION_INT, .default_value = "7", .min = 1, .max = 9 },
    { .name = "switch", .type = EVF_OPTION_BOOL, .default_value = "on" },
    { .name = "size", .type = EVF_OPTION_SIZE, .default_value = "2k" },
    { .name = "time", .type = EVF_OPTION_DURATION, .default_value = "3s" },
    { .name = "path", .type = EVF_OPTION_PATH },
    { .name = "address", .type = EVF_OPTION_ADDRESS | EVF_OPTION_REPEATABLE },
    { .name = "side", .type = EVF_OPTION_CHOICE, .default_value = "left", .choices = choices },
    { 0 },
};

static int start(evf_instance *instance)
{
    struct shared *shared = evf_instance_state(instance);
    shared->number = evf_option_int(instance, "number");
    lines = evf_counter_new(instance, "past_lines", "lines that came");
    open_now = evf_gauge_new(instance, "past_open", "streams that are open");
    file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 4096) != 0)
        return evf_fail(instance, "no file: %s", strerror(errno));
    for (unsigned i = 0; i < 4096; i++)
        fputc('a', file);
    fflush(file);
    evf_log(EVF_INFO, "past start %s %d %d %d %d %s %u %s %s;", evf_option_string(instance, "text"),
            (int)shared->number, evf_option_bool(instance, "switch"),
            (int)evf_option_int(instance, "size"), (int)evf_option_int(instance, "time"),
            evf_option_string(instance, "path"), evf_option_count(instance, "address"),
            evf_option_string_at(instance, "address", 1), evf_option_string(instance, "side"));
    return 0;
}

static int worker_start(evf_instance *instance, evf_worker *worker)
{
    struct shared *mine = evf_worker_state(instance, worker);
    mine->number = 1 + (int64_t)evf_worker_index(worker);
    evf_log(EVF_INFO, "past worker_start %d of %u;", (int)mine->number, evf_worker_count(instance));
    return 0;
}

static void worker_stop(evf_instance *instance, evf_worker *worker)
{
    const struct shared *mine = evf_worker_state(instance, worker);
    evf_log(EVF_INFO, "past worker_stop %d %d;", (int)mine->number, evf_stopping(worker));
}

static void stop(evf_instance *instance)
{
    const struct shared *shared = evf_instance_state(instance);
    fclose(file);
    evf_log(EVF_INFO, "past stop %d;", (int)shared->number);
}

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "everything",
    .version = "1.0.0",
    .summary = "all of ABI 1.0",
    .options = options,
    .handler = &known.handler,
    .instance_state_size = sizeof(struct shared),
    .worker_state_size = sizeof(struct shared),
    .start = start,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .stop = stop,
};
