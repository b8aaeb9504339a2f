/* SPDX-License-Identifier: MIT
 *
 * The mailbox: an intrusive queue with many producers and one consumer, after Dmitry Vyukov's, and
 * a stock of nodes on a lock-free free list.
 *
 * The queue. `tail` is what was pushed last, `head` (the consumer's) what is taken next, and every
 * message links to the one pushed behind it. A push is one exchange of `tail`, which settles the
 * order, and then the link from the former tail. Between the two lies the gap: the consumer cannot
 * reach what is behind it yet. A message is taken only when its own link is known, so that nobody
 * writes to it any more: the last one is followed by pushing the stub behind it. The queue is
 * empty exactly when head and tail both are the stub; in a gap they are not.
 *
 * Memory order, by what it protects:
 *
 *   what is in a message   written before the release store of the former tail's `next` (push),
 *                          read after the acquire load of it (take)
 *   a message's storage    read for the last time before the consumer's release, written anew after
 *                          the sender's acquire: on `state` for own storage, on `free` for nodes.
 *                          (Between a release and an acquire of `free` there may be other
 *                          takers; being read-modify-writes they continue the release sequence.)
 *   the wake-up            producer: A exchange tail, B load asleep
 *                          consumer: C store asleep = true, D load tail
 *                          All four are sequentially consistent, so they have one order. If A comes
 *                          before D, the consumer sees that something waits, gap or not, and does
 *                          not sleep. Else C, D, A, B: the producer finds asleep true, or a
 *                          false that was stored after C: by another producer, who writes the
 *                          eventfd then, or by the consumer, who is awake then and will pass C and
 *                          D again before it sleeps. That is why the consumer's own stores of false
 *                          may be relaxed.
 *
 *   close                  every producer adds itself to `gate` before it pushes and leaves with a
 *                          release after its last access; the closer sets the bit and then waits,
 *                          with acquire loads, until nobody is inside. All of them change one
 *                          atomic, so it has one order: who came before the bit is waited for, who
 *                          comes behind it sees it.
 */
#include "loop/mailbox.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "loop/worker.h"

_Static_assert(sizeof(struct evf__message) == sizeof(struct evf_message),
               "public storage, private");
_Static_assert(_Alignof(struct evf__message) == _Alignof(struct evf_message), "the same alignment");

/* The state of a message in the sender's own storage. */
enum { MESSAGE_FREE, MESSAGE_UNDER_WAY };

/* `free`: the number of a node below, the tag above. 39 bits of tag come round after hours of
 * nothing else; a producer would have to stand still in take_node_mp for exactly so long. */
#define NUMBER_BITS 25
#define NUMBER_MASK ((UINT64_C(1) << NUMBER_BITS) - 1)
#define TAG_ONE (UINT64_C(1) << NUMBER_BITS)
_Static_assert(EVF__MAILBOX_CAPACITY_MAX < TAG_ONE, "a node's number fits");

/* `gate`: above the count of the producers inside. */
#define GATE_CLOSED 0x80000000u

int evf__mailbox_init(struct evf__mailbox *mailbox, unsigned capacity)
{
    EVF_ASSERT(capacity >= 1 && capacity <= EVF__MAILBOX_CAPACITY_MAX);
    struct evf__message *stock = calloc(capacity, sizeof *stock);
    if (stock == NULL)
        return -ENOMEM;
    int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0) {
        int status = -errno;
        free(stock);
        return status;
    }
    for (unsigned i = 0; i + 1 < capacity; i++)
        atomic_init(&stock[i].state, i + 2); /* the number of the next one */
    mailbox->stock = stock;
    mailbox->capacity = capacity;
    mailbox->wake_fd = wake_fd;
    mailbox->head = &mailbox->stub;
    atomic_init(&mailbox->tail, &mailbox->stub);
    atomic_init(&mailbox->stub.next, NULL);
    atomic_init(&mailbox->free, 1);
    atomic_init(&mailbox->gate, 0);
    atomic_init(&mailbox->asleep, false);
    return 0;
}

