/* SPDX-License-Identifier: MIT
 *
 * Test plugin: logs start, worker_start, worker_stop and stop, and fails where the option `fail`
 * says, on worker `fail-worker`. A stream is told the number in the instance's and the worker's
 * state, which start and worker_start put there.
 */
#include <stdatomic.h>
#include <string.h>

#include "report.h"

struct shared {
    int number;
};

struct local {
    int number;
    struct evf_timer timer;
    int ticks;
};

static bool fails_in(evf_instance *instance, const char *where)
{
    return strcmp(evf_option_string(instance, "fail"), where) == 0;
}

static const char *name_of(evf_instance *instance)
{
    return evf_option_string(instance, "label");
}

static int start(evf_instance *instance)
{
    struct shared *shared = evf_instance_state(instance);

    evf_log(EVF_INFO, "starter %s: start, %u workers, worker 0 %s", name_of(instance),
            evf_worker_count(instance), evf_worker_at(instance, 0) == NULL ? "unknown" : "known");
    if (fails_in(instance, "start"))
        return evf_fail(instance, "the moon is in the %s house", "wrong");
    if (fails_in(instance, "start-silently"))
        return -EPERM;
    shared->number = 41;
    return 0;
}

static void tick(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct local *local = argument;

    (void)worker;
    (void)timer;
    local->ticks++;
}

static int worker_start(evf_instance *instance, evf_worker *worker)
{
    struct local *local = evf_worker_state(instance, worker);
    unsigned index = evf_worker_index(worker);

    evf_log(EVF_INFO, "starter %s: worker_start %u", name_of(instance), index);
    if (fails_in(instance, "worker_start") &&
        (int64_t)index == evf_option_int(instance, "fail-worker"))
        return evf_fail(instance, "worker %u has no wish to work", index);
    local->number = 100 + (int)index;
    evf_timer_start(worker, &local->timer, 1, tick, local);
    return 0;
}

static void worker_stop(evf_instance *instance, evf_worker *worker)
{
    struct local *local = evf_worker_state(instance, worker);

    evf_timer_stop(&local->timer);
    evf_log(EVF_INFO, "starter %s: worker_stop %u", name_of(instance), evf_worker_index(worker));
}

static void stop(evf_instance *instance)
{
    evf_log(EVF_INFO, "starter %s: stop", name_of(instance));
}

static void on_open(evf_stream *stream)
{
    evf_instance *instance = evf_stream_instance(stream);
    struct shared *shared = evf_instance_state(instance);
    struct local *local = evf_worker_state(instance, evf_stream_worker(stream));
    char text[64];

    evf_write(stream, text,
              (size_t)snprintf(text, sizeof text, "%s %d %d\n", name_of(instance), shared->number,
                               local->number));
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = on_open,
};

static const char *const places[] = { "never", "start", "start-silently", "worker_start", NULL };

static const struct evf_option options[] = {
    { .name = "label", .type = EVF_OPTION_STRING, .default_value = "one", .help = "a name" },
    { .name = "fail",
      .type = EVF_OPTION_CHOICE,
      .default_value = "never",
      .help = "where to fail",
      .choices = places },
    { .name = "fail-worker", .type = EVF_OPTION_INT, .default_value = "0", .help = "on which" },
    { 0 },
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "starter",
    .version = "1.0.0",
    .summary = "fails to start where told",
    .options = options,
    .handler = &handler,
    .instance_state_size = sizeof(struct shared),
    .worker_state_size = sizeof(struct local),
    .start = start,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .stop = stop,
};
