/* SPDX-License-Identifier: MIT
 *
 * Look-ups by name servers: the queue, c-ares' sockets on the worker's loop, and its time-outs on
 * the worker's wheel. See resolver_inside.h.
 *
 * libevent's callbacks only note which socket is ready: c-ares runs in step 2 of the turn, when the
 * clock has been read. Its callbacks only note an answer, or put the look-up back into the queue
 * for its next candidate: so no query is ever started from inside another's end.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/time.h>

#include <evframe/log.h>

#include "loop/resolver_inside.h"

/* -- sockets -- */

struct watched {
    struct evf__list link;  /* among the resolver's sockets */
    struct evf__list ready; /* among those with something to do */
    struct evf__resolver *resolver;
    ares_socket_t fd;
    short wants, has;
    struct event event;
};

static void on_ready(evutil_socket_t fd, short events, void *argument)
{
    struct watched *watched = argument;
    (void)fd;
    watched->has |= events;
    if (!evf__list_on(&watched->ready))
        evf__list_append(&watched->resolver->ready, &watched->ready);
}

static struct watched *find_watched(struct evf__resolver *resolver, ares_socket_t fd)
{
    struct evf__list *at = resolver->sockets.next;
    for (; at != &resolver->sockets; at = at->next)
        if (EVF__OWNER(at, struct watched, link)->fd == fd)
            return EVF__OWNER(at, struct watched, link);
    return NULL;
}

static void forget(struct watched *watched)
{
    if (watched->wants != 0)
        event_del(&watched->event);
    evf__list_remove(&watched->link);
    evf__list_remove(&watched->ready);
    free(watched);
}

/* Has the loop wait for `wants`. On failure the socket is not watched, and what is asked by it
 * times out. */
static void watch(struct watched *watched, short wants)
{
    struct event_base *base = watched->resolver->worker->base;
    if (watched->wants == wants)
        return;
    if (watched->wants != 0)
        event_del(&watched->event);
    watched->wants = 0;
    if (event_assign(&watched->event, base, watched->fd, (short)(wants | EV_PERSIST), on_ready,
                     watched) == 0 &&
        event_add(&watched->event, NULL) == 0)
        watched->wants = wants;
}

/* c-ares says what it waits for on a socket; for nothing just before it closes it. */
static void on_socket_state(void *argument, ares_socket_t fd, int readable, int writable)
{
    struct evf__resolver *resolver = argument;
    struct watched *watched = find_watched(resolver, fd);
    short wants = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
    if (wants == 0) {
        if (watched != NULL)
            forget(watched);
        return;
    }
    if (watched == NULL) {
        watched = calloc(1, sizeof *watched);
        if (watched == NULL)
            return;
        watched->resolver = resolver;
        watched->fd = fd;
        evf__list_append(&resolver->sockets, &watched->link);
    }
    watch(watched, wants);
}

