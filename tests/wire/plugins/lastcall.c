/* SPDX-License-Identifier: MIT
 *
 * Test plugin: pauses in the last `data`, the one that presents the rest after the peer's end, and
 * resumes 20 ms later. It consumes nothing before it is called a second time then.
 */
#include "report.h"

struct last {
    bool paused;
    struct evf_timer timer;
};

static void timer_fired(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    (void)worker;
    (void)timer;
    report(argument, "resume");
    evf_resume(argument);
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    struct last *last = evf_stream_state(stream);
    bool ended = evf_input_ended(stream);

    report(stream, "data %zu ended %d", input.len, ended);
    if (!ended)
        return 0;
    if (last->paused)
        return input.len;
    last->paused = true;
    evf_pause(stream);
    evf_timer_start(evf_stream_worker(stream), &last->timer, 20, timer_fired, stream);
    return 0;
}

static void on_end(evf_stream *stream)
{
    report(stream, "end");
    evf_write(stream, "bye\n", 4);
    evf_end(stream);
}

static void on_close(evf_stream *stream, int reason)
{
    struct last *last = evf_stream_state(stream);

    evf_timer_stop(&last->timer);
    report(stream, "close %s", report_status(reason));
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct last),
    .data = on_data,
    .end = on_end,
    .close = on_close,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "lastcall",
    .version = "1.0.0",
    .summary = "pauses at the last moment",
    .handler = &handler,
};
