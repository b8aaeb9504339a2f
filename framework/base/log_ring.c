/* SPDX-License-Identifier: MIT
 *
 * A ring of log records from one thread to whoever reads.
 *
 * What the reader looks at before it sleeps is written and read in sequentially consistent order:
 * either the reader sees the line, or the producer, who looks next at whether the reader sleeps
 * (log.c), sees that.
 */
#include "base/log_ring.h"

#include <stdlib.h>

#include "base/assert.h"

struct evf__log_ring *evf__log_ring_create(void)
{
    struct evf__log_ring *ring = aligned_alloc(64, sizeof(*ring));
    if (ring == NULL)
        return NULL;

    /* The records stay untouched, and cost nothing, until they are needed. */
    atomic_init(&ring->committed, 0);
    atomic_init(&ring->dropped, 0);
    atomic_init(&ring->retired, false);
    atomic_init(&ring->taken, 0);
    ring->next = NULL;
    ring->reported = 0;
    ring->worker = -1;
    return ring;
}

void evf__log_ring_destroy(struct evf__log_ring *ring)
{
    free(ring);
}

struct evf__log_record *evf__log_ring_claim_sp(struct evf__log_ring *ring)
{
    uint32_t committed = atomic_load_explicit(&ring->committed, memory_order_relaxed);
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);

    if (committed - taken == EVF__LOG_RING_LINES) {
        uint64_t dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed);
        atomic_store(&ring->dropped, dropped + 1);
        return NULL;
    }
    return &ring->records[committed % EVF__LOG_RING_LINES];
}

void evf__log_ring_commit_sp(struct evf__log_ring *ring)
{
    uint32_t committed = atomic_load_explicit(&ring->committed, memory_order_relaxed);
    atomic_store(&ring->committed, committed + 1);
}

void evf__log_ring_retire_sp(struct evf__log_ring *ring)
{
    EVF_ASSERT(!atomic_load_explicit(&ring->retired, memory_order_relaxed));
    atomic_store(&ring->retired, true);
}

unsigned evf__log_ring_count_sc(const struct evf__log_ring *ring)
{
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    return atomic_load(&ring->committed) - taken;
}

const struct evf__log_record *evf__log_ring_first_sc(const struct evf__log_ring *ring)
{
    EVF_ASSERT(evf__log_ring_count_sc(ring) > 0);
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    return &ring->records[taken % EVF__LOG_RING_LINES];
}

void evf__log_ring_take_sc(struct evf__log_ring *ring)
{
    EVF_ASSERT(evf__log_ring_count_sc(ring) > 0);
    uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    ring->worker = ring->records[taken % EVF__LOG_RING_LINES].worker;
    atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
}

bool evf__log_ring_waits_sc(const struct evf__log_ring *ring)
{
    return evf__log_ring_count_sc(ring) > 0 || atomic_load(&ring->dropped) != ring->reported ||
           atomic_load(&ring->retired);
}
