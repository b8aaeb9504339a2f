/* SPDX-License-Identifier: MIT
 *
 * Making a server, its listeners, its facts, and freeing it. Main thread, where nothing else is
 * said.
 */
#include "server/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"
#include "server/crash.h"
#include "server/process.h"
#include "stream/stream.h"

int evf__server_fail(evf_server *server, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(server->error, sizeof server->error, format, arguments);
    va_end(arguments);
    return status;
}

void evf__server_tell(evf_server *server)
{
    uint64_t one = 1;
    ssize_t written = write(server->event_fd, &one, sizeof one);
    EVF_ASSERT(written == (ssize_t)sizeof one || errno == EAGAIN); /* full is readable too */
}

static void open_log(evf_server *server)
{
    int status = evf__log_open(&server->settings.log);
    server->log_open = status == 0;
    if (status < 0 && server->settings_status == 0) {
        const char *file = server->settings.log.file;
        snprintf(server->settings_error, sizeof server->settings_error,
                 "the log file %s cannot be opened: %s", file != NULL ? file : "(standard error)",
                 evf_strerror(status));
        server->settings_status = status;
    }
}

evf_server *evf_server_new(const struct evf_server_options *options)
{
    evf__process_fill_standard_descriptors();
    evf__server_know_facts();
    evf_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    server->figures = calloc(1, sizeof *server->figures);
    if (server->event_fd < 0 || server->figures == NULL)
        goto no_memory;
    if (pthread_mutex_init(&server->gate_lock, NULL) != 0)
        goto no_memory;
    if (pthread_cond_init(&server->gate_opened, NULL) != 0)
        goto no_cond;
    server->settings_status = evf__server_settings_init(
        &server->settings, options, server->settings_error, sizeof server->settings_error);
    atomic_init(&server->stop_requests, 0);
    atomic_init(&server->stop_deadline_ms, UINT64_MAX);
    open_log(server);
    return server;
no_cond:
    pthread_mutex_destroy(&server->gate_lock);
no_memory:
    if (server->event_fd >= 0)
        close(server->event_fd);
    free(server->figures);
    free(server);
    return NULL;
}

static void destroy_listener(struct evf__listener *listener)
{
    evf__listener_fini(listener);
    evf__instance_destroy(listener->instance);
    free(listener);
}

void evf_server_free(evf_server *server)
{
    if (server == NULL || server->state == EVF__SERVER_STUCK)
        return; /* stuck: a thread that does not return may use anything */
    EVF_RULE(server->state != EVF__SERVER_RUNS, "a server is stopped before it is freed");
    for (unsigned i = server->listener_count; i-- > 0;)
        destroy_listener(server->listeners[i]);
    for (unsigned i = 0; i < server->worker_count && server->workers != NULL; i++)
        free(server->workers[i]);
    free(server->workers);
    free(server->worker_list);
    free(server->handovers);
    free(server->watches);
    for (unsigned i = 0; i < server->figures->count; i++) {
        free(server->figures->entries[i].name);
        free(server->figures->entries[i].help);
    }
    free(server->figures);
    pthread_cond_destroy(&server->gate_opened);
    pthread_mutex_destroy(&server->gate_lock);
    close(server->event_fd);
    evf__server_settings_fini(&server->settings);
    if (server->log_open)
        evf__log_close();
    free(server);
}

/* Everything that the streams of this listener have in common. */
static void fill_origin(struct evf__listener *listener)
{
    evf_instance *instance = listener->instance;
    listener->origin.handler = &instance->handler;
    listener->origin.given = instance->given;
    listener->origin.instance = instance;
    listener->origin.plugin = instance->plugin.name;
    listener->origin.transport = &evf__socket_transport;
    listener->origin.limits = instance->settings.limits;
    listener->origin.accepted = true;
    listener->origin.starts_paused = instance->settings.pause_on_connect;
    if (instance->access.listed_only || instance->access.block.count > 0)
        listener->origin.access = &instance->access;
    listener->origin.proxy = instance->proxy.mode != EVF__PROXY_OFF ? &instance->proxy : NULL;
}

int evf_server_listen(evf_server *server, const char *address,
                      const struct evf_plugin *descriptor_or_null, const char *plugin_path,
                      const char *options)
{
    EVF_RULE(server != NULL && address != NULL, "a server and an address are given");
    server->error[0] = '\0';
    if (server->state != EVF__SERVER_NEW)
        return evf__server_fail(server, -EBUSY, "listeners are added before the server starts");
    if (server->listener_count == EVF__LISTENERS_MAX)
        return evf__server_fail(server, -ENOBUFS, "a server has at most %d listeners",
                                EVF__LISTENERS_MAX);
    if (descriptor_or_null == NULL && plugin_path == NULL)
        return evf__server_fail(server, EVF_EPLUGIN,
                                "%s: neither a plugin's descriptor nor its "
                                "name or path is given",
                                address);
    struct evf__listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        return evf__server_fail(server, -ENOMEM, "out of memory");
    int status = evf__listener_init(listener, address, server->error, sizeof server->error);
    if (status < 0)
        goto no_address;
    struct evf__instance_spec spec = {
        .address = address,
        .descriptor = descriptor_or_null,
        .plugin = plugin_path,
        .search_path = server->settings.plugin_path,
        .options = options,
        .defaults = server->settings.defaults,
    };
    status = evf__instance_create(&spec, &listener->instance, server->error, sizeof server->error);
    if (status < 0)
        goto no_instance;
    status = evf__listener_check(listener, &listener->instance->settings.socket, server->error,
                                 sizeof server->error);
    if (status < 0)
        goto not_for_it;
    fill_origin(listener);
    server->listeners[server->listener_count++] = listener;
    return 0;
not_for_it:
    evf__instance_destroy(listener->instance);
no_instance:
    evf__listener_fini(listener);
no_address:
    free(listener);
    return status;
}

int evf_server_check(evf_server *server)
{
    server->error[0] = '\0';
    if (server->settings_status < 0)
        return evf__server_fail(server, server->settings_status, "%s", server->settings_error);
    if (server->listener_count == 0)
        return evf__server_fail(server, -EINVAL, "there is no listener");
    return 0;
}

int evf_server_address(const evf_server *server, unsigned listener, struct sockaddr_storage *ret)
{
    if (listener >= server->listener_count)
        return -EINVAL;
    const struct evf__listener *of = server->listeners[listener];
    if (of->socket_count == 0 || of->sockets[0].bound_len == 0)
        return -ENOTCONN;
    *ret = of->sockets[0].bound;
    return 0;
}

const char *evf_server_error(const evf_server *server)
{
    return server->error;
}

void evf_server_reopen_log(evf_server *server)
{
    (void)server; /* the log belongs to the process */
    evf__log_reopen();
}

/* Any thread, also a signal handler: nothing but atomics, the clock and a write. */
void evf_server_stop(evf_server *server, uint32_t grace_ms)
{
    int saved = errno;
    uint64_t deadline_ms = evf__process_clock_ms() + grace_ms;
    uint64_t present_ms = atomic_load(&server->stop_deadline_ms);
    while (deadline_ms < present_ms &&
           !atomic_compare_exchange_weak(&server->stop_deadline_ms, &present_ms, deadline_ms))
        continue;
    atomic_fetch_add(&server->stop_requests, 1);
    evf__server_tell(server);
    errno = saved;
}
