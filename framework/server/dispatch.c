/* SPDX-License-Identifier: MIT
 *
 * The policies by which connections are spread over workers. Pure functions; see dispatch.h.
 */
#include "server/dispatch.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/address.h"
#include "base/assert.h"

static bool was_tried(const struct evf__dispatch_state *state, unsigned worker)
{
    return (state->tried[worker / 64] >> (worker % 64) & 1) != 0;
}

/* Notes the worker that is given out. */
static unsigned give(struct evf__dispatch_state *state, unsigned worker, unsigned count)
{
    state->tried[worker / 64] |= UINT64_C(1) << (worker % 64);
    state->last = worker;
    state->turn = (worker + 1) % count;
    return worker;
}

/* The lowest load among those not tried, the lowest index among equals; count when all were. */
static unsigned least(const uint64_t *loads, unsigned count,
                      const struct evf__dispatch_state *state)
{
    unsigned best = count;
    for (unsigned i = 0; i < count; i++)
        if (!was_tried(state, i) && (best == count || loads[i] < loads[best]))
            best = i;
    return best;
}

/* FNV-1a, 64 bits, and a last step that lets the high bits reach the low ones: remainders by small
 * numbers see only those. */
static uint64_t hash_bytes(const void *bytes, size_t len)
{
    const unsigned char *byte = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

/* A number that only depends on who the peer is. False when the address does not tell. */
static bool hash_peer(const struct sockaddr *peer, socklen_t peer_len, uint64_t *ret)
{
    union evf__address address;
    socklen_t len;
    if (peer == NULL || peer_len < sizeof peer->sa_family)
        return false;
    evf__address_unmap(peer, peer_len, &address.storage, &len);
    size_t unix_head = offsetof(struct sockaddr_un, sun_path);
    if (address.any.sa_family == AF_INET && len >= sizeof address.ipv4) {
        *ret = hash_bytes(&address.ipv4.sin_addr, sizeof address.ipv4.sin_addr);
    } else if (address.any.sa_family == AF_INET6 && len >= sizeof address.ipv6) {
        *ret = hash_bytes(&address.ipv6.sin6_addr, sizeof address.ipv6.sin6_addr);
    } else if (address.any.sa_family == AF_UNIX && len > unix_head) {
        /* A path ends with its terminator, which may or may not be counted in len; an abstract name
         * begins with a zero byte and ends with len. */
        const char *name = address.local.sun_path;
        size_t name_len = len - unix_head;
        *ret = hash_bytes(name, name[0] != '\0' ? strnlen(name, name_len) : name_len);
    } else {
        return false;
    }
    return true;
}

unsigned evf__dispatch_pick(enum evf_dispatch policy, const uint64_t *loads, unsigned count,
                            struct evf__dispatch_state *state, const struct sockaddr *peer,
                            socklen_t peer_len)
{
    EVF_ASSERT(count >= 1 && count <= EVF__WORKERS_MAX);
    memset(state->tried, 0, sizeof state->tried);
    uint64_t hash;
    switch (policy) {
    case EVF_DISPATCH_ROUND_ROBIN:
        return give(state, state->turn % count, count);
    case EVF_DISPATCH_HASH:
        if (hash_peer(peer, peer_len, &hash))
            return give(state, (unsigned)(hash % count), count);
        break;
    case EVF_DISPATCH_LEAST:
        break;
    }
    return give(state, least(loads, count, state), count);
}

unsigned evf__dispatch_next(enum evf_dispatch policy, const uint64_t *loads, unsigned count,
                            struct evf__dispatch_state *state)
{
    EVF_ASSERT(count >= 1 && count <= EVF__WORKERS_MAX && state->last < count);
    EVF_ASSERT(was_tried(state, state->last));
    unsigned next =
        policy == EVF_DISPATCH_LEAST ? least(loads, count, state) : (state->last + 1) % count;
    /* In the order of indices the first one that was tried already is where it began. */
    if (next == count || was_tried(state, next))
        return count;
    return give(state, next, count);
}
