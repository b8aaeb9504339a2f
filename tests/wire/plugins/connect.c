/* SPDX-License-Identifier: MIT
 *
 * Test plugin: makes outgoing streams on command. Whoever connects gives commands, one or several
 * (joined by ';') a line, which are run in one `data`, and is told line by line what they answer
 * and what the outgoing streams' callbacks are: `NAME what`. The same goes to the log as `dial NAME
 * what;`, for what happens when nobody is left to be told.
 *
 *   dial NAME key=value …   host, port, unix, family (4, 6), timeout, delay, bind, size (of the
 *                           struct), handler (full, plain, short, tiny, huge, none)
 *   on NAME EVENT commands  to be run at that event, to the end of the line
 *
 * The others are in connect_commands.h. Option `start`: commands that each worker_start runs;
 * `fail` makes it fail after that.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../support/pattern.h"
#include "report.h"

enum { DIALS_MAX = 64, NAME_SIZE = 16, SCRIPT_SIZE = 200, LINE_SIZE = 2048 };

enum event { ON_OPEN, ON_DATA, ON_END, ON_DRAIN, ON_QUIESCE, ON_CLOSE, EVENTS };
static const char *const event_names[EVENTS] = {
    "open", "data", "end", "drain", "quiesce", "close"
};

/* An outgoing stream's state. */
struct dial {
    char name[NAME_SIZE];
    uint64_t control; /* the stream that asked for it */
    uint64_t drained; /* pattern bytes received, when it counts them */
    bool counts;
    char scripts[EVENTS][SCRIPT_SIZE];
};

struct worker {
    evf_instance *instance;
    evf_worker *worker;
    evf_stream *dials[DIALS_MAX];
    uint64_t control; /* who gives commands now; 0: nobody */
};

static void run_commands(struct worker *self, const char *commands);

static struct worker *worker_of(evf_stream *stream)
{
    return evf_worker_state(evf_stream_instance(stream), evf_stream_worker(stream));
}

/* Tells the log, and the control stream when it still stands. */
__attribute__((format(printf, 4, 5))) static void tell(struct worker *self, uint64_t control,
                                                       const char *name, const char *format, ...)
{
    char text[1500], line[1600];
    va_list arguments;
    evf_stream *stream = control != 0 ? evf_stream_find(self->worker, control) : NULL;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    evf_log(EVF_INFO, "dial %s %.900s;", name, text);
    if (stream != NULL)
        evf_write(stream, line, (size_t)snprintf(line, sizeof line, "%s %s\n", name, text));
}

#define TELL(stream, ...)                                                                          \
    tell(worker_of(stream), ((struct dial *)evf_stream_state(stream))->control,                    \
         ((struct dial *)evf_stream_state(stream))->name, __VA_ARGS__)

static void run_script(evf_stream *stream, enum event event)
{
    const struct dial *dial = evf_stream_state(stream);
    struct worker *self = worker_of(stream);
    uint64_t control = self->control;

    if (dial->scripts[event][0] == '\0')
        return;
    self->control = dial->control;
    run_commands(self, dial->scripts[event]);
    self->control = control;
}

/* ---- Outgoing streams ---- */

static void dial_open(evf_stream *stream)
{
    TELL(stream, "open");
    run_script(stream, ON_OPEN);
}

static size_t dial_data(evf_stream *stream, evf_slice input)
{
    struct dial *dial = evf_stream_state(stream);
    char text[200];

    if (dial->counts) {
        dial->drained += input.len;
        return input.len;
    }
    snprintf(text, sizeof text, "%.*s", (int)input.len, (const char *)input.data);
    for (char *at = text; *at != '\0'; at++)
        if (*at == '\n')
            *at = '|';
    TELL(stream, "data %s", text);
    run_script(stream, ON_DATA);
    return input.len;
}

static void dial_end(evf_stream *stream)
{
    const struct dial *dial = evf_stream_state(stream);

    if (dial->counts)
        TELL(stream, "counted %llu", (unsigned long long)dial->drained);
    TELL(stream, "end");
    if (dial->scripts[ON_END][0] != '\0')
        run_script(stream, ON_END);
    else
        evf_end(stream);
}

static void dial_drain(evf_stream *stream)
{
    TELL(stream, "drain %zu", evf_queued(stream));
    run_script(stream, ON_DRAIN);
}

