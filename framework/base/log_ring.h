/* SPDX-License-Identifier: MIT
 *
 * A ring of log records from one thread to whoever reads: one producer, one reader at a time.
 *
 * The producer claims a record, fills it in place and commits it; it never waits: without room it
 * counts the line as dropped. The reader, who holds the log's lock, reads the first record in place
 * and takes it away. The names end in _sp for the single producer, _sc for the single consumer.
 */
#ifndef EVF_BASE_LOG_RING_H
#define EVF_BASE_LOG_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/log_format.h"

_Static_assert((EVF__LOG_RING_LINES & (EVF__LOG_RING_LINES - 1)) == 0, "positions are masked");

struct evf__log_ring {
    /* producer writes, reader reads; each store is paired with a load on the other side */
    alignas(64) _Atomic uint32_t committed; /* lines committed, wrapping; seq_cst */
    _Atomic uint64_t dropped;               /* lines dropped; seq_cst */
    _Atomic bool retired;                   /* the producer has left: its last store; seq_cst */

    /* reader writes, producer reads */
    alignas(64) _Atomic uint32_t taken; /* lines taken, wrapping: store release */

    /* reader only */
    struct evf__log_ring *next; /* among the log's rings */
    uint64_t reported;          /* of the dropped ones: written about */
    int32_t worker;             /* of the line taken last, or -1 */

    struct evf__log_record records[EVF__LOG_RING_LINES];
};

/* NULL without memory. Destroyed by the reader, once retired and empty. */
struct evf__log_ring *evf__log_ring_create(void);
void evf__log_ring_destroy(struct evf__log_ring *ring);

/* The record to fill next; NULL when the ring is full, which counts as a line dropped. Each claim
 * that gave a record is followed by a commit. */
struct evf__log_record *evf__log_ring_claim_sp(struct evf__log_ring *ring);
void evf__log_ring_commit_sp(struct evf__log_ring *ring);

/* No more lines will come. The producer's last call. */
void evf__log_ring_retire_sp(struct evf__log_ring *ring);

/* How many records wait; the first of them, of which there must be one; and away with it. */
unsigned evf__log_ring_count_sc(const struct evf__log_ring *ring);
const struct evf__log_record *evf__log_ring_first_sc(const struct evf__log_ring *ring);
void evf__log_ring_take_sc(struct evf__log_ring *ring);

/* True when the reader has something to do: lines, drops to report, or to destroy the ring. */
bool evf__log_ring_waits_sc(const struct evf__log_ring *ring);

#endif
