/* SPDX-License-Identifier: MIT
 *
 * The simulated network: what happens between two turns. Connections arrive, bytes become visible,
 * peers read, and the worker is told what is ready, as a kernel's level-triggered events would
 * tell it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/state.h"
#include "stream/stream.h"
#include "testkit/sim.h"

enum { BUFFERS = 64 * 1024 }; /* what is taken for a peer that does not read */

evf_sim_peer *evf__sim_peer_new(evf_sim *sim)
{
    evf_sim_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        abort();
    peer->sim = sim;
    peer->number = ++sim->peer_count;
    snprintf(peer->name, sizeof peer->name, "peer %u", peer->number);
    peer->room = SIZE_MAX;
    if ((sim->plan.on & EVF_SIM_SLOW_READERS) != 0)
        peer->room = sim->plan.window;
    evf__list_append(&sim->peers, &peer->link);
    return peer;
}

evf_sim_peer *evf__sim_peer_of_fd(int fd)
{
    evf_sim *sim = evf__sim_current;
    for (struct evf__list *at = sim->peers.next; at != &sim->peers; at = at->next) {
        evf_sim_peer *peer = EVF__OWNER(at, evf_sim_peer, link);
        if (peer->number == (unsigned)(fd - EVF__SIM_FD))
            return peer;
    }
    return NULL;
}

bool evf__sim_peer_readable(const evf_sim_peer *peer)
{
    return peer->visible > 0 || peer->end_visible || peer->reset_sent;
}

void evf__sim_peer_reset(evf_sim_peer *peer)
{
    if (peer->reset_sent)
        return;
    evf__sim_note(peer->sim, "%s: resets", peer->name);
    peer->reset_sent = true;
    peer->ended = true;
    /* What has not arrived never will. */
    peer->in.len = peer->visible;
    if (!peer->gone)
        peer->excused = true; /* what the stream sends now is lost */
}

/* True when something of what the peer has sent is not visible yet. */
static bool hides(const evf_sim_peer *peer)
{
    return !peer->reset_sent &&
           (peer->visible < peer->in.len || (peer->ended && !peer->end_visible));
}

static void reveal(evf_sim *sim, evf_sim_peer *peer, bool at_rest)
{
    size_t hidden = peer->in.len - peer->visible;
    if (!hides(peer))
        return;
    if (hidden > 0 && evf__sim_harsh(sim, EVF_SIM_RESETS, "a peer resets its connection")) {
        peer->visible += evf__sim_below(sim, hidden + 1);
        evf__sim_peer_reset(peer);
        return;
    }
    if (hidden > 0)
        peer->visible += evf__sim_cut(sim, hidden, at_rest);
    if (peer->visible == peer->in.len && peer->ended &&
        (hidden == 0 || !evf__sim_late(sim, EVF_SIM_CUTS)))
        peer->end_visible = true;
}

/* The peer reads what has come: there is room again. */
static void read_some(evf_sim *sim, evf_sim_peer *peer)
{
    if (peer->stopped || peer->room == SIZE_MAX)
        return;
    if ((sim->plan.on & EVF_SIM_SLOW_READERS) != 0) {
        if (peer->room == 0 && evf__sim_below(sim, 4) != 0)
            return;
        /* Long output would take as many turns as it has bytes. */
        peer->room = sim->plan.window + peer->got / 64;
    } else if (peer->room == 0 && evf__sim_below(sim, 2) == 0) {
        peer->room = SIZE_MAX;
    }
}

static void stall(evf_sim *sim, evf_sim_peer *peer)
{
    if (peer->stopped || !evf__sim_harsh(sim, EVF_SIM_STALLS, "a peer reads no more"))
        return;
    peer->stopped = peer->stalled = true;
    peer->room = evf__sim_below(sim, BUFFERS);
}

/* Tells the worker what is ready. */
static void tell(evf_sim *sim, evf_sim_peer *peer)
{
    if (peer->stream == NULL)
        return;
    if (peer->watches_input && evf__sim_peer_readable(peer) && !evf__sim_late(sim, EVF_SIM_ORDER))
        evf__stream_ready(peer->stream, EVF__READABLE);
    if (peer->watches_output && (peer->room > 0 || peer->reset_sent) &&
        !evf__sim_late(sim, EVF_SIM_ORDER))
        evf__stream_ready(peer->stream, EVF__WRITABLE);
}

