/* SPDX-License-Identifier: MIT
 *
 * Questions, and how they share an answer; see resolver.h and resolver_inside.h.
 */
#include "loop/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/log.h>

#include "base/address.h"
#include "loop/resolver_inside.h"

/* -- answers -- */

void evf__question_tell(struct evf__resolver *resolver, struct evf__question *question,
                        struct evf__lookup *lookup)
{
    EVF_ASSERT(question->lookup == NULL && lookup->answered);
    evf__lookup_hold(lookup);
    question->lookup = lookup;
    evf__list_append(&resolver->told, &question->link);
}

/* How long an answer that has come may be used. */
static uint32_t time_left(const struct evf__lookup *lookup, uint64_t now_ms)
{
    if (lookup->until_ms == UINT64_MAX)
        return UINT32_MAX;
    return lookup->until_ms > now_ms ? (uint32_t)(lookup->until_ms - now_ms) : 0;
}

/* Only what is known of the name is kept; that a server failed is not. */
static bool worth_keeping(int status, uint32_t ttl_ms)
{
    return ttl_ms > 0 && (status == 0 || status == EVF_ENONAME || status == EVF_ENOADDRESS);
}

static void set_answer(struct evf__lookup *lookup, int status, uint64_t until_ms,
                       struct sockaddr_storage *addresses, size_t count)
{
    EVF_ASSERT(!lookup->answered && (status == 0) == (count > 0));
    lookup->answered = true;
    lookup->status = status;
    lookup->until_ms = until_ms;
    lookup->addresses = addresses;
    lookup->count = count;
}

/* It waits for nothing any more. */
static void leave_steps(struct evf__lookup *lookup)
{
    evf__list_remove(&lookup->step);
    evf__list_remove(&lookup->by_deadline);
    if (evf__list_empty(&lookup->resolver->by_deadline))
        evf_timer_stop(&lookup->resolver->deadline);
}

void evf__lookup_answer(struct evf__lookup *lookup, int status, uint32_t ttl_ms,
                        struct sockaddr_storage *addresses, size_t count)
{
    struct evf__resolver *resolver = lookup->resolver;
    struct evf__lookups *lookups = &resolver->lookups;
    EVF_ASSERT(lookup->in_table);
    set_answer(lookup, status, resolver->worker->now_ms + ttl_ms, addresses, count);
    leave_steps(lookup);
    if (worth_keeping(status, ttl_ms) && !lookup->fleeting)
        evf__lookups_keep(lookups, lookup);
    evf__list_move_all(&resolver->told, &lookup->waiting);
    if (!evf__list_on(&lookup->kept))
        evf__lookups_remove(lookups, lookup);
}

/* -- time-outs -- */

static void on_deadline(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct evf__resolver *resolver = argument;
    while (!evf__list_empty(&resolver->by_deadline)) {
        struct evf__lookup *lookup =
            EVF__OWNER(resolver->by_deadline.next, struct evf__lookup, by_deadline);
        if (lookup->deadline_ms > worker->now_ms) {
            evf_timer_start(worker, timer, (uint32_t)(lookup->deadline_ms - worker->now_ms),
                            on_deadline, resolver);
            return;
        }
        evf__lookup_answer(lookup, -ETIMEDOUT, 0, NULL, 0);
    }
}

/* All have the same time, so the order of deadlines is that of the beginnings. */
static void start_deadline(struct evf__resolver *resolver, struct evf__lookup *lookup)
{
    evf_worker *worker = resolver->worker;
    lookup->deadline_ms = worker->now_ms + resolver->timeout_ms;
    evf__list_append(&resolver->by_deadline, &lookup->by_deadline);
    if (!evf_timer_running(&resolver->deadline))
        evf_timer_start(worker, &resolver->deadline, resolver->timeout_ms, on_deadline, resolver);
}

/* -- questions -- */

/* Answers with addresses that are known here, in a look-up that is in no table. */
static int answer_known(struct evf__resolver *resolver, struct evf__question *question, int family,
                        const struct sockaddr_storage *addresses, size_t count, uint64_t until_ms)
{
    struct evf__lookup *lookup = evf__lookup_new("", family);
    struct sockaddr_storage *copy = count > 0 ? malloc(count * sizeof *copy) : NULL;
    if (lookup == NULL || (copy == NULL && count > 0)) {
        free(copy);
        if (lookup != NULL)
            evf__lookup_drop(lookup);
        return -ENOMEM;
    }
    if (count > 0)
        memcpy(copy, addresses, count * sizeof *copy);
    set_answer(lookup, count > 0 ? 0 : EVF_ENOADDRESS, until_ms, copy, count);
    evf__question_tell(resolver, question, lookup);
    evf__lookup_drop(lookup);
    return 0;
}

