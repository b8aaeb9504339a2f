/* SPDX-License-Identifier: MIT
 *
 * Options of a listener: `name=value,name=value`, the plugin's and the listener's own in one text.
 *
 * Both kinds have a schema of the same form, an array of struct evf_option, and so one parser. In a
 * value `\,` is a comma and `\\` a backslash; nothing else may follow a backslash. A name without
 * '=' switches a BOOL on. Made on the main thread, then read-only for any thread.
 */
#ifndef EVF_PLUGIN_OPTIONS_H
#define EVF_PLUGIN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <evframe/plugin.h>

#include "plugin/sentence.h"

struct evf__access;
struct evf__listener_settings;
struct evf__socket_settings;
struct evf__proxy_rules;

/* What was given for one option, or its default. */
struct evf__option_values {
    unsigned count, room;
    char **texts;
    int64_t number; /* of the first: bytes, ms, a number, 0 or 1; 0 when there is none */
};

/* A schema and what was given for it. */
struct evf__options {
    const struct evf_option *schema;
    unsigned count; /* of options in the schema */
    struct evf__option_values *values;
};

/* The listener's own options: the same for every plugin. Ended by a zero entry. */
extern const struct evf_option evf__listener_options[];

/* True for those that no plugin may have as well. The others came later: a plugin that was there
 * first and has one by that name keeps it, and its listeners are then without evframe's. */
bool evf__listener_option_reserved(const char *name);

/* How many options there are before the zero entry; NULL is none. */
unsigned evf__options_length(const struct evf_option *schema);

/* The option of that name, NULL when there is none. */
const struct evf_option *evf__options_find(const struct evf_option *schema, const char *name);

/* Options for a sound schema (see check.h), none given yet. The schema is kept by reference. NULL
 * for lack of memory. */
struct evf__options *evf__options_create(const struct evf_option *schema);
/* NULL is fine. */
void evf__options_destroy(struct evf__options *options);

/* Reads text into the plugin's and the listener's options, then fills in defaults and looks for
 * what is required. Once per set. NULL is no text. 0, or EVF_EOPTION or -ENOMEM with the reason
 * added to error; the sets may then be half filled, for evf__options_destroy only. */
int evf__options_parse(struct evf__options *plugin, struct evf__options *listener, const char *text,
                       struct evf__sentence *error);

/* Turns the listener's options into settings: what was not given is as in defaults. 0 or
 * EVF_EOPTION with the reason added to error. */
int evf__listener_settings_read(const struct evf__options *listener,
                                const struct evf__listener_settings *defaults,
                                struct evf__listener_settings *ret, struct evf__sentence *error);

/* socket_options.c: what is asked of the sockets. As above; outputs are untouched on failure. */
int evf__socket_settings_read(const struct evf__options *listener, struct evf__socket_settings *ret,
                              struct evf__sentence *error);
/* access_options.c: who may come; reads the files. As above, or -ENOMEM. ret is zeroed before;
 * evf__access_free frees it, also after a failure. */
int evf__listener_access_read(const struct evf__options *listener, struct evf__access *ret,
                              struct evf__sentence *error);
/* proxy_options.c: what is asked of PROXY headers. address is the listener's. As above, or -ENOMEM.
 * ret is zeroed before; its list is to be freed, also after a failure. */
int evf__listener_proxy_read(const struct evf__options *listener, const char *address,
                             struct evf__proxy_rules *ret, struct evf__sentence *error);
/* The choices of proxy-protocol, in the order of enum evf__proxy_mode. */
extern const char *const evf__proxy_modes[];

/* What was given for an option of the schema; the name is in it (asserted). */
const struct evf__option_values *evf__options_values(const struct evf__options *options,
                                                     const char *name,
                                                     const struct evf_option **ret_option);

#endif
