/* SPDX-License-Identifier: MIT
 *
 * The table of look-ups; see lookups.h.
 */
#include "loop/lookups.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct evf__lookup *evf__lookup_new(const char *host, int family)
{
    size_t size = strlen(host) + 1;
    struct evf__lookup *lookup = calloc(1, sizeof *lookup + size);
    if (lookup == NULL)
        return NULL;
    lookup->references = 1;
    lookup->family = family;
    evf__list_init(&lookup->waiting);
    memcpy(lookup->host, host, size);
    return lookup;
}

void evf__lookup_drop(struct evf__lookup *lookup)
{
    EVF_ASSERT(lookup->references > 0);
    if (--lookup->references > 0)
        return;
    EVF_ASSERT(evf__list_empty(&lookup->waiting));
    EVF_ASSERT(!lookup->in_table && !lookup->asking);
    EVF_ASSERT(!evf__list_on(&lookup->step) && !evf__list_on(&lookup->by_deadline));
    free(lookup->addresses);
    free(lookup);
}

/* FNV-1a from a secret beginning, mixed at the end. */
static struct evf__lookup **bucket_of(const struct evf__lookups *lookups, const char *host,
                                      int family)
{
    uint64_t hash = lookups->seed ^ (uint64_t)family;
    for (; *host != '\0'; host++)
        hash = (hash ^ (uint8_t)*host) * 0x100000001b3u;
    hash ^= hash >> 32;
    return (struct evf__lookup **)&lookups->buckets[hash % EVF__LOOKUP_BUCKETS];
}

void evf__lookups_init(struct evf__lookups *lookups, uint64_t seed, size_t kept_most)
{
    *lookups = (struct evf__lookups){ .seed = seed, .kept_most = kept_most };
    evf__list_init(&lookups->kept);
}

void evf__lookups_remove(struct evf__lookups *lookups, struct evf__lookup *lookup)
{
    if (!lookup->in_table)
        return;
    struct evf__lookup **at = bucket_of(lookups, lookup->host, lookup->family);
    while (*at != lookup)
        at = &(*at)->next;
    *at = lookup->next;
    lookup->in_table = false;
    lookups->count--;
    if (evf__list_on(&lookup->kept)) {
        evf__list_remove(&lookup->kept);
        lookups->kept_count--;
    }
    evf__lookup_drop(lookup);
}

void evf__lookups_fini(struct evf__lookups *lookups)
{
    for (unsigned i = 0; i < EVF__LOOKUP_BUCKETS; i++)
        while (lookups->buckets[i] != NULL)
            evf__lookups_remove(lookups, lookups->buckets[i]);
    EVF_ASSERT(lookups->count == 0 && lookups->kept_count == 0);
}

const struct evf__lookup *evf__lookups_peek(const struct evf__lookups *lookups, const char *host,
                                            int family)
{
    const struct evf__lookup *at = *bucket_of(lookups, host, family);
    while (at != NULL && (at->family != family || strcmp(at->host, host) != 0))
        at = at->next;
    return at;
}

struct evf__lookup *evf__lookups_find(struct evf__lookups *lookups, const char *host, int family,
                                      uint64_t now_ms)
{
    struct evf__lookup *at = (struct evf__lookup *)evf__lookups_peek(lookups, host, family);
    if (at == NULL || !at->answered)
        return at;
    if (at->until_ms <= now_ms) {
        evf__lookups_remove(lookups, at);
        return NULL;
    }
    evf__list_remove(&at->kept);
    evf__list_append(&lookups->kept, &at->kept);
    return at;
}

void evf__lookups_add(struct evf__lookups *lookups, struct evf__lookup *lookup)
{
    EVF_ASSERT(!lookup->in_table);
    struct evf__lookup **bucket = bucket_of(lookups, lookup->host, lookup->family);
    lookup->next = *bucket;
    *bucket = lookup;
    lookup->in_table = true;
    lookups->count++;
    evf__lookup_hold(lookup);
}

void evf__lookups_keep(struct evf__lookups *lookups, struct evf__lookup *lookup)
{
    EVF_ASSERT(lookup->in_table && lookup->answered);
    if (lookups->kept_count == lookups->kept_most)
        evf__lookups_remove(lookups, EVF__OWNER(lookups->kept.next, struct evf__lookup, kept));
    evf__list_append(&lookups->kept, &lookup->kept);
    lookups->kept_count++;
}

void evf__lookups_check(const struct evf__lookups *lookups)
{
    size_t count = 0, kept = 0;
    for (unsigned i = 0; i < EVF__LOOKUP_BUCKETS; i++)
        for (const struct evf__lookup *at = lookups->buckets[i]; at != NULL; at = at->next) {
            EVF_ASSERT(bucket_of(lookups, at->host, at->family) == &lookups->buckets[i]);
            EVF_ASSERT(at->in_table && at->references > 0);
            EVF_ASSERT(at->answered == evf__list_on(&at->kept));
            count++;
        }
    for (const struct evf__list *at = lookups->kept.next; at != &lookups->kept; at = at->next)
        kept++;
    EVF_ASSERT(count == lookups->count && kept == lookups->kept_count);
    EVF_ASSERT(kept <= lookups->kept_most);
}
