/* SPDX-License-Identifier: MIT
 *
 * A person and their errand; see person.h. On the worker of their stream.
 */
#include "person.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tell.h"

/* -- the errand -- */

__attribute__((format(printf, 4, 5))) static void journey(struct chat_person *person,
                                                          enum chat_letter_kind kind,
                                                          const struct chat_label *subject,
                                                          const char *news, ...)
{
    struct chat_letter *errand = person->errand;
    va_list arguments;
    va_start(arguments, news);
    errand->line_len = chat_format(errand->line, CHAT_NEWS_MAX, news, arguments);
    va_end(arguments);
    errand->kind = kind;
    errand->subject = *subject;
    person->errand_out = true;
    chat_letter_send(errand);
}

static void send_leave(struct chat_person *person)
{
    const struct chat_label *room = &person->room->entry.label;
    if (person->leaving != NULL)
        journey(person, CHAT_LEAVE, room, "** %.*s left: %s\n", CHAT_LABEL(person->name),
                person->leaving);
    else
        journey(person, CHAT_LEAVE, room, "** %.*s left\n", CHAT_LABEL(person->name));
}

static void send_join(struct chat_person *person)
{
    struct chat_label room = person->wanted_room;
    person->wanted_room.len = 0;
    person->room = chat_rooms_hold(&person->worker->rooms, &room);
    if (person->room != NULL)
        journey(person, CHAT_JOIN, &room, "** %.*s joined\n", CHAT_LABEL(person->name));
    else
        chat_tell(person, "!! no-memory the server has no memory left: try again later\n");
}

/* Sends the errand on its next journey, if there is one to make. */
static void next_journey(struct chat_person *person)
{
    bool leaves = person->leaving != NULL;
    if (person->in_room && (leaves || person->wanted_room.len > 0))
        send_leave(person);
    else if (!leaves && person->wanted_room.len > 0)
        send_join(person);
    else if (person->old_name.len > 0)
        journey(person, CHAT_RELEASE, &person->old_name, "%s", "");
    else if (leaves && person->name.len > 0)
        journey(person, CHAT_RELEASE, &person->name, "%s", "");
    else if (!leaves && person->wanted_name.len > 0)
        journey(person, CHAT_CLAIM, &person->wanted_name, "%s", "");
}

/* What they are told last; then the stream ends. */
static void say_goodbye(struct chat_person *person, const char *words)
{
    if (person->ended || person->stream == NULL)
        return;
    person->ended = true;
    chat_tell_last(person, words);
}

/* When the server stops, accounts are not settled any more: every worker frees what it has. */
void chat_person_go_on(struct chat_person *person)
{
    if (!person->errand_out && !evf_stopping(person->worker->worker))
        next_journey(person);
    if (person->leaving != NULL && !person->in_room)
        say_goodbye(person, "-- goodbye\n");
    if (person->stream == NULL && !person->errand_out && person->said == 0)
        chat_person_destroy(person);
    else
        chat_person_flow(person);
}

/* -- beginning and end -- */

struct chat_person *chat_person_create(struct chat_worker *worker, evf_stream *stream)
{
    struct chat_person *person = calloc(1, sizeof *person);
    if (person == NULL)
        return NULL;
    person->errand = chat_letter_create(worker, person, evf_stream_id(stream), CHAT_NEWS_MAX);
    if (person->errand == NULL) {
        free(person);
        return NULL;
    }
    person->worker = worker;
    person->stream = stream;
    chat_list_append(&worker->persons, &person->link);
    return person;
}

static void be_silent(struct chat_person *person)
{
    if (!chat_link_on(&person->member))
        return;
    chat_link_remove(&person->member);
    evf_gauge_add(person->worker->chat->members, -1);
}

static void leave_room(struct chat_person *person)
{
    be_silent(person);
    person->in_room = false;
    if (person->room != NULL)
        chat_rooms_drop(&person->worker->rooms, person->room);
    person->room = NULL;
}

void chat_person_destroy(struct chat_person *person)
{
    leave_room(person);
    evf_timer_stop(&person->timer);
    chat_link_remove(&person->waiting);
    chat_link_remove(&person->link);
    if (!person->errand_out) /* else it is destroyed where it is */
        chat_letter_destroy(person->errand);
    free(person);
}

void chat_person_leave(struct chat_person *person, const char *why)
{
    if (person->leaving == NULL)
        person->leaving = why;
    chat_person_go_on(person);
}

void chat_person_dismiss(struct chat_person *person, const char *why, const char *goodbye)
{
    be_silent(person);
    say_goodbye(person, goodbye);
    if (person->leaving == NULL)
        person->leaving = why;
}

void chat_person_gone(struct chat_person *person, const char *why)
{
    evf_timer_stop(&person->timer);
    chat_link_remove(&person->waiting);
    be_silent(person);
    person->stream = NULL;
    chat_person_leave(person, why);
}

/* -- what they want -- */

void chat_person_rename(struct chat_person *person, const struct chat_label *name)
{
    person->wanted_name = *name;
    chat_person_go_on(person);
}

void chat_person_join(struct chat_person *person, const struct chat_label *room)
{
    person->wanted_room = *room;
    chat_person_go_on(person);
}

void chat_person_part(struct chat_person *person)
{
    send_leave(person);
    chat_person_flow(person);
}

