/* SPDX-License-Identifier: MIT
 *
 * Look-ups as plugins know them (evframe/connect.h): one or two questions, whose answers are put
 * together. The worker's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/connect.h>

#include "base/address.h"
#include "loop/resolver_inside.h"

enum { FAMILIES = 2 };

/* The order in which they are told: RFC 6724 prefers IPv6. */
static const int families[FAMILIES] = { AF_INET6, AF_INET };

struct part {
    struct evf__question question;
    int status;
    size_t count;
    struct sockaddr_storage *addresses;
};

struct evf_lookup {
    struct evf__list link; /* among the resolver's public look-ups */
    evf_worker *worker;
    evf_resolved_fn *fn;
    void *argument;
    unsigned open; /* parts without an answer */
    struct part parts[FAMILIES];
};

int evf__resolve_status(int a, int b)
{
    if (a == 0 || b == 0)
        return 0;
    if (a != EVF_ENONAME && a != EVF_ENOADDRESS)
        return a;
    if (b != EVF_ENONAME && b != EVF_ENOADDRESS)
        return b;
    return a == EVF_ENONAME ? a : b;
}

static void release(struct evf_lookup *lookup)
{
    for (unsigned i = 0; i < FAMILIES; i++) {
        evf__question_cancel(&lookup->parts[i].question);
        free(lookup->parts[i].addresses);
    }
    evf__list_remove(&lookup->link);
    free(lookup);
}

/* The look-up is over before its function starts. */
static void finish(struct evf_lookup *lookup, int status)
{
    struct sockaddr_storage addresses[FAMILIES * EVF__ADDRESSES_MAX];
    size_t count = 0;
    evf_worker *worker = lookup->worker;
    evf_resolved_fn *fn = lookup->fn;
    void *argument = lookup->argument;
    for (unsigned i = 0; status == 0 && i < FAMILIES; i++) {
        const struct part *part = &lookup->parts[i];
        if (part->count > 0)
            memcpy(addresses + count, part->addresses, part->count * sizeof addresses[0]);
        count += part->count;
    }
    release(lookup);
    evf__enter_alone(worker, EVF__CALLBACK_RESOLVED, NULL, (void *)fn);
    fn(worker, status, addresses, count, argument);
    evf__leave(worker);
}

static void keep_part(struct part *part, const struct evf__answer *answer)
{
    EVF_ASSERT(answer->count <= EVF__ADDRESSES_MAX);
    part->status = answer->status;
    if (answer->status != 0)
        return;
    part->addresses = malloc(answer->count * sizeof part->addresses[0]);
    if (part->addresses == NULL) {
        part->status = -ENOMEM;
        return;
    }
    part->count = answer->count;
    memcpy(part->addresses, answer->addresses, answer->count * sizeof part->addresses[0]);
}

static void on_part(struct evf_lookup *lookup, struct part *part, const struct evf__answer *answer)
{
    if (answer->status == -ECANCELED) {
        finish(lookup, -ECANCELED);
        return;
    }
    keep_part(part, answer);
    if (--lookup->open == 0)
        finish(lookup, evf__resolve_status(lookup->parts[0].status, lookup->parts[1].status));
}

static void on_first(evf_worker *worker, const struct evf__answer *answer, void *argument)
{
    struct evf_lookup *lookup = argument;
    (void)worker;
    on_part(lookup, &lookup->parts[0], answer);
}

static void on_second(evf_worker *worker, const struct evf__answer *answer, void *argument)
{
    struct evf_lookup *lookup = argument;
    (void)worker;
    on_part(lookup, &lookup->parts[1], answer);
}

int evf_resolve(evf_worker *worker, const char *host, int family, evf_resolved_fn *fn,
                void *argument, evf_lookup **ret)
{
    static evf__answer_fn *const functions[FAMILIES] = { on_first, on_second };
    struct evf__resolver *resolver = worker->resolver;
    EVF__ON_WORKER(worker);
    EVF_RULE(fn != NULL, "a look-up has a callback");
    if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6)
        return -EINVAL;
    if (resolver->closed)
        return -ESHUTDOWN;
    struct evf_lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL)
        return -ENOMEM;
    lookup->worker = worker;
    lookup->fn = fn;
    lookup->argument = argument;
    for (unsigned i = 0; i < FAMILIES; i++) {
        struct part *part = &lookup->parts[i];
        part->status = EVF_ENOADDRESS;
        if (family != AF_UNSPEC && family != families[i])
            continue;
        int status =
            evf__resolver_ask(worker, &part->question, host, families[i], functions[i], lookup);
        if (status < 0) {
            release(lookup);
            return status;
        }
        lookup->open++;
    }
    evf__list_append(&resolver->public_lookups, &lookup->link);
    if (ret != NULL)
        *ret = lookup;
    return 0;
}

/* For debug builds: the handle of one that is over leads to memory that was freed. */
__attribute__((unused)) static bool under_way(const evf_lookup *lookup)
{
    const evf_worker *worker = evf__worker_current;
    if (worker == NULL)
        return true; /* the next rule tells */
    const struct evf__list *all = &worker->resolver->public_lookups;
    for (const struct evf__list *at = all->next; at != all; at = at->next)
        if (at == &lookup->link)
            return true;
    return false;
}

void evf_resolve_cancel(evf_lookup *lookup)
{
    EVF_DEBUG_RULE(under_way(lookup),
                   "a look-up is cancelled before its callback begins, and once");
    EVF__ON_WORKER(lookup->worker);
    release(lookup);
}

void evf__resolver_close(evf_worker *worker)
{
    struct evf__resolver *resolver = worker->resolver;
    resolver->closed = true;
    for (struct evf__list *at = resolver->public_lookups.next; at != &resolver->public_lookups;
         at = at->next) {
        struct evf_lookup *lookup = EVF__OWNER(at, struct evf_lookup, link);
        struct part *told = &lookup->parts[lookup->parts[0].question.fn != NULL ? 0 : 1];
        for (unsigned i = 0; i < FAMILIES; i++)
            evf__question_cancel(&lookup->parts[i].question);
        evf__question_tell(resolver, &told->question, resolver->canceled);
    }
}

/* -- how long an answer is kept -- */

static uint32_t kept_for(const struct evf__resolver *resolver, const char *host, int family)
{
    uint64_t now_ms = resolver->worker->now_ms;
    const struct evf__lookup *lookup = evf__lookups_peek(&resolver->lookups, host, family);
    if (lookup == NULL || !lookup->answered || lookup->until_ms <= now_ms)
        return 0;
    return (uint32_t)(lookup->until_ms - now_ms);
}

uint32_t evf_resolve_ttl(evf_worker *worker, const char *host, int family)
{
    const struct evf__resolver *resolver = worker->resolver;
    struct sockaddr_storage found;
    union evf__address address;
    char name[EVF__DNS_NAME_SIZE];
    EVF__ON_WORKER(worker);
    if (host != NULL && evf__address_from_ip(host, &address))
        return UINT32_MAX;
    if (evf__dns_name(host, name) < 0)
        return 0;
    if (evf__dns_name_is_loopback(name))
        return UINT32_MAX;
    if (evf__hosts_find(resolver->hosts, name, AF_INET, &found, 1) >= 0)
        return EVF__HOSTS_TTL_MS;
    uint32_t first = family != AF_INET ? kept_for(resolver, name, AF_INET6) : 0;
    uint32_t second = family != AF_INET6 ? kept_for(resolver, name, AF_INET) : 0;
    if (first == 0 || second == 0)
        return first + second;
    return first < second ? first : second;
}
