/* SPDX-License-Identifier: MIT
 *
 * The stop, top-down, in the contract's order. Main thread.
 *
 *   1. Accepting ends. What waits in the kernel's queues is accepted and handed over, the sockets
 *      close, the acceptor is joined. First, so that from here on nothing new can come in.
 *   2. Every worker quiesces: readable input is presented once, then `quiesce` is called. Only now,
 *      so that what was accepted last is served like the rest.
 *   3. Everything works until no worker has a stream, all at the same time, or the deadline. Then
 *      the rest is closed by force, and nothing can become a stream any more: what lies in a
 *      hand-over ring is closed unopened and counted. So no message runs on behalf of a stream
 *      from here on.
 *   4. Messages and offloaded work run out, in a bounded number of rounds; the helpers take no more
 *      and what they have is waited for, so that every answer has run. Then all workers leave their
 *      loops, and only when all of them have, all mailboxes close together: so no worker can lose
 *      what another one still sends it, nor run a message from one that has stopped already. What
 *      the mailboxes hold then runs.
 *   5. worker_stop, on each worker, in reverse order of the start. Threads end and are joined.
 *   6. `stop` of each instance, in reverse.
 *
 * A worker that stands still in a callback holds up steps 3 to 5; await.c says when it is given up.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "server/server.h"

/* -- 1. accepting -- */

static bool acceptor_done(const evf_server *server)
{
    return atomic_load(&server->acceptor.done);
}

/* Sockets of the workers' own are closed when `empty` says so, in step 3. */
static int stop_accepting(evf_server *server)
{
    evf__server_order(server, EVF__ORDER_DRAIN);
    if (!server->acceptor.running)
        return 0;
    evf__acceptor_drain(&server->acceptor);
    int status = evf__server_await(server, acceptor_done, true);
    if (status < 0)
        return status;
    evf__acceptor_join(&server->acceptor);
    return 0;
}

/* -- 2 and 3. streams -- */

static bool all_empty(const evf_server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        if (!atomic_load(&server->workers[i]->empty))
            return false;
    return true;
}

static bool all_refuse(const evf_server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        if (!atomic_load(&server->workers[i]->refuses))
            return false;
    return all_empty(server);
}

static bool all_reported(const evf_server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        if (atomic_load(&server->workers[i]->reports) != server->rounds)
            return false;
    return true;
}

/* Every worker's mailbox is passed through once. 1, 0 when the deadline comes first, or
 * EVF_ESTUCK. */
static int round_of_reports(evf_server *server, bool to_deadline)
{
    server->rounds++;
    evf__server_order(server, EVF__ORDER_REPORT);
    return evf__server_await(server, all_reported, to_deadline);
}

/* Until no worker has a stream. Each says so for itself and at its own moment, and a message from
 * one may just be about to make a stream on another: so it is looked at once more behind a round of
 * reports. */
static int await_streams(evf_server *server)
{
    evf__server_order(server, EVF__ORDER_QUIESCE);
    for (;;) {
        int status = evf__server_await(server, all_empty, true);
        if (status <= 0)
            return status;
        status = round_of_reports(server, true);
        if (status <= 0 || all_empty(server))
            return status;
    }
}

static int close_streams(evf_server *server)
{
    evf__server_order(server, EVF__ORDER_CLOSE);
    int status = evf__server_await(server, all_refuse, false);
    return status < 0 ? status : 0;
}

/* -- 4. messages and offloaded work -- */

static bool all_quiet(const evf_server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        if (!atomic_load(&server->workers[i]->quiet))
            return false;
    return evf__offload_pending(server->offload) == 0;
}

static uint64_t activity(const evf_server *server)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < server->worker_count; i++)
        sum += atomic_load(&server->workers[i]->activity);
    return sum;
}

/* A worker made a turn since the last look: perhaps an answer of offloaded work has run. */
static bool something_moved(const evf_server *server)
{
    return activity(server) != server->activity_seen || evf__offload_pending(server->offload) == 0;
}

static bool nothing_offloaded(const evf_server *server)
{
    return evf__offload_pending(server->offload) == 0;
}