/* Nodes on the free list. Only while nobody posts. */
static unsigned count_free(const struct evf__mailbox *mailbox)
{
    unsigned count = 0;
    uint64_t number = atomic_load_explicit(&mailbox->free, memory_order_acquire) & NUMBER_MASK;
    while (number != 0 && count <= mailbox->capacity) {
        number = atomic_load_explicit(&mailbox->stock[number - 1].state, memory_order_relaxed);
        count++;
    }
    return count;
}

void evf__mailbox_fini(struct evf__mailbox *mailbox)
{
    /* A producer whose message has run already may still be on its way out. */
    if (!evf__mailbox_closed(mailbox))
        evf__mailbox_close(mailbox);
    EVF_ASSERT(evf__mailbox_empty_sc(mailbox));
    EVF_ASSERT(count_free(mailbox) == mailbox->capacity);
    close(mailbox->wake_fd);
    free(mailbox->stock);
    mailbox->wake_fd = -1;
    mailbox->stock = NULL;
}

/* -- the stock -- */

/* NULL when all nodes are under way. */
static struct evf__message *take_node_mp(struct evf__mailbox *mailbox)
{
    /* Acquire, also on failure: pairs with the release in give_node_sc, so that the node's `state`
     * is read as it was when the node became the top. A node taken meanwhile has another state
     * perhaps, but then the exchange fails: to be the top again it must have been given back, and
     * that changes the tag. */
    uint64_t top = atomic_load_explicit(&mailbox->free, memory_order_acquire), next;
    struct evf__message *node;
    do {
        uint64_t number = top & NUMBER_MASK;
        if (number == 0)
            return NULL;
        node = &mailbox->stock[number - 1];
        next = (top & ~NUMBER_MASK) | atomic_load_explicit(&node->state, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&mailbox->free, &top, next,
                                                    memory_order_acquire, memory_order_acquire));
    return node;
}

static void give_node_sc(struct evf__mailbox *mailbox, struct evf__message *node)
{
    uint64_t number = (uint64_t)(node - mailbox->stock) + 1;
    uint64_t top = atomic_load_explicit(&mailbox->free, memory_order_relaxed), next;
    do {
        atomic_store_explicit(&node->state, top & NUMBER_MASK, memory_order_relaxed);
        next = ((top & ~NUMBER_MASK) + TAG_ONE) | number;
        /* Release: pairs with the acquire in take_node_mp. */
    } while (!atomic_compare_exchange_weak_explicit(&mailbox->free, &top, next,
                                                    memory_order_release, memory_order_relaxed));
}

static bool of_stock(const struct evf__mailbox *mailbox, const struct evf__message *message)
{
    return (uintptr_t)message - (uintptr_t)mailbox->stock <
           mailbox->capacity * sizeof *mailbox->stock;
}

/* -- the queue -- */

static void push_mp(struct evf__mailbox *mailbox, struct evf__message *message)
{
    atomic_store_explicit(&message->next, NULL, memory_order_relaxed);
    /* Sequentially consistent: A above. Its release half also publishes `next`, to the producer
     * that comes behind and links there. */
    struct evf__message *former = atomic_exchange(&mailbox->tail, message);
    /* The gap. `former` stays where it is: the consumer does not pass it without this link.
     * Release: pairs with the acquire loads in take_sc. From here on the message is the
     * consumer's. */
    atomic_store_explicit(&former->next, message, memory_order_release);
}

/* The oldest message, off the queue; NULL when there is none, or none within reach (a gap). */
static struct evf__message *take_sc(struct evf__mailbox *mailbox)
{
    struct evf__message *head = mailbox->head;
    /* Acquire: pairs with the release store in push_mp. */
    struct evf__message *next = atomic_load_explicit(&head->next, memory_order_acquire);
    if (head == &mailbox->stub) {
        if (next == NULL)
            return NULL;
        mailbox->head = head = next;
        next = atomic_load_explicit(&head->next, memory_order_acquire);
    }
    if (next == NULL) {
        /* The last one, or a gap behind it. The order of this load does not matter: when it is out
         * of date the stub lands further behind, and the message waits for its own link. The stub
         * cannot be in the queue here: it would stand behind head, so head would not be tail. */
        if (atomic_load_explicit(&mailbox->tail, memory_order_relaxed) != head)
            return NULL;
        push_mp(mailbox, &mailbox->stub);
        next = atomic_load_explicit(&head->next, memory_order_acquire);
        if (next == NULL)
            return NULL;
    }
    mailbox->head = next;
    return head;
}