static int answer_one(struct evf__resolver *resolver, struct evf__question *question, int family,
                      const union evf__address *address)
{
    return answer_known(resolver, question, family, &address->storage,
                        address->any.sa_family == family, UINT64_MAX);
}

static int answer_loopback(struct evf__resolver *resolver, struct evf__question *question,
                           int family)
{
    union evf__address address;
    bool known = evf__address_from_ip(family == AF_INET ? "127.0.0.1" : "::1", &address);
    EVF_ASSERT(known);
    return answer_one(resolver, question, family, &address);
}

/* Begins a look-up, which the table holds. */
static int begin(struct evf__resolver *resolver, const char *host, int family,
                 struct evf__lookup **ret)
{
    if (resolver->lookups.count - resolver->lookups.kept_count >= EVF__LOOKUPS_MAX)
        return -ENOMEM;
    struct evf__lookup *lookup = evf__lookup_new(host, family);
    if (lookup == NULL)
        return -ENOMEM;
    lookup->resolver = resolver;
    evf__lookups_add(&resolver->lookups, lookup);
    start_deadline(resolver, lookup);
    evf__list_append(resolver->hosts_known ? &resolver->queue : &resolver->hosts_waiting,
                     &lookup->step);
    evf__lookup_drop(lookup);
    *ret = lookup;
    return 0;
}

/* Takes the question to the look-up for its host: an answer that is kept, one under way, or a new
 * one. */
static int share(struct evf__resolver *resolver, struct evf__question *question, const char *host,
                 int family)
{
    evf_worker *worker = resolver->worker;
    struct evf__lookup *lookup =
        evf__lookups_find(&resolver->lookups, host, family, worker->now_ms);
    if (lookup != NULL && lookup->answered) {
        evf__figure_add(&worker->figures, EVF__FIGURE_LOOKUP_CACHE_HITS, 1);
        evf__question_tell(resolver, question, lookup);
        return 0;
    }
    if (lookup == NULL) {
        int status = begin(resolver, host, family, &lookup);
        if (status < 0)
            return status;
    }
    evf__lookup_hold(lookup);
    question->lookup = lookup;
    evf__list_append(&lookup->waiting, &question->link);
    return 0;
}

static int ask_for_name(struct evf__resolver *resolver, struct evf__question *question,
                        const char *host, int family)
{
    struct sockaddr_storage found[EVF__ADDRESSES_MAX];
    if (evf__dns_name_is_loopback(host))
        return answer_loopback(resolver, question, family);
    evf__resolver_hosts_look(resolver);
    int count = evf__hosts_find(resolver->hosts, host, family, found, EVF__ADDRESSES_MAX);
    if (count >= 0)
        return answer_known(resolver, question, family, found, (size_t)count,
                            resolver->worker->now_ms + EVF__HOSTS_TTL_MS);
    return share(resolver, question, host, family);
}

int evf__resolver_ask(evf_worker *worker, struct evf__question *question, const char *host,
                      int family, evf__answer_fn *fn, void *argument)
{
    struct evf__resolver *resolver = worker->resolver;
    char name[EVF__DNS_NAME_SIZE];
    union evf__address address;
    int status;
    EVF_ASSERT(question->lookup == NULL && fn != NULL);
    EVF_ASSERT(family == AF_INET || family == AF_INET6);
    question->fn = fn;
    question->argument = argument;
    if (host != NULL && evf__address_from_ip(host, &address)) {
        status = answer_one(resolver, question, family, &address);
    } else {
        status = evf__dns_name(host, name);
        if (status == 0)
            status = ask_for_name(resolver, question, name, family);
    }
    if (status == 0)
        evf__figure_add(&worker->figures, EVF__FIGURE_LOOKUPS, 1);
    return status;
}

