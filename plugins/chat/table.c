/* SPDX-License-Identifier: MIT
 *
 * A table of things that have a label; see table.h.
 *
 * The slot is taken from the hash's upper half: its remainder by the number of workers is the same
 * for every label of this worker.
 */
#include "table.h"

#include <errno.h>
#include <stdlib.h>

static struct chat_entry **slot_of(const struct chat_table *table, const struct chat_label *label)
{
    return &table->slots[(label->hash >> 32) & (table->slot_count - 1)];
}

int chat_table_init(struct chat_table *table)
{
    *table = (struct chat_table){ .slot_count = CHAT_TABLE_SLOTS };
    table->slots = calloc(CHAT_TABLE_SLOTS, sizeof *table->slots);
    return table->slots != NULL ? 0 : -ENOMEM;
}

void chat_table_fini(struct chat_table *table, void (*destroy)(struct chat_entry *entry))
{
    for (size_t i = 0; i < table->slot_count && table->slots != NULL; i++) {
        while (table->slots[i] != NULL) {
            struct chat_entry *entry = table->slots[i];
            table->slots[i] = entry->next;
            destroy(entry);
        }
    }
    free(table->slots);
    *table = (struct chat_table){ 0 };
}

struct chat_entry *chat_table_find(const struct chat_table *table, const struct chat_label *label)
{
    struct chat_entry *entry = *slot_of(table, label);
    while (entry != NULL && !chat_label_same(&entry->label, label))
        entry = entry->next;
    return entry;
}

static void put(struct chat_table *table, struct chat_entry *entry)
{
    struct chat_entry **slot = slot_of(table, &entry->label);
    entry->next = *slot;
    *slot = entry;
}

static void grow(struct chat_table *table)
{
    struct chat_table old = *table;
    struct chat_entry **slots = calloc(old.slot_count * 2, sizeof(struct chat_entry *));
    if (slots == NULL)
        return;
    table->slots = slots;
    table->slot_count = old.slot_count * 2;
    for (size_t i = 0; i < old.slot_count; i++) {
        for (struct chat_entry *entry = old.slots[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            put(table, entry);
        }
    }
    free(old.slots);
}

void chat_table_add(struct chat_table *table, struct chat_entry *entry)
{
    if (table->count >= table->slot_count)
        grow(table);
    put(table, entry);
    table->count++;
}

void chat_table_remove(struct chat_table *table, struct chat_entry *entry)
{
    struct chat_entry **at = slot_of(table, &entry->label);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    entry->next = NULL;
    table->count--;
}
