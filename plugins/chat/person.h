/* SPDX-License-Identifier: MIT
 *
 * A person: somebody who is connected, or was a moment ago. Belongs to the worker of their stream.
 *
 * What concerns the rest of the server, such as names and rooms, is asked of other workers by the
 * person's errand: the one letter that they own from the beginning, so that leaving never fails for
 * want of memory. It makes one journey after the other. What is to be next is decided in one place,
 * chat_person_go_on, from what the person has and what they want:
 *
 *     leaves, or wants another room    LEAVE   the room
 *     wants a room and has none        JOIN    it
 *     has a name that is done with     RELEASE it
 *     leaves                           RELEASE the name; say goodbye, end the stream
 *     wants a name                     CLAIM   it, then RENAME when in a room
 *
 * While the errand is under way, while CHAT_WINDOW messages are, or while a mailbox was full, the
 * stream is paused: lines wait where they are, in the stream's input, and beyond that in the
 * client's kernel. Nothing else queues them.
 *
 * A person outlives their stream until every letter has come back and the room and the name are
 * given back, in this order: nobody can get a name in a room where its former owner is still heard.
 */
#ifndef CHAT_PERSON_H
#define CHAT_PERSON_H

#include "letter.h"
#include "lines.h"

struct chat_person {
    struct chat_worker *worker;
    evf_stream *stream; /* NULL once it is closed */
    struct chat_lines lines;
    struct chat_link link; /* in worker->persons */

    /* What they have. */
    struct chat_label name;
    struct chat_label old_name; /* theirs too, until it is released */
    struct chat_room *room;     /* held; the one they are in, are joining or leaving */
    bool in_room;               /* the room's home counts them */
    struct chat_link member;    /* in room->members: they get what is said there */

    /* What they want. */
    struct chat_label wanted_name;
    struct chat_label wanted_room;
    const char *leaving; /* why, as others are told; NULL: they stay */

    /* What is under way. */
    struct chat_letter *errand;
    bool errand_out; /* then it is not ours to look at */
    unsigned said;   /* messages */
    struct chat_link waiting;
    bool paused;
    bool ended;             /* goodbye was said */
    size_t behind;          /* bytes written while the queue was full; 0: it is not */
    struct evf_timer timer; /* runs while they are behind, and after the goodbye */
};

/* NULL without memory. */
struct chat_person *chat_person_create(struct chat_worker *worker, evf_stream *stream);

/* At worker_stop, when no stream is left: frees it as it is. */
void chat_person_destroy(struct chat_person *person);

/* They want a name, or a room; there is no errand under way. */
void chat_person_rename(struct chat_person *person, const struct chat_label *name);
void chat_person_join(struct chat_person *person, const struct chat_label *room);

/* They want to be in no room; there is no errand under way, and they are in one. */
void chat_person_part(struct chat_person *person);

/* Who is in their room? There is no errand under way, and they are in one. */
void chat_person_who(struct chat_person *person);

/* A message for their room, all of it in one line. 0: it is on its way. -EAGAIN: not now; the
 * stream is paused until it can be tried again. -ENOMEM, -ESHUTDOWN. */
int chat_person_say(struct chat_person *person, const char *text, size_t len);

/* They go: everybody is told why, then they are told goodbye and the stream ends. why lives for
 * ever. The first time counts. */
void chat_person_leave(struct chat_person *person, const char *why);

/* The same without waiting for anything: they are told `goodbye` now, and get no more. It is only
 * noted: chat_person_go_on is to follow when the caller is done with the person's errand. */
void chat_person_dismiss(struct chat_person *person, const char *why, const char *goodbye);

/* The stream is closed. The person may be gone on return. */
void chat_person_gone(struct chat_person *person, const char *why);

/* Does what is to be done next, if nothing is under way. The person may be gone on return. */
void chat_person_go_on(struct chat_person *person);

/* One of their letters has come back. The person may be gone on return. */
void chat_person_answer(struct chat_person *person, struct chat_letter *letter);

/* Their own joining or leaving has come to its place in the room's order: from here on they get
 * what is said, or do not. */
void chat_person_joined(struct chat_person *person);
void chat_person_parted(struct chat_person *person);

/* Pauses or resumes the stream as the state demands. */
void chat_person_flow(struct chat_person *person);

#endif
