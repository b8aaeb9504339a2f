/* SPDX-License-Identifier: MIT
 *
 * Lists of addresses and prefixes, as in 192.0.2.0/24 or 2001:db8::/32. Built by one thread, then
 * read-only for all.
 */
#ifndef EVF_BASE_PREFIXES_H
#define EVF_BASE_PREFIXES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct evf__prefix;

/* All zero is the empty list. */
struct evf__prefixes {
    struct evf__prefix *entries;
    size_t count, room;
};

/* Adds one address or prefix. 0; EVF_EADDRESS with the reason in error (it names the text);
 * -ENOMEM; -E2BIG above EVF__PREFIXES_MAX. */
int evf__prefixes_add(struct evf__prefixes *prefixes, const char *text, char *error,
                      size_t error_size);
/* Adds those of a file: one a line, '#' begins a comment. As above, or a negated errno; error names
 * file and line. */
int evf__prefixes_add_file(struct evf__prefixes *prefixes, const char *path, char *error,
                           size_t error_size);
/* To be called once after the last add, before matching. */
void evf__prefixes_sort(struct evf__prefixes *prefixes);
/* True when the address lies in one of them. IPv4 mapped into IPv6 counts as IPv4, in the list and
 * in the address. Never for a unix address. */
bool evf__prefixes_match(const struct evf__prefixes *prefixes, const struct sockaddr *address);
void evf__prefixes_free(struct evf__prefixes *prefixes);

#endif
