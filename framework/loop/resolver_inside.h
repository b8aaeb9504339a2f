/* SPDX-License-Identifier: MIT
 *
 * What a worker's resolver is inside; for resolver*.c and resolve*.c alone. One thread, the
 * worker's, but for what is marked.
 *
 * The way of a question (resolver.c): an IP address, `localhost` and what the hosts file knows are
 * answered at once. Else it joins the look-up for its host and family, or begins one:
 *
 *   ask → [waits for the first reading of the hosts file] → queue → c-ares → answered → told
 *          resolver_hosts.c                                 resolver_dns.c
 *
 * Everything that calls back into others happens in evf__resolver_answer, in step 2 of a turn, and
 * c-ares is driven from there and from a timer: so its callbacks never run inside a question.
 */
#ifndef EVF_LOOP_RESOLVER_INSIDE_H
#define EVF_LOOP_RESOLVER_INSIDE_H

#include "loop/dns.h"
#include "loop/hosts.h"
#include "loop/lookups.h"
#include "loop/resolver.h"
#include "loop/worker.h"

struct evf__resolver {
    evf_worker *worker;
    uint32_t timeout_ms;
    struct evf__lookups lookups;
    struct evf__list told;        /* questions whose answer is to be told */
    struct evf__list by_deadline; /* look-ups under way, the next to time out first */
    struct evf_timer deadline;    /* for the first of them */
    struct evf__lookup *canceled; /* an answer that says -ECANCELED */

    /* resolver_hosts.c */
    char *hosts_path;
    struct evf__hosts *hosts;
    struct evf__list hosts_waiting; /* look-ups that wait for the first reading */
    bool hosts_known;               /* it is done */
    bool hosts_asked;               /* a helper is at it; it owns the next three */
    struct evf__hosts_stamp hosts_stamp;
    struct evf__hosts *hosts_new;
    int hosts_status;
    int hosts_told; /* the failure that was logged last */
    uint64_t hosts_looked_ms;
    struct evf_timer hosts_retry;

    /* resolver_dns.c */
    struct evf__dns dns;      /* its channel is NULL when it could not be made */
    struct evf__list queue;   /* look-ups that wait for their query */
    unsigned asking;          /* queries that c-ares has */
    struct evf__list sockets; /* c-ares', watched */
    struct evf__list ready;   /* of them, those with something to do */
    struct evf_timer dns_due; /* when c-ares wants to try again */

    /* resolve.c */
    struct evf__list public_lookups; /* evf_resolve's, under way */
    bool closed;
};

/* -- resolver.c -- */

/* Gives a look-up that is under way its answer. Addresses become the look-up's own; NULL with a
 * status. It is kept for ttl_ms where status and time allow it. */
void evf__lookup_answer(struct evf__lookup *lookup, int status, uint32_t ttl_ms,
                        struct sockaddr_storage *addresses, size_t count);
/* Takes an idle question to those that are told the look-up's answer. */
void evf__question_tell(struct evf__resolver *resolver, struct evf__question *question,
                        struct evf__lookup *lookup);

/* -- resolver_hosts.c -- */

/* 0 or -ENOMEM. Without helper threads the file is read here. */
int evf__resolver_hosts_init(struct evf__resolver *resolver, const char *path);
void evf__resolver_hosts_fini(struct evf__resolver *resolver);
/* Has the file looked at by a helper, if it is time to. */
void evf__resolver_hosts_look(struct evf__resolver *resolver);

/* -- resolver_dns.c -- */

/* 0, -ENOMEM or EVF_EOPTION. When c-ares cannot be set up that is logged, and every question fails.
 */
int evf__resolver_dns_init(struct evf__resolver *resolver,
                           const struct evf__resolver_settings *settings);
void evf__resolver_dns_fini(struct evf__resolver *resolver);
/* Reads and writes what is ready, then starts what waits for its query. */
void evf__resolver_dns_run(struct evf__resolver *resolver);
/* True when that has something to do. */
bool evf__resolver_dns_pending(const struct evf__resolver *resolver);

#endif