void chat_person_who(struct chat_person *person)
{
    journey(person, CHAT_WHO, &person->room->entry.label, "%s", "");
    chat_person_flow(person);
}

/* -- what came back -- */

static void answer_claim(struct chat_person *person, const struct chat_letter *letter)
{
    person->wanted_name.len = 0;
    if (letter->status == -EEXIST) {
        chat_tell(person, "!! name-taken %.*s is somebody's name: choose another\n",
                  CHAT_LABEL(letter->subject));
    } else if (letter->status < 0) {
        chat_tell(person, "!! no-memory the server has no memory left: try again later\n");
    } else if (person->leaving != NULL) {
        person->old_name = letter->subject; /* nobody ever heard of it */
    } else {
        person->old_name = person->name;
        person->name = letter->subject;
        if (person->in_room)
            journey(person, CHAT_RENAME, &person->room->entry.label, "** %.*s is now %.*s\n",
                    CHAT_LABEL(person->old_name), CHAT_LABEL(person->name));
        else
            chat_tell(person, "++ name %.*s\n", CHAT_LABEL(person->name));
    }
}

static void answer_release(struct chat_person *person, const struct chat_letter *letter)
{
    if (chat_label_same(&person->old_name, &letter->subject))
        person->old_name.len = 0;
    else
        person->name.len = 0;
}

static void answer_join(struct chat_person *person, const struct chat_letter *letter)
{
    if (letter->status == 0)
        return; /* chat_person_joined was called on the way */
    leave_room(person);
    if (letter->status == -ENOSPC)
        chat_tell(person, "!! too-many-rooms no more than %u rooms may exist: join one that does\n",
                  person->worker->chat->rooms.max);
    else
        chat_tell(person, "!! no-memory the server has no memory left: try again later\n");
}

static void answer_errand(struct chat_person *person, struct chat_letter *letter)
{
    switch (letter->kind) {
    case CHAT_CLAIM:
        answer_claim(person, letter);
        break;
    case CHAT_RELEASE:
        answer_release(person, letter);
        break;
    case CHAT_JOIN:
        answer_join(person, letter);
        break;
    case CHAT_LEAVE:
        leave_room(person);
        break;
    case CHAT_RENAME:
        chat_tell(person, "++ name %.*s\n", CHAT_LABEL(person->name));
        break;
    case CHAT_WHO:
        chat_tell_who(person, letter);
        chat_letter_clear(letter);
        break;
    case CHAT_SAY: /* never an errand */
        break;
    }
}

void chat_person_answer(struct chat_person *person, struct chat_letter *letter)
{
    if (letter == person->errand) {
        person->errand_out = false;
        answer_errand(person, letter);
    } else {
        person->said--;
        chat_letter_destroy(letter);
    }
    chat_person_go_on(person);
}

void chat_person_joined(struct chat_person *person)
{
    person->in_room = true;
    if (person->leaving != NULL)
        return;
    chat_list_append(&person->room->members, &person->member);
    evf_gauge_add(person->worker->chat->members, 1);
    chat_tell(person, "++ join %.*s\n", CHAT_LABEL(person->room->entry.label));
}

void chat_person_parted(struct chat_person *person)
{
    be_silent(person);
    if (person->leaving == NULL)
        chat_tell(person, "++ leave %.*s\n", CHAT_LABEL(person->room->entry.label));
}

/* -- messages, and waiting -- */

static void try_again(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct chat_worker *chat = argument;
    (void)worker;
    (void)timer;
    while (!chat_list_empty(&chat->waiting)) {
        struct chat_person *person = CHAT_OWNER(chat->waiting.next, struct chat_person, waiting);
        chat_link_remove(&person->waiting);
        chat_person_flow(person); /* its line is presented again, in a later step */
    }
}

static void wait_for_room(struct chat_person *person)
{
    struct chat_worker *worker = person->worker;
    chat_list_append(&worker->waiting, &person->waiting);
    if (!evf_timer_running(&worker->retry))
        evf_timer_start(worker->worker, &worker->retry, CHAT_RETRY_MS, try_again, worker);
}

int chat_person_say(struct chat_person *person, const char *text, size_t len)
{
    size_t size = (size_t)person->name.len + len + sizeof "<> \n";
    struct chat_letter *letter =
        chat_letter_create(person->worker, person, evf_stream_id(person->stream), size);
    if (letter == NULL)
        return -ENOMEM;
    letter->kind = CHAT_SAY;
    letter->subject = person->room->entry.label;
    letter->line_len = (uint32_t)snprintf(letter->line, size, "<%.*s> %.*s\n",
                                          CHAT_LABEL(person->name), (int)len, text);
    int status = chat_letter_try(letter);
    if (status == 0)
        person->said++;
    else
        chat_letter_destroy(letter);
    if (status == -EAGAIN)
        wait_for_room(person);
    chat_person_flow(person);
    return status;
}

void chat_person_flow(struct chat_person *person)
{
    bool pause = person->leaving == NULL && (person->errand_out || person->said >= CHAT_WINDOW ||
                                             chat_link_on(&person->waiting));
    if (person->stream == NULL || pause == person->paused)
        return;
    person->paused = pause;
    if (pause)
        evf_pause(person->stream);
    else
        evf_resume(person->stream);
}