static bool dial_timeout(evf_stream *stream)
{
    TELL(stream, "timeout");
    return false;
}

static void dial_quiesce(evf_stream *stream)
{
    TELL(stream, "quiesce");
    if (((struct dial *)evf_stream_state(stream))->scripts[ON_QUIESCE][0] != '\0')
        run_script(stream, ON_QUIESCE);
    else
        evf_end(stream);
}

static void dial_close(evf_stream *stream, int reason)
{
    struct worker *self = worker_of(stream);
    char words[1000];

    evf_connect_error(stream, words, sizeof words);
    TELL(stream, "close %s%s%s", report_status(reason), words[0] != '\0' ? ": " : "", words);
    run_script(stream, ON_CLOSE);
    for (unsigned i = 0; i < DIALS_MAX; i++)
        if (self->dials[i] == stream)
            self->dials[i] = NULL;
}

#define SLOTS                                                                                      \
    .stream_state_size = sizeof(struct dial), .open = dial_open, .data = dial_data,                \
    .end = dial_end, .drain = dial_drain, .timeout = dial_timeout, .close = dial_close

static const struct evf_handler full = {
    .struct_size = sizeof full,
    SLOTS,
    .quiesce = dial_quiesce,
};
static const struct evf_handler plain = { .struct_size = sizeof plain, SLOTS };
/* As it was in 1.0. */
static const struct evf_handler shorter = {
    .struct_size = offsetof(struct evf_handler, close) + sizeof(evf_close_fn *),
    SLOTS,
    .quiesce = dial_quiesce,
};
static const struct evf_handler tiny = { .struct_size = 16, SLOTS };
static const struct evf_handler huge = { .struct_size = sizeof huge,
                                         .stream_state_size = 64 * 1024 + 1 };

static const struct evf_handler *handler_named(const char *name)
{
    const struct {
        const char *name;
        const struct evf_handler *handler;
    } handlers[] = { { "full", &full }, { "plain", &plain }, { "short", &shorter },
                     { "tiny", &tiny }, { "huge", &huge },   { "none", NULL } };

    for (unsigned i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (strcmp(handlers[i].name, name) == 0)
            return handlers[i].handler;
    abort();
}

#include "connect_commands.h"

/* ---- The control streams ---- */

static size_t control_data(evf_stream *stream, evf_slice input)
{
    struct worker *self = worker_of(stream);
    size_t taken = 0;
    const uint8_t *end;

    while ((end = memchr(input.data + taken, '\n', input.len - taken)) != NULL) {
        char line[LINE_SIZE];
        size_t len = (size_t)(end - input.data) - taken;

        snprintf(line, sizeof line, "%.*s", (int)len, (const char *)input.data + taken);
        taken += len + 1;
        self->control = evf_stream_id(stream);
        run_commands(self, line);
        self->control = 0;
    }
    return taken;
}

/* Stays at the stop until its peer ends. */
static void control_quiesce(evf_stream *stream)
{
    (void)stream;
    evf_log(EVF_INFO, "control quiesce");
}

static void control_end(evf_stream *stream)
{
    evf_end(stream);
}

static const struct evf_handler control_handler = {
    .struct_size = sizeof control_handler,
    .data = control_data,
    .end = control_end,
    .quiesce = control_quiesce,
};

static int worker_start(evf_instance *instance, evf_worker *worker)
{
    struct worker *self = evf_worker_state(instance, worker);
    const char *commands = evf_option_string(instance, "start");

    self->instance = instance;
    self->worker = worker;
    if (commands != NULL)
        run_commands(self, commands);
    return evf_option_bool(instance, "fail") ? evf_fail(instance, "as was asked for") : 0;
}

static void worker_stop(evf_instance *instance, evf_worker *worker)
{
    const struct evf_connect to = { .struct_size = sizeof to, .host = "127.0.0.1", .port = 1 };
    evf_stream *stream;

    evf_log(EVF_INFO, "dial at worker_stop %s;",
            report_status(evf_connect(worker, &to, &plain, instance, &stream)));
}

static const struct evf_option options[] = {
    { .name = "start", .type = EVF_OPTION_STRING, .help = "commands for each worker's start" },
    { .name = "fail", .type = EVF_OPTION_BOOL, .help = "the workers' starts fail" },
    { 0 },
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "connect",
    .version = "1.0.0",
    .options = options,
    .handler = &control_handler,
    .worker_state_size = sizeof(struct worker),
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