/* Quiet in two rounds, one behind the other: a message that was sent during the first to a worker
 * which had reported already shows in the second. */
static int run_messages_out(evf_server *server)
{
    unsigned quiet = 0;
    for (unsigned i = 0; i < EVF__STOP_ROUNDS && quiet < 2; i++) {
        server->activity_seen = activity(server);
        int status = round_of_reports(server, false);
        if (status < 0)
            return status;
        quiet = all_quiet(server) ? quiet + 1 : 0;
        if (evf__offload_pending(server->offload) > 0) {
            status = evf__server_await(server, something_moved, false);
            if (status < 0)
                return status;
        }
    }
    evf__offload_close(server->offload);
    int status = evf__server_await(server, nothing_offloaded, false);
    return status < 0 ? status : 0;
}

/* -- 5. workers -- */

static int end_workers(evf_server *server)
{
    evf__server_order(server, EVF__ORDER_FINISH);
    int status = evf__server_await_step(server, EVF__WORKER_FINISHED);
    if (status < 0)
        return status;
    for (unsigned i = 0; i < server->worker_count; i++)
        evf__mailbox_close(&server->workers[i]->worker.mailbox);
    evf__server_open_gate(server, EVF__GATE_CLOSED);
    return evf__server_await_step(server, EVF__WORKER_GONE);
}

int evf__server_finish(evf_server *server)
{
    int status = close_streams(server);
    if (status == 0)
        status = run_messages_out(server);
    if (status == 0)
        status = end_workers(server);
    if (status == 0)
        evf__server_join_workers(server);
    return status;
}

/* -- 6. instances -- */

void evf__server_stop_instances(evf_server *server)
{
    for (unsigned i = server->listener_count; i-- > 0;)
        evf__instance_stop(server->listeners[i]->instance);
}

/* -- the whole -- */

static bool stop_requested(const evf_server *server)
{
    return atomic_load(&server->stop_requests) > 0;
}

static void add_up(const struct evf_figure *figure, void *argument)
{
    int64_t *totals = argument; /* by EVF__FIGURE_ */
    for (unsigned i = 0; i < EVF__FIGURES_OWN; i++)
        if (figure->instance == NULL && figure->name == evf__figure_texts[i].name)
            totals[i] = figure->value;
}

static void log_totals(const evf_server *server)
{
    int64_t totals[EVF__FIGURES_OWN] = { 0 };
    evf_server_each_figure(server, add_up, totals);
    evf_log(EVF_INFO,
            "stopped: %" PRId64 " connections accepted, %" PRId64 " refused, %" PRId64
            " never opened; %" PRId64 " streams, %" PRId64 " of them failed; %" PRId64
            " bytes read, %" PRId64 " written",
            totals[EVF__FIGURE_ACCEPTED],
            totals[EVF__FIGURE_REFUSED_LIMIT] + totals[EVF__FIGURE_REFUSED_BLOCKED] +
                totals[EVF__FIGURE_REFUSED_DESCRIPTORS] + totals[EVF__FIGURE_REFUSED_MEMORY],
            totals[EVF__FIGURE_NEVER_OPENED], totals[EVF__FIGURE_STREAMS_OPENED],
            totals[EVF__FIGURE_STREAMS_FAILED], totals[EVF__FIGURE_BYTES_READ],
            totals[EVF__FIGURE_BYTES_WRITTEN]);
}

int evf_server_wait(evf_server *server)
{
    server->error[0] = '\0';
    if (server->state == EVF__SERVER_STOPPED)
        return 0;
    if (server->state == EVF__SERVER_STUCK)
        return EVF_ESTUCK;
    if (server->state != EVF__SERVER_RUNS)
        return evf__server_fail(server, -EINVAL, "the server was not started");
    evf__server_await(server, stop_requested, false);
    evf_log(EVF_INFO, "stopping");

    int status = stop_accepting(server);
    if (status == 0)
        status = await_streams(server);
    if (status >= 0)
        status = evf__server_finish(server);
    if (status < 0)
        return status;
    evf__server_stop_instances(server);
    evf__server_destroy_parts(server);
    server->state = EVF__SERVER_STOPPED;
    log_totals(server);
    return 0;
}