bool evf__mailbox_empty_sc(const struct evf__mailbox *mailbox)
{
    /* Sequentially consistent: D above. Whoever pushed before the stub was pushed the last time is
     * in front of the stub, so then head is not the stub. */
    return mailbox->head == &mailbox->stub && atomic_load(&mailbox->tail) == &mailbox->stub;
}

/* -- posting -- */

/* False when the mailbox is closed. */
static bool enter_mp(struct evf__mailbox *mailbox)
{
    /* The load first, so that those who are refused do not keep the closer waiting. Acquire in
     * both: what was done before the close is known to who is refused. */
    if ((atomic_load_explicit(&mailbox->gate, memory_order_acquire) & GATE_CLOSED) != 0)
        return false;
    unsigned gate = atomic_fetch_add_explicit(&mailbox->gate, 1, memory_order_acquire);
    if ((gate & GATE_CLOSED) == 0)
        return true;
    atomic_fetch_sub_explicit(&mailbox->gate, 1, memory_order_release);
    return false;
}

static void leave_mp(struct evf__mailbox *mailbox)
{
    /* Release: pairs with the acquire load in evf__mailbox_close. */
    atomic_fetch_sub_explicit(&mailbox->gate, 1, memory_order_release);
}

void evf__mailbox_wake_mp(struct evf__mailbox *mailbox)
{
    /* B above. Of several producers one gets the true, and only that one writes. */
    if (!atomic_load(&mailbox->asleep) || !atomic_exchange(&mailbox->asleep, false))
        return;
    uint64_t one = 1;
    ssize_t written = write(mailbox->wake_fd, &one, sizeof one);
    EVF_ASSERT(written == (ssize_t)sizeof one || errno == EAGAIN); /* full is readable too */
}

static void post_mp(struct evf__mailbox *mailbox, struct evf__message *message, evf_post_fn *fn,
                    void *argument)
{
    message->fn = fn;
    message->argument = argument;
    push_mp(mailbox, message);
    evf__mailbox_wake_mp(mailbox);
}

int evf__mailbox_post_mp(struct evf__mailbox *mailbox, evf_post_fn *fn, void *argument)
{
    EVF_RULE(fn != NULL, "a posted function is given");
    if (!enter_mp(mailbox))
        return -ESHUTDOWN;
    struct evf__message *node = take_node_mp(mailbox);
    if (node != NULL)
        post_mp(mailbox, node, fn, argument);
    leave_mp(mailbox);
    return node != NULL ? 0 : -EAGAIN;
}

int evf__mailbox_post_message_mp(struct evf__mailbox *mailbox, struct evf_message *message,
                                 evf_post_fn *fn, void *argument)
{
    EVF_RULE(fn != NULL && message != NULL, "a message and a posted function are given");
    if (!enter_mp(mailbox))
        return -ESHUTDOWN;
    struct evf__message *own = (struct evf__message *)message;
    /* Acquire: pairs with the release in evf__mailbox_run_sc. An exchange, so that of two senders
     * who post one message at the same moment one is found out. */
    uint64_t state = atomic_exchange_explicit(&own->state, MESSAGE_UNDER_WAY, memory_order_acquire);
    EVF_RULE(state == MESSAGE_FREE,
             "a message is zeroed before its first use and not posted while it is under way");
    post_mp(mailbox, own, fn, argument);
    leave_mp(mailbox);
    return 0;
}

/* -- the consumer -- */

