/* SPDX-License-Identifier: MIT
 *
 * Delivery on one worker; see delivery.h.
 *
 * The line is copied once, into a slice of this worker, whatever the number of members: the letter
 * belongs to several workers and will go home, a slice lives as long as somebody's queue needs it.
 */
#include "delivery.h"

#include <stdlib.h>

#include "tell.h"

static void write_to(struct chat_person *person, evf_slice line)
{
    chat_tell_slice(person, line);
    if (person->leaving != NULL) /* dropped just now */
        chat_person_go_on(person);
}

static void write_line(struct chat_worker *worker, struct chat_room *room,
                       const struct chat_letter *letter)
{
    evf_slice line;
    uint64_t count = 0;
    /* Without memory for the slice, what cannot be sent at once is copied for each of them. */
    bool counted = evf_slice_new(worker->worker, letter->line, letter->line_len, &line) == 0;
    if (!counted)
        line = (evf_slice){ .data = (const uint8_t *)letter->line, .len = letter->line_len };
    /* Writing to somebody may take them off the list, but nobody else. */
    for (struct chat_link *link = room->members.next, *next; link != &room->members; link = next) {
        next = link->next;
        write_to(CHAT_OWNER(link, struct chat_person, member), line);
        count++;
    }
    if (counted)
        evf_slice_drop(line);
    if (letter->kind == CHAT_SAY)
        evf_counter_add(worker->chat->deliveries, count);
}

static void note_names(const struct chat_room *room, struct chat_copy *copy)
{
    copy->names = malloc(CHAT_WHO_MAX);
    for (const struct chat_link *link = room->members.next; link != &room->members;
         link = link->next) {
        const struct chat_label *name = &CHAT_OWNER(link, const struct chat_person, member)->name;
        copy->count++;
        if (copy->names == NULL || copy->names_len + 1 + name->len > CHAT_WHO_MAX)
            continue;
        if (copy->names_len > 0)
            copy->names[copy->names_len++] = ' ';
        memcpy(copy->names + copy->names_len, name->text, name->len);
        copy->names_len += name->len;
    }
}

void chat_deliver(struct chat_worker *worker, const struct chat_letter *letter,
                  struct chat_copy *copy)
{
    bool senders = letter->sender == worker->worker;
    if (senders && letter->kind == CHAT_JOIN)
        chat_person_joined(letter->person);
    /* Not there when all who were in it have left, and their home does not know yet. */
    struct chat_room *room = chat_rooms_find(&worker->rooms, &letter->subject);
    if (room != NULL && letter->kind == CHAT_WHO)
        note_names(room, copy);
    else if (room != NULL)
        write_line(worker, room, letter);
    if (senders && letter->kind == CHAT_LEAVE)
        chat_person_parted(letter->person);
}
