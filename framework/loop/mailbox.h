/* SPDX-License-Identifier: MIT
 *
 * A worker's mailbox: the one door for all talk between threads.
 *
 * Many producers (suffix _mp), one consumer (_sc): the worker. One queue, so that what one sender
 * posts runs in its order, whether it brought its own storage (post_message) or took a node of the
 * mailbox's bounded stock (post). The eventfd is written only when the consumer may be asleep:
 *
 *   producer: push; then if `asleep`, clear it and write the eventfd
 *   consumer: set `asleep`; look once more; sleep only when the queue is empty; clear `asleep`
 *
 * Closing: after evf__mailbox_close returns, every post gives -ESHUTDOWN, and everything that was
 * accepted is in the queue, waiting for the consumer's last run.
 */
#ifndef EVF_LOOP_MAILBOX_H
#define EVF_LOOP_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <evframe/worker.h>

/* What struct evf_message is inside. All zero is free. The storage is the sender's, declared as
 * struct evf_message: hence may_alias. */
struct __attribute__((may_alias)) evf__message {
    _Atomic(struct evf__message *) next; /* in the queue */
    evf_post_fn *fn;
    void *argument;
    /* The sender's own: free (0) or under way (1). A node of the stock: while it is free, the
     * number (index + 1) of the free node below it, 0 for none. */
    _Atomic uint64_t state;
};

struct evf__mailbox {
    /* set at start */
    struct evf__message *stock;
    unsigned capacity;
    int wake_fd; /* an eventfd, non-blocking, owned by the mailbox */

    /* consumer only */
    _Alignas(64) struct evf__message *head;

    /* any thread, atomic; mailbox.c says how each is ordered */
    _Alignas(64) _Atomic(struct evf__message *) tail;
    _Atomic uint64_t free; /* top of the stock's free list: index + 1, and a tag against reuse */
    _Atomic unsigned gate; /* producers inside, and the bit that says closed */
    _Atomic bool asleep;   /* pairs with `tail`, sequentially consistent */
    struct evf__message stub;
};

/* capacity: nodes in the stock, 1 … EVF__MAILBOX_CAPACITY_MAX. 0, -ENOMEM or a negated errno of
 * eventfd. */
int evf__mailbox_init(struct evf__mailbox *mailbox, unsigned capacity);
/* Closes the mailbox when it is not closed yet; asserts that nothing waits and that every node is
 * back. No producer may come any more. */
void evf__mailbox_fini(struct evf__mailbox *mailbox);

/* What evf_post and evf_post_message do; who calls counts what is refused. Any thread. */
int evf__mailbox_post_mp(struct evf__mailbox *mailbox, evf_post_fn *fn, void *argument);
int evf__mailbox_post_message_mp(struct evf__mailbox *mailbox, struct evf_message *message,
                                 evf_post_fn *fn, void *argument);

/* Wakes the consumer when it may be asleep; for other queues that share the door. The caller has
 * published its own item before, sequentially consistent. Any thread. */
void evf__mailbox_wake_mp(struct evf__mailbox *mailbox);

/* Runs at most `budget` messages, and at most what waited when it was called: what is posted
 * meanwhile is for the next turn. Returns how many ran. worker is what the functions get, and
 * notes what runs; NULL in tests. Consumer. */
unsigned evf__mailbox_run_sc(struct evf__mailbox *mailbox, evf_worker *worker, unsigned budget);

/* Takes off what waits, until nothing does, and runs only those messages whose function is wanted;
 * the storage of the others is free again, and that is all. For a start that failed. Consumer. */
void evf__mailbox_drop_sc(struct evf__mailbox *mailbox, evf_worker *worker,
                          bool (*wanted)(evf_post_fn *fn));

/* Says that the consumer is about to sleep. False when something waits already: do not sleep, and
 * do not call awake. Other queues that share the door are to be looked at after it said true,
 * sequentially consistent. */
bool evf__mailbox_sleep_sc(struct evf__mailbox *mailbox);
/* Ends the sleep and reads the eventfd empty when it was written. `signalled`: the eventfd was seen
 * readable; a late write can make it so when there was no sleep, then too it is to be called. */
void evf__mailbox_awake_sc(struct evf__mailbox *mailbox, bool signalled);

/* True when nothing waits; a message whose post is half done waits already. Consumer. */
bool evf__mailbox_empty_sc(const struct evf__mailbox *mailbox);

/* Closes the mailbox and waits until no post is under way. Any thread, once. */
void evf__mailbox_close(struct evf__mailbox *mailbox);

/* True when it is closed, or is being closed. Any thread. */
bool evf__mailbox_closed(const struct evf__mailbox *mailbox);

#endif