/* `wanted` NULL: all of them. What is not wanted is taken off all the same. */
static unsigned run_sc(struct evf__mailbox *mailbox, evf_worker *worker, unsigned budget,
                       bool (*wanted)(evf_post_fn *fn))
{
    /* Where this run ends; only compared, so any order will do. A message that is taken again and
     * posted again while this runs cannot be mistaken for it: the run ends when it is taken. */
    const struct evf__message *last = atomic_load_explicit(&mailbox->tail, memory_order_relaxed);
    bool more = last != &mailbox->stub || mailbox->head != &mailbox->stub;
    unsigned ran = 0;
    while (more && ran < budget) {
        struct evf__message *message = take_sc(mailbox);
        if (message == NULL)
            break;
        more = message != last && (last != &mailbox->stub || mailbox->head != last);
        evf_post_fn *fn = message->fn;
        void *argument = message->argument;
        /* The storage is free before the function starts, which may post it again. */
        if (of_stock(mailbox, message)) {
            give_node_sc(mailbox, message);
        } else {
            /* Release: pairs with the acquire in evf__mailbox_post_message_mp. */
            EVF_ASSERT(atomic_load_explicit(&message->state, memory_order_relaxed) ==
                       MESSAGE_UNDER_WAY);
            atomic_store_explicit(&message->state, MESSAGE_FREE, memory_order_release);
        }
        ran++;
        if (wanted != NULL && !wanted(fn))
            continue;
        if (worker != NULL)
            evf__enter_alone(worker, EVF__CALLBACK_POST, NULL, (void *)fn);
        fn(worker, argument);
        if (worker != NULL)
            evf__leave(worker);
    }
    return ran;
}

unsigned evf__mailbox_run_sc(struct evf__mailbox *mailbox, evf_worker *worker, unsigned budget)
{
    return run_sc(mailbox, worker, budget, NULL);
}

void evf__mailbox_drop_sc(struct evf__mailbox *mailbox, evf_worker *worker,
                          bool (*wanted)(evf_post_fn *fn))
{
    /* In a gap, what is behind it cannot be reached for a few instructions of a producer. */
    while (!evf__mailbox_empty_sc(mailbox))
        if (run_sc(mailbox, worker, UINT_MAX, wanted) == 0)
            sched_yield();
}

bool evf__mailbox_sleep_sc(struct evf__mailbox *mailbox)
{
    atomic_store(&mailbox->asleep, true); /* C above */
    if (evf__mailbox_empty_sc(mailbox))
        return true;
    /* A producer that saw the true writes the eventfd all the same, perhaps later: the next wait
     * ends at once then, for nothing, and evf__mailbox_awake_sc reads it empty. */
    atomic_store_explicit(&mailbox->asleep, false, memory_order_relaxed);
    return false;
}

void evf__mailbox_awake_sc(struct evf__mailbox *mailbox, bool signalled)
{
    atomic_store_explicit(&mailbox->asleep, false, memory_order_relaxed);
    if (!signalled)
        return;
    uint64_t count;
    ssize_t got = read(mailbox->wake_fd, &count, sizeof count);
    EVF_ASSERT(got == (ssize_t)sizeof count || errno == EAGAIN);
}

void evf__mailbox_close(struct evf__mailbox *mailbox)
{
    /* Release: pairs with the acquire in enter_mp. */
    unsigned gate = atomic_fetch_or_explicit(&mailbox->gate, GATE_CLOSED, memory_order_release);
    EVF_ASSERT((gate & GATE_CLOSED) == 0);
    /* Whoever is inside is a few instructions, at most one write to an eventfd, away from leaving,
     * and nobody new comes in: bounded. Acquire: pairs with leave_mp. */
    while (atomic_load_explicit(&mailbox->gate, memory_order_acquire) != GATE_CLOSED)
        sched_yield();
}

bool evf__mailbox_closed(const struct evf__mailbox *mailbox)
{
    return (atomic_load_explicit(&mailbox->gate, memory_order_acquire) & GATE_CLOSED) != 0;
}
