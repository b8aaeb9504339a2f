/* SPDX-License-Identifier: MIT
 *
 * Letters: all that workers of this plugin say to each other.
 *
 * A letter is about a label, its subject: a name or a room. It goes from the sender's worker to the
 * subject's home; from there, when it is about a room, as copies to every worker with members; and
 * back to the sender's worker, which was waiting for it:
 *
 *     sender's worker ---> home of the name ------------------------------> sender's worker
 *     sender's worker ---> home of the room ---> each worker of members --> sender's worker
 *                          (order is made)       (lines are written)        (it is done)
 *
 * Who owns it. The worker that a letter was posted to, from the moment the post was accepted until
 * it posts it on; so there is nothing to lock. While copies are under way it belongs to all of
 * those workers, who only read it; each may write into its own copy. The last of them, told by the
 * only atomic count, sends it back.
 *
 * Nothing fails on the way. All memory is taken by chat_letter_create, where a failure can still be
 * told to somebody. A post can only be refused for want of room in a mailbox, and that only by
 * chat_letter_try, on the first hop; all others bring the letter's own storage. When the server has
 * stopped for good (-ESHUTDOWN), who holds a letter destroys it.
 *
 * Nothing grows. A person has at most CHAT_WINDOW messages and one errand under way, and gets back
 * the right to send more when a letter comes back, which is when everybody has it.
 */
#ifndef CHAT_LETTER_H
#define CHAT_LETTER_H

#include "server.h"

struct chat_person;

enum chat_letter_kind {
    CHAT_CLAIM,   /* a name, please */
    CHAT_RELEASE, /* the name is free again */
    CHAT_JOIN,    /* one more member */
    CHAT_LEAVE,   /* one less */
    CHAT_RENAME,  /* news for the room */
    CHAT_SAY,     /* a message for the room */
    CHAT_WHO,     /* who is in the room? */
};

/* The part of a letter that one worker with members gets. */
struct chat_copy {
    struct evf_message message;
    struct chat_letter *letter;

    /* The answer to CHAT_WHO: this worker's members, separated by blanks. */
    char *names; /* NULL when there was no memory */
    uint32_t names_len;
    uint32_t count; /* all, also those left out */
};

struct chat_letter {
    /* Set once, by chat_letter_create. */
    struct chat_instance *chat;
    evf_worker *sender;
    struct chat_person *person; /* only the sender's worker looks inside */
    uint64_t person_id;         /* their stream's: all that others know of them */

    /* Filled by the sender before each journey. */
    enum chat_letter_kind kind;
    struct chat_label subject;
    char *line; /* to be written to the members, with its newline */
    uint32_t line_len;

    /* Filled on the journey. */
    int status; /* of CHAT_CLAIM and CHAT_JOIN: 0 or why not */
    struct evf_message message;
    atomic_uint holds;         /* copies that are under way, and the home while it sends them */
    struct chat_copy copies[]; /* by worker */
};

/* A letter of that person, with room for a line of so many bytes. NULL without memory. */
struct chat_letter *chat_letter_create(struct chat_worker *worker, struct chat_person *person,
                                       uint64_t person_id, size_t line_size);
void chat_letter_destroy(struct chat_letter *letter);

/* Posts it to its subject's home. 0: it will come back, by chat_person_answer. -EAGAIN: the mailbox
 * is full, nothing was done. -ESHUTDOWN: likewise, for ever. */
int chat_letter_try(struct chat_letter *letter);

/* The same with the letter's own storage: it comes back in any case, unless the server has stopped
 * for good. It is not the sender's any more. */
void chat_letter_send(struct chat_letter *letter);

/* What each answer to CHAT_WHO holds is freed, so that the letter can travel again. */
void chat_letter_clear(struct chat_letter *letter);

#endif
