/* SPDX-License-Identifier: MIT
 *
 * The files of a backtrace, with their symbols and debug information, by libdw.
 */
#ifndef EVF_SYMBOLS_MODULES_H
#define EVF_SYMBOLS_MODULES_H

#include <stdbool.h>
#include <stdint.h>

struct modules;

/* NULL without memory. */
struct modules *modules_create(void);
void modules_destroy(struct modules *modules);

/* A file that lies at base in memory; again for the next address of the same file has no effect. A
 * file that cannot be read is passed over: its addresses then have no names. */
void modules_add(struct modules *modules, uint64_t base, const char *file, const char *shown);
/* All are added. */
void modules_added(struct modules *modules);

/* Prints what is known of one call: `exact` for the interrupted instruction itself. */
void modules_print(struct modules *modules, const char *prefix, unsigned long number, uint64_t pc,
                   bool exact, uint64_t base, const char *shown);

#endif