/* Reads and writes what is ready. Sockets may go, and come, meanwhile. */
static void process_ready(struct evf__resolver *resolver)
{
    struct evf__list *node;
    while ((node = evf__list_take(&resolver->ready)) != NULL) {
        struct watched *watched = EVF__OWNER(node, struct watched, ready);
        ares_socket_t fd = watched->fd;
        short has = watched->has;
        watched->has = 0;
        ares_process_fd(resolver->dns.channel, (has & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
                        (has & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
    }
}

/* -- time -- */

static void on_due(evf_worker *worker, struct evf_timer *timer, void *argument);

/* Sets the timer to when c-ares wants to try again. */
static void arm(struct evf__resolver *resolver)
{
    struct timeval left;
    if (resolver->asking == 0 || ares_timeout(resolver->dns.channel, NULL, &left) == NULL) {
        evf_timer_stop(&resolver->dns_due);
        return;
    }
    /* Rounded up, and never 0: c-ares has a clock of its own, and may find it too early. */
    uint32_t ms = (uint32_t)left.tv_sec * 1000 + (uint32_t)(left.tv_usec / 1000) + 1;
    evf_timer_start(resolver->worker, &resolver->dns_due, ms, on_due, resolver);
}

static void on_due(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct evf__resolver *resolver = argument;
    (void)worker;
    (void)timer;
    ares_process_fd(resolver->dns.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(resolver);
}

/* -- queries -- */

static struct sockaddr_storage *copy_addresses(const struct evf__dns_answer *answer, int family)
{
    struct sockaddr_storage *addresses = malloc(answer->count * sizeof *addresses);
    for (size_t i = 0; addresses != NULL && i < answer->count; i++)
        evf__dns_address(answer->addresses[i], family, &addresses[i]);
    return addresses;
}

/* The candidate has no address: the next one, if somebody still waits, and if there is one. */
static void go_on(struct evf__lookup *lookup, const struct evf__dns_answer *answer)
{
    evf__dns_search_note(&lookup->search, answer->status, answer->ttl_ms);
    evf__list_append(&lookup->resolver->queue, &lookup->step);
}

static void take_answer(struct evf__lookup *lookup, const struct evf__dns_answer *answer)
{
    struct sockaddr_storage *addresses;
    switch (answer->status) {
    case 0:
        addresses = copy_addresses(answer, lookup->family);
        if (addresses != NULL)
            evf__lookup_answer(lookup, 0, answer->ttl_ms, addresses, answer->count);
        else
            evf__lookup_answer(lookup, -ENOMEM, 0, NULL, 0);
        return;
    case EVF_ENONAME:
    case EVF_ENOADDRESS:
    case EVF_EDNS:
        go_on(lookup, answer);
        return;
    default:
        evf__lookup_answer(lookup, answer->status, 0, NULL, 0);
        return;
    }
}

static void on_answer(void *argument, int status, int timeouts, unsigned char *packet, int len)
{
    struct evf__lookup *lookup = argument;
    struct evf__dns_answer answer;
    (void)timeouts;
    lookup->asking = false;
    lookup->resolver->asking--;
    if (!lookup->answered) { /* else its time was over */
        evf__dns_result(status, packet, len, lookup->family, &answer);
        take_answer(lookup, &answer);
    }
    evf__lookup_drop(lookup);
}

/* Asks for the next candidate; without one, what was found out so far is the answer. A search that
 * nobody waits for is given up: of the candidates left nothing is known, so nothing is kept. */
static void ask_next(struct evf__lookup *lookup)
{
    struct evf__resolver *resolver = lookup->resolver;
    char candidate[EVF__DNS_NAME_SIZE];
    uint32_t ttl_ms;
    bool begun = lookup->search.next > 0;
    if (evf__dns_name_is_onion(lookup->host)) {
        evf__lookup_answer(lookup, EVF_ENONAME, 0, NULL, 0);
        return;
    }
    if (resolver->dns.channel == NULL) {
        evf__lookup_answer(lookup, EVF_EDNS, 0, NULL, 0);
        return;
    }
    if (!evf__dns_search_next(&lookup->search, &resolver->dns.domains, lookup->host, candidate)) {
        int status = evf__dns_search_status(&lookup->search, &ttl_ms);
        evf__lookup_answer(lookup, status, ttl_ms, NULL, 0);
        return;
    }
    if (begun && evf__list_empty(&lookup->waiting)) {
        evf__lookup_answer(lookup, -ECANCELED, 0, NULL, 0);
        return;
    }
    evf__lookup_hold(lookup);
    lookup->asking = true;
    resolver->asking++;
    evf__figure_add(&resolver->worker->figures, EVF__FIGURE_DNS_QUERIES, 1);
    evf__dns_ask(&resolver->dns, candidate, lookup->family, on_answer, lookup);
}

/* As many as there are places for; those whose query has failed already come again in the next
 * turn. */
static void start_queued(struct evf__resolver *resolver)
{
    for (unsigned i = 0; i < EVF__DNS_QUERIES_MAX && resolver->asking < EVF__DNS_QUERIES_MAX; i++) {
        struct evf__list *node = evf__list_take(&resolver->queue);
        if (node == NULL)
            return;
        ask_next(EVF__OWNER(node, struct evf__lookup, step));
    }
}

void evf__resolver_dns_run(struct evf__resolver *resolver)
{
    process_ready(resolver);
    start_queued(resolver);
    arm(resolver);
}

bool evf__resolver_dns_pending(const struct evf__resolver *resolver)
{
    return !evf__list_empty(&resolver->ready) ||
           (!evf__list_empty(&resolver->queue) && resolver->asking < EVF__DNS_QUERIES_MAX);
}

/* -- making -- */

int evf__resolver_dns_init(struct evf__resolver *resolver,
                           const struct evf__resolver_settings *settings)
{
    evf__list_init(&resolver->queue);
    evf__list_init(&resolver->sockets);
    evf__list_init(&resolver->ready);
    int status = evf__dns_open(&resolver->dns, settings, on_socket_state, resolver);
    if (status == EVF_EDNS) {
        evf_log(EVF_WARN, "names cannot be looked up by DNS: c-ares cannot be set up; see that "
                          "/etc/resolv.conf can be read, or give --dns-server");
        return 0;
    }
    return status;
}

/* Answers that come here are told nobody. */
void evf__resolver_dns_fini(struct evf__resolver *resolver)
{
    struct evf__list *node;
    if (resolver->dns.channel != NULL)
        evf__dns_close(&resolver->dns);
    while ((node = evf__list_take(&resolver->queue)) != NULL) {
        struct evf__lookup *lookup = EVF__OWNER(node, struct evf__lookup, step);
        evf__lookup_answer(lookup, -ECANCELED, 0, NULL, 0);
    }
    evf_timer_stop(&resolver->dns_due);
    EVF_ASSERT(resolver->asking == 0 && evf__list_empty(&resolver->sockets));
}
