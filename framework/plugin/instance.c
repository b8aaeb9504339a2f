/* SPDX-License-Identifier: MIT
 *
 * Instances: a plugin as used by one listener; see instance.h.
 *
 * A worker's state is made and freed on that worker, so that its memory comes from there. Its
 * address goes into a slot of the instance that only this worker touches while workers run.
 */
#include "plugin/instance.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/facts.h"
#include "base/limits.h"
#include "base/whose.h"
#include "loop/worker.h"
#include "plugin/check.h"
#include "plugin/library.h"
#include "plugin/options.h"

/* Workers start side by side, and each may say why it failed. */
static pthread_mutex_t failure_lock = PTHREAD_MUTEX_INITIALIZER;

/* States begin at a cache line of their own, because other threads are busy with what lies before;
 * more than the 16 that is promised. */
enum { STATE_ALIGNMENT = 64 };

static int make_state(size_t size, void **ret)
{
    void *state = NULL;
    if (size > 0) {
        if (posix_memalign(&state, STATE_ALIGNMENT, size) != 0)
            return -ENOMEM;
        memset(state, 0, size);
    }
    *ret = state;
    return 0;
}

/* Loads the plugin or takes the embedded descriptor, and checks it. */
static int find_plugin(evf_instance *instance, const struct evf__instance_spec *spec,
                       struct evf__sentence *error)
{
    const void *descriptor = spec->descriptor;
    size_t size = SIZE_MAX;
    struct evf__checked_plugin checked;
    if (descriptor == NULL) {
        int code = evf__library_open(spec->plugin != NULL ? spec->plugin : "", spec->search_path,
                                     &instance->library, error);
        if (code != 0)
            return code;
        descriptor = evf__library_descriptor(instance->library, &size);
    }
    char reason[512];
    struct evf__sentence why;
    evf__sentence_init(&why, reason, sizeof(reason));
    int code = evf__plugin_check(descriptor, size, &checked, &why);
    if (code != 0) {
        if (instance->library != NULL) {
            evf__sentence_clean(error, evf__library_path(instance->library));
            evf__sentence_add(error, ": ");
        }
        evf__sentence_add(error, "%s", reason);
        return code;
    }
    evf__whose_add(
        instance, descriptor,
        &(struct evf__whose){
            .name = checked.plugin.name,
            .version = checked.plugin.version,
            .path = instance->library != NULL ? evf__library_path(instance->library) : NULL,
        });
    instance->plugin = checked.plugin;
    instance->handler = checked.handler;
    instance->given = checked.plugin.handler;
    instance->schema = checked.options;
    instance->plugin.handler = &instance->handler;
    instance->plugin.options = instance->schema;
    return 0;
}

static int read_options(evf_instance *instance, const struct evf__instance_spec *spec,
                        struct evf__sentence *error)
{
    int code = -ENOMEM;
    struct evf__options *listener = evf__options_create(evf__listener_options);
    instance->options = evf__options_create(instance->schema);
    if (listener == NULL || instance->options == NULL)
        evf__sentence_add(error, "no memory is left");
    else
        code = evf__options_parse(instance->options, listener, spec->options, error);
    if (code == 0)
        code = evf__listener_settings_read(listener, &spec->defaults, &instance->settings, error);
    if (code == 0)
        code = evf__listener_access_read(listener, &instance->access, error);
    if (code == 0)
        code = evf__listener_proxy_read(listener, spec->address, &instance->proxy, error);
    evf__options_destroy(listener);
    return code;
}

/* What every message of evf__instance_create begins with. */
static void name_listener(struct evf__sentence *error, const char *address, const char *plugin)
{
    evf__sentence_add(error, "listener ");
    evf__sentence_clean(error, address);
    evf__sentence_add(error, plugin[0] != '\0' ? ", plugin " : "");
    evf__sentence_clean(error, plugin);
    evf__sentence_add(error, ": ");
}

