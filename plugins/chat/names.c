/* SPDX-License-Identifier: MIT
 *
 * The names in use; see names.h.
 */
#include "names.h"

#include <errno.h>
#include <stdlib.h>

struct name {
    struct chat_entry entry; /* first, so that the entry's address is the name's */
    uint64_t owner;
};

static void destroy(struct chat_entry *entry)
{
    free(entry);
}

int chat_names_init(struct chat_names *names)
{
    return chat_table_init(&names->table);
}

void chat_names_fini(struct chat_names *names)
{
    chat_table_fini(&names->table, destroy);
}

int chat_names_claim(struct chat_names *names, const struct chat_label *label, uint64_t owner)
{
    if (chat_table_find(&names->table, label) != NULL)
        return -EEXIST;
    struct name *name = malloc(sizeof *name);
    if (name == NULL)
        return -ENOMEM;
    *name = (struct name){ .entry.label = *label, .owner = owner };
    chat_table_add(&names->table, &name->entry);
    return 0;
}

void chat_names_release(struct chat_names *names, const struct chat_label *label, uint64_t owner)
{
    struct name *name = (struct name *)chat_table_find(&names->table, label);
    if (name == NULL || name->owner != owner)
        return;
    chat_table_remove(&names->table, &name->entry);
    free(name);
}
