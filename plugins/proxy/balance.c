/* SPDX-License-Identifier: MIT
 *
 * Balancing.
 */
#include "balance.h"

#include <netinet/in.h>
#include <string.h>

/* FNV-1a. */
static uint64_t hash(uint64_t from, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        from = (from ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    return from;
}

#define HASH_START 0xcbf29ce484222325u

/* Every bit of the input moves every bit of the result: FNV's high bits alone do not (the finisher
 * of splitmix64). */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

uint64_t proxy_hash_client(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return mix(hash(HASH_START, &((const struct sockaddr_in *)address)->sin_addr, 4));
    if (address->ss_family == AF_INET6)
        return mix(hash(HASH_START, &((const struct sockaddr_in6 *)address)->sin6_addr, 16));
    return 0;
}

uint64_t proxy_hash_text(const char *host, uint16_t port)
{
    const uint8_t ending[] = { 0, (uint8_t)(port >> 8), (uint8_t)port };
    return mix(hash(hash(HASH_START, host, strlen(host)), ending, sizeof ending));
}

static bool was_tried(const struct proxy_tried *tried, const struct proxy_upstream *upstream)
{
    for (unsigned i = 0; i < tried->count; i++)
        if (tried->ids[i] == upstream->id)
            return true;
    return false;
}

/* True when a is to be taken rather than b. */
static bool is_better(const struct proxy_upstream *a, const struct proxy_upstream *b,
                      enum proxy_balance balance, uint64_t key)
{
    if (balance == PROXY_HASH) {
        uint64_t score_a = mix(a->key ^ key), score_b = mix(b->key ^ key);
        if (score_a != score_b)
            return score_a > score_b;
    }
    if (balance == PROXY_LEAST && a->users != b->users)
        return a->users < b->users;
    return a->last_used < b->last_used;
}

struct proxy_upstream *proxy_choose(const struct proxy_table *table, enum proxy_balance balance,
                                    uint64_t key, const struct proxy_tried *tried, uint64_t now_ms)
{
    struct proxy_upstream *best = NULL;
    for (size_t i = 0; i < table->count; i++) {
        struct proxy_upstream *upstream =
            table->upstreams[(i + table->start % table->count) % table->count];
        if (!proxy_upstream_available(upstream, now_ms) || was_tried(tried, upstream))
            continue;
        if (best == NULL || is_better(upstream, best, balance, key))
            best = upstream;
    }
    return best;
}
