/* SPDX-License-Identifier: MIT
 *
 * A worker's resolver: names to addresses, one family at a time, without ever blocking the worker.
 *
 * A question is answered from, in this order: the text itself when it is an IP address;
 * `localhost`; the hosts file; the cache; DNS, where equal questions under way share one query. The
 * answer always comes later, in the mailbox step of a turn (evf__resolver_answer), never inside the
 * call.
 *
 * One thread, the worker's.
 */
#ifndef EVF_LOOP_RESOLVER_H
#define EVF_LOOP_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <evframe/connect.h>

#include "base/list.h"

struct evf__resolver;

struct evf__resolver_settings {
    const char *servers;    /* IP[:PORT],…; NULL: those of the system */
    uint32_t timeout_ms;    /* for one question, all its queries together */
    const char *hosts_path; /* NULL: /etc/hosts */
};

struct evf__answer {
    int status; /* 0, EVF_ENONAME, EVF_ENOADDRESS, EVF_EDNS, -ETIMEDOUT, -ENOMEM, -ECANCELED */
    const struct sockaddr_storage *addresses; /* port 0; live until the function returns */
    size_t count;
    uint32_t ttl_ms; /* how long the answer may still be used; UINT32_MAX: for ever */
};

typedef void evf__answer_fn(evf_worker *worker, const struct evf__answer *answer, void *argument);

/* A question under way, in the asker's own storage. All zero is idle. It must not move or be freed
 * while it is under way: cancel it first. It is idle again when its function starts. */
struct evf__question {
    struct evf__list link;      /* among those that wait for the same answer, or are to be told */
    struct evf__lookup *lookup; /* what it waits for; NULL: idle */
    evf__answer_fn *fn;
    void *argument;
};

/* Makes worker->resolver; evf__worker_init and its fini call these. 0 or a negative code. fini
 * asserts that no question is under way. */
int evf__resolver_init(evf_worker *worker, const struct evf__resolver_settings *settings);
void evf__resolver_fini(evf_worker *worker);

/* Asks for the addresses of host of one family, AF_INET or AF_INET6. 0: fn will be called once,
 * unless cancelled. -EINVAL: that cannot be a host. -ENAMETOOLONG: above 253 bytes. -ENOMEM. */
int evf__resolver_ask(evf_worker *worker, struct evf__question *question, const char *host,
                      int family, evf__answer_fn *fn, void *argument);
/* Its function is not called any more. An idle question: no effect. */
void evf__question_cancel(struct evf__question *question);

/* The mailbox step: tells those whose answer has come. */
void evf__resolver_answer(evf_worker *worker);
/* True when somebody is to be told: do not sleep. */
bool evf__resolver_pending(const evf_worker *worker);

/* The stop's deadline has come: every evf_resolve under way is answered with -ECANCELED, and new
 * ones are refused with -ESHUTDOWN. */
void evf__resolver_close(evf_worker *worker);

/* 0, or EVF_EOPTION with a reason for servers (as in the settings, not NULL) that cannot be used.
 * Any thread. */
int evf__resolver_check_servers(const char *servers, char *error, size_t error_size);

/* What two families come to together: 0 when one has addresses, else the more telling status. */
int evf__resolve_status(int a, int b);

/* Looks a name up on a thread that is no worker and waits for the answer, at most
 * settings->timeout_ms: for listeners, at the start. Fills at most `room` addresses, both families,
 * and returns how many, or a negative status as in struct evf__answer. Main thread. */
int evf__resolve_wait(const struct evf__resolver_settings *settings, const char *host,
                      struct sockaddr_storage *ret, size_t room);

#endif
