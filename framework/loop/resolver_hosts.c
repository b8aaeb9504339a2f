/* SPDX-License-Identifier: MIT
 *
 * The resolver's hosts file: read by a helper thread when the first name is asked for, looked at
 * again now and then, and read anew when it has changed. See resolver_inside.h.
 *
 * Questions wait for the first reading only; afterwards they are answered from the table that is
 * there, and a change shows a moment later.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/log.h>

#include "loop/offload.h"
#include "loop/resolver_inside.h"

/* On a helper thread: the resolver's worker does not touch these fields meanwhile. */
static void read_hosts(void *argument)
{
    struct evf__resolver *resolver = argument;
    resolver->hosts_new = NULL;
    resolver->hosts_status =
        evf__hosts_read(resolver->hosts_path, &resolver->hosts_stamp, &resolver->hosts_new);
}

/* Says once what is wrong with the file. */
static void report(struct evf__resolver *resolver)
{
    int status = resolver->hosts_status < 0 ? resolver->hosts_status : 0;
    if (status == -E2BIG)
        evf_log(EVF_WARN,
                "%s is used in part only: it has more than %d MiB or %d names; move what is not "
                "needed here to a name server",
                resolver->hosts_path, EVF__HOSTS_FILE_MAX / (1024 * 1024), EVF__HOSTS_NAMES_MAX);
    else if (status < 0 && status != resolver->hosts_told)
        evf_log(EVF_WARN, "%s cannot be read: %s; names are looked up without it",
                resolver->hosts_path, evf_strerror(status));
    resolver->hosts_told = status;
}

/* Takes the table that was read; the old one stays when it could not be read. */
static void take_table(struct evf__resolver *resolver)
{
    report(resolver);
    resolver->hosts_known = true;
    if (resolver->hosts_new == NULL)
        return;
    evf__hosts_free(resolver->hosts);
    resolver->hosts = resolver->hosts_new;
    resolver->hosts_new = NULL;
}

/* One that has waited for the file: its answer from there, or on to the name servers. */
static void go_on(struct evf__lookup *lookup)
{
    struct evf__resolver *resolver = lookup->resolver;
    struct sockaddr_storage found[EVF__ADDRESSES_MAX], *copy;
    int count =
        evf__hosts_find(resolver->hosts, lookup->host, lookup->family, found, EVF__ADDRESSES_MAX);
    if (count < 0) {
        evf__list_append(&resolver->queue, &lookup->step);
        return;
    }
    lookup->fleeting = true;
    if (count == 0) {
        evf__lookup_answer(lookup, EVF_ENOADDRESS, EVF__HOSTS_TTL_MS, NULL, 0);
        return;
    }
    copy = malloc((size_t)count * sizeof *copy);
    if (copy == NULL) {
        evf__lookup_answer(lookup, -ENOMEM, 0, NULL, 0);
        return;
    }
    memcpy(copy, found, (size_t)count * sizeof *copy);
    evf__lookup_answer(lookup, 0, EVF__HOSTS_TTL_MS, copy, (size_t)count);
}

static void on_read(evf_worker *worker, void *argument)
{
    struct evf__resolver *resolver = argument;
    struct evf__list *node;
    (void)worker;
    resolver->hosts_asked = false;
    take_table(resolver);
    while ((node = evf__list_take(&resolver->hosts_waiting)) != NULL)
        go_on(EVF__OWNER(node, struct evf__lookup, step));
}

static void on_retry(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct evf__resolver *resolver = argument;
    (void)worker;
    (void)timer;
    if (!evf__list_empty(&resolver->hosts_waiting))
        evf__resolver_hosts_look(resolver);
}

void evf__resolver_hosts_look(struct evf__resolver *resolver)
{
    evf_worker *worker = resolver->worker;
    bool due =
        !resolver->hosts_known || worker->now_ms >= resolver->hosts_looked_ms + EVF__HOSTS_CHECK_MS;
    if (!due || resolver->hosts_asked || worker->offload == NULL)
        return;
    resolver->hosts_looked_ms = worker->now_ms;
    int status = evf__offload_submit(worker->offload, &worker->mailbox, worker, read_hosts, on_read,
                                     resolver);
    resolver->hosts_asked = status == 0;
    /* Without a first reading nothing can go on, so that is tried again until it works, or the
     * questions' time is over. */
    if (status < 0 && !resolver->hosts_known)
        evf_timer_start(worker, &resolver->hosts_retry, EVF__HOSTS_RETRY_MS, on_retry, resolver);
}

int evf__resolver_hosts_init(struct evf__resolver *resolver, const char *path)
{
    evf__list_init(&resolver->hosts_waiting);
    resolver->hosts_path = strdup(path != NULL ? path : "/etc/hosts");
    if (resolver->hosts_path == NULL)
        return -ENOMEM;
    if (resolver->worker->offload == NULL) {
        read_hosts(resolver);
        take_table(resolver);
    }
    return 0;
}

void evf__resolver_hosts_fini(struct evf__resolver *resolver)
{
    EVF_ASSERT(!resolver->hosts_asked && evf__list_empty(&resolver->hosts_waiting));
    evf_timer_stop(&resolver->hosts_retry);
    evf__hosts_free(resolver->hosts);
    free(resolver->hosts_path);
}
