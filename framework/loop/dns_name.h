/* SPDX-License-Identifier: MIT
 *
 * Host names: what can be one, which are answered without asking anybody, and the order in which
 * the domains of resolv.conf are tried. Pure functions, any thread.
 */
#ifndef EVF_LOOP_DNS_NAME_H
#define EVF_LOOP_DNS_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

/* 253 bytes, a trailing dot, the terminator. */
enum { EVF__DNS_NAME_MAX = 253, EVF__DNS_NAME_SIZE = EVF__DNS_NAME_MAX + 2 };

/* Copies a host's name in lower case (ASCII), a trailing dot kept. Letters, digits, '-' and '_' in
 * labels of 1 to 63 bytes. 0, -EINVAL or -ENAMETOOLONG. */
int evf__dns_name(const char *host, char ret[EVF__DNS_NAME_SIZE]);

/* A name as evf__dns_name gives it: localhost and what is below it (RFC 6761). */
bool evf__dns_name_is_loopback(const char *name);
/* Names below onion must not be asked of name servers (RFC 7686). */
bool evf__dns_name_is_onion(const char *name);

/* Where names without a trailing dot are looked for, as resolv.conf(5) says. */
struct evf__dns_domains {
    char *names[EVF__DNS_DOMAINS_MAX];
    unsigned count;
    unsigned dots; /* ndots: a name with so many is tried as it stands first */
};

/* One pass over the candidates of a name. All zero is its beginning. */
struct evf__dns_search {
    unsigned next;
    bool found_other;         /* some candidate exists, without such an address */
    bool failed;              /* some candidate could not be asked */
    uint32_t negative_ttl_ms; /* for how long all of that holds, plus 1; 0: no candidate yet */
};

/* The next candidate, without a trailing dot; false when there is none left. */
bool evf__dns_search_next(struct evf__dns_search *search, const struct evf__dns_domains *domains,
                          const char *name, char ret[EVF__DNS_NAME_SIZE]);
/* Notes that a candidate gave no address: EVF_ENONAME and EVF_ENOADDRESS with how long that is so,
 * or EVF_EDNS with 0. */
void evf__dns_search_note(struct evf__dns_search *search, int status, uint32_t ttl_ms);
/* What the whole search comes to when no candidate had an address, and for how long. */
int evf__dns_search_status(const struct evf__dns_search *search, uint32_t *ret_ttl_ms);

#endif
