/* SPDX-License-Identifier: MIT
 *
 * Lines for one person; see tell.h. On the worker of their stream.
 */
#include "tell.h"

#include <stdio.h>

uint32_t chat_format(char *buffer, size_t size, const char *format, va_list arguments)
{
    int len = vsnprintf(buffer, size, format, arguments);
    if (len < 0)
        return 0;
    if ((size_t)len < size)
        return (uint32_t)len;
    buffer[size - 2] = '\n';
    return (uint32_t)size - 1;
}

static void drop(struct chat_person *person)
{
    evf_counter_add(person->worker->chat->dropped, 1);
    chat_person_dismiss(person, CHAT_SLOW, "-- you read too slowly, goodbye\n");
}

static void patience_over(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct chat_person *person = argument;
    (void)worker;
    (void)timer;
    person->behind = 0;
    if (evf_write(person->stream, "", 0) != EVF_FULL)
        return;
    drop(person);
    chat_person_go_on(person);
}

/* Acts on what a write of len bytes said. One that failed closes the stream, or has found it
 * closing. */
static void wrote(struct chat_person *person, int result, size_t len)
{
    if (result == EVF_FULL) {
        if (person->behind == 0)
            evf_timer_start(person->worker->worker, &person->timer, CHAT_PATIENCE_MS, patience_over,
                            person);
        person->behind += len;
        if (person->behind > CHAT_BEHIND_MAX)
            drop(person);
    } else if (result > 0 && person->behind > 0) {
        person->behind = 0;
        evf_timer_stop(&person->timer);
    }
}

void chat_tell(struct chat_person *person, const char *format, ...)
{
    char line[CHAT_REPLY_MAX];
    va_list arguments;
    if (person->stream == NULL || person->ended)
        return;
    va_start(arguments, format);
    uint32_t len = chat_format(line, sizeof line, format, arguments);
    va_end(arguments);
    wrote(person, evf_write(person->stream, line, len), len);
}

void chat_tell_slice(struct chat_person *person, evf_slice line)
{
    evf_cork(person->stream);
    wrote(person, evf_write_slice(person->stream, line), line.len);
}

static void goodbye_over(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct chat_person *person = argument;
    (void)worker;
    (void)timer;
    /* What is flushed already is the linger's to end. */
    if (evf_queued(person->stream) > 0)
        evf_close_with(person->stream, EVF_ESLOW);
}

void chat_tell_last(struct chat_person *person, const char *line)
{
    evf_write(person->stream, line, strlen(line));
    evf_end(person->stream);
    evf_timer_start(person->worker->worker, &person->timer, CHAT_GOODBYE_MS, goodbye_over, person);
}

/* One worker's names, in lines of at most CHAT_REPLY_MAX. */
static void tell_names(struct chat_person *person, const struct chat_label *room,
                       const struct chat_copy *copy)
{
    uint32_t at = 0, most = CHAT_REPLY_MAX - CHAT_LABEL_MAX - sizeof "++ who  \n";
    while (at < copy->names_len) {
        uint32_t len = copy->names_len - at;
        if (len > most) {
            len = most;
            while (copy->names[at + len] != ' ')
                len--;
        }
        chat_tell(person, "++ who %.*s %.*s\n", CHAT_LABEL(*room), (int)len, copy->names + at);
        at += len + 1;
    }
}

void chat_tell_who(struct chat_person *person, const struct chat_letter *letter)
{
    unsigned count = 0;
    for (unsigned i = 0; i < letter->chat->workers; i++) {
        tell_names(person, &letter->subject, &letter->copies[i]);
        count += letter->copies[i].count;
    }
    chat_tell(person, "++ who-end %.*s %u\n", CHAT_LABEL(letter->subject), count);
}
