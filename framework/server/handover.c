/* SPDX-License-Identifier: MIT
 *
 * The hand-over ring. Positions count up for ever and are cut to an index, so full and empty
 * differ; the capacity is a power of two, so that they may wrap.
 */
#include "server/handover.h"

#include <errno.h>
#include <unistd.h>

#include "base/assert.h"

enum { CAPACITY = EVF__HANDOVER_CAPACITY };

_Static_assert((CAPACITY & (CAPACITY - 1)) == 0, "positions wrap");

void evf__handover_init(struct evf__handover *handover, int acceptor_fd)
{
    handover->acceptor_fd = acceptor_fd;
    atomic_init(&handover->tail, 0);
    atomic_init(&handover->head, 0);
    atomic_init(&handover->acceptor_waits, false);
}

bool evf__handover_room_sp(const struct evf__handover *handover)
{
    unsigned head = atomic_load_explicit(&handover->head, memory_order_relaxed);
    /* Acquire: pairs with pop; the entry was copied before it is written anew. */
    return head - atomic_load_explicit(&handover->tail, memory_order_acquire) < CAPACITY;
}

bool evf__handover_push_sp(struct evf__handover *handover, const struct evf__arrival *arrival)
{
    EVF_ASSERT(arrival->fd >= 0 && arrival->origin != NULL);
    if (!evf__handover_room_sp(handover))
        return false;
    unsigned head = atomic_load_explicit(&handover->head, memory_order_relaxed);
    handover->entries[head % CAPACITY] = *arrival;
    /* Sequentially consistent: before the caller looks at the mailbox's `asleep`. */
    atomic_store(&handover->head, head + 1);
    return true;
}

void evf__handover_await_sp(struct evf__handover *handover)
{
    /* An exchange, as in took_sc: of the two, one reads what the other wrote. When this one comes
     * second, it sees what was taken before; when it comes first, the worker sees that the acceptor
     * waits. */
    atomic_exchange(&handover->acceptor_waits, true);
}

bool evf__handover_pop_sc(struct evf__handover *handover, struct evf__arrival *ret)
{
    unsigned tail = atomic_load_explicit(&handover->tail, memory_order_relaxed);
    /* Acquire: pairs with push. */
    if (atomic_load_explicit(&handover->head, memory_order_acquire) == tail)
        return false;
    *ret = handover->entries[tail % CAPACITY];
    EVF_ASSERT(ret->fd >= 0 && ret->origin != NULL);
    /* Release: pairs with room. */
    atomic_store_explicit(&handover->tail, tail + 1, memory_order_release);
    return true;
}

void evf__handover_took_sc(struct evf__handover *handover)
{
    /* Pairs with await_sp. It is paid once per batch, not per connection. */
    if (!atomic_exchange(&handover->acceptor_waits, false) || handover->acceptor_fd < 0)
        return;
    uint64_t one = 1;
    ssize_t written = write(handover->acceptor_fd, &one, sizeof one);
    EVF_ASSERT(written == (ssize_t)sizeof one || errno == EAGAIN); /* full is readable too */
}

bool evf__handover_empty_sc(const struct evf__handover *handover)
{
    return atomic_load(&handover->head) ==
           atomic_load_explicit(&handover->tail, memory_order_relaxed);
}
