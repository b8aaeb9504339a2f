/* SPDX-License-Identifier: MIT
 *
 * Test plugin: does what its peer tells it to, one call after the other, and reports every callback
 * (report.h). The tests' main instrument.
 *
 * A line is a list of commands joined by ';' (probe_commands.h), run in `data`. `on EVENT commands`
 * keeps the rest of the line and runs it at each such event: open (by the option), data, end,
 * drain, timeout, quiesce, close, timer, post. What `write` sends is the pattern, each byte by its
 * place in the stream's output; `text` sends literally.
 *
 * Modes. `lines` at first. `raw N`: each `data` is reported and checked against the pattern, and at
 * most N bytes of it are consumed. `echo KIND`: input goes back by that kind of write; at EVF_FULL
 * the plugin pauses until `drain`. At `end` it ends too, unless a script says what to do.
 *
 * PROBE_BARE leaves the optional slots of the handler out.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../support/pattern.h"
#include "report.h"

enum { PIECE_MAX = 8 * 1024 * 1024, TABLE_SIZE = PATTERN_PERIOD + PIECE_MAX };

enum event {
    ON_OPEN,
    ON_DATA,
    ON_END,
    ON_DRAIN,
    ON_TIMEOUT,
    ON_QUIESCE,
    ON_CLOSE,
    ON_TIMER,
    ON_POST,
    EVENTS
};
static const char *const event_names[EVENTS] = { "open",    "data",  "end",   "drain", "timeout",
                                                 "quiesce", "close", "timer", "post" };

enum mode { MODE_LINES, MODE_RAW, MODE_ECHO };

enum { SCRIPT_SIZE = 120 };

struct probe {
    enum mode mode;
    char echo_kind[32];
    size_t raw_consume;
    uint64_t received; /* bytes consumed in raw and echo mode: the place in the pattern */
    uint64_t sent;     /* pattern bytes written */
    bool keep;         /* what `timeout` returns */
    bool quiet;        /* data and drain are not reported */
    uint64_t random;
    struct evf_timer timer;
    char scripts[EVENTS][SCRIPT_SIZE];
};

/* Set in the first start, before any worker exists; the same for all instances. */
static uint8_t *table;
static int table_fd = -1;
static unsigned table_users;
static evf_gauge *owned_held;

static void run_commands(evf_stream *stream, struct probe *probe, char *commands);

static void run_script(evf_stream *stream, enum event event)
{
    struct probe *probe = evf_stream_state(stream);
    char commands[SCRIPT_SIZE];

    if (probe->scripts[event][0] == '\0')
        return;
    memcpy(commands, probe->scripts[event], SCRIPT_SIZE);
    run_commands(stream, probe, commands);
}

static void release_owned(void *argument)
{
    evf_gauge_add(owned_held, -1);
    free(argument);
}

static int write_vector(evf_stream *stream, struct probe *probe, const uint8_t *bytes, size_t len)
{
    struct iovec pieces[100];
    int count = 0;

    while (len > 0) {
        size_t part = count == 99 ? len : 1 + (probe->random >> 33) % (len / 8 + 1);

        probe->random = probe->random * 6364136223846793005u + 1442695040888963407u;
        part = part < len ? part : len;
        pieces[count++] = (struct iovec){ (void *)(uintptr_t)bytes, part };
        bytes += part;
        len -= part;
    }
    return evf_writev(stream, pieces, count);
}

static int write_slice(evf_stream *stream, const uint8_t *bytes, size_t len)
{
    evf_slice slice;
    int status = evf_slice_new(evf_stream_worker(stream), bytes, len, &slice);

    if (status != 0)
        return status;
    status = evf_write_slice(stream, slice);
    evf_slice_drop(slice);
    return status;
}

static int write_owned(evf_stream *stream, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len + 1);

    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, bytes, len);
    evf_gauge_add(owned_held, 1);
    return evf_write_owned(stream, copy, len, release_owned, copy);
}

/* Writes len pattern bytes from the stream's place on. */
static int write_pattern(evf_stream *stream, struct probe *probe, const char *kind, size_t len)
{
    static const char *const kinds[] = { "copy", "slice", "static", "owned", "vector", "file" };
    size_t at = probe->sent % PATTERN_PERIOD;
    int status = -EINVAL;

    if (strcmp(kind, "mixed") == 0) {
        probe->random = probe->random * 6364136223846793005u + 1442695040888963407u;
        kind = kinds[(probe->random >> 33) % 6];
    }
    if (len > PIECE_MAX)
        return -EINVAL;
    if (strcmp(kind, "copy") == 0)
        status = evf_write(stream, table + at, len);
    else if (strcmp(kind, "slice") == 0)
        status = write_slice(stream, table + at, len);
    else if (strcmp(kind, "static") == 0)
        status = evf_write_static(stream, table + at, len);
    else if (strcmp(kind, "owned") == 0)
        status = write_owned(stream, table + at, len);
    else if (strcmp(kind, "vector") == 0)
        status = write_vector(stream, probe, table + at, len);
    else if (strcmp(kind, "file") == 0)
        status = evf_sendfile(stream, table_fd, (off_t)at, len);
    if (status > 0)
        probe->sent += len;
    return status;
}

#include "probe_commands.h"

static size_t take_lines(evf_stream *stream, struct probe *probe, evf_slice input)
{
    size_t taken = 0;

    while (probe->mode == MODE_LINES) {
        const uint8_t *from = input.data + taken;
        const uint8_t *end = memchr(from, '\n', input.len - taken);
        char line[256];

        if (end == NULL || evf_ready_state(stream) == EVF_CLOSED)
            break;
        snprintf(line, sizeof line, "%.*s", (int)(end - from), (const char *)from);
        taken += (size_t)(end - from) + 1;
        run_line(stream, probe, line);
    }
    return taken;
}

