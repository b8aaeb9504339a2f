/* SPDX-License-Identifier: MIT
 *
 * A simulation from its beginning to its end: what a server does for one listener and one worker,
 * in the same order (server/start.c, server/worker_thread.c, server/stop.c), in one thread.
 *
 *   start       library and options; `start`; the worker; `worker_start`; then peers may come
 *   the play    peer.c and run.c
 *   end         every peer ends; the accepted streams close; the graceful stop; `worker_stop`; what
 *               is left is told; `stop`; what memory is left is told
 *
 * A simulation that is broken (left in the middle by a rule or a crash) is never touched again: its
 * memory stays, and is remembered, so that nobody takes it for lost.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "plugin/instance.h"
#include "stream/stream.h"
#include "stream/turn.h"
#include "testkit/sim.h"

enum {
    MAILBOX = 1024,
    SETTLE_MS = 30 * 1000,
    GRACE_MS = 10 * 1000,
    MESSAGE_ROUNDS = 64,
};
#define WALL_MS 1767225600000u /* 2026-01-01 00:00:00 UTC */
#define BEGIN_MS 1000000u      /* of the monotonic clock: any time will do */

static struct evf__list abandoned = { &abandoned, &abandoned };
struct grave {
    struct evf__list link;
    evf_sim *sim;
};

/* -- start -- */

static void take_options(evf_sim *sim, const struct evf_sim_options *given)
{
    struct evf_sim_options *options = &sim->options;
    memcpy(options, given,
           given->struct_size < sizeof *options ? given->struct_size : sizeof *options);
    if (options->wall_ms == 0)
        options->wall_ms = WALL_MS;
    if (options->mailbox == 0)
        options->mailbox = MAILBOX;
    if (options->settle_ms == 0)
        options->settle_ms = SETTLE_MS;
    if (options->log_level == 0)
        options->log_level = 1 + EVF_WARN;
    sim->seed = options->seed;
    sim->trace_fd = options->trace_fd;
}

static int read_settings(evf_sim *sim)
{
    struct evf_server_options server = {
        .struct_size = sizeof server,
        .workers = 1,
        .mailbox = sim->options.mailbox,
        .page_size = sim->options.page_size,
    };
    char error[512];
    if (evf__server_settings_init(&sim->settings, &server, error, sizeof error) == 0)
        return 0;
    evf__sim_fail(sim, "%s", error);
    return -EINVAL;
}

static int make_instance(evf_sim *sim)
{
    char error[1024];
    struct evf__instance_spec spec = {
        .address = "simulation",
        .descriptor = evf__sim_subject_plugin(sim->subject),
        .options = sim->options.options,
        .defaults = sim->settings.defaults,
    };
    int status = evf__instance_create(&spec, &sim->instance, error, sizeof error);
    if (status < 0)
        evf__sim_fail(sim, "%s", error);
    return status;
}

static void make_origin(evf_sim *sim)
{
    evf_instance *instance = sim->instance;
    struct evf__stream_limits limits = instance->settings.limits;
    /* A queue that counts as full early: for who writes on without looking. */
    if ((sim->plan.on & EVF_SIM_SLOW_READERS) != 0 && evf__sim_below(sim, 2) == 0)
        limits.write_high = 1 + evf__sim_below(sim, (size_t)1 << evf__sim_below(sim, 14));
    if (limits.write_high > limits.write_max)
        limits.write_high = limits.write_max;
    instance->settings.limits = limits; /* for outgoing streams too */
    sim->origin = (struct evf__origin){
        .handler = &instance->handler,
        .given = instance->given,
        .instance = instance,
        .plugin = instance->plugin.name,
        .transport = &evf__socket_transport,
        .limits = limits,
        .accepted = true,
        .starts_paused = instance->settings.pause_on_connect,
        .proxy = instance->proxy.mode != EVF__PROXY_OFF ? &instance->proxy : NULL,
        .access = &instance->access,
    };
}

