/* SPDX-License-Identifier: MIT
 *
 * Letters between workers; see letter.h for their way and their owner. The three functions that are
 * posted say on which worker they run: at_home, at_members, at_sender.
 *
 * Why everybody in a room sees the same. A room's messages, its joins and its leaves all pass
 * through its home, one after the other. The home posts them to each worker in that order, and
 * posts of one sender run in their order. So each worker sees the room's order, and a member sees
 * it from the own join to the own leave, with nothing left out and nothing twice. One sender's
 * messages reach the home in order for the same reason.
 */
#include "letter.h"

#include <errno.h>
#include <stdlib.h>

#include "delivery.h"
#include "person.h"

struct chat_letter *chat_letter_create(struct chat_worker *worker, struct chat_person *person,
                                       uint64_t person_id, size_t line_size)
{
    struct chat_instance *chat = worker->chat;
    size_t copies_size = chat->workers * sizeof(struct chat_copy);
    struct chat_letter *letter = calloc(1, sizeof *letter + copies_size + line_size);
    if (letter == NULL)
        return NULL;
    letter->chat = chat;
    letter->sender = worker->worker;
    letter->person = person;
    letter->person_id = person_id;
    letter->line = (char *)letter->copies + copies_size;
    for (unsigned i = 0; i < chat->workers; i++)
        letter->copies[i].letter = letter;
    return letter;
}

void chat_letter_clear(struct chat_letter *letter)
{
    for (unsigned i = 0; i < letter->chat->workers; i++) {
        struct chat_copy *copy = &letter->copies[i];
        free(copy->names);
        copy->names = NULL;
        copy->names_len = copy->count = 0;
    }
}

void chat_letter_destroy(struct chat_letter *letter)
{
    if (letter == NULL)
        return;
    chat_letter_clear(letter);
    free(letter);
}

/* -- on the sender's worker again -- */

static void at_sender(evf_worker *worker, void *argument)
{
    (void)worker;
    struct chat_letter *letter = argument;
    chat_person_answer(letter->person, letter);
}

static void send_back(struct chat_letter *letter)
{
    if (evf_post_message(letter->sender, &letter->message, at_sender, letter) < 0)
        chat_letter_destroy(letter);
}

/* Gives up one hold; the letter is not to be touched afterwards. The last one sends it back. The
 * order: what a holder wrote into its copy is seen by who releases last. */
static void release(struct chat_letter *letter)
{
    if (atomic_fetch_sub_explicit(&letter->holds, 1, memory_order_acq_rel) == 1)
        send_back(letter);
}

/* -- on each worker that has members -- */

static void at_members(evf_worker *worker, void *argument)
{
    struct chat_copy *copy = argument;
    struct chat_letter *letter = copy->letter;
    chat_deliver(chat_worker_of(letter->chat, worker), letter, copy);
    release(letter);
}

/* -- on the subject's home -- */

/* Copies for every worker that has members of the room. The home holds the letter itself until it
 * is done with it: the copies may all be delivered before this returns. */
static void send_copies(struct chat_worker *worker, struct chat_letter *letter)
{
    const struct chat_home *home = chat_homes_find(&worker->homes, &letter->subject);
    for (unsigned i = 0; home != NULL && i < worker->chat->workers; i++) {
        struct chat_copy *copy = &letter->copies[i];
        if (home->members[i] == 0)
            continue;
        atomic_fetch_add_explicit(&letter->holds, 1, memory_order_relaxed);
        if (evf_post_message(evf_worker_at(worker->chat->instance, i), &copy->message, at_members,
                             copy) < 0)
            atomic_fetch_sub_explicit(&letter->holds, 1, memory_order_relaxed);
    }
}

static void order(struct chat_worker *worker, struct chat_letter *letter)
{
    unsigned sender = evf_worker_index(letter->sender);
    letter->status = 0;
    if (letter->kind == CHAT_JOIN)
        letter->status = chat_homes_join(&worker->homes, &letter->subject, sender);
    if (letter->status < 0) {
        send_back(letter);
        return;
    }
    if (letter->kind == CHAT_SAY)
        evf_counter_add(worker->chat->messages, 1);
    atomic_store_explicit(&letter->holds, 1, memory_order_relaxed);
    send_copies(worker, letter);
    if (letter->kind == CHAT_LEAVE)
        chat_homes_leave(&worker->homes, &letter->subject, sender);
    release(letter);
}

static void at_home(evf_worker *evf, void *argument)
{
    struct chat_letter *letter = argument;
    struct chat_worker *worker = chat_worker_of(letter->chat, evf);
    switch (letter->kind) {
    case CHAT_CLAIM:
        letter->status = chat_names_claim(&worker->names, &letter->subject, letter->person_id);
        send_back(letter);
        break;
    case CHAT_RELEASE:
        chat_names_release(&worker->names, &letter->subject, letter->person_id);
        send_back(letter);
        break;
    case CHAT_JOIN:
    case CHAT_LEAVE:
    case CHAT_RENAME:
    case CHAT_SAY:
    case CHAT_WHO:
        order(worker, letter);
        break;
    }
}

/* -- on the sender's worker -- */

int chat_letter_try(struct chat_letter *letter)
{
    return evf_post(chat_home_of(letter->chat, &letter->subject), at_home, letter);
}

void chat_letter_send(struct chat_letter *letter)
{
    if (evf_post_message(chat_home_of(letter->chat, &letter->subject), &letter->message, at_home,
                         letter) < 0)
        chat_letter_destroy(letter);
}
