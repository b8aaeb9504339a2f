/* SPDX-License-Identifier: MIT
 *
 * The start, top-down, in the contract's order, and its undoing when a step fails. Main thread.
 *
 *   1. Names of listeners are looked up, and every listener is bound, before anything else can fail
 *      halfway: an address in use stops the start before any plugin has begun to work.
 *      (start_listeners.c)
 *   2. `start` of every instance.
 *   3. The workers' threads; each makes its loop. Then worker_start of every instance on every
 *      worker, side by side: only when all loops exist, since it may post to any worker.
 *   4. The gate to serving opens, the acceptor begins, and the log says where the server listens.
 *
 * When a step fails, all that run are awaited, and everything is undone in reverse.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/process.h"
#include "server/server.h"

/* -- the parts -- */

static struct evf__server_worker *make_worker(evf_server *server, unsigned index)
{
    struct evf__server_worker *worker =
        aligned_alloc(_Alignof(struct evf__server_worker), sizeof *worker);
    if (worker == NULL)
        return NULL;
    memset(worker, 0, sizeof *worker);
    worker->worker.index = index;
    worker->server = server;
    return worker;
}

/* How many sockets listen: those that every worker has its own of, or the others. */
static unsigned count_sockets(const evf_server *server, bool own)
{
    unsigned count = 0;
    for (unsigned i = 0; i < server->listener_count; i++)
        if (evf__server_per_worker(server, server->listeners[i]) == own)
            count += server->listeners[i]->socket_count;
    return count;
}

/* Memory for the workers; it stays until the server is freed. */
static int make_workers(evf_server *server)
{
    unsigned count = server->settings.workers;
    server->workers = calloc(count, sizeof(struct evf__server_worker *));
    server->worker_list = calloc(count, sizeof *server->worker_list);
    server->handovers = calloc(count, sizeof(struct evf__handover *));
    server->watches = calloc(count, sizeof *server->watches);
    if (server->workers == NULL || server->worker_list == NULL || server->handovers == NULL ||
        server->watches == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < count; i++) {
        struct evf__server_worker *worker = make_worker(server, i);
        if (worker == NULL)
            return -ENOMEM;
        server->workers[i] = worker;
        server->worker_list[i] = &worker->worker;
        server->handovers[i] = &worker->handover;
        server->worker_count++;
    }
    return 0;
}

/* What accepts: the acceptor, where there is a listener for it, and the workers. */
static int make_accepting(evf_server *server)
{
    unsigned own = count_sockets(server, true), shared = count_sockets(server, false);
    if (shared > 0) {
        int status =
            evf__acceptor_init(&server->acceptor, shared, server->worker_count, server->worker_list,
                               server->handovers, server->settings.dispatch, server->event_fd);
        if (status < 0)
            return status;
    }
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct evf__server_worker *worker = server->workers[i];
        evf__handover_init(&worker->handover, shared > 0 ? server->acceptor.wake_fd : -1);
        int status =
            own > 0 ? evf__accepting_init(&worker->accepting, own, &worker->worker.figures) : 0;
        if (status < 0)
            return status;
    }
    return 0;
}

static int make_parts(evf_server *server)
{
    int status = make_workers(server);
    if (status == 0)
        status = make_accepting(server);
    if (status == 0) {
        server->offload =
            evf__offload_create(server->settings.offload_threads, server->settings.offload_queue);
        status = server->offload != NULL ? 0 : -ENOMEM;
    }
    if (status < 0)
        return evf__server_fail(server, status, "the server cannot be made: %s%s",
                                evf_strerror(status),
                                status == -EMFILE ? "; raise the limit of open files" : "");
    return 0;
}

void evf__server_destroy_parts(evf_server *server)
{
    evf__acceptor_fini(&server->acceptor);
    for (unsigned i = 0; i < server->worker_count; i++)
        evf__accepting_fini(&server->workers[i]->accepting);
    for (unsigned i = 0; i < server->listener_count; i++)
        evf__listener_close(server->listeners[i]);
    evf__offload_destroy(server->offload);
    server->offload = NULL;
}

/* -- 2. instances -- */

static int start_instances(evf_server *server)
{
    for (unsigned i = 0; i < server->listener_count; i++) {
        int status = evf__instance_start(server->listeners[i]->instance, server->worker_count,
                                         server->figures, server->error, sizeof server->error);
        if (status < 0)
            return status;
    }
    return 0;
}

/* -- 3. workers -- */