static bool make_worker(evf_sim *sim)
{
    struct evf__worker_settings settings = {
        .mailbox = sim->settings.mailbox,
        .page_size = sim->settings.page_size,
        .offload = (struct evf__offload *)sim, /* not looked into: offload.c */
        .resolver = { .timeout_ms = sim->settings.resolver.timeout_ms },
    };
    sim->worker = aligned_alloc(_Alignof(evf_worker), sizeof *sim->worker);
    if (sim->worker == NULL)
        return false;
    memset(sim->worker, 0, sizeof *sim->worker);
    if (evf__worker_init(sim->worker, &settings) < 0)
        return false;
    if (evf__streams_init(sim->worker) < 0)
        return false;
    sim->worker_made = true;
    evf__sim_network_hooks(sim);
    sim->workers[0] = sim->worker;
    return true;
}

static void fail_start(evf_sim *sim, const char *error)
{
    if (!sim->harmed)
        evf__sim_fail(sim, "%s", error);
    else
        evf__sim_note(sim, "the start has failed: %s", error);
}

/* With rules and crashes watched. */
static void start(evf_sim *sim, void *argument)
{
    char error[1024];
    (void)argument;
    if (evf__instance_start(sim->instance, 1, sim->figures, error, sizeof error) < 0)
        fail_start(sim, error);
}

static void start_worker(evf_sim *sim, void *argument)
{
    char error[1024];
    (void)argument;
    sim->instance->workers = sim->workers;
    if (evf__instance_worker_start(sim->instance, sim->worker, error, sizeof error) < 0) {
        fail_start(sim, error);
        return;
    }
    sim->worker_started = true;
    sim->state = EVF__SIM_RUNS;
}

evf_sim *evf_sim_new(const struct evf_sim_options *options)
{
    char error[1024];
    EVF_RULE(evf__sim_current == NULL, "one simulation at a time: free the one before");
    EVF_RULE(options != NULL && options->struct_size >= offsetof(struct evf_sim_options, plugin),
             "the options' struct_size is sizeof(struct evf_sim_options)");
    evf_sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL)
        return NULL;
    sim->figures = calloc(1, sizeof *sim->figures);
    if (sim->figures == NULL) {
        free(sim);
        return NULL;
    }
    evf__sim_signals();
    take_options(sim, options);
    sim->now_ms = sim->begun_ms = BEGIN_MS;
    evf__list_init(&sim->peers);
    evf__list_init(&sim->upstreams);
    evf__list_init(&sim->names);
    evf__list_init(&sim->offloads);
    evf__sim_current = sim;
    evf__sim_leaks_reset();
    evf__sim_plan_make(sim);
    if (!evf__sim_bound_here(error, sizeof error)) {
        evf__sim_fail(sim, "%s", error);
        return sim;
    }
    sim->subject = evf__sim_subject_take(&sim->options, error, sizeof error);
    if (sim->subject == NULL) {
        evf__sim_fail(sim, "%s", error);
        return sim;
    }
    if (!sim->options.keep_image)
        evf__sim_subject_restore(sim->subject);
    if (read_settings(sim) < 0 || make_instance(sim) < 0)
        return sim;
    make_origin(sim);
    evf__sim_note(sim, "starts");
    if (!evf__sim_guard(sim, start, NULL) || !sim->instance->started)
        return sim;
    if (make_worker(sim))
        evf__sim_guard(sim, start_worker, NULL);
    else
        evf__sim_fail(sim, "the worker cannot be made: no memory is left");
    return sim;
}

/* -- the stop -- */

static bool refuse_waiting(evf_sim *sim)
{
    bool any = false;
    for (struct evf__list *at = sim->peers.next; at != &sim->peers; at = at->next) {
        evf_sim_peer *peer = EVF__OWNER(at, evf_sim_peer, link);
        any = any || peer->waits;
    }
    return any;
}

static void begin_stop(evf_sim *sim, uint64_t grace_ms)
{
    if (sim->stopping)
        return;
    evf__sim_note(sim, "the graceful stop begins");
    while (refuse_waiting(sim)) /* what waits is accepted and served */
        evf__turn(sim->worker);
    sim->worker->stop_deadline_ms = sim->now_ms + (grace_ms > 0 ? grace_ms : 1);
    sim->stopping = true;
    evf__streams_quiesce(sim->worker);
    evf__streams_quiesce_outgoing(sim->worker);
}

static void stop(evf_sim *sim, void *argument)
{
    begin_stop(sim, *(uint32_t *)argument);
}