static size_t take_raw(evf_stream *stream, struct probe *probe, evf_slice input)
{
    size_t taken = input.len < probe->raw_consume ? input.len : probe->raw_consume;
    bool right = pattern_mismatch(input.data, probe->received, input.len) == input.len;

    if (!right || !probe->quiet)
        report(stream, "data %zu%s", input.len, right ? "" : " wrong");
    probe->received += taken;
    run_script(stream, ON_DATA);
    return taken;
}

static size_t take_echo(evf_stream *stream, struct probe *probe, evf_slice input)
{
    int status;

    if (strcmp(probe->echo_kind, "input") == 0) { /* the input's own slice */
        status = evf_write_slice(stream, input);
    } else {
        if (pattern_mismatch(input.data, probe->received, input.len) != input.len)
            report(stream, "data %zu wrong", input.len);
        status = write_pattern(stream, probe, probe->echo_kind, input.len);
    }
    probe->received += input.len;
    if (status < 0)
        report(stream, "echo %s", report_status(status));
#ifndef PROBE_BARE
    if (status == EVF_FULL)
        evf_pause(stream);
#endif
    return input.len;
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    struct probe *probe = evf_stream_state(stream);
    size_t taken = 0;

    if (probe->mode == MODE_LINES)
        taken = take_lines(stream, probe, input);
    if (taken == input.len || probe->mode == MODE_LINES)
        return taken;
    input = evf_slice_sub(input, taken, input.len - taken);
    if (probe->mode == MODE_RAW)
        return taken + take_raw(stream, probe, input);
    return taken + take_echo(stream, probe, input);
}

static void on_open(evf_stream *stream)
{
    struct probe *probe = evf_stream_state(stream);
    const char *script = evf_option_string(evf_stream_instance(stream), "open");
    const char *timer = evf_option_string(evf_stream_instance(stream), "timer");

    report(stream, "open");
    probe->random = evf_stream_id(stream);
    if (script != NULL)
        snprintf(probe->scripts[ON_OPEN], SCRIPT_SIZE, "%s", script);
    if (timer != NULL)
        snprintf(probe->scripts[ON_TIMER], SCRIPT_SIZE, "%s", timer);
    run_script(stream, ON_OPEN);
}

static void on_close(evf_stream *stream, int reason)
{
    struct probe *probe = evf_stream_state(stream);

    run_script(stream, ON_CLOSE);
    report(stream, "close %s", report_status(reason));
    evf_timer_stop(&probe->timer);
}

#ifndef PROBE_BARE
static void on_end(evf_stream *stream)
{
    struct probe *probe = evf_stream_state(stream);

    report(stream, "end");
    if (probe->scripts[ON_END][0] == '\0')
        evf_end(stream);
    run_script(stream, ON_END);
}

static void on_drain(evf_stream *stream)
{
    struct probe *probe = evf_stream_state(stream);

    if (!probe->quiet)
        report(stream, "drain %zu", evf_queued(stream));
    if (probe->mode == MODE_ECHO)
        evf_resume(stream);
    run_script(stream, ON_DRAIN);
}

static bool on_timeout(evf_stream *stream)
{
    struct probe *probe = evf_stream_state(stream);

    report(stream, "timeout");
    run_script(stream, ON_TIMEOUT);
    return probe->keep;
}

static void on_quiesce(evf_stream *stream)
{
    report(stream, "quiesce");
    run_script(stream, ON_QUIESCE);
}
#endif

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct probe),
    .open = on_open,
    .data = on_data,
#ifndef PROBE_BARE
    .end = on_end,
    .drain = on_drain,
    .timeout = on_timeout,
    .quiesce = on_quiesce,
#endif
    .close = on_close,
};

static int start(evf_instance *instance)
{
    owned_held = evf_gauge_new(instance, "owned_held", "memory given away and not yet released");
    if (table_users++ > 0)
        return 0;
    table = malloc(TABLE_SIZE);
    table_fd = memfd_create("pattern", MFD_CLOEXEC);
    if (table == NULL || table_fd < 0)
        return evf_fail(instance, "no memory for the pattern");
    pattern_fill(table, 0, PATTERN_PERIOD);
    for (size_t at = PATTERN_PERIOD; at < TABLE_SIZE; at += PATTERN_PERIOD)
        memcpy(table + at, table,
               TABLE_SIZE - at < PATTERN_PERIOD ? TABLE_SIZE - at : PATTERN_PERIOD);
    for (size_t done = 0; done < TABLE_SIZE;) {
        ssize_t len = write(table_fd, table + done, TABLE_SIZE - done);

        if (len <= 0)
            return evf_fail(instance, "the pattern's file cannot be written");
        done += (size_t)len;
    }
    return 0;
}

static void stop(evf_instance *instance)
{
    (void)instance;
    if (--table_users > 0)
        return;
    free(table);
    close(table_fd);
}

static const struct evf_option options[] = {
    { .name = "open", .type = EVF_OPTION_STRING, .help = "commands to run when a stream opens" },
    { .name = "timer", .type = EVF_OPTION_STRING, .help = "commands to run when its timer fires" },
    { 0 },
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "probe",
    .version = "1.0.0",
    .summary = "does what its peer says, and reports",
    .options = options,
    .handler = &handler,
    .start = start,
    .stop = stop,
};
