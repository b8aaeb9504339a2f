/* SPDX-License-Identifier: MIT
 *
 * proxy: carries each client's connection to one of several upstream servers, over TCP or unix
 * sockets, bytes as they are.
 *
 * This file is the plugin's descriptor: figures, start and stop. start and stop run on the main
 * thread, worker_start and worker_stop on each worker.
 */
#include "worker.h"

static int make_figures(evf_instance *instance, struct proxy_instance *proxy)
{
    const struct {
        evf_counter **ret;
        const char *name, *help;
    } counters[] = {
        { &proxy->connected, "proxied", "clients that were connected to an upstream server" },
        { &proxy->refused, "unserved", "clients that were reset: no upstream server answered" },
        { &proxy->failures, "connect_failures", "attempts at an upstream server that failed" },
        { &proxy->retries, "retries", "attempts at another upstream server after a failure" },
        { &proxy->ejections, "ejections", "upstream servers that were ejected" },
        { &proxy->to_upstream, "bytes_to_upstream", "bytes passed on from clients" },
        { &proxy->to_client, "bytes_to_client", "bytes passed on to clients" },
    };
    const struct {
        evf_gauge **ret;
        const char *name, *help;
    } gauges[] = {
        { &proxy->pairs, "pairs", "clients with what belongs to them, now" },
        { &proxy->upstreams, "upstreams", "upstream servers known, summed over the workers" },
        { &proxy->ejected, "upstreams_ejected", "of these ejected, summed over the workers" },
    };
    bool missing = false;
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        *counters[i].ret = evf_counter_new(instance, counters[i].name, counters[i].help);
        missing = missing || *counters[i].ret == NULL;
    }
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
        *gauges[i].ret = evf_gauge_new(instance, gauges[i].name, gauges[i].help);
        missing = missing || *gauges[i].ret == NULL;
    }
    return missing ? evf_fail(instance, "no room for another instance's figures") : 0;
}

static int proxy_start(evf_instance *instance)
{
    struct proxy_instance *proxy = evf_instance_state(instance);
    int error = proxy_options_read(instance, proxy);
    return error < 0 ? error : make_figures(instance, proxy);
}

static void proxy_worker_stop(evf_instance *instance, evf_worker *evf)
{
    struct proxy_worker *worker = evf_worker_state(instance, evf);
    evf_timer_stop(&worker->waking);
    proxy_names_stop(worker);
    proxy_table_fini(&worker->table);
}

static int proxy_worker_start(evf_instance *instance, evf_worker *evf)
{
    struct proxy_worker *worker = evf_worker_state(instance, evf);
    const struct proxy_instance *proxy = evf_instance_state(instance);
    worker->worker = evf;
    worker->instance = instance;
    worker->proxy = proxy;
    worker->table.max_fails = proxy->max_fails;
    worker->table.fail_time_ms = proxy->fail_time_ms;
    worker->table.start = evf_worker_index(evf);
    worker->waiting_last = &worker->waiting;
    int error = proxy_names_start(worker);
    if (error < 0)
        proxy_worker_stop(instance, evf);
    return error;
}

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "proxy",
    .version = "1.0.0",
    .summary = "carries connections to upstream servers",
    .options = proxy_options,
    .handler = &proxy_client_handler,
    .instance_state_size = sizeof(struct proxy_instance),
    .worker_state_size = sizeof(struct proxy_worker),
    .start = proxy_start,
    .worker_start = proxy_worker_start,
    .worker_stop = proxy_worker_stop,
};
