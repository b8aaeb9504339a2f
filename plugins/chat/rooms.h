/* SPDX-License-Identifier: MIT
 *
 * The rooms that people of this worker are in: who is to get what is said there. Where a room's
 * home counts members, this lists them. Belongs to one worker.
 */
#ifndef CHAT_ROOMS_H
#define CHAT_ROOMS_H

#include "link.h"
#include "table.h"

struct chat_room {
    struct chat_entry entry;  /* first */
    struct chat_link members; /* persons, by their `member` link, in the order of joining */
    unsigned holds;           /* persons who are in it, or about to join or leave */
};

struct chat_rooms {
    struct chat_table table;
};

int chat_rooms_init(struct chat_rooms *rooms); /* 0 or -ENOMEM */
void chat_rooms_fini(struct chat_rooms *rooms);

/* NULL when nobody here holds it. */
struct chat_room *chat_rooms_find(const struct chat_rooms *rooms, const struct chat_label *label);

/* Finds or makes the room and holds it: before joining, where a lack of memory (NULL) can still be
 * told. */
struct chat_room *chat_rooms_hold(struct chat_rooms *rooms, const struct chat_label *label);

/* Gives a hold back; the last one frees the room, which has no members then. */
void chat_rooms_drop(struct chat_rooms *rooms, struct chat_room *room);

#endif
