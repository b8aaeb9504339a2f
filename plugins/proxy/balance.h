/* SPDX-License-Identifier: MIT
 *
 * Which upstream server a client gets. Pure functions of the table.
 *
 *   round-robin  the one whose turn is the longest ago; so turns stay fair when servers come and go
 *   least        the one with the fewest connections; among equals as round-robin
 *   hash         the one with the highest score for the client's address (rendezvous hashing): a
 *                server that goes gives up its own clients only, one that comes takes its share
 * only
 */
#ifndef PROXY_BALANCE_H
#define PROXY_BALANCE_H

#include "upstream.h"

enum proxy_balance { PROXY_ROUND_ROBIN, PROXY_LEAST, PROXY_HASH };

/* The upstream servers that a client was tried with. */
struct proxy_tried {
    uint64_t ids[PROXY_TRIES_MAX];
    unsigned count;
};

/* An available upstream server that was not tried; NULL when there is none. key is of use with
 * PROXY_HASH alone. */
struct proxy_upstream *proxy_choose(const struct proxy_table *table, enum proxy_balance balance,
                                    uint64_t key, const struct proxy_tried *tried, uint64_t now_ms);

/* The key of a client: its address without the port. 0 for one without an address, as over unix. */
uint64_t proxy_hash_client(const struct sockaddr_storage *address);

/* The key of an upstream server. */
uint64_t proxy_hash_text(const char *host, uint16_t port);

#endif