void evf__server_join_workers(evf_server *server)
{
    evf__stalls_stop(server);
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct evf__server_worker *worker = server->workers[i];
        if (!worker->running)
            continue;
        int status = pthread_join(worker->thread, NULL);
        EVF_ASSERT(status == 0);
        worker->running = false;
    }
}

/* The first worker's failure becomes the server's; 0 when there is none. */
static int first_failure(evf_server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        if (server->workers[i]->status < 0)
            return evf__server_fail(server, server->workers[i]->status, "%s",
                                    server->workers[i]->error);
    return 0;
}

/* Every thread runs and has its loop; or none runs any more. */
static int start_threads(evf_server *server)
{
    int status = 0;
    for (unsigned i = 0; i < server->worker_count && status == 0; i++) {
        status = evf__server_worker_start(server->workers[i]);
        if (status < 0)
            evf__server_fail(server, status, "the thread of worker %u cannot be started: %s", i,
                             evf_strerror(status));
    }
    int awaited = evf__server_await_step(server, EVF__WORKER_READY);
    if (awaited < 0)
        return awaited;
    if (status == 0)
        status = first_failure(server);
    if (status == 0)
        return 0;
    evf__server_open_gate(server, EVF__GATE_HOME);
    awaited = evf__server_await_step(server, EVF__WORKER_GONE);
    if (awaited < 0)
        return awaited;
    evf__server_join_workers(server);
    return status;
}

/* Instances learn of the workers only now that all of them are made. */
static int start_on_workers(evf_server *server)
{
    for (unsigned i = 0; i < server->listener_count; i++)
        server->listeners[i]->instance->workers = server->worker_list;
    evf__server_open_gate(server, EVF__GATE_START);
    int status = evf__server_await_step(server, EVF__WORKER_STARTED);
    return status < 0 ? status : first_failure(server);
}

/* Undoes worker_start: the workers run their loops for as long as it takes to end in order. The
 * sentence about the failure stays. */
static int abort_workers(evf_server *server, int status)
{
    server->aborting = true;
    evf__server_open_gate(server, EVF__GATE_SERVE);
    int finished = evf__server_finish(server);
    return finished < 0 ? finished : status;
}

static int start_workers(evf_server *server)
{
    int status = start_threads(server);
    if (status < 0)
        return status;
    status = start_on_workers(server);
    if (status == EVF_ESTUCK)
        return status;
    if (status == 0 && server->acceptor.base != NULL) {
        status = evf__acceptor_start(&server->acceptor);
        if (status < 0)
            evf__server_fail(server, status, "the acceptor's thread cannot be started: %s",
                             evf_strerror(status));
    }
    if (status < 0)
        return abort_workers(server, status);
    evf__server_open_gate(server, EVF__GATE_SERVE);
    return 0;
}

/* -- the whole -- */

static void log_listeners(const evf_server *server)
{
    for (unsigned i = 0; i < server->listener_count; i++) {
        const struct evf__listener *listener = server->listeners[i];
        for (unsigned j = 0; j < listener->socket_count; j++)
            evf_log(EVF_INFO, "listening on %s with %s, %u worker%s", listener->sockets[j].name,
                    listener->instance->plugin.name, server->worker_count,
                    server->worker_count == 1 ? "" : "s");
    }
}

int evf_server_start(evf_server *server)
{
    server->error[0] = '\0';
    if (server->state != EVF__SERVER_NEW || server->workers != NULL)
        return evf__server_fail(server, -EBUSY, "a server is started once");
    int status = evf_server_check(server);
    if (status < 0)
        return status;
    evf__process_raise_descriptors();
    status = evf__server_resolve_listeners(server);
    if (status < 0)
        return status;
    status = make_parts(server);
    if (status < 0)
        goto no_parts;
    status = evf__server_open_listeners(server);
    if (status < 0)
        goto no_parts;
    status = start_instances(server);
    if (status < 0)
        goto no_instances;
    status = start_workers(server);
    if (status < 0)
        goto no_instances;
    server->state = EVF__SERVER_RUNS;
    status = evf__stalls_start(server);
    if (status < 0)
        evf_log(EVF_WARN, "stalls are not watched for: %s", evf_strerror(status));
    log_listeners(server);
    return 0;
no_instances:
    if (status == EVF_ESTUCK)
        return status; /* what does not return may use anything */
    evf__server_stop_instances(server);
no_parts:
    evf__server_destroy_parts(server);
    return status;
}