void evf_sim_stop(evf_sim *sim, uint32_t grace_ms)
{
    if (sim->state == EVF__SIM_RUNS && evf__sim_guard(sim, stop, &grace_ms))
        evf__sim_settle(sim, NULL, NULL);
}

static bool streams_left(const evf_sim *sim)
{
    return evf__streams_count(sim->worker) > 0;
}

static void close_streams(evf_sim *sim, void *argument)
{
    (void)argument;
    evf__streams_close_all(sim->worker, -ESHUTDOWN);
    evf__resolver_close(sim->worker);
    for (unsigned i = 0; streams_left(sim) && i < MESSAGE_ROUNDS; i++)
        evf__turn(sim->worker);
}

static bool messages_wait(const evf_sim *sim)
{
    const evf_worker *worker = sim->worker;
    return !evf__mailbox_empty_sc(&worker->mailbox) || !evf__list_empty(&sim->offloads) ||
           evf__resolver_pending(worker) || evf__streams_pending(worker);
}

/* Messages and offloaded work run out, the mailbox closes, and `worker_stop` is called. */
static void stop_worker(evf_sim *sim, void *argument)
{
    evf_worker *worker = sim->worker;
    (void)argument;
    for (unsigned i = 0; messages_wait(sim) && i < MESSAGE_ROUNDS; i++)
        evf__turn(worker);
    while (!evf__list_empty(&sim->offloads))
        evf__turn(worker);
    evf__mailbox_close(&worker->mailbox);
    while (!evf__mailbox_empty_sc(&worker->mailbox) || evf__resolver_pending(worker))
        evf__turn(worker);
    evf__sim_pages_unburn(sim);
    if (sim->worker_started)
        evf__instance_worker_stop(sim->instance, worker);
    else if (sim->instance->worker_states != NULL)
        evf__instance_worker_end(sim->instance, worker);
    sim->worker_started = false;
}

static void unmake_worker(evf_sim *sim, void *argument)
{
    (void)argument;
    evf__streams_fini(sim->worker);
    evf__worker_fini(sim->worker);
    sim->worker_made = false;
}

static void stop_instance(evf_sim *sim, void *argument)
{
    (void)argument;
    evf__instance_stop(sim->instance);
}

/* Streams are closed, the worker stops, and what is left of it is told. */
static bool stop_made_worker(evf_sim *sim)
{
    if (!evf__sim_guard(sim, close_streams, NULL))
        return false;
    if (streams_left(sim)) {
        evf__sim_fail(sim, "%zu streams are left when the worker stops",
                      evf__streams_count(sim->worker));
        return false;
    }
    return evf__sim_guard(sim, stop_worker, NULL) && evf__sim_leaks_worker(sim) &&
           evf__sim_guard(sim, unmake_worker, NULL);
}

/* The graceful stop, up to the end. */
static bool stop_all(evf_sim *sim)
{
    uint32_t grace_ms = GRACE_MS;
    if (sim->state == EVF__SIM_RUNS) {
        if (!evf__sim_guard(sim, stop, &grace_ms) || !evf__sim_settle(sim, NULL, NULL))
            return false;
        if (streams_left(sim) && !evf__sim_pass(sim, GRACE_MS))
            return false;
    }
    if (sim->worker_made && !stop_made_worker(sim))
        return false;
    return evf__sim_guard(sim, stop_instance, NULL) && evf__sim_leaks_memory(sim);
}

/* -- the end of the play -- */

/* What came to a peer and was not expected. */
static void look_at_rest(evf_sim *sim, const evf_sim_peer *peer)
{
    char quoted[400];
    if (peer->out.len == 0 || peer->ignores || peer->excused || sim->harmed)
        return;
    evf__sim_fail(
        sim, "%s got %zu bytes that nobody expected: %s", peer->name, peer->out.len,
        evf__sim_quote(evf__sim_bytes_at(&peer->out), peer->out.len, 200, quoted, sizeof quoted));
}

static void end_peers(evf_sim *sim)
{
    for (struct evf__list *at = sim->peers.next; at != &sim->peers; at = at->next) {
        evf_sim_peer *peer = EVF__OWNER(at, evf_sim_peer, link);
        look_at_rest(sim, peer);
        peer->ignores = true;
        evf_sim_read(peer);
        if (!peer->ended)
            evf_sim_close_write(peer);
    }
}

