/* SPDX-License-Identifier: MIT
 *
 * Figures: 64-bit numbers written by one owner each and summed by whoever reads.
 *
 * Every worker, and the acceptor, owns one block of slots. The owner writes with relaxed atomic
 * stores (no locked instruction); a reader on another thread loads relaxed and sums over the
 * blocks. The first slots are evframe's own, listed below; the others belong to plugins' counters
 * and gauges, numbered in the order in which they were made.
 */
#ifndef EVF_BASE_FIGURES_H
#define EVF_BASE_FIGURES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

/* id, name, gauge, help */
#define EVF__FIGURES(X)                                                                            \
    X(ACCEPTED, "connections_accepted", false, "connections accepted")                             \
    X(REFUSED_LIMIT, "connections_refused_limit", false, "closed at once: max-connections")        \
    X(REFUSED_BLOCKED, "connections_refused_blocked", false,                                       \
      "closed at once: the peer's address is blocked or not allowed")                              \
    X(REFUSED_DESCRIPTORS, "connections_refused_descriptors", false,                               \
      "closed at once: out of descriptors")                                                        \
    X(REFUSED_MEMORY, "connections_refused_memory", false, "closed at once: out of memory")        \
    X(ACCEPT_ERRORS, "accept_errors", false, "accept failed for the connection's own reasons")     \
    X(ACCEPT_PAUSES, "accept_pauses", false,                                                       \
      "accepting stood still: every worker's ring was full")                                       \
    X(ACCEPT_BACKOFFS, "accept_backoffs", false,                                                   \
      "accepting stood still: no descriptors or memory left")                                      \
    X(NEVER_OPENED, "connections_never_opened", false, "accepted, but closed before open")         \
    X(PROXY_HEADERS, "proxy_headers", false, "connections opened with a PROXY header")             \
    X(PROXY_BAD, "proxy_headers_bad", false,                                                       \
      "closed before open: a malformed PROXY header, or data without one")                         \
    X(PROXY_MISSING, "proxy_headers_missing", false,                                               \
      "closed before open: the PROXY header was not complete at the end or in time")               \
    X(PROXY_UNTRUSTED, "proxy_untrusted", false, "closed before open: not among proxy-trusted")    \
    X(STREAMS_OPENED, "streams_opened", false, "streams whose open was called")                    \
    X(STREAMS_CLOSED, "streams_closed", false, "streams closed, for any reason")                   \
    X(STREAMS_FAILED, "streams_failed", false, "streams closed with an error")                     \
    X(STREAMS_TIMED_OUT, "streams_timed_out", false, "streams closed with -ETIMEDOUT")             \
    X(STREAMS_SLOW, "streams_slow", false, "streams closed with EVF_ESLOW")                        \
    X(CONNECTS, "connects", false, "outgoing streams asked for")                                   \
    X(CONNECTS_FAILED, "connects_failed", false,                                                   \
      "outgoing streams that were never open, cancelled ones included")                            \
    X(CONNECT_ATTEMPTS, "connect_attempts", false, "addresses tried for outgoing streams")         \
    X(BYTES_READ, "bytes_read", false, "bytes received")                                           \
    X(BYTES_WRITTEN, "bytes_written", false, "bytes that the kernel has taken")                    \
    X(FDS_LOST, "descriptors_lost", false,                                                         \
      "messages whose descriptors the process had no room for")                                    \
    X(POSTS_RUN, "posts_run", false, "posted functions that ran")                                  \
    X(POSTS_REFUSED, "posts_refused", false, "posts refused: the mailbox was full")                \
    X(OFFLOADED, "offloaded", false, "work given to helper threads")                               \
    X(OFFLOAD_REFUSED, "offload_refused", false, "work refused: too much of it waited")            \
    X(LOOKUPS, "lookups", false, "addresses of one family looked up for a host")                   \
    X(LOOKUPS_FAILED, "lookups_failed", false, "look-ups without an answer: servers, time-outs")   \
    X(LOOKUP_CACHE_HITS, "lookup_cache_hits", false, "look-ups answered by what was kept")         \
    X(DNS_QUERIES, "dns_queries", false, "questions sent to name servers")                         \
    X(TURNS, "turns", false, "turns of the loops")                                                 \
    X(STREAMS, "streams", true, "streams that exist")                                              \
    X(CONNECTING, "connecting", true, "outgoing streams that are not open yet")                    \
    X(TIMERS, "timers", true, "timers and time-outs that run")                                     \
    X(PAGES, "pages", true, "read pages in use, each worker's current one included")               \
    X(BLOCKS, "blocks", true, "blocks in use: small slices, unconsumed input, queued copies")      \
    X(QUEUES, "write_queues", true, "write queues in use")

enum evf__figure_id {
#define EVF__FIGURE_ID(id, name, gauge, help) EVF__FIGURE_##id,
    EVF__FIGURES(EVF__FIGURE_ID)
#undef EVF__FIGURE_ID
        EVF__FIGURES_OWN,
    EVF__FIGURES_MAX = EVF__FIGURES_OWN + EVF__PLUGIN_FIGURES_MAX
};

struct evf__figures {
    /* Written by the owner (relaxed), read by anyone (relaxed). */
    _Atomic uint64_t slots[EVF__FIGURES_MAX];
};

/* Owner only. */
static inline void evf__figure_add(struct evf__figures *figures, unsigned id, uint64_t amount)
{
    uint64_t old = atomic_load_explicit(&figures->slots[id], memory_order_relaxed);
    atomic_store_explicit(&figures->slots[id], old + amount, memory_order_relaxed);
}

/* Owner only. */
static inline void evf__figure_set(struct evf__figures *figures, unsigned id, uint64_t value)
{
    atomic_store_explicit(&figures->slots[id], value, memory_order_relaxed);
}

/* Any thread. */
static inline uint64_t evf__figure_get(const struct evf__figures *figures, unsigned id)
{
    return atomic_load_explicit(&figures->slots[id], memory_order_relaxed);
}

/* Name, help and kind of evframe's own figures. */
struct evf__figure_text {
    const char *name, *help;
    bool gauge;
};
extern const struct evf__figure_text evf__figure_texts[EVF__FIGURES_OWN];

#endif
