/* SPDX-License-Identifier: MIT
 *
 * A worker's thread, from its first line to its last, and how the main thread speaks to it. The
 * steps and gates are those of server.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/log.h"
#include "server/process.h"
#include "server/server.h"
#include "stream/stream.h"
#include "stream/turn.h"

/* -- the gate -- */

void evf__server_open_gate(evf_server *server, enum evf__gate gate)
{
    pthread_mutex_lock(&server->gate_lock);
    EVF_ASSERT(gate > server->gate);
    server->gate = gate;
    pthread_cond_broadcast(&server->gate_opened);
    pthread_mutex_unlock(&server->gate_lock);
}

/* Waits until the gate is open that far; returns how far it is. */
static enum evf__gate pass(evf_server *server, enum evf__gate wanted)
{
    pthread_mutex_lock(&server->gate_lock);
    while (server->gate < wanted)
        pthread_cond_wait(&server->gate_opened, &server->gate_lock);
    enum evf__gate gate = server->gate;
    pthread_mutex_unlock(&server->gate_lock);
    return gate;
}

static void reach(struct evf__server_worker *self, enum evf__worker_step step)
{
    atomic_store(&self->step, step);
    evf__server_tell(self->server);
}

/* -- orders -- */

static bool empty(const struct evf__server_worker *self)
{
    return evf__streams_count(&self->worker) == 0 && evf__server_worker_expects_none(self);
}

static void drain(evf_worker *worker, void *argument)
{
    (void)worker;
    evf__server_worker_drain(argument);
}

static void quiesce(evf_worker *worker, void *argument)
{
    struct evf__server_worker *self = argument;
    worker->stop_deadline_ms = atomic_load(&self->server->stop_deadline_ms);
    self->quiesced = true;
    evf__streams_quiesce(worker);
}

static void close_all(evf_worker *worker, void *argument)
{
    struct evf__server_worker *self = argument;
    if (worker->stop_deadline_ms == 0)
        worker->stop_deadline_ms = worker->now_ms; /* a start that failed */
    self->quiesced = self->refusing = true;
    evf__server_worker_accept_stop(self);
    evf__streams_close_all(worker, -ESHUTDOWN);
    evf__resolver_close(worker);
    atomic_store(&self->empty, empty(self)); /* before `refuses`, so that the two go together */
    atomic_store(&self->refuses, true);
    evf__server_tell(self->server); /* outside of a turn, too, when a start has failed */
}

static void report(evf_worker *worker, void *argument)
{
    struct evf__server_worker *self = argument;
    atomic_store(&self->empty, self->quiesced && empty(self));
    atomic_store(&self->quiet,
                 evf__mailbox_empty_sc(&worker->mailbox) && !evf__resolver_pending(worker));
    atomic_fetch_add(&self->reports, 1);
    evf__server_tell(self->server);
}

static void finish(evf_worker *worker, void *argument)
{
    (void)worker;
    struct evf__server_worker *self = argument;
    self->finishing = true;
}

static evf_post_fn *const functions[EVF__ORDERS] = {
    [EVF__ORDER_DRAIN] = drain,   [EVF__ORDER_QUIESCE] = quiesce, [EVF__ORDER_CLOSE] = close_all,
    [EVF__ORDER_REPORT] = report, [EVF__ORDER_FINISH] = finish,
};

void evf__server_order(evf_server *server, enum evf__order order)
{
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct evf__server_worker *self = server->workers[i];
        int status = evf__mailbox_post_message_mp(&self->worker.mailbox, &self->orders[order],
                                                  functions[order], self);
        EVF_ASSERT(status == 0);
    }
}

/* What runs even where no post may: orders, and answers of offloaded work. */
static bool never_dropped(evf_post_fn *fn)
{
    for (unsigned i = 0; i < EVF__ORDERS; i++)
        if (fn == functions[i])
            return true;
    return evf__offload_is_answer(fn);
}

/* -- the thread -- */

static void describe(struct evf__log_source *ret, void *argument)
{
    const evf_worker *worker = argument;
    ret->worker = (int)worker->index;
    ret->plugin =
        atomic_load_explicit(&worker->callback, memory_order_relaxed) != EVF__CALLBACK_NONE
            ? atomic_load_explicit(&worker->callback_plugin, memory_order_relaxed)
            : NULL;
    const evf_stream *stream = atomic_load_explicit(&worker->in_stream, memory_order_relaxed);
    if (stream != NULL)
        evf__stream_describe(stream, ret);
}

static void name_and_pin(const struct evf__server_worker *self)
{
    char name[16];
    snprintf(name, sizeof name, "evf-worker-%u", self->worker.index & 0xff);
    pthread_setname_np(pthread_self(), name);
    if (!self->server->settings.pin)
        return;
    int cpu = evf__process_cpu(self->worker.index);
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu >= 0)
        CPU_SET(cpu, &set);
    int status = cpu >= 0 ? pthread_setaffinity_np(pthread_self(), sizeof set, &set) : EINVAL;
    if (status != 0)
        evf_log(EVF_WARN, "worker %u cannot be pinned to CPU %d: %s", self->worker.index, cpu,
                strerror(status));
}

