/* SPDX-License-Identifier: MIT
 *
 * An intrusive list in both directions, and how to get from a member to its owner.
 *
 * A node that is on no list is all zero. No thread may share a list.
 */
#ifndef EVF_BASE_LIST_H
#define EVF_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

#define EVF__OWNER(pointer, type, member)                                                          \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct evf__list {
    struct evf__list *next, *prev;
};

static inline void evf__list_init(struct evf__list *head)
{
    head->next = head->prev = head;
}

static inline bool evf__list_empty(const struct evf__list *head)
{
    return head->next == head;
}

static inline bool evf__list_on(const struct evf__list *node)
{
    return node->next != NULL;
}

static inline void evf__list_append(struct evf__list *head, struct evf__list *node)
{
    EVF_ASSERT(node->next == NULL);
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void evf__list_prepend(struct evf__list *head, struct evf__list *node)
{
    evf__list_append(head->next, node);
}

/* No effect on a node that is on no list. */
static inline void evf__list_remove(struct evf__list *node)
{
    if (node->next == NULL)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}

/* Takes the first node off; NULL when there is none. */
static inline struct evf__list *evf__list_take(struct evf__list *head)
{
    struct evf__list *node = head->next;
    if (node == head)
        return NULL;
    head->next = node->next;
    node->next->prev = head;
    node->next = node->prev = NULL;
    return node;
}

/* Moves all nodes of `from` behind those of `to`; `from` is empty then. */
static inline void evf__list_move_all(struct evf__list *to, struct evf__list *from)
{
    if (evf__list_empty(from))
        return;
    from->next->prev = to->prev;
    from->prev->next = to;
    to->prev->next = from->next;
    to->prev = from->prev;
    evf__list_init(from);
}

#endif
