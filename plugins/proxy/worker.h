/* SPDX-License-Identifier: MIT
 *
 * What the parts of this plugin that talk to evframe share: the instance and a worker's own things.
 *
 *   proxy.c     descriptor, start and stop
 *   options.c   options, taken apart and checked
 *   names.c     upstream names and their look-ups
 *   upstream.c  the table of upstream servers, their health
 *   balance.c   which of them a client gets
 *   pair.c      a client and its upstream stream: from the choice to the end of both
 *   waiting.c   clients that wait for a name
 *   pump.c      the bytes between them
 *   header.c    the PROXY header
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <evframe/evframe.h>

#include "balance.h"
#include "header.h"
#include "limits.h"
#include "upstream.h"

/* Options and figures. Written by start, then only read. */
struct proxy_instance {
    struct proxy_target targets[PROXY_TARGETS_MAX];
    unsigned target_count;
    enum proxy_balance balance;
    enum proxy_send send;
    int family; /* of names: AF_UNSPEC, AF_INET or AF_INET6 */
    uint32_t connect_timeout_ms, fail_time_ms, max_fails;
    unsigned tries;

    evf_counter *connected, *refused, *failures, *retries, *ejections, *to_upstream, *to_client;
    evf_gauge *pairs, *upstreams, *ejected;
};

struct proxy_worker;

/* The look-ups of one target. */
struct proxy_name {
    struct proxy_worker *worker;
    unsigned target;
    evf_lookup *lookup;     /* one is under way */
    struct evf_timer timer; /* to the next */
    uint64_t asked_ms;      /* when the last one began */
    uint32_t retry_ms;      /* the wait after a failure */
    bool answered;          /* there was an answer, be it a failure */
    bool failing;           /* the last one failed, which was told */
};

/* One worker's own: nothing here is shared, ejection included. */
struct proxy_worker {
    evf_worker *worker;
    evf_instance *instance;
    const struct proxy_instance *proxy;
    struct proxy_table table;
    struct proxy_name *names;
    unsigned name_count;

    /* Clients that wait for the first answer about a name, and the connecting of those for whom
     * it came. */
    struct proxy_pair *waiting, **waiting_last;
    struct evf_timer waking;

    uint64_t told_ms; /* when our own want of means was told last; 0: never */
};

/* options.c */

extern const struct evf_option proxy_options[];

/* Reads all options. 0 or what evf_fail returned. */
int proxy_options_read(evf_instance *instance, struct proxy_instance *proxy);

/* Splits the address of an upstream server. 0, or a negative code and in *ret_why what is wrong
 * with it. text is kept. */
int proxy_target_parse(const char *text, struct proxy_target *ret, const char **ret_why);

/* names.c */

/* Begins to look all names up; literal addresses enter the table at once. 0 or a negative code. */
int proxy_names_start(struct proxy_worker *worker);
void proxy_names_stop(struct proxy_worker *worker);

/* Brings the gauges of upstream servers up to date. */
void proxy_publish(struct proxy_worker *worker);

/* True when some name has had no answer yet: a client may wait for it. */
bool proxy_names_awaited(const struct proxy_worker *worker);

/* Nobody can be reached: look the names up as soon as may be. */
void proxy_names_hurry(struct proxy_worker *worker);

/* pair.c */

extern const struct evf_handler proxy_client_handler;

/* waiting.c */

/* A name was answered: those that wait are connected, a batch each turn. */
void proxy_wait_over(struct proxy_worker *worker);

#endif
