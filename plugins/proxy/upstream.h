/* SPDX-License-Identifier: MIT
 *
 * Upstream servers: one worker's table of them, and the health of each.
 *
 *                        max-fails failures in a row,
 *                        and another one is in service
 *     +---> in service ---------------------------------> ejected <---+
 *     |      (a connection stands: fails = 0)                |        | the probe fails: another
 *     |                                             fail-time is over | fail-time
 *     |                                                      v        |
 *     +--------------------------------------------------- on trial --+
 *                     its probe's connection stands
 *
 * On trial one client at a time is sent there, the probe. The last upstream server in service is
 * never ejected: nobody could go elsewhere.
 *
 * An address that its name no longer has leaves the table at once and gets no new connection; it
 * lives on until its last connection has closed. One thread, the worker's; no clock inside.
 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "limits.h"

/* An `upstream` option, taken apart. Written by start, then only read. */
struct proxy_target {
    const char *text;           /* as it was given; lives as long as the instance */
    char host[PROXY_HOST_SIZE]; /* a name or an IP address; "" for unix */
    uint16_t port;
    const char *unix_path; /* inside text; NULL for TCP */
    bool is_name;          /* host must be looked up */
};

/* What came of an attempt, for the log. */
enum proxy_event {
    PROXY_EVENT_NONE,
    PROXY_EVENT_FAILED,  /* a failure, the first one for a while */
    PROXY_EVENT_EJECTED, /* out of service */
    PROXY_EVENT_BACK,    /* in service again */
};

struct proxy_upstream {
    /* Who it is; never changes. */
    unsigned target; /* the index of its option */
    char host[PROXY_HOST_SIZE];
    uint16_t port;
    const char *unix_path;
    char label[PROXY_LABEL_SIZE]; /* for the log */
    uint64_t id;                  /* unique in the table, never reused */
    uint64_t key;                 /* the same in every worker and at every start */

    bool listed;        /* in the table */
    bool stays;         /* of use inside proxy_table_set alone */
    uint32_t users;     /* connections that stand or are attempted */
    uint64_t last_used; /* the table's count of attempts then */

    /* Health. */
    bool ejected;
    bool probed;       /* a probe is under way */
    uint32_t fails;    /* in a row */
    uint64_t trial_ms; /* ejected: when it is on trial */
    uint64_t told_ms;  /* when a failure was told last; 0: never */
};

struct proxy_table {
    struct proxy_upstream **upstreams;
    size_t count, room;
    uint64_t ids, uses;
    uint32_t max_fails; /* 0: nobody is ejected */
    uint32_t fail_time_ms;
    unsigned start; /* where the first round begins; differs between workers */
};

/* All zero but the settings is an empty table. */
void proxy_table_fini(struct proxy_table *table);

/* Adds the one upstream server of a target that needs no look-up. 0 or -ENOMEM. */
int proxy_table_add(struct proxy_table *table, unsigned index, const struct proxy_target *target);

/* The target's name has these addresses now: those that stay keep their state, new ones are added,
 * the others leave the table. Without memory some are missing: -ENOMEM. */
int proxy_table_set(struct proxy_table *table, unsigned index, const struct proxy_target *target,
                    const struct sockaddr_storage *addresses, size_t count);

/* How many of the table are ejected. */
size_t proxy_table_ejected(const struct proxy_table *table);

/* In service, or on trial without a probe. */
bool proxy_upstream_available(const struct proxy_upstream *upstream, uint64_t now_ms);

/* An attempt begins. True: it is the probe, which the following calls are told. One of them ends
 * the attempt; proxy_upstream_leave follows when the connection, or the attempt, is over. */
bool proxy_upstream_enter(struct proxy_table *table, struct proxy_upstream *upstream);
enum proxy_event proxy_upstream_connected(struct proxy_upstream *upstream, bool probe);
enum proxy_event proxy_upstream_failed(struct proxy_table *table, struct proxy_upstream *upstream,
                                       bool probe, uint64_t now_ms);
/* Nothing was learned: the client is gone, or the failure was our own. */
void proxy_upstream_cancelled(struct proxy_upstream *upstream, bool probe);
void proxy_upstream_leave(struct proxy_upstream *upstream);

#endif
