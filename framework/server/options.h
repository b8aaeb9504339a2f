/* SPDX-License-Identifier: MIT
 *
 * The server's options, checked, with every default filled in. Main thread.
 */
#ifndef EVF_SERVER_OPTIONS_H
#define EVF_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <evframe/server.h>

#include "base/log.h"
#include "loop/resolver.h"
#include "plugin/instance.h"

struct evf__server_settings {
    unsigned workers;
    enum evf_dispatch dispatch;
    enum evf_accept accept;
    int backlog; /* as asked for; the system may cut it */
    bool pin;
    struct evf__listener_settings defaults;
    size_t page_size;
    unsigned mailbox, offload_threads, offload_queue;
    uint32_t stall_warn_ms;                 /* 0: off */
    char *plugin_path;                      /* or NULL */
    struct evf__log_settings log;           /* its file is owned too */
    struct evf__resolver_settings resolver; /* its servers are owned too */
};

/* 0, EVF_EOPTION or -ENOMEM with a sentence in error about the first wrong field. ret is complete
 * in any case: a wrong field keeps its default. */
int evf__server_settings_init(struct evf__server_settings *ret,
                              const struct evf_server_options *options, char *error,
                              size_t error_size);
void evf__server_settings_fini(struct evf__server_settings *settings);

#endif