void evf__question_cancel(struct evf__question *question)
{
    struct evf__lookup *lookup = question->lookup;
    if (lookup == NULL)
        return;
    evf__list_remove(&question->link);
    question->lookup = NULL;
    /* What nobody waits for is not begun; what c-ares has begun is finished, and kept. */
    if (!lookup->answered && evf__list_empty(&lookup->waiting) && !lookup->asking) {
        leave_steps(lookup);
        evf__lookups_remove(&lookup->resolver->lookups, lookup);
    }
    evf__lookup_drop(lookup);
}

/* -- telling -- */

static void tell(evf_worker *worker, struct evf__question *question)
{
    struct evf__lookup *lookup = question->lookup;
    EVF_ASSERT(lookup != NULL && lookup->answered);
    struct evf__answer answer = { .status = lookup->status,
                                  .addresses = lookup->addresses,
                                  .count = lookup->count,
                                  .ttl_ms = time_left(lookup, worker->now_ms) };
    bool failed = answer.status < 0 && answer.status != EVF_ENONAME &&
                  answer.status != EVF_ENOADDRESS && answer.status != -ECANCELED;
    evf__figure_add(&worker->figures, EVF__FIGURE_LOOKUPS_FAILED, failed);
    question->lookup = NULL;
    question->fn(worker, &answer, question->argument);
    evf__lookup_drop(lookup);
}

void evf__resolver_answer(evf_worker *worker)
{
    struct evf__resolver *resolver = worker->resolver;
    struct evf__list end = { .next = NULL };
    if (!evf__resolver_pending(worker))
        return;
    evf__resolver_dns_run(resolver);
    evf__list_append(&resolver->told, &end); /* what is added meanwhile is for the next turn */
    for (unsigned told = 0; told < EVF__ANSWER_BUDGET && resolver->told.next != &end; told++)
        tell(worker, EVF__OWNER(evf__list_take(&resolver->told), struct evf__question, link));
    evf__list_remove(&end);
}

bool evf__resolver_pending(const evf_worker *worker)
{
    const struct evf__resolver *resolver = worker->resolver;
    return !evf__list_empty(&resolver->told) || evf__resolver_dns_pending(resolver);
}

/* -- making -- */

static int make_parts(struct evf__resolver *resolver, const struct evf__resolver_settings *settings)
{
    resolver->canceled = evf__lookup_new("", AF_INET);
    if (resolver->canceled == NULL)
        return -ENOMEM;
    set_answer(resolver->canceled, -ECANCELED, 0, NULL, 0);
    int status = evf__resolver_dns_init(resolver, settings);
    if (status < 0)
        goto no_dns;
    status = evf__resolver_hosts_init(resolver, settings->hosts_path);
    if (status < 0)
        goto no_hosts;
    return 0;
no_hosts:
    evf__resolver_dns_fini(resolver);
no_dns:
    evf__lookup_drop(resolver->canceled);
    return status;
}

int evf__resolver_init(evf_worker *worker, const struct evf__resolver_settings *settings)
{
    struct evf__resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL)
        return -ENOMEM;
    resolver->worker = worker;
    resolver->timeout_ms = evf__dns_timeout(settings);
    evf__lookups_init(&resolver->lookups, worker->random[0] ^ worker->random[1] << 1,
                      EVF__LOOKUPS_KEPT_MAX);
    evf__list_init(&resolver->told);
    evf__list_init(&resolver->by_deadline);
    evf__list_init(&resolver->public_lookups);
    int status = make_parts(resolver, settings);
    if (status < 0) {
        free(resolver);
        return status;
    }
    worker->resolver = resolver;
    return 0;
}

void evf__resolver_fini(evf_worker *worker)
{
    struct evf__resolver *resolver = worker->resolver;
    EVF_ASSERT(evf__list_empty(&resolver->told) && evf__list_empty(&resolver->public_lookups));
    for (struct evf__list *at = resolver->by_deadline.next; at != &resolver->by_deadline;
         at = at->next)
        EVF_ASSERT(evf__list_empty(&EVF__OWNER(at, struct evf__lookup, by_deadline)->waiting));
    evf__resolver_dns_fini(resolver); /* answers what is under way */
    EVF_ASSERT(evf__list_empty(&resolver->by_deadline) && evf__list_empty(&resolver->told));
    evf__resolver_hosts_fini(resolver);
    evf__lookups_fini(&resolver->lookups);
    evf__lookup_drop(resolver->canceled);
    free(resolver);
    worker->resolver = NULL;
}
