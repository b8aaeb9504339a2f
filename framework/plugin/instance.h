/* SPDX-License-Identifier: MIT
 *
 * Instances: a plugin as used by one listener, with its options and state.
 *
 * Made, started, stopped and destroyed on the main thread; worker_start and worker_stop run on each
 * worker. An instance pins the library version it came from: a library is closed only when its last
 * instance is destroyed.
 */
#ifndef EVF_PLUGIN_INSTANCE_H
#define EVF_PLUGIN_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <evframe/plugin.h>

#include "base/access.h"
#include "base/figures.h"
#include "stream/arrival.h"
#include "stream/stream.h"

struct evf__library;
struct evf__options;

/* Names of the figures that plugins of one server made; the server owns it. Main thread until the
 * workers run, then read-only. */
struct evf__figure_registry {
    unsigned count;
    struct evf__plugin_figure {
        evf_instance *instance;
        char *name, *help;
        bool gauge;
    } entries[EVF__PLUGIN_FIGURES_MAX]; /* entry i has slot EVF__FIGURES_OWN + i */
};

/* What is asked of a listener's sockets; all zero is nothing. */
struct evf__socket_settings {
    bool keepalive;
    unsigned keepalive_idle_s, keepalive_interval_s, keepalive_count; /* 0: as the system has it */
    bool tos_given;
    int tos;
    unsigned defer_accept_s; /* 0: connections come at once */
    bool v6_only, reuse_port;
    int backlog; /* 0: the server's */

    /* Of a unix socket's file. */
    mode_t mode; /* 0: not given */
    bool owner_given, group_given;
    uid_t owner;
    gid_t group;
};

/* What a listener takes in its own options, beside the plugin's. */
struct evf__listener_settings {
    size_t max_connections; /* 0: no limit but descriptors */
    struct evf__stream_limits limits;
    bool pause_on_connect;
    struct evf__socket_settings socket;
};

struct evf__instance_spec {
    const char *address;                 /* of the listener, for messages; copied */
    const struct evf_plugin *descriptor; /* or NULL: */
    const char *plugin;                  /* a name looked for in search_path, or a path with '/' */
    const char *search_path;             /* folders separated by ':'; may be NULL */
    const char *options;                 /* name=value,…; may be NULL */
    struct evf__listener_settings defaults; /* of the server, for listener options not given */
};

struct evf_instance {
    /* set at start */
    char *label;                  /* "127.0.0.1:8080=http" */
    struct evf__library *library; /* NULL for an embedded descriptor */
    struct evf_plugin plugin;     /* a copy of full size: what the file's struct lacks is zero */
    struct evf_handler handler;   /* likewise */
    /* What `handler` is a copy of: the plugin knows it by this address. */
    const struct evf_handler *given;
    struct evf_option *schema;    /* the plugin's options, with our own stride; never NULL */
    struct evf__options *options; /* what was given for them */
    struct evf__listener_settings settings;
    struct evf__access access;     /* who may come to the listener */
    struct evf__proxy_rules proxy; /* of the listener's PROXY headers */
    void *state;                   /* instance_state_size bytes, zeroed, aligned to 16 */
    void **worker_states; /* by worker index; each worker_state_size bytes, zeroed, aligned to 16 */
    unsigned worker_count;
    evf_worker **workers; /* the server's array; NULL until workers exist */
    struct evf__figure_registry *figures;
    bool starting; /* inside the plugin's `start` */
    bool started;

    /* the start's message, from evf_fail; written under the lock of instance.c (workers start side
     * by side) */
    char failure[256];
};

/* Loads the plugin, checks it, parses the options (the listener's own and the plugin's). 0, or
 * EVF_EPLUGIN, EVF_EOPTION, -ENOMEM with a sentence in error. */
int evf__instance_create(const struct evf__instance_spec *spec, evf_instance **ret, char *error,
                         size_t error_size);
/* Closes the library with its last instance. NULL is fine. */
void evf__instance_destroy(evf_instance *instance);

/* Calls `start`. worker_count and figures are set before. On failure: the code, and a sentence that
 * names the instance and says what evf_fail said. */
int evf__instance_start(evf_instance *instance, unsigned worker_count,
                        struct evf__figure_registry *figures, char *error, size_t error_size);
/* Calls `stop` when started. */
void evf__instance_stop(evf_instance *instance);

/* On each worker: makes the worker's state and calls worker_start; calls worker_stop and frees the
 * state. A start that failed is ended instead, when the streams that it made are closed: their
 * `close` may use the state. Ending one that was not tried has no effect. */
int evf__instance_worker_start(evf_instance *instance, evf_worker *worker, char *error,
                               size_t error_size);
void evf__instance_worker_stop(evf_instance *instance, evf_worker *worker);
void evf__instance_worker_end(evf_instance *instance, evf_worker *worker);

#endif