int evf__instance_create(const struct evf__instance_spec *spec, evf_instance **ret, char *error,
                         size_t error_size)
{
    /* What is wrong with a file names its path already. */
    bool by_name = spec->plugin != NULL && spec->descriptor == NULL && !strchr(spec->plugin, '/');
    struct evf__sentence message;
    EVF_ASSERT(spec->address != NULL);
    evf__sentence_init(&message, error, error_size);
    name_listener(&message, spec->address, by_name ? spec->plugin : "");
    evf_instance *instance = calloc(1, sizeof(*instance));
    int code = instance == NULL ? -ENOMEM : find_plugin(instance, spec, &message);
    if (code != 0)
        goto fail;
    /* From here on the plugin is called what it calls itself. */
    evf__sentence_init(&message, error, error_size);
    name_listener(&message, spec->address, instance->plugin.name);
    if (asprintf(&instance->label, "%s=%s", spec->address, instance->plugin.name) < 0) {
        instance->label = NULL;
        evf__sentence_add(&message, "no memory is left");
        code = -ENOMEM;
        goto fail;
    }
    code = read_options(instance, spec, &message);
    if (code != 0)
        goto fail;
    evf__sentence_init(&message, error, error_size);
    *ret = instance;
    return 0;

fail:
    evf__instance_destroy(instance);
    return code;
}

void evf__instance_destroy(evf_instance *instance)
{
    if (instance == NULL)
        return;
    EVF_ASSERT(!instance->started);
    evf__whose_remove(instance);
    evf__options_destroy(instance->options);
    evf__access_free(&instance->access);
    evf__prefixes_free(&instance->proxy.trusted);
    free(instance->schema);
    free(instance->label);
    /* Last: name, version and schema's texts lie in the library. */
    evf__library_drop(instance->library);
    free(instance);
}

static void free_states(evf_instance *instance)
{
    for (unsigned i = 0; instance->worker_states != NULL && i < instance->worker_count; i++)
        EVF_ASSERT(instance->worker_states[i] == NULL);
    free(instance->worker_states);
    free(instance->state);
    instance->worker_states = NULL;
    instance->state = NULL;
}

/* Adds what evf_fail said, or the code's text. */
static void add_failure(evf_instance *instance, int code, struct evf__sentence *message)
{
    pthread_mutex_lock(&failure_lock);
    bool said = instance->failure[0] != '\0';
    if (said)
        evf__sentence_clean(message, instance->failure);
    pthread_mutex_unlock(&failure_lock);
    if (!said)
        evf__sentence_add(message, "%s", evf_strerror(code));
}

static void begin_message(struct evf__sentence *message, const evf_instance *instance, char *text,
                          size_t size)
{
    evf__sentence_init(message, text, size);
    evf__sentence_clean(message, instance->label);
    evf__sentence_add(message, ": ");
}

/* Says what the main thread calls; it is over when `what` is NULL again. */
static void enter(const evf_instance *instance, const char *what, const void *function)
{
    evf__doing = (struct evf__doing){
        .what = what,
        .plugin = instance->plugin.name,
        .function = function,
    };
}

int evf__instance_start(evf_instance *instance, unsigned worker_count,
                        struct evf__figure_registry *figures, char *error, size_t error_size)
{
    struct evf__sentence message;
    EVF_ASSERT(!instance->started);
    EVF_ASSERT(worker_count > 0 && worker_count <= EVF__WORKERS_MAX);
    instance->worker_count = worker_count;
    instance->figures = figures;
    instance->failure[0] = '\0';
    int code = make_state(instance->plugin.instance_state_size, &instance->state);
    if (code == 0) {
        instance->worker_states = calloc(worker_count, sizeof(instance->worker_states[0]));
        code = instance->worker_states == NULL ? -ENOMEM : 0;
    }
    if (code != 0) {
        begin_message(&message, instance, error, error_size);
        evf__sentence_add(&message, "no memory is left for %u bytes of state",
                          instance->plugin.instance_state_size);
        goto fail;
    }
    if (instance->plugin.start != NULL) {
        instance->starting = true;
        enter(instance, "start", (void *)instance->plugin.start);
        code = instance->plugin.start(instance);
        EVF_RULE(code <= 0, "start returns 0 or a negative code");
        evf__doing.what = NULL;
        instance->starting = false;
    }
    if (code != 0) {
        begin_message(&message, instance, error, error_size);
        evf__sentence_add(&message, "start failed: ");
        add_failure(instance, code, &message);
        goto fail;
    }
    instance->started = true;
    return 0;

fail:
    free_states(instance);
    return code;
}