static void look_at_streams(evf_sim *sim)
{
    for (struct evf__list *at = sim->peers.next; at != &sim->peers && !sim->failed; at = at->next) {
        const evf_sim_peer *peer = EVF__OWNER(at, evf_sim_peer, link);
        if (peer->stream != NULL && peer->upstream == NULL)
            evf__sim_fail(sim,
                          "the stream of %s is still open %u ms after its peer has %s, and "
                          "nothing closes it",
                          peer->name, sim->options.settle_ms,
                          peer->reset_sent ? "reset the connection" : "ended");
    }
}

bool evf_sim_end(evf_sim *sim)
{
    if (sim->state == EVF__SIM_ENDED || sim->failed || sim->instance == NULL)
        return !sim->failed;
    if (sim->state == EVF__SIM_RUNS) {
        evf__sim_settle(sim, NULL, NULL);
        free(sim->here);
        sim->here = strdup("the end, where every peer ends");
        sim->quiet = true;
        if (!sim->failed)
            end_peers(sim);
        if (evf__sim_pass(sim, sim->options.settle_ms))
            look_at_streams(sim);
    }
    if (!sim->failed && stop_all(sim)) {
        sim->state = EVF__SIM_ENDED;
        evf__sim_note(sim, "ends");
    }
    return !sim->failed;
}

/* -- freeing -- */

static void free_lists(evf_sim *sim)
{
    struct evf__list *node;
    while ((node = evf__list_take(&sim->peers)) != NULL) {
        evf_sim_peer *peer = EVF__OWNER(node, evf_sim_peer, link);
        evf__sim_bytes_free(&peer->in);
        evf__sim_bytes_free(&peer->out);
        free(peer);
    }
    while ((node = evf__list_take(&sim->upstreams)) != NULL)
        free(EVF__OWNER(node, evf_sim_upstream, link));
    while ((node = evf__list_take(&sim->names)) != NULL) {
        struct evf__sim_name *name = EVF__OWNER(node, struct evf__sim_name, link);
        free(name->host);
        free(name->addresses);
        free(name);
    }
}

static void free_figures(struct evf__figure_registry *figures)
{
    for (unsigned i = 0; i < figures->count; i++) {
        free(figures->entries[i].name);
        free(figures->entries[i].help);
    }
    free(figures);
}

/* What was left in the middle of something stays as it is. */
static void abandon(evf_sim *sim)
{
    struct grave *grave = calloc(1, sizeof *grave);
    if (grave != NULL) {
        grave->sim = sim;
        evf__list_append(&abandoned, &grave->link);
    }
    evf__worker_current = NULL;
    evf__sim_current = NULL;
}

void evf_sim_free(evf_sim *sim)
{
    if (sim == NULL)
        return;
    if (!sim->failed && sim->state != EVF__SIM_ENDED && sim->instance != NULL) {
        sim->quiet = true;
        stop_all(sim);
    }
    if (sim->failed && sim->instance != NULL) {
        abandon(sim);
        return;
    }
    evf__instance_destroy(sim->instance);
    evf__server_settings_fini(&sim->settings);
    free(sim->worker);
    free_lists(sim);
    free_figures(sim->figures);
    evf__sim_bytes_free(&sim->log);
    evf__sim_subject_drop(sim->subject);
    free(sim->report);
    free(sim->here);
    evf__sim_current = NULL;
    free(sim);
}

/* -- facts -- */

bool evf_sim_harmed(const evf_sim *sim)
{
    return sim->harmed;
}

uint64_t evf_sim_seed(const evf_sim *sim)
{
    return sim->seed;
}

uint64_t evf_sim_random(evf_sim *sim)
{
    return evf__sim_roll(&sim->play_dice);
}

evf_worker *evf_sim_worker(evf_sim *sim)
{
    return sim->worker_started ? sim->worker : NULL;
}

evf_instance *evf_sim_instance(evf_sim *sim)
{
    return sim->instance;
}

void evf_sim_here(evf_sim *sim, const char *file, int line, const char *text)
{
    free(sim->here);
    if (asprintf(&sim->here, "%s:%d: %s", file, line, text) < 0)
        sim->here = NULL;
}
