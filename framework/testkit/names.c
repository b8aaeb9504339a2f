/* SPDX-License-Identifier: MIT
 *
 * In place of loop/resolver_dns.c and loop/resolver_hosts.c: look-ups are answered by what the play
 * says of names. Everything else (the cache, questions that share an answer, time-outs) is the real
 * resolver.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loop/resolver_inside.h"
#include "testkit/sim.h"

enum { TTL_MS = 60 * 1000 };

int evf__resolver_hosts_init(struct evf__resolver *resolver, const char *path)
{
    (void)path;
    evf__list_init(&resolver->hosts_waiting);
    resolver->hosts_known = true;
    return 0;
}

void evf__resolver_hosts_fini(struct evf__resolver *resolver)
{
    EVF_ASSERT(evf__list_empty(&resolver->hosts_waiting));
}

void evf__resolver_hosts_look(struct evf__resolver *resolver)
{
    (void)resolver;
}

static const char *find(const evf_sim *sim, const char *host)
{
    EVF_ASSERT(host != NULL);
    for (const struct evf__list *at = sim->names.next; at != &sim->names; at = at->next) {
        const struct evf__sim_name *name = EVF__OWNER(at, struct evf__sim_name, link);
        size_t len = strlen(name->host);
        if (strncasecmp(name->host, host, len) == 0 &&
            (host[len] == '\0' || strcmp(host + len, ".") == 0))
            return name->addresses;
    }
    return "unknown";
}

/* Those of the family among the addresses; how many. */
static size_t pick(const char *addresses, int family, struct sockaddr_storage *ret, size_t room)
{
    char *copy = strdup(addresses), *rest = copy;
    size_t count = 0;
    for (char *word; copy != NULL && (word = strsep(&rest, " ,")) != NULL;) {
        union evf__address address;
        if (*word != '\0' && evf__address_from_ip(word, &address) &&
            address.any.sa_family == family && count < room)
            ret[count++] = address.storage;
    }
    free(copy);
    return count;
}

static void answer(evf_sim *sim, struct evf__lookup *lookup)
{
    struct sockaddr_storage found[EVF__ADDRESSES_MAX], *copy;
    const char *addresses = find(sim, lookup->host);
    if (evf__sim_harsh(sim, EVF_SIM_LOOKUPS, "a look-up fails"))
        addresses = "fails";
    else if (evf__sim_harsh(sim, EVF_SIM_LOOKUPS, "a look-up hangs"))
        addresses = "hangs";
    evf__sim_note(sim, "look-up of %s: %s", lookup->host, addresses);
    if (strcmp(addresses, "hangs") == 0)
        return; /* until its time is over */
    if (strcmp(addresses, "fails") == 0) {
        evf__lookup_answer(lookup, EVF_EDNS, 0, NULL, 0);
        return;
    }
    if (strcmp(addresses, "unknown") == 0) {
        evf__lookup_answer(lookup, EVF_ENONAME, TTL_MS, NULL, 0);
        return;
    }
    size_t count = pick(addresses, lookup->family, found, EVF__ADDRESSES_MAX);
    copy = count > 0 ? malloc(count * sizeof *copy) : NULL;
    if (count == 0) {
        evf__lookup_answer(lookup, EVF_ENOADDRESS, TTL_MS, NULL, 0);
        return;
    }
    if (copy == NULL)
        abort();
    memcpy(copy, found, count * sizeof *copy);
    evf__lookup_answer(lookup, 0, TTL_MS, copy, count);
}

void evf__resolver_dns_run(struct evf__resolver *resolver)
{
    evf_sim *sim = evf__sim_current;
    struct evf__list *node;
    while (!evf__list_empty(&resolver->queue)) {
        if (evf__sim_late(sim, EVF_SIM_ORDER))
            return; /* late */
        node = evf__list_take(&resolver->queue);
        answer(sim, EVF__OWNER(node, struct evf__lookup, step));
    }
}

bool evf__resolver_dns_pending(const struct evf__resolver *resolver)
{
    return !evf__list_empty(&resolver->queue);
}

int evf__resolver_dns_init(struct evf__resolver *resolver,
                           const struct evf__resolver_settings *settings)
{
    (void)settings;
    evf__list_init(&resolver->queue);
    evf__list_init(&resolver->sockets);
    evf__list_init(&resolver->ready);
    return 0;
}

/* Those that hang are given up; nobody waits for them. */
void evf__resolver_dns_fini(struct evf__resolver *resolver)
{
    while (!evf__list_empty(&resolver->by_deadline))
        evf__lookup_answer(EVF__OWNER(resolver->by_deadline.next, struct evf__lookup, by_deadline),
                           -ECANCELED, 0, NULL, 0);
}

/* -- what the play says -- */

void evf_sim_name(evf_sim *sim, const char *host, const char *addresses)
{
    struct evf__sim_name *name = NULL;
    for (struct evf__list *at = sim->names.next; at != &sim->names; at = at->next)
        if (strcasecmp(EVF__OWNER(at, struct evf__sim_name, link)->host, host) == 0)
            name = EVF__OWNER(at, struct evf__sim_name, link);
    if (name == NULL) {
        name = calloc(1, sizeof *name);
        if (name == NULL || (name->host = strdup(host)) == NULL)
            abort();
        evf__list_append(&sim->names, &name->link);
    }
    free(name->addresses);
    name->addresses = strdup(addresses);
    if (name->addresses == NULL)
        abort();
}
