/* SPDX-License-Identifier: MIT
 *
 * Test plugin: timers. Each line starts one little play whose outcome is sent back:
 *
 *   order         eight timers with times out of order; answers "order 2 0 …", "early" when one
 * came before its time by evf_now stop          of two timers for the same moment the first stops
 * the second: "stop a" restart       a running timer started anew fires once, at the later time:
 * "restart 1" zero          a 0 ms timer that starts itself anew five times: "zero 5 turns": each
 * in a turn of its own, the turns counted by posts that come between them clock         "clock
 * MONOTONIC WALL"
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

enum { TIMERS = 8 };
static const uint32_t times_ms[TIMERS] = { 35, 5, 80, 20, 1, 50, 20, 0 };

struct play {
    struct evf_timer timers[TIMERS];
    uint64_t started_at;
    unsigned fired;
    unsigned posts;
    char text[128];
};

static void answer(evf_stream *stream)
{
    struct play *play = evf_stream_state(stream);

    strcat(play->text, "\n");
    evf_write(stream, play->text, strlen(play->text));
}

__attribute__((format(printf, 2, 3))) static void add(struct play *play, const char *format, ...)
{
    size_t used = strlen(play->text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(play->text + used, sizeof play->text - used - 2, format, arguments);
    va_end(arguments);
}

static void order_fired(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct play *play = evf_stream_state(argument);
    unsigned index = (unsigned)(timer - play->timers);

    if (evf_timer_running(timer))
        add(play, " %u-still-running", index);
    if (evf_now(worker) - play->started_at < times_ms[index])
        add(play, " %u-early", index);
    add(play, " %u", index);
    if (++play->fired == TIMERS)
        answer(argument);
}

static void play_order(evf_stream *stream, struct play *play)
{
    evf_worker *worker = evf_stream_worker(stream);

    play->started_at = evf_now(worker);
    for (unsigned i = 0; i < TIMERS; i++)
        evf_timer_start(worker, &play->timers[i], times_ms[i], order_fired, stream);
}

static void stop_last(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    (void)worker;
    (void)timer;
    answer(argument);
}

static void stop_second(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct play *play = evf_stream_state(argument);

    (void)worker;
    (void)timer;
    add(play, " second-fired");
}

static void stop_first(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct play *play = evf_stream_state(argument);

    (void)timer;
    add(play, " first");
    evf_timer_stop(&play->timers[1]);
    if (evf_timer_running(&play->timers[1]))
        add(play, " running");
    evf_timer_start(worker, &play->timers[2], 20, stop_last, argument);
}

static void play_stop(evf_stream *stream, struct play *play)
{
    evf_worker *worker = evf_stream_worker(stream);

    evf_timer_start(worker, &play->timers[0], 10, stop_first, stream);
    evf_timer_start(worker, &play->timers[1], 10, stop_second, stream);
}

static void restart_fired(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct play *play = evf_stream_state(argument);

    (void)timer;
    play->fired++;
    if (evf_now(worker) - play->started_at < 40)
        add(play, " early%u", play->fired);
}

static void restart_last(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct play *play = evf_stream_state(argument);

    (void)worker;
    (void)timer;
    add(play, " %u", play->fired);
    answer(argument);
}

static void play_restart(evf_stream *stream, struct play *play)
{
    evf_worker *worker = evf_stream_worker(stream);

    play->started_at = evf_now(worker);
    evf_timer_start(worker, &play->timers[0], 5, restart_fired, stream);
    evf_timer_start(worker, &play->timers[0], 40, restart_fired, stream);
    evf_timer_start(worker, &play->timers[1], 80, restart_last, stream);
}

static void zero_post(evf_worker *worker, void *argument)
{
    struct play *play = evf_stream_state(argument);

    (void)worker;
    play->posts++;
}

static void zero_fired(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct play *play = evf_stream_state(argument);

    play->fired++;
    /* A turn runs its mailbox before its timers: so as many posts have come as turns have begun. */
    if (play->posts != play->fired)
        add(play, " same-turn%u", play->fired);
    if (play->fired == 5) {
        add(play, " %u turns", play->posts);
        answer(argument);
        return;
    }
    evf_post(worker, zero_post, argument);
    evf_timer_start(worker, timer, 0, zero_fired, argument);
}

static void play_zero(evf_stream *stream, struct play *play)
{
    evf_post(evf_stream_worker(stream), zero_post, stream);
    evf_timer_start(evf_stream_worker(stream), &play->timers[0], 0, zero_fired, stream);
}

static void play_clock(evf_stream *stream, struct play *play)
{
    evf_worker *worker = evf_stream_worker(stream);
    size_t used = strlen(play->text);

    snprintf(play->text + used, sizeof play->text - used - 2, " %llu %llu",
             (unsigned long long)evf_now(worker), (unsigned long long)evf_wall_ms(worker));
    answer(stream);
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    struct play *play = evf_stream_state(stream);
    const uint8_t *end = memchr(input.data, '\n', input.len);

    if (end == NULL)
        return 0;
    memset(play, 0, sizeof *play);
    snprintf(play->text, sizeof play->text, "%.*s", (int)(end - input.data),
             (const char *)input.data);
    if (strcmp(play->text, "order") == 0)
        play_order(stream, play);
    else if (strcmp(play->text, "stop") == 0)
        play_stop(stream, play);
    else if (strcmp(play->text, "restart") == 0)
        play_restart(stream, play);
    else if (strcmp(play->text, "zero") == 0)
        play_zero(stream, play);
    else if (strcmp(play->text, "clock") == 0)
        play_clock(stream, play);
    return (size_t)(end - input.data) + 1;
}

static void on_close(evf_stream *stream, int reason)
{
    struct play *play = evf_stream_state(stream);

    (void)reason;
    for (unsigned i = 0; i < TIMERS; i++)
        evf_timer_stop(&play->timers[i]);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct play),
    .data = on_data,
    .close = on_close,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "timers",
    .version = "1.0.0",
    .summary = "plays with timers",
    .handler = &handler,
};
