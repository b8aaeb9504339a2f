/* SPDX-License-Identifier: MIT
 *
 * The rooms that people of this worker are in; see rooms.h.
 */
#include "rooms.h"

#include <stdlib.h>

static void destroy(struct chat_entry *entry)
{
    free(entry);
}

int chat_rooms_init(struct chat_rooms *rooms)
{
    return chat_table_init(&rooms->table);
}

void chat_rooms_fini(struct chat_rooms *rooms)
{
    chat_table_fini(&rooms->table, destroy);
}

struct chat_room *chat_rooms_find(const struct chat_rooms *rooms, const struct chat_label *label)
{
    return (struct chat_room *)chat_table_find(&rooms->table, label);
}

struct chat_room *chat_rooms_hold(struct chat_rooms *rooms, const struct chat_label *label)
{
    struct chat_room *room = chat_rooms_find(rooms, label);
    if (room == NULL) {
        room = malloc(sizeof *room);
        if (room == NULL)
            return NULL;
        *room = (struct chat_room){ .entry.label = *label };
        chat_list_init(&room->members);
        chat_table_add(&rooms->table, &room->entry);
    }
    room->holds++;
    return room;
}

void chat_rooms_drop(struct chat_rooms *rooms, struct chat_room *room)
{
    if (--room->holds > 0)
        return;
    chat_table_remove(&rooms->table, &room->entry);
    free(room);
}