/* Makes what the thread owns. 0, or a negated errno with nothing left behind. */
static int make(struct evf__server_worker *self)
{
    const evf_server *server = self->server;
    struct evf__worker_settings settings = {
        .index = self->worker.index,
        .mailbox = server->settings.mailbox,
        .page_size = server->settings.page_size,
        .offload = server->offload,
        .resolver = server->settings.resolver,
    };
    int status = evf__log_attach(true, describe, &self->worker);
    if (status < 0)
        return status;
    status = evf__worker_init(&self->worker, &settings);
    if (status < 0)
        goto no_worker;
    status = evf__streams_init(&self->worker);
    if (status < 0)
        goto no_streams;
    status = evf__server_worker_accept(self);
    if (status < 0)
        goto no_events;
    return 0;
no_events:
    evf__server_worker_accept_stop(self);
    evf__streams_fini(&self->worker);
no_streams:
    evf__worker_fini(&self->worker);
no_worker:
    evf__log_detach();
    return status;
}

static void unmake(struct evf__server_worker *self)
{
    evf__server_worker_accept_stop(self);
    evf__accepting_fini(&self->accepting);
    evf__streams_fini(&self->worker);
    evf__worker_fini(&self->worker);
    evf__log_detach();
    /* The figures outlive the worker, and say what is left of it: nothing. */
    evf__figure_set(&self->worker.figures, EVF__FIGURE_TIMERS, 0);
    evf__figure_set(&self->worker.figures, EVF__FIGURE_PAGES, 0);
    evf__figure_set(&self->worker.figures, EVF__FIGURE_BLOCKS, 0);
}

/* Calls every worker_start, up to the first that fails. */
static void start_instances(struct evf__server_worker *self)
{
    const evf_server *server = self->server;
    for (unsigned i = 0; i < server->listener_count && self->status == 0; i++) {
        self->status = evf__instance_worker_start(server->listeners[i]->instance, &self->worker,
                                                  self->error, sizeof self->error);
        self->started[i] = self->status == 0;
    }
}

static void stop_instances(struct evf__server_worker *self)
{
    for (unsigned i = self->server->listener_count; i-- > 0;) {
        evf_instance *instance = self->server->listeners[i]->instance;
        if (self->started[i])
            evf__instance_worker_stop(instance, &self->worker);
        else
            evf__instance_worker_end(instance, &self->worker);
    }
}

/* After each turn of a stop: what the main thread waits for. */
static void note_progress(struct evf__server_worker *self)
{
    /* A later stop request may have brought the deadline forward. */
    uint64_t deadline_ms = atomic_load(&self->server->stop_deadline_ms);
    if (deadline_ms < self->worker.stop_deadline_ms)
        self->worker.stop_deadline_ms = deadline_ms;
    if (evf__server_worker_expects_none(self))
        evf__streams_quiesce_outgoing(&self->worker);
    bool now_empty = empty(self);
    bool changed = now_empty != atomic_load_explicit(&self->empty, memory_order_relaxed);
    if (changed)
        atomic_store(&self->empty, now_empty);
    if (self->refusing)
        atomic_fetch_add(&self->activity, 1);
    if (changed || self->refusing)
        evf__server_tell(self->server);
}

/* Posts run, and streams open, only when every worker_start has succeeded: where one has failed, a
 * plugin's state is missing. Orders that lay among them have run outside a turn, so the main thread
 * is told here. */
static void drop_posts(struct evf__server_worker *self)
{
    evf__streams_close_all(&self->worker, -ESHUTDOWN);
    evf__mailbox_drop_sc(&self->worker.mailbox, &self->worker, never_dropped);
    if (self->quiesced)
        note_progress(self);
}

static void serve(struct evf__server_worker *self)
{
    while (!self->finishing) {
        evf__turn(&self->worker);
        if (self->quiesced)
            note_progress(self);
    }
}

/* The mailboxes are closed on all workers: what they hold still runs, and look-ups that are over
 * are told, in whole turns, which do not sleep while something waits. */
static void run_out(struct evf__server_worker *self)
{
    while (!evf__mailbox_empty_sc(&self->worker.mailbox) || evf__resolver_pending(&self->worker))
        evf__turn(&self->worker);
}

static void *run(void *argument)
{
    struct evf__server_worker *self = argument;
    evf_server *server = self->server;
    evf__crash_thread_begin();
    self->tid = gettid();
    name_and_pin(self);
    self->status = make(self);
    if (self->status < 0) {
        snprintf(self->error, sizeof self->error, "worker %u cannot be made: %s",
                 self->worker.index, evf_strerror(self->status));
        evf__crash_thread_end();
        reach(self, EVF__WORKER_GONE);
        return NULL;
    }
    reach(self, EVF__WORKER_READY);
    if (pass(server, EVF__GATE_START) != EVF__GATE_HOME) {
        start_instances(self);
        reach(self, EVF__WORKER_STARTED);
        pass(server, EVF__GATE_SERVE);
        if (server->aborting)
            drop_posts(self);
        serve(self);
        reach(self, EVF__WORKER_FINISHED);
        pass(server, EVF__GATE_CLOSED);
        run_out(self);
        stop_instances(self);
        reach(self, EVF__WORKER_STOPPED);
    }
    unmake(self);
    evf__crash_thread_end();
    reach(self, EVF__WORKER_GONE);
    return NULL;
}

int evf__server_worker_start(struct evf__server_worker *self)
{
    int status = evf__process_start_thread(&self->thread, run, self);
    self->running = status == 0;
    return status;
}
