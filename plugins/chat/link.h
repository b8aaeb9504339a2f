/* SPDX-License-Identifier: MIT
 *
 * An intrusive list in both directions. A link that is on no list is all zero. A list belongs to
 * one worker.
 */
#ifndef CHAT_LINK_H
#define CHAT_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct chat_link {
    struct chat_link *next, *previous;
};

/* The struct that a link is a member of. */
#define CHAT_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void chat_list_init(struct chat_link *list)
{
    list->next = list->previous = list;
}

static inline bool chat_list_empty(const struct chat_link *list)
{
    return list->next == list;
}

static inline bool chat_link_on(const struct chat_link *link)
{
    return link->next != NULL;
}

static inline void chat_list_append(struct chat_link *list, struct chat_link *link)
{
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

/* No effect on a link that is on no list. */
static inline void chat_link_remove(struct chat_link *link)
{
    if (link->next == NULL)
        return;
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->next = link->previous = NULL;
}

#endif
