/* SPDX-License-Identifier: MIT
 *
 * A table of things that have a label: what names, homes and rooms are built on. The entries are
 * embedded in the things, so adding one cannot fail. A table belongs to one worker.
 */
#ifndef CHAT_TABLE_H
#define CHAT_TABLE_H

#include "label.h"

struct chat_entry {
    struct chat_entry *next; /* in the same slot */
    struct chat_label label;
};

struct chat_table {
    struct chat_entry **slots;
    size_t slot_count; /* a power of two */
    size_t count;
};

/* 0 or -ENOMEM. */
int chat_table_init(struct chat_table *table);

/* Hands each entry to destroy and frees the slots. No effect on a table that is all zero. */
void chat_table_fini(struct chat_table *table, void (*destroy)(struct chat_entry *entry));

/* NULL when there is none. */
struct chat_entry *chat_table_find(const struct chat_table *table, const struct chat_label *label);

/* No entry with that label is in it. Without memory to grow the table gets slower, no more. */
void chat_table_add(struct chat_table *table, struct chat_entry *entry);

/* The entry is in it. */
void chat_table_remove(struct chat_table *table, struct chat_entry *entry);

#endif
