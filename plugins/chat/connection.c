/* SPDX-License-Identifier: MIT
 *
 * The handler. On the stream's worker.
 *
 * A stream has its person from `open` to `close`; the person may live on after that (person.h).
 */
#include "connection.h"

#include <errno.h>
#include <inttypes.h>

#include "person.h"
#include "speech.h"
#include "tell.h"

struct chat_stream {
    struct chat_person *person; /* NULL without memory: the stream is closing then */
};

static struct chat_person *person_of(evf_stream *stream)
{
    return ((struct chat_stream *)evf_stream_state(stream))->person;
}

static void chat_open(evf_stream *stream)
{
    struct chat_instance *chat = evf_instance_state(evf_stream_instance(stream));
    struct chat_worker *worker = chat_worker_of(chat, evf_stream_worker(stream));
    struct chat_person *person = chat_person_create(worker, stream);
    if (person == NULL) {
        evf_close_with(stream, -ENOMEM);
        return;
    }
    ((struct chat_stream *)evf_stream_state(stream))->person = person;
    evf_set_max_frame(stream, chat->max_line + 2); /* a line with \r\n */
    /* No harm where there is no such thing, on unix streams. */
    (void)evf_set_keepalive(stream, true, CHAT_ALIVE_IDLE_S, CHAT_ALIVE_INTERVAL_S,
                            CHAT_ALIVE_COUNT);
    chat_speech_greet(person);
}

/* Acts on one line. False when it has to wait. */
static bool take(struct chat_person *person, enum chat_line_kind kind, const struct chat_line *line)
{
    switch (kind) {
    case CHAT_LINE_TEXT:
        return chat_speech(person, line->text, line->len);
    case CHAT_LINE_TOO_LONG:
        chat_tell(person, "!! too-long a line has at most %" PRIu32 " bytes: it was left out\n",
                  person->worker->chat->max_line);
        break;
    case CHAT_LINE_BAD_UTF8:
        chat_tell(person, "!! not-utf8 byte %" PRIu64 " of what you sent is not valid UTF-8\n",
                  line->bad_offset);
        chat_person_leave(person, "does not speak UTF-8");
        break;
    case CHAT_LINE_NONE:
    case CHAT_LINE_SKIPPED:
        break;
    }
    return true;
}

/* What has to wait stays in the input: chat_person_flow has paused the stream then, and it comes
 * again when the pause ends. */
static size_t chat_data(evf_stream *stream, evf_slice input)
{
    struct chat_person *person = person_of(stream);
    size_t used = 0;
    while (used < input.len && person->leaving == NULL && !person->paused) {
        struct chat_lines lines = person->lines;
        struct chat_line line;
        enum chat_line_kind kind = chat_lines_next(&lines, person->worker->chat->max_line,
                                                   input.data + used, input.len - used, &line);
        if (kind == CHAT_LINE_NONE || !take(person, kind, &line))
            break;
        person->lines = lines;
        used += line.used;
    }
    if (person->leaving == NULL)
        return used;
    chat_person_go_on(person); /* they may have been dropped, with nothing else to start it */
    return input.len;
}

/* Whoever ends their side wants no more than to see their last words said. */
static void chat_end(evf_stream *stream)
{
    chat_person_leave(person_of(stream), "quit");
}

/* Who is in a room may listen for ever; others are to make up their minds. */
static bool chat_timeout(evf_stream *stream)
{
    struct chat_person *person = person_of(stream);
    if (person->leaving != NULL)
        return false;
    if (person->in_room)
        return true;
    chat_person_dismiss(person, "idle", "-- nothing came from you for a while, goodbye\n");
    chat_person_go_on(person);
    return true;
}

static void chat_quiesce(evf_stream *stream)
{
    struct chat_person *person = person_of(stream);
    chat_person_dismiss(person, "the server stops", "-- the server is stopping, goodbye\n");
    chat_person_go_on(person);
}

static void chat_close(evf_stream *stream, int reason)
{
    struct chat_person *person = person_of(stream);
    const char *why = "connection lost";
    if (person == NULL)
        return;
    if (reason == EVF_ESLOW) {
        why = CHAT_SLOW; /* write-max was reached: too quickly to say goodbye */
        if (person->leaving == NULL)
            evf_counter_add(person->worker->chat->dropped, 1);
    } else if (reason == 0) {
        why = "quit";
    }
    chat_person_gone(person, why);
}

const struct evf_handler chat_handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct chat_stream),
    .open = chat_open,
    .data = chat_data,
    .end = chat_end,
    .timeout = chat_timeout,
    .quiesce = chat_quiesce,
    .close = chat_close,
};
