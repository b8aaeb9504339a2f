/* SPDX-License-Identifier: MIT
 *
 * Many outgoing streams, of which some are cancelled; for connect.c alone.
 *
 *   flood NAME count=N at_once=N host=HOST port=PORT silent=PORT
 *
 * Of every three one is closed in the very call that made it, or a moment later while it looks up
 * or connects to the silent port; the others are closed when they are open. When all are gone:
 * `NAME flooded N open N cancelled N failed N`.
 */
#ifndef EVF_TESTS_WIRE_CONNECT_FLOOD_H
#define EVF_TESTS_WIRE_CONNECT_FLOOD_H

struct flood {
    struct worker *self;
    char name[NAME_SIZE];
    uint64_t control;
    char host[256];
    uint16_t port, silent;
    unsigned wanted, made, gone, at_once;
    unsigned opened, cancelled, failed;
};

struct drop {
    struct flood *flood;
    evf_stream *stream;
    struct evf_timer timer;
    bool cancelled;
};

static void flood_on(struct flood *flood);

static void drop_open(evf_stream *stream)
{
    struct drop *drop = evf_stream_state(stream);

    drop->flood->opened++;
    evf_timer_stop(&drop->timer);
    if (drop->flood->opened % 2 == 0)
        evf_reset(stream);
    else
        evf_close(stream);
}

static void drop_close(evf_stream *stream, int reason)
{
    struct drop *drop = evf_stream_state(stream);
    struct flood *flood = drop->flood;

    evf_timer_stop(&drop->timer);
    flood->cancelled += drop->cancelled;
    flood->failed += reason != 0;
    flood->gone++;
    flood_on(flood);
}

static const struct evf_handler drop_handler = {
    .struct_size = sizeof drop_handler,
    .stream_state_size = sizeof(struct drop),
    .open = drop_open,
    .close = drop_close,
};

static void drop_cancel(evf_stream *stream)
{
    struct drop *drop = evf_stream_state(stream);

    drop->cancelled = true;
    evf_close(stream);
}

static void drop_timer(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    (void)worker;
    (void)timer;
    drop_cancel(argument);
}

static void flood_one(struct flood *flood)
{
    const struct evf_connect to = {
        .struct_size = sizeof to,
        .host = flood->host,
        .port = flood->made % 6 == 3 ? flood->silent : flood->port,
        .timeout_ms = 60000,
    };
    evf_worker *worker = flood->self->worker;
    evf_stream *stream;

    if (evf_connect(worker, &to, &drop_handler, flood->self->instance, &stream) != 0)
        abort();
    struct drop *drop = evf_stream_state(stream);

    drop->flood = flood;
    if (flood->made % 6 == 0)
        drop_cancel(stream);
    else if (flood->made % 6 == 3)
        evf_timer_start(worker, &drop->timer, (uint32_t)(evf_random(worker) % 3), drop_timer,
                        stream);
    else if (flood->made % 6 == 4)
        evf_write(stream, "queued while it connects", 24);
    flood->made++;
}

/* Keeps so many of them under way; tells when the last is gone. */
static void flood_on(struct flood *flood)
{
    while (flood->made < flood->wanted && flood->made - flood->gone < flood->at_once)
        flood_one(flood);
    if (flood->gone < flood->wanted)
        return;
    tell(flood->self, flood->control, flood->name, "flooded %u open %u cancelled %u failed %u",
         flood->gone, flood->opened, flood->cancelled, flood->failed);
    free(flood);
}

static void do_flood(struct command *command)
{
    struct flood *flood = calloc(1, sizeof *flood);

    if (flood == NULL)
        abort();
    flood->self = command->self;
    flood->control = command->self->control;
    snprintf(flood->name, sizeof flood->name, "%s", command->name);
    (void)value_of(command->text, "host", flood->host, sizeof flood->host);
    flood->port = (uint16_t)number_of(command->text, "port");
    flood->silent = (uint16_t)number_of(command->text, "silent");
    flood->wanted = (unsigned)number_of(command->text, "count");
    flood->at_once = (unsigned)number_of(command->text, "at_once");
    flood_on(flood);
}

#endif
