/* SPDX-License-Identifier: MIT
 *
 * What a letter about a room does on a worker that has members of it.
 */
#ifndef CHAT_DELIVERY_H
#define CHAT_DELIVERY_H

#include "letter.h"

/* Writes the letter's line to the members, or notes who they are in this worker's copy; and on the
 * sender's worker lets the sender join or leave at this very place of the room's order. */
void chat_deliver(struct chat_worker *worker, const struct chat_letter *letter,
                  struct chat_copy *copy);

#endif
