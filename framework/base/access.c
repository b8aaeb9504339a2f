/* SPDX-License-Identifier: MIT
 *
 * Whether an address may come: what is blocked may not, whatever else is said of it. Any thread.
 */
#include "base/access.h"

#include <stddef.h>

bool evf__access_allows(const struct evf__access *access, const struct sockaddr *address)
{
    if (access == NULL || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return true;
    if (evf__prefixes_match(&access->block, address))
        return false;
    return !access->listed_only || evf__prefixes_match(&access->allow, address);
}

void evf__access_free(struct evf__access *access)
{
    evf__prefixes_free(&access->allow);
    evf__prefixes_free(&access->block);
}