void evf__instance_stop(evf_instance *instance)
{
    if (!instance->started)
        return;
    if (instance->plugin.stop != NULL) {
        enter(instance, "stop", (void *)instance->plugin.stop);
        instance->plugin.stop(instance);
        evf__doing.what = NULL;
    }
    instance->started = false;
    free_states(instance);
}

/* A timer that a plugin forgot in its worker's state must not stay on the wheel when the state is
 * freed. Debug builds say so; others drop it. */
static void drop_timers(evf_worker *worker, const char *plugin, void *state, size_t size)
{
    if (state == NULL)
        return;
    evf__enter_alone(worker, EVF__CALLBACK_WORKER_STOP, plugin, NULL);
    evf__timers_assert_outside(worker, state, size, "the worker's state");
    evf__leave(worker);
    evf__wheel_clear_within(&worker->wheel, state, size);
}

int evf__instance_worker_start(evf_instance *instance, evf_worker *worker, char *error,
                               size_t error_size)
{
    const struct evf_plugin *plugin = &instance->plugin;
    struct evf__sentence message;
    void *state;
    EVF_ASSERT(instance->started);
    EVF_ASSERT(worker == evf__worker_current && worker->index < instance->worker_count);
    EVF_ASSERT(instance->worker_states[worker->index] == NULL);
    if (make_state(plugin->worker_state_size, &state) != 0) {
        begin_message(&message, instance, error, error_size);
        evf__sentence_add(&message, "no memory is left for %u bytes of state on worker %u",
                          plugin->worker_state_size, worker->index);
        return -ENOMEM;
    }
    instance->worker_states[worker->index] = state;
    if (plugin->worker_start == NULL)
        return 0;
    evf__enter_alone(worker, EVF__CALLBACK_WORKER_START, plugin->name,
                     (void *)plugin->worker_start);
    int code = plugin->worker_start(instance, worker);
    EVF_RULE(code <= 0, "worker_start returns 0 or a negative code");
    evf__leave(worker);
    if (code == 0)
        return 0;
    begin_message(&message, instance, error, error_size);
    evf__sentence_add(&message, "worker_start failed on worker %u: ", worker->index);
    add_failure(instance, code, &message);
    drop_timers(worker, plugin->name, state, plugin->worker_state_size);
    return code;
}

void evf__instance_worker_end(evf_instance *instance, evf_worker *worker)
{
    EVF_ASSERT(worker == evf__worker_current && worker->index < instance->worker_count);
    void *state = instance->worker_states[worker->index];
    instance->worker_states[worker->index] = NULL;
    drop_timers(worker, instance->plugin.name, state, instance->plugin.worker_state_size);
    free(state);
}

void evf__instance_worker_stop(evf_instance *instance, evf_worker *worker)
{
    const struct evf_plugin *plugin = &instance->plugin;
    EVF_ASSERT(worker == evf__worker_current && worker->index < instance->worker_count);
    if (plugin->worker_stop != NULL) {
        evf__enter_alone(worker, EVF__CALLBACK_WORKER_STOP, plugin->name,
                         (void *)plugin->worker_stop);
        plugin->worker_stop(instance, worker);
        evf__leave(worker);
    }
    evf__instance_worker_end(instance, worker);
}

void *evf_instance_state(evf_instance *instance)
{
    return instance->state;
}

void *evf_worker_state(evf_instance *instance, evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    return instance->worker_states[worker->index];
}

unsigned evf_worker_count(const evf_instance *instance)
{
    return instance->worker_count;
}

evf_worker *evf_worker_at(const evf_instance *instance, unsigned index)
{
    if (instance->workers == NULL || index >= instance->worker_count)
        return NULL;
    return instance->workers[index];
}

int evf_fail(evf_instance *instance, const char *format, ...)
{
    const evf_worker *worker = evf__worker_current;
    EVF_RULE(instance->starting ||
                 (worker != NULL && worker->callback == EVF__CALLBACK_WORKER_START),
             "evf_fail is for start and worker_start");
    va_list arguments;
    pthread_mutex_lock(&failure_lock);
    va_start(arguments, format);
    vsnprintf(instance->failure, sizeof(instance->failure), format, arguments);
    va_end(arguments);
    pthread_mutex_unlock(&failure_lock);
    return EVF_EFAILED;
}
