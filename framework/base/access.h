/* SPDX-License-Identifier: MIT
 *
 * Who may come: lists of addresses that are allowed and that are blocked. Built by one thread, then
 * read-only for all.
 */
#ifndef EVF_BASE_ACCESS_H
#define EVF_BASE_ACCESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/prefixes.h"

/* All zero allows everybody. */
struct evf__access {
    struct evf__prefixes allow, block; /* sorted */
    bool listed_only; /* who is not in `allow` is refused, also when that is empty */
};

/* False for an address that is blocked, or that is not among those allowed where such are listed.
 * An address that is neither IPv4 nor IPv6 is always allowed, and everything by NULL. */
bool evf__access_allows(const struct evf__access *access, const struct sockaddr *address);

void evf__access_free(struct evf__access *access);

#endif
