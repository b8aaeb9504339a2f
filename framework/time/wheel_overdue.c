/* SPDX-License-Identifier: MIT
 *
 * Overdue entries: started for a time that had come, in any order. They are sorted when they are
 * collected; nearly always they are in order already, which costs one pass.
 */
#include "time/wheel_inside.h"

/* Makes a list a chain: linked by `next` alone and ended by NULL. The list is empty then. */
static struct evf__list *unlink_chain(struct evf__list *head)
{
    struct evf__list *chain = evf__list_empty(head) ? NULL : head->next;
    head->prev->next = NULL;
    evf__list_init(head);
    return chain;
}

static void append_chain(struct evf__list *head, struct evf__list *chain)
{
    struct evf__list *last = head->prev;
    for (; chain != NULL; chain = chain->next) {
        last->next = chain;
        chain->prev = last;
        last = chain;
    }
    last->next = head;
    head->prev = last;
}

/* Merges two chains that are in order; of equals, `first` goes first. */
static struct evf__list *merge(struct evf__list *first, struct evf__list *second)
{
    struct evf__list result = { NULL, NULL }, *last = &result;
    while (first != NULL && second != NULL) {
        struct evf__list **from =
            evf__wheel_deadline(second) < evf__wheel_deadline(first) ? &second : &first;
        last->next = *from;
        last = *from;
        *from = last->next;
    }
    last->next = first != NULL ? first : second;
    return result.next;
}

/* Sorts a chain, keeping equals in their order. Runs that are in order already are merged with runs
 * of the same weight: run[i] is made of 2^i of them. One run, the usual case, costs one pass. */
static struct evf__list *sort(struct evf__list *chain)
{
    struct evf__list *runs[64] = { NULL };
    while (chain != NULL) {
        struct evf__list *run = chain, *last = chain;
        while (last->next != NULL && evf__wheel_deadline(last->next) >= evf__wheel_deadline(last))
            last = last->next;
        chain = last->next;
        last->next = NULL;
        unsigned i = 0;
        for (; runs[i] != NULL; i++) {
            run = merge(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }
    struct evf__list *sorted = NULL;
    for (unsigned i = 0; i < 64; i++)
        if (runs[i] != NULL)
            sorted = merge(runs[i], sorted);
    return sorted;
}

/* Takes out of the chain what lies after `at`. */
static struct evf__list *split(struct evf__list *chain, uint64_t at, struct evf__list *ahead)
{
    struct evf__list rest = { NULL, NULL }, *last = &rest;
    for (struct evf__list *next; chain != NULL; chain = next) {
        next = chain->next;
        if (evf__wheel_deadline(chain) > at) {
            chain->next = chain->prev = NULL;
            evf__list_append(ahead, chain);
        } else {
            last->next = chain;
            last = chain;
        }
    }
    last->next = NULL;
    return rest.next;
}

void evf__wheel_sort_overdue(struct evf__wheel *wheel, struct evf__list *ahead)
{
    if (evf__list_empty(&wheel->overdue))
        return;
    struct evf__list *late = &wheel->late;
    struct evf__list *chain = sort(split(unlink_chain(&wheel->overdue), wheel->at, ahead));
    if (chain == NULL)
        return;
    if (!evf__list_empty(late) && evf__wheel_deadline(chain) < evf__wheel_deadline(late->prev))
        chain = merge(unlink_chain(late), chain);
    append_chain(late, chain);
}
