/* SPDX-License-Identifier: MIT
 *
 * Upstream names: looked up when the worker starts, and again when the answer's time to live ends.
 *
 *     asked --answer--> table set, timer for the TTL --timer, or hurry--> asked
 *       +----failure--> table as it was, timer for the retry --timer----> asked
 *
 * A name that fails keeps the addresses it had; that it fails is told once, and once that it is
 * found again. The worker's thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "worker.h"

static int ask(struct proxy_name *name);
static void failed(struct proxy_name *name, int status);

static void ask_again(evf_worker *evf, struct evf_timer *timer, void *argument)
{
    struct proxy_name *name = argument;
    (void)evf;
    (void)timer;
    int status = ask(name);
    if (status < 0 && status != -ESHUTDOWN)
        failed(name, status);
}

static void wait(struct proxy_name *name, uint32_t ms)
{
    evf_timer_start(name->worker->worker, &name->timer, ms, ask_again, name);
}

static const struct proxy_target *target_of(const struct proxy_name *name)
{
    return &name->worker->proxy->targets[name->target];
}

void proxy_publish(struct proxy_worker *worker)
{
    evf_gauge_set(worker->proxy->upstreams, (int64_t)worker->table.count);
    evf_gauge_set(worker->proxy->ejected, (int64_t)proxy_table_ejected(&worker->table));
}

static void failed(struct proxy_name *name, int status)
{
    if (!name->failing)
        evf_log(EVF_WARN, "upstream %s cannot be looked up: %s; %s", target_of(name)->text,
                evf_strerror(status),
                name->answered ? "what was known of it stays in use" : "it has no address yet");
    name->failing = true;
    wait(name, name->retry_ms);
    name->retry_ms *= 2;
    if (name->retry_ms > PROXY_LOOKUP_RETRY_MOST_MS)
        name->retry_ms = PROXY_LOOKUP_RETRY_MOST_MS;
}

static void found(struct proxy_name *name, const struct sockaddr_storage *addresses, size_t count)
{
    struct proxy_worker *worker = name->worker;
    const struct proxy_target *target = target_of(name);
    if (name->failing)
        evf_log(EVF_INFO, "upstream %s is found again", target->text);
    name->failing = false;
    name->retry_ms = PROXY_LOOKUP_LEAST_MS;
    if (proxy_table_set(&worker->table, name->target, target, addresses, count) < 0)
        evf_log(EVF_ERROR, "upstream %s: no memory for some of its %zu addresses", target->text,
                count);
    uint32_t ttl_ms = evf_resolve_ttl(worker->worker, target->host, worker->proxy->family);
    if (ttl_ms < PROXY_LOOKUP_LEAST_MS)
        ttl_ms = PROXY_LOOKUP_LEAST_MS;
    wait(name, ttl_ms < PROXY_LOOKUP_MOST_MS ? ttl_ms : PROXY_LOOKUP_MOST_MS);
}

static void answered(evf_worker *evf, int status, const struct sockaddr_storage *addresses,
                     size_t count, void *argument)
{
    struct proxy_name *name = argument;
    (void)evf;
    name->lookup = NULL;
    if (status == -ECANCELED)
        return; /* the server stops */
    if (status < 0)
        failed(name, status);
    else
        found(name, addresses, count);
    name->answered = true;
    proxy_publish(name->worker);
    proxy_wait_over(name->worker);
}

static int ask(struct proxy_name *name)
{
    struct proxy_worker *worker = name->worker;
    evf_timer_stop(&name->timer);
    name->asked_ms = evf_now(worker->worker);
    return evf_resolve(worker->worker, target_of(name)->host, worker->proxy->family, answered, name,
                       &name->lookup);
}

bool proxy_names_awaited(const struct proxy_worker *worker)
{
    for (unsigned i = 0; i < worker->name_count; i++)
        if (!worker->names[i].answered)
            return true;
    return false;
}

void proxy_names_hurry(struct proxy_worker *worker)
{
    uint64_t now_ms = evf_now(worker->worker);
    for (unsigned i = 0; i < worker->name_count; i++) {
        struct proxy_name *name = &worker->names[i];
        uint64_t at_ms = name->asked_ms + PROXY_LOOKUP_LEAST_MS;
        if (name->lookup == NULL)
            wait(name, at_ms > now_ms ? (uint32_t)(at_ms - now_ms) : 0);
    }
}

int proxy_names_start(struct proxy_worker *worker)
{
    const struct proxy_instance *proxy = worker->proxy;
    worker->names = calloc(proxy->target_count, sizeof *worker->names);
    if (worker->names == NULL)
        return evf_fail(worker->instance, "no memory for the upstream servers");
    for (unsigned i = 0; i < proxy->target_count; i++) {
        if (proxy->targets[i].is_name) {
            worker->names[worker->name_count++] = (struct proxy_name){
                .worker = worker, .target = i, .retry_ms = PROXY_LOOKUP_LEAST_MS
            };
        } else if (proxy_table_add(&worker->table, i, &proxy->targets[i]) < 0) {
            return evf_fail(worker->instance, "no memory for the upstream servers");
        }
    }
    for (unsigned i = 0; i < worker->name_count; i++) {
        int status = ask(&worker->names[i]);
        if (status < 0)
            return evf_fail(worker->instance, "upstream=%s cannot be looked up: %s%s",
                            target_of(&worker->names[i])->text, evf_strerror(status),
                            status == -EINVAL ? "; a name has letters, digits, '-' and '_', 1 to "
                                                "63 of them between dots"
                                              : "");
    }
    proxy_publish(worker);
    return 0;
}

void proxy_names_stop(struct proxy_worker *worker)
{
    for (unsigned i = 0; i < worker->name_count; i++) {
        evf_timer_stop(&worker->names[i].timer);
        if (worker->names[i].lookup != NULL)
            evf_resolve_cancel(worker->names[i].lookup);
    }
    free(worker->names);
    worker->names = NULL;
    worker->name_count = 0;
}
