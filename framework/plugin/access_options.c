/* SPDX-License-Identifier: MIT
 *
 * Who may come to a listener: block, allow, and files of both. Reads the files. Any thread.
 */
#include <errno.h>

#include "base/access.h"
#include "plugin/options.h"

typedef int add_fn(struct evf__prefixes *prefixes, const char *text, char *error,
                   size_t error_size);

/* Adds every value of the option; sets *ret_given when there was one. */
static int add_values(const struct evf__options *listener, const char *name, add_fn *add,
                      struct evf__prefixes *prefixes, bool *ret_given, struct evf__sentence *error)
{
    const struct evf_option *option;
    const struct evf__option_values *values = evf__options_values(listener, name, &option);
    char reason[600];
    for (unsigned i = 0; i < values->count; i++) {
        int code = add(prefixes, values->texts[i], reason, sizeof reason);
        if (code < 0) {
            evf__sentence_add(error, "option %s: ", name);
            evf__sentence_clean(error, reason);
            return code == -ENOMEM ? code : EVF_EOPTION;
        }
        *ret_given = true;
    }
    return 0;
}

int evf__listener_access_read(const struct evf__options *listener, struct evf__access *ret,
                              struct evf__sentence *error)
{
    bool blocked = false;
    int code = add_values(listener, "block", evf__prefixes_add, &ret->block, &blocked, error);
    if (code == 0)
        code = add_values(listener, "block-file", evf__prefixes_add_file, &ret->block, &blocked,
                          error);
    if (code == 0)
        code =
            add_values(listener, "allow", evf__prefixes_add, &ret->allow, &ret->listed_only, error);
    if (code == 0)
        code = add_values(listener, "allow-file", evf__prefixes_add_file, &ret->allow,
                          &ret->listed_only, error);
    evf__prefixes_sort(&ret->block);
    evf__prefixes_sort(&ret->allow);
    return code;
}
