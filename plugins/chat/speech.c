/* SPDX-License-Identifier: MIT
 *
 * From a line to what it does; see speech.h. Every refusal is a line "!! CODE what is wrong: what
 * to do". On the worker of the person's stream.
 */
#include "speech.h"

#include <errno.h>
#include <inttypes.h>

#include "command.h"
#include "tell.h"
#include "text.h"

/* Tells what is missing. */
static bool has_room(struct chat_person *person)
{
    if (person->name.len == 0)
        chat_tell(person, "!! no-name choose a name first: /name NAME\n");
    else if (!person->in_room)
        chat_tell(person, "!! no-room you are in no room: /join ROOM\n");
    else
        return true;
    return false;
}

/* A name or a room, as somebody gave it. False when it was refused. */
static bool take_label(struct chat_person *person, const struct chat_command *command,
                       const char *what, struct chat_label *ret)
{
    const struct chat_instance *chat = person->worker->chat;
    if (command->len > chat->max_label || !chat_label_allowed(command->argument, command->len)) {
        chat_tell(person,
                  "!! bad-%s a %s has 1 to %" PRIu32 " bytes, no blanks, nothing invisible, no "
                  "'<' or '>', no '/' at its beginning\n",
                  what, what, chat->max_label);
        return false;
    }
    *ret = chat_label_make(chat->key, command->argument, command->len);
    return true;
}

static void name(struct chat_person *person, const struct chat_command *command)
{
    struct chat_label label;
    if (!take_label(person, command, "name", &label))
        return;
    if (chat_label_same(&person->name, &label))
        chat_tell(person, "++ name %.*s\n", CHAT_LABEL(label));
    else
        chat_person_rename(person, &label);
}

static void join(struct chat_person *person, const struct chat_command *command)
{
    struct chat_label label;
    if (person->name.len == 0)
        chat_tell(person, "!! no-name choose a name first: /name NAME\n");
    else if (!take_label(person, command, "room", &label))
        return;
    else if (person->in_room && chat_label_same(&person->room->entry.label, &label))
        chat_tell(person, "!! in-room you are in %.*s already\n", CHAT_LABEL(label));
    else
        chat_person_join(person, &label);
}

static bool say(struct chat_person *person, const struct chat_command *command)
{
    uint32_t character;
    if (!has_room(person))
        return true;
    size_t bad = chat_text_check(command->argument, command->len, &character);
    if (bad < command->len) {
        chat_tell(person,
                  "!! bad-text the character U+%04" PRIX32 " at byte %zu is a control: "
                  "leave it out\n",
                  character, bad);
        return true;
    }
    int status = chat_person_say(person, command->argument, command->len);
    if (status == -ENOMEM)
        chat_tell(person, "!! no-memory the server has no memory left: try again later\n");
    return status != -EAGAIN;
}

static void unknown(struct chat_person *person, const struct chat_command *command)
{
    uint32_t character;
    if (command->len > CHAT_LABEL_MAX ||
        chat_text_check(command->argument, command->len, &character) < command->len)
        chat_tell(person, "!! unknown-command there is no such command: /help lists them\n");
    else
        chat_tell(person, "!! unknown-command there is no %.*s: /help lists them\n",
                  (int)command->len, command->argument);
}

static void help(struct chat_person *person)
{
    chat_tell(person, "-- /name NAME   take a name, or another one\n"
                      "-- /join ROOM   enter a room, leaving the one you are in\n"
                      "-- /leave       leave the room\n"
                      "-- /who         who is in the room\n"
                      "-- /quit        say goodbye\n"
                      "-- other lines are said to the room; //word says /word\n");
}

void chat_speech_greet(struct chat_person *person)
{
    chat_tell(person, "-- welcome: /name NAME, then /join ROOM; /help for the rest\n");
}

bool chat_speech(struct chat_person *person, const char *line, size_t len)
{
    struct chat_command command = chat_command_parse(line, len);
    switch (command.kind) {
    case CHAT_COMMAND_NOTHING:
        break;
    case CHAT_COMMAND_SAY:
        return say(person, &command);
    case CHAT_COMMAND_NAME:
        name(person, &command);
        break;
    case CHAT_COMMAND_JOIN:
        join(person, &command);
        break;
    case CHAT_COMMAND_LEAVE:
        if (has_room(person))
            chat_person_part(person);
        break;
    case CHAT_COMMAND_WHO:
        if (has_room(person))
            chat_person_who(person);
        break;
    case CHAT_COMMAND_HELP:
        help(person);
        break;
    case CHAT_COMMAND_QUIT:
        chat_person_leave(person, "quit");
        break;
    case CHAT_COMMAND_UNKNOWN:
        unknown(person, &command);
        break;
    }
    return true;
}
