/* SPDX-License-Identifier: MIT
 *
 * The rooms whose home is this worker: how many members each other worker has in them. A room
 * exists while it has a member. Everything that happens in a room passes through its home, one
 * thing after the other: that is the room's order. Belongs to one worker.
 */
#ifndef CHAT_HOMES_H
#define CHAT_HOMES_H

#include <stdatomic.h>

#include "table.h"

/* The number of rooms in the whole server. The only thing that all workers write; they do when a
 * room begins and when it ends. */
struct chat_room_limit {
    unsigned max;
    atomic_uint count;
};

struct chat_home {
    struct chat_entry entry; /* first */
    unsigned total;
    unsigned members[]; /* by worker */
};

struct chat_homes {
    struct chat_table table;
    struct chat_room_limit *limit;
    unsigned workers;
};

int chat_homes_init(struct chat_homes *homes, struct chat_room_limit *limit,
                    unsigned workers); /* 0 or -ENOMEM */
void chat_homes_fini(struct chat_homes *homes);

/* NULL when the room has no member. */
struct chat_home *chat_homes_find(const struct chat_homes *homes, const struct chat_label *room);

/* One more member on that worker. 0, -ENOSPC when there are too many rooms, -ENOMEM. */
int chat_homes_join(struct chat_homes *homes, const struct chat_label *room, unsigned worker);

/* One less. The room ends with its last member. No effect where there is none. */
void chat_homes_leave(struct chat_homes *homes, const struct chat_label *room, unsigned worker);

#endif
