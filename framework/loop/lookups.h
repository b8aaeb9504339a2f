/* SPDX-License-Identifier: MIT
 *
 * Look-ups by host and family: those under way, which equal questions join, and those whose answer
 * is kept until its time is over or too many others are.
 *
 * A look-up is counted by those who point to it: the table, its questions, c-ares while it asks.
 * There is no clock inside. One thread.
 */
#ifndef EVF_LOOP_LOOKUPS_H
#define EVF_LOOP_LOOKUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/list.h"
#include "loop/dns_name.h"

struct evf__resolver;

struct evf__lookup {
    struct evf__resolver *resolver;
    unsigned references;
    int family;
    bool answered; /* what stands under 'the answer' is valid, and does not change */
    bool asking;   /* c-ares will call back */
    bool fleeting; /* its answer is not kept: the hosts file has it */

    /* in the table */
    struct evf__lookup *next; /* in its bucket */
    bool in_table;
    struct evf__list kept; /* in the order of use; on it: answered and kept */

    /* under way */
    struct evf__list waiting;     /* its questions */
    struct evf__list step;        /* among those that wait for the hosts file, or for their query */
    struct evf__list by_deadline; /* in the order of deadlines */
    uint64_t deadline_ms;
    struct evf__dns_search search;

    /* the answer */
    int status;
    uint64_t until_ms; /* on the worker's clock; UINT64_MAX: for ever */
    size_t count;
    struct sockaddr_storage *addresses;

    char host[]; /* as evf__dns_name gives it */
};

/* A new one, in no table, held by its maker. NULL without memory. */
struct evf__lookup *evf__lookup_new(const char *host, int family);
static inline void evf__lookup_hold(struct evf__lookup *lookup)
{
    lookup->references++;
}
/* Frees it with the last. */
void evf__lookup_drop(struct evf__lookup *lookup);

struct evf__lookups {
    uint64_t seed;
    size_t count;     /* all in the table */
    size_t kept_most; /* set at start */
    size_t kept_count;
    struct evf__list kept; /* the one used longest ago first */
    struct evf__lookup *buckets[EVF__LOOKUP_BUCKETS];
};

/* seed: unknown to those who choose names. */
void evf__lookups_init(struct evf__lookups *lookups, uint64_t seed, size_t kept_most);
/* Removes all. */
void evf__lookups_fini(struct evf__lookups *lookups);

/* The one for that host and family: under way, or with an answer that holds at now_ms and now
 * counts as used. One whose time is over is removed. NULL when there is none. */
struct evf__lookup *evf__lookups_find(struct evf__lookups *lookups, const char *host, int family,
                                      uint64_t now_ms);

/* The same without removing it or counting it as used; what holds no more is found, too. */
const struct evf__lookup *evf__lookups_peek(const struct evf__lookups *lookups, const char *host,
                                            int family);

/* There must be no equal one. The table holds it. */
void evf__lookups_add(struct evf__lookups *lookups, struct evf__lookup *lookup);
/* Keeps what is in the table now that it is answered; the one used longest ago gives way. */
void evf__lookups_keep(struct evf__lookups *lookups, struct evf__lookup *lookup);
/* No effect on one that is not in the table. */
void evf__lookups_remove(struct evf__lookups *lookups, struct evf__lookup *lookup);

/* Asserts every invariant. */
void evf__lookups_check(const struct evf__lookups *lookups);

#endif