/* True when the worker has nothing to do but what the network gives it. */
static bool at_rest(const evf_sim *sim)
{
    const evf_worker *worker = sim->worker;
    if (evf__streams_pending(worker) || !evf__mailbox_empty_sc(&worker->mailbox) ||
        !evf__list_empty(&sim->offloads))
        return false;
    for (const struct evf__list *at = sim->peers.next; at != &sim->peers; at = at->next) {
        const evf_sim_peer *peer = EVF__OWNER(at, evf_sim_peer, link);
        if (peer->waits ||
            (peer->stream != NULL && peer->watches_input && evf__sim_peer_readable(peer)))
            return false;
    }
    return true;
}

void evf__sim_network_turn(evf_sim *sim)
{
    bool rest = (sim->plan.on & EVF_SIM_CUTS) != 0 && at_rest(sim);
    struct evf__list *first = sim->peers.next, *at;
    if (evf__list_empty(&sim->peers))
        return;
    if ((sim->plan.on & EVF_SIM_PAGE_ENDS) != 0)
        evf__sim_pages_burn(sim);
    for (at = first; at != &sim->peers; at = at->next) {
        evf_sim_peer *peer = EVF__OWNER(at, evf_sim_peer, link);
        reveal(sim, peer, rest);
        if (peer->stream == NULL)
            continue;
        stall(sim, peer);
        read_some(sim, peer);
    }
    /* Whose turn is first is for the dice. */
    if ((sim->plan.on & EVF_SIM_ORDER) != 0)
        for (size_t skip = evf__sim_below(sim, sim->peer_count); skip > 0; skip--)
            first = first->next;
    at = first;
    do {
        if (at != &sim->peers)
            tell(sim, EVF__OWNER(at, evf_sim_peer, link));
        at = at->next;
    } while (at != first);
}

static bool peer_moves(const evf_sim_peer *peer)
{
    if (peer->waits)
        return true;
    if (hides(peer) && !peer->gone)
        return true;
    if (peer->stream == NULL)
        return false;
    return (peer->watches_input && evf__sim_peer_readable(peer)) ||
           (peer->watches_output && (peer->room > 0 || peer->reset_sent || !peer->stopped));
}

bool evf__sim_network_moves(const evf_sim *sim)
{
    for (const struct evf__list *at = sim->peers.next; at != &sim->peers; at = at->next)
        if (peer_moves(EVF__OWNER(at, evf_sim_peer, link)))
            return true;
    return false;
}

/* -- arriving -- */

static void accept_peer(evf_sim *sim, evf_sim_peer *peer)
{
    struct evf__origin *origin = &sim->origin;
    peer->waits = false;
    atomic_fetch_add_explicit(&origin->open_streams, 1, memory_order_relaxed);
    evf__sim_note(sim, "%s: arrives", peer->name);
    int status = evf__stream_accept(sim->worker, EVF__SIM_FD + (int)peer->number, origin,
                                    &peer->address.any, peer->address_len);
    if (status == 0)
        evf__figure_add(&sim->worker->figures, EVF__FIGURE_ACCEPTED, 1);
}

/* The worker's hook of step 2. */
static bool take_arrivals(evf_worker *worker, void *argument)
{
    evf_sim *sim = argument;
    bool left = false;
    (void)worker;
    for (struct evf__list *at = sim->peers.next; at != &sim->peers; at = at->next) {
        evf_sim_peer *peer = EVF__OWNER(at, evf_sim_peer, link);
        if (!peer->waits)
            continue;
        if (left || evf__sim_late(sim, EVF_SIM_ORDER))
            left = true; /* in their order */
        else
            accept_peer(sim, peer);
    }
    return false;
}

void evf__sim_network_hooks(evf_sim *sim)
{
    sim->worker->take_arrivals = take_arrivals;
    sim->worker->arrivals = sim;
}
