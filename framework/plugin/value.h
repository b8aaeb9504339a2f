/* SPDX-License-Identifier: MIT
 *
 * One value of one option: reading it, and telling what is allowed. Pure functions, any thread.
 */
#ifndef EVF_PLUGIN_VALUE_H
#define EVF_PLUGIN_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include <evframe/plugin.h>

#include "plugin/sentence.h"

/* The type without its flags: one of enum evf_option_type when the schema is sound. */
static inline unsigned evf__option_type(const struct evf_option *option)
{
    return option->type & 0xffu;
}

/* INT, SIZE and DURATION: those that have a range and a number. */
bool evf__option_numeric(const struct evf_option *option);

/* "string", "int", …; NULL for a type that does not exist. */
const char *evf__option_type_name(unsigned type);

/* Whether the text is a value of the option, and its number: of numeric ones, and 0 or 1 of BOOL;
 * else 0. 0, or EVF_EOPTION with what is wrong added to error: 'value "0" is too small;
 * allowed: a size (bytes, or with k, m, g): 1 to 1g'. */
int evf__option_read(const struct evf_option *option, const char *text, int64_t *ret_number,
                     struct evf__sentence *error);

/* Adds the range or the choices: "1 to 1g", "at least 3", "red, green or blue". Nothing, when there
 * are none; else `before` stands in front of a range. */
void evf__option_range(const struct evf_option *option, const char *before,
                       struct evf__sentence *sentence);

/* Adds what is allowed: "a size (bytes, or with k, m, g): 1 to 1g". */
void evf__option_allowed(const struct evf_option *option, struct evf__sentence *sentence);

/* Adds a number as it would be given for a type: 64k, 30s, 17. */
void evf__option_number(unsigned type, int64_t number, struct evf__sentence *sentence);

#endif
