/* SPDX-License-Identifier: MIT
 *
 * Which worker gets an accepted connection: pure functions from loads to a worker's number.
 *
 * The caller keeps the loads and the state, and adds the connection to the load of the worker it
 * went to before it asks again: that is what spreads a burst evenly. Nothing here is shared: each
 * acceptor has a state of its own.
 *
 *     for (unsigned w = evf__dispatch_pick(policy, loads, count, &state, peer, len);
 *          w < count;
 *          w = evf__dispatch_next(policy, loads, count, &state))
 *         if (hand_over(w, fd))
 *             return w;
 *     every ring is full
 */
#ifndef EVF_SERVER_DISPATCH_H
#define EVF_SERVER_DISPATCH_H

#include <stdint.h>
#include <sys/socket.h>

#include <evframe/server.h>

#include "base/limits.h"

/* All zero is the beginning. */
struct evf__dispatch_state {
    unsigned turn; /* round-robin: the worker whose turn it is */
    unsigned last; /* the worker given out last for the present connection */
    uint64_t tried[EVF__WORKERS_MAX / 64]; /* one bit for each worker given out for it */
};

/* Begins a new connection and gives the worker to try first, below count (1 … EVF__WORKERS_MAX).
 *
 *   least        the lowest load; among equals the lowest index
 *   round-robin  each worker in its turn
 *   hash         by the peer's address: IP without the port (an IPv4 address mapped into IPv6 is
 *                the IPv4 one), unix by its name. The same peer, the same worker, as long as count
 *                stays. A peer without a name (the usual unix client) or an unknown kind of
 *                address goes by `least`.
 *
 * loads has count entries; round-robin does not look at it. peer may be NULL: no name. */
unsigned evf__dispatch_pick(enum evf_dispatch policy, const uint64_t *loads, unsigned count,
                            struct evf__dispatch_state *state, const struct sockaddr *peer,
                            socklen_t peer_len);

/* The worker to try when the one given out last could not take the connection: each of the others
 * once, then count. `least`: the lowest load among those not tried, so that a worker that stands
 * still with few connections does not send all others to its neighbour. Else: the following index;
 * round-robin goes on behind whoever was given out last. */
unsigned evf__dispatch_next(enum evf_dispatch policy, const uint64_t *loads, unsigned count,
                            struct evf__dispatch_state *state);

#endif
