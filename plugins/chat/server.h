/* SPDX-License-Identifier: MIT
 *
 * What the parts of this plugin that talk to evframe share: the instance, and a worker's own
 * things. Where to read on, in this order:
 *
 *   letter.c      what travels between workers, and who owns it when
 *   person.c      one person: what is asked of other workers, one thing at a time
 *   delivery.c    what a letter does on a worker that has members of the room
 *   speech.c      from a line to what it does
 *   tell.c        lines for one person; what happens to those who do not read them
 *   connection.c  the handler
 *   chat.c        descriptor, options, start and stop
 *
 *   lines, text, command, label, table, names, homes, rooms: the pure parts beneath
 */
#ifndef CHAT_SERVER_H
#define CHAT_SERVER_H

#include <evframe/evframe.h>

#include "homes.h"
#include "names.h"
#include "rooms.h"

/* Written by start, then only read; but the count inside `rooms`, which is atomic. */
struct chat_instance {
    evf_instance *instance;
    unsigned workers;
    uint32_t max_line;
    uint32_t max_label;
    struct chat_key key;
    struct chat_room_limit rooms;

    evf_counter *messages;
    evf_counter *deliveries;
    evf_counter *dropped;
    evf_gauge *members;
};

/* One worker's own: nobody else looks inside. */
struct chat_worker {
    evf_worker *worker;
    struct chat_instance *chat;

    /* As a home. */
    struct chat_names names;
    struct chat_homes homes;

    /* As the worker of the people who are connected here. */
    struct chat_rooms rooms;
    struct chat_link persons;

    /* Persons with a line that found a mailbox full; while there are any, the timer runs. */
    struct chat_link waiting;
    struct evf_timer retry;
};

/* Of the instance on that worker. */
static inline struct chat_worker *chat_worker_of(struct chat_instance *chat, evf_worker *worker)
{
    return evf_worker_state(chat->instance, worker);
}

/* The worker that every label has as its home, the same whoever asks. */
static inline evf_worker *chat_home_of(const struct chat_instance *chat,
                                       const struct chat_label *label)
{
    return evf_worker_at(chat->instance, (unsigned)(label->hash % chat->workers));
}

#endif
