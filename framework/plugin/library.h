/* SPDX-License-Identifier: MIT
 *
 * Libraries: plugin files in memory.
 *
 * A plugin file is copied into memory of its own and opened from there, through the copy's
 * descriptor. So the file may be replaced, rewritten or removed while its plugin runs, and loading
 * the same path again gives what the path then leads to, beside the old one. Nothing keys on a
 * path: a file is the same when device, inode, time of change and size are.
 *
 * Instances of one file share a library; it is closed with the last of them.
 *
 * Two things are different from opening the file by its path: $ORIGIN in a plugin's RUNPATH leads
 * to /proc/self/fd, so a plugin's own libraries are found by an absolute RUNPATH; and tools that
 * read /proc/PID/maps show "memfd:NAME".
 *
 * Any thread; in practice main threads. One lock guards the list of libraries, and is held while
 * the constructors of a file run.
 */
#ifndef EVF_PLUGIN_LIBRARY_H
#define EVF_PLUGIN_LIBRARY_H

#include <stddef.h>

#include "plugin/sentence.h"

struct evf__library;

/* Loads a plugin: a path when the name has a slash, else NAME.so in the folders of search_path
 * (separated by ':', may be NULL). 0, or EVF_EPLUGIN or -ENOMEM with the reason added to error. */
int evf__library_open(const char *name, const char *search_path, struct evf__library **ret,
                      struct evf__sentence *error);

/* Gives one hold back; the last one closes the library. NULL is fine. */
void evf__library_drop(struct evf__library *library);

/* The symbol evf_plugin, and how many bytes the file says it has. */
const void *evf__library_descriptor(const struct evf__library *library, size_t *ret_size);

/* Where the file was when it was loaded first, for messages. */
const char *evf__library_path(const struct evf__library *library);

#endif
