/* SPDX-License-Identifier: MIT
 *
 * Checking the options that a plugin declares. Main thread.
 */
#ifndef EVF_PLUGIN_SCHEMA_H
#define EVF_PLUGIN_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include <evframe/plugin.h>

#include "plugin/sentence.h"

/* Checks a text of a plugin: min to max bytes long, one line, nothing to be escaped. NULL is as
 * empty. 0, or EVF_EPLUGIN with the sentence added to error. */
int evf__schema_text(const char *field, const char *text, size_t min, size_t max,
                     struct evf__sentence *error);

/* Walks a plugin's options by its own stride, checks each, and copies them into an array of our
 * stride on the heap, ended by a zero entry. NULL is none. 0, or EVF_EPLUGIN or -ENOMEM with the
 * sentence added to error. */
int evf__schema_copy(const void *options, uint32_t stride, struct evf_option **ret,
                     struct evf__sentence *error);

#endif
