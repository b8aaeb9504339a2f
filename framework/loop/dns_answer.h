/* SPDX-License-Identifier: MIT
 *
 * Reading a name server's answer: the addresses at the end of the chain of aliases, or that there
 * is none, and for how long that holds (RFC 1035, 2181, 2308). Pure functions, any thread; every
 * byte of the packet is suspect.
 */
#ifndef EVF_LOOP_DNS_ANSWER_H
#define EVF_LOOP_DNS_ANSWER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/limits.h"

struct evf__dns_answer {
    int status;      /* 0 with an address at least; EVF_ENONAME, EVF_ENOADDRESS, EVF_EDNS */
    uint32_t ttl_ms; /* the least along the chain; where there is no address, as the SOA says. 0:
                      * the answer is not to be kept */
    size_t count;
    uint8_t addresses[EVF__ADDRESSES_MAX][16]; /* 4 bytes of each, or all 16, by family */
};

/* Fills ret from a response to a question for the addresses of one family. What is malformed gives
 * EVF_EDNS. */
void evf__dns_answer_read(const uint8_t *packet, size_t len, int family,
                          struct evf__dns_answer *ret);

#endif
