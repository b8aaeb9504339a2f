/* SPDX-License-Identifier: MIT
 *
 * The rooms whose home is this worker; see homes.h.
 */
#include "homes.h"

#include <errno.h>
#include <stdlib.h>

static void destroy(struct chat_entry *entry)
{
    free(entry);
}

int chat_homes_init(struct chat_homes *homes, struct chat_room_limit *limit, unsigned workers)
{
    homes->limit = limit;
    homes->workers = workers;
    return chat_table_init(&homes->table);
}

void chat_homes_fini(struct chat_homes *homes)
{
    chat_table_fini(&homes->table, destroy);
}

struct chat_home *chat_homes_find(const struct chat_homes *homes, const struct chat_label *room)
{
    return (struct chat_home *)chat_table_find(&homes->table, room);
}

/* True when one more room may exist; it is counted then. Nothing is ordered by the count. */
static bool count_room(struct chat_room_limit *limit)
{
    if (atomic_fetch_add_explicit(&limit->count, 1, memory_order_relaxed) < limit->max)
        return true;
    atomic_fetch_sub_explicit(&limit->count, 1, memory_order_relaxed);
    return false;
}

static int begin(struct chat_homes *homes, const struct chat_label *room, struct chat_home **ret)
{
    if (!count_room(homes->limit))
        return -ENOSPC;
    struct chat_home *home = calloc(1, sizeof *home + homes->workers * sizeof home->members[0]);
    if (home == NULL) {
        atomic_fetch_sub_explicit(&homes->limit->count, 1, memory_order_relaxed);
        return -ENOMEM;
    }
    home->entry.label = *room;
    chat_table_add(&homes->table, &home->entry);
    *ret = home;
    return 0;
}

int chat_homes_join(struct chat_homes *homes, const struct chat_label *room, unsigned worker)
{
    struct chat_home *home = chat_homes_find(homes, room);
    if (home == NULL) {
        int status = begin(homes, room, &home);
        if (status < 0)
            return status;
    }
    home->members[worker]++;
    home->total++;
    return 0;
}

void chat_homes_leave(struct chat_homes *homes, const struct chat_label *room, unsigned worker)
{
    struct chat_home *home = chat_homes_find(homes, room);
    if (home == NULL || home->members[worker] == 0)
        return;
    home->members[worker]--;
    if (--home->total > 0)
        return;
    chat_table_remove(&homes->table, &home->entry);
    free(home);
    atomic_fetch_sub_explicit(&homes->limit->count, 1, memory_order_relaxed);
}
