/* SPDX-License-Identifier: MIT
 *
 * In place of stream/attempt.c: outgoing connects, answered by the play's upstreams.
 *
 * An attempt that is answered late is told in a later step of its stream, which is listed as ready
 * as long as one is under way; one that hangs is never told.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "stream/connecting.h"
#include "testkit/sim.h"

enum { HANGS = -2, LATE = -1 }; /* an attempt's fd */

static bool same(const union evf__address *a, const struct sockaddr *b)
{
    const union evf__address *other = (const void *)b;
    if (a->any.sa_family != b->sa_family)
        return false;
    if (b->sa_family == AF_INET)
        return a->ipv4.sin_port == other->ipv4.sin_port &&
               a->ipv4.sin_addr.s_addr == other->ipv4.sin_addr.s_addr;
    if (b->sa_family == AF_INET6)
        return a->ipv6.sin6_port == other->ipv6.sin6_port &&
               memcmp(&a->ipv6.sin6_addr, &other->ipv6.sin6_addr, 16) == 0;
    return memcmp(a->local.sun_path, other->local.sun_path, sizeof a->local.sun_path) == 0;
}

evf_sim_upstream *evf__sim_upstream_find(evf_sim *sim, const struct sockaddr *to, socklen_t len)
{
    (void)len;
    for (struct evf__list *at = sim->upstreams.next; at != &sim->upstreams; at = at->next) {
        evf_sim_upstream *upstream = EVF__OWNER(at, evf_sim_upstream, link);
        if (same(&upstream->address, to))
            return upstream;
    }
    return NULL;
}

/* What a connect there comes to now. */
static enum evf_sim_answer answer(evf_sim *sim, const evf_sim_upstream *upstream)
{
    if (evf__sim_harsh(sim, EVF_SIM_CONNECTS, "a connect is refused"))
        return EVF_SIM_REFUSES;
    if (evf__sim_harsh(sim, EVF_SIM_CONNECTS, "a connect hangs"))
        return EVF_SIM_HANGS;
    return upstream != NULL ? upstream->answer : EVF_SIM_REFUSES;
}

/* The connection stands; its descriptor. */
static int make_peer(evf_sim *sim, evf_sim_upstream *upstream)
{
    evf_sim_peer *peer = evf__sim_peer_new(sim);
    peer->upstream = upstream;
    peer->address = upstream->address;
    peer->address_len = upstream->address_len;
    snprintf(peer->name, sizeof peer->name, "connection %u to %.40s", peer->number, upstream->name);
    peer->local.ipv4 = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)(40000 + peer->number % 20000)),
        .sin_addr.s_addr = htonl(0x0a000001), /* 10.0.0.1 */
    };
    peer->local_len = sizeof peer->local.ipv4;
    if (sim->quiet) /* the play is over: nobody will take it */
        peer->ended = peer->ignores = true;
    evf__sim_note(sim, "%s: stands", peer->name);
    return EVF__SIM_FD + (int)peer->number;
}

static int decide(evf_sim *sim, struct evf__opening *opening, unsigned index, int *ret_fd)
{
    struct sockaddr_storage to;
    socklen_t len = evf__race_sockaddr(&opening->race.addresses[index], opening->port, &to);
    evf_sim_upstream *upstream = evf__sim_upstream_find(sim, (const struct sockaddr *)&to, len);
    switch (answer(sim, upstream)) {
    case EVF_SIM_ACCEPTS:
        *ret_fd = make_peer(sim, upstream);
        return 0;
    case EVF_SIM_REFUSES:
        return -ECONNREFUSED;
    default:
        return 1;
    }
}

int evf__attempt_begin(struct evf__opening *opening, unsigned index, int *ret_fd)
{
    evf_sim *sim = evf__sim_current;
    evf_worker *worker = evf__worker_of(opening->stream);
    evf__figure_add(&worker->figures, EVF__FIGURE_CONNECT_ATTEMPTS, 1);
    bool late = evf__sim_late(sim, EVF_SIM_ORDER);
    int status = late ? 1 : decide(sim, opening, index, ret_fd);
    if (status <= 0)
        return status;
    struct evf__attempt *attempt = evf__slab_take(&worker->streams->attempts);
    if (attempt == NULL)
        return -ENOMEM;
    *attempt =
        (struct evf__attempt){ .opening = opening, .fd = late ? LATE : HANGS, .index = index };
    evf__list_append(&opening->attempts, &attempt->link);
    if (late)
        evf__stream_ready(opening->stream, 0);
    return 1;
}

void evf__attempt_end(struct evf__attempt *attempt)
{
    evf__list_remove(&attempt->link);
    evf__slab_give(&evf__streams_of(attempt->opening->stream)->attempts, attempt);
}

int evf__attempt_outcome(struct evf__attempt *attempt, int *ret_fd)
{
    evf_sim *sim = evf__sim_current;
    if (attempt->fd == HANGS)
        return 1;
    if (evf__sim_late(sim, EVF_SIM_ORDER)) {
        evf__stream_ready(attempt->opening->stream, 0);
        return 1;
    }
    int status = decide(sim, attempt->opening, attempt->index, ret_fd);
    if (status <= 0)
        evf__attempt_end(attempt);
    else
        attempt->fd = HANGS;
    return status;
}

/* A unix socket's connect does not take time. One that nobody accepts is asked again and again. */
int evf__attempt_local(struct evf__opening *opening, int *ret_fd)
{
    evf_sim *sim = evf__sim_current;
    struct sockaddr_storage to;
    socklen_t len = evf__local_sockaddr(opening, &to);
    evf_sim_upstream *upstream = evf__sim_upstream_find(sim, (const struct sockaddr *)&to, len);
    switch (answer(sim, upstream)) {
    case EVF_SIM_ACCEPTS:
        *ret_fd = make_peer(sim, upstream);
        return 0;
    case EVF_SIM_REFUSES:
        return upstream != NULL ? -ECONNREFUSED : -ENOENT;
    default:
        return -EAGAIN;
    }
}

/* Only a connection that stood for a stream that had no memory for it is left in local_fd. */
void evf__attempt_local_end(struct evf__opening *opening)
{
    if (opening->local_fd >= EVF__SIM_FD)
        evf__socket_transport.discard(opening->local_fd);
    opening->local_fd = -1;
}

int evf__attempt_set(const struct evf__attempt *attempt, int family,
                     enum evf__opening_option option, int value)
{
    (void)attempt;
    (void)family;
    (void)option;
    (void)value;
    return 0; /* its value is one that the kernel takes: opening_transport.c has looked */
}
