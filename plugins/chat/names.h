/* SPDX-License-Identifier: MIT
 *
 * The names in use, as far as this worker is their home. Each name has one home, so what is said
 * here is true for the whole server: of a hundred who want a name at once, the first whose letter
 * arrives gets it. Belongs to one worker.
 */
#ifndef CHAT_NAMES_H
#define CHAT_NAMES_H

#include "table.h"

struct chat_names {
    struct chat_table table;
};

int chat_names_init(struct chat_names *names); /* 0 or -ENOMEM */
void chat_names_fini(struct chat_names *names);

/* Gives the name to the owner, who is told by a stream's id. 0, -EEXIST when somebody has it (the
 * owner too), -ENOMEM. */
int chat_names_claim(struct chat_names *names, const struct chat_label *name, uint64_t owner);

/* Takes it back. No effect when the owner does not have it. */
void chat_names_release(struct chat_names *names, const struct chat_label *name, uint64_t owner);

#endif
