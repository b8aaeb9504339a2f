/* SPDX-License-Identifier: MIT
 *
 * Whose code it is: from an address, or from a plugin's name, to the plugin and its file; for
 * reports of crashes and stalls.
 *
 * A table of fixed size. It is changed on main threads, under a lock, and read without one by any
 * thread, also in a signal handler.
 */
#ifndef EVF_BASE_WHOSE_H
#define EVF_BASE_WHOSE_H

#include <stdbool.h>
#include <stdint.h>

struct evf__whose {
    const char *name, *version; /* of the plugin */
    const char *path;           /* of its file; NULL for one that is part of the program */
};

/* Remembers a plugin by its descriptor's address, which tells its module. What is given must live
 * until evf__whose_remove with the same key. When the table is full it is not remembered. */
void evf__whose_add(const void *key, const void *descriptor, const struct evf__whose *whose);
void evf__whose_remove(const void *key);

/* The plugin with that name: the very same pointer. False when there is none. */
bool evf__whose_name(const char *name, struct evf__whose *ret);

/* The plugin whose module the address lies in. False when there is none, or several. */
bool evf__whose_code(const void *address, struct evf__whose *ret);

/* The file that an address was loaded from. */
struct evf__place {
    const char *file;  /* what it can be opened as: for a plugin's copy /proc/self/fd/N */
    const char *shown; /* what it is called: for a plugin the file that the copy was made of */
    uintptr_t base;    /* where its address 0 lies */
};

/* False when the address lies in no file that the dynamic loader knows. */
bool evf__place_of(uintptr_t address, struct evf__place *ret);

/* Finds out what the program's own file is called. Once, before evf__place_of; not in a handler. */
void evf__place_init(void);

#endif
