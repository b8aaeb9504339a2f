/* SPDX-License-Identifier: MIT
 *
 * Test plugin: shows the order of a worker's turn.
 *
 * A connection that sends "victim\n" waits to be closed. One that sends "turn\n?" has, within one
 * `data` (which leaves the '?' unconsumed): a timer of 0 ms started, a function posted, a corked
 * write made, the stream paused and resumed, the victim closed. What is called after that is noted
 * word by word, and the timer, the last, sends the words back. "closes\n" closes itself and, in its
 * `close`, the victim: both are logged.
 */
#include <string.h>

#include "report.h"

struct notes {
    evf_stream *victim;
    char text[256];
    bool noting;
};

struct turn {
    bool asked;
    bool closes;
    struct evf_timer timer;
};

static struct notes *notes_of(evf_stream *stream)
{
    return evf_worker_state(evf_stream_instance(stream), evf_stream_worker(stream));
}

static void note(struct notes *notes, const char *word)
{
    size_t used = strlen(notes->text);

    if (notes->noting)
        snprintf(notes->text + used, sizeof notes->text - used, "%s%s", used == 0 ? "" : " ", word);
}

static void timer_fired(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct notes *notes = notes_of(argument);

    (void)worker;
    (void)timer;
    note(notes, "timer");
    note(notes, "\n");
    evf_write(argument, notes->text, strlen(notes->text));
    notes->noting = false;
}

static void post_arrived(evf_worker *worker, void *argument)
{
    (void)worker;
    note(notes_of(argument), "post");
}

static void begin(evf_stream *stream, struct turn *turn, struct notes *notes)
{
    turn->asked = true;
    notes->noting = true;
    notes->text[0] = '\0';
    evf_timer_start(evf_stream_worker(stream), &turn->timer, 0, timer_fired, stream);
    evf_post(evf_stream_worker(stream), post_arrived, stream);
    evf_cork(stream);
    evf_write(stream, "corked ", 7);
    evf_pause(stream);
    evf_resume(stream);
    if (notes->victim != NULL)
        evf_close(notes->victim);
    note(notes, "returned");
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    struct turn *turn = evf_stream_state(stream);
    struct notes *notes = notes_of(stream);

    if (turn->asked) {
        note(notes, "data");
        return input.len;
    }
    if (input.len >= 7 && memcmp(input.data, "victim\n", 7) == 0) {
        notes->victim = stream;
        evf_write(stream, "ready\n", 6);
        return 7;
    }
    if (input.len >= 7 && memcmp(input.data, "closes\n", 7) == 0) {
        turn->closes = true;
        evf_close(stream);
        return 7;
    }
    if (input.len >= 6 && memcmp(input.data, "turn\n?", 6) == 0) {
        begin(stream, turn, notes);
        return 5;
    }
    return 0;
}

static void on_drain(evf_stream *stream)
{
    note(notes_of(stream), "drain");
}

static void on_close(evf_stream *stream, int reason)
{
    struct notes *notes = notes_of(stream);
    struct turn *turn = evf_stream_state(stream);

    report(stream, "close %s", report_status(reason));
    note(notes, "close");
    if (notes->victim == stream)
        notes->victim = NULL;
    if (turn->closes && notes->victim != NULL)
        evf_close(notes->victim);
    evf_timer_stop(&turn->timer);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct turn),
    .data = on_data,
    .drain = on_drain,
    .close = on_close,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "turn",
    .version = "1.0.0",
    .summary = "shows the order of a turn",
    .handler = &handler,
    .worker_state_size = sizeof(struct notes),
};
