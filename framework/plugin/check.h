/* SPDX-License-Identifier: MIT
 *
 * Checking a plugin's descriptor before anything in it is used.
 *
 * A descriptor may come from a file built against another version of the headers, or be wrong. Its
 * first fields say what the rest looks like, so they are checked first and in order: nothing is
 * read that was not proven to be there. What is taken over has our own sizes: what a shorter struct
 * lacks is zero, what a longer one has beyond ours is left out. Main thread.
 */
#ifndef EVF_PLUGIN_CHECK_H
#define EVF_PLUGIN_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include <evframe/plugin.h>

#include "plugin/sentence.h"

/* A descriptor that was found right. Texts still belong to the plugin. */
struct evf__checked_plugin {
    struct evf_plugin plugin; /* `handler` and `options` still point at the plugin's own */
    struct evf_handler handler;
    struct evf_option *options; /* on the heap, ended by a zero entry; never NULL */
};

/* Checks the descriptor of which `size` bytes can be read; SIZE_MAX when nobody knows. 0, or
 * EVF_EPLUGIN or -ENOMEM with a sentence added to error that names the field, what was expected and
 * what was found. */
int evf__plugin_check(const void *descriptor, size_t size, struct evf__checked_plugin *ret,
                      struct evf__sentence *error);

#endif
