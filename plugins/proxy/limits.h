/* SPDX-License-Identifier: MIT
 *
 * Every limit of this plugin that is not an option, with the reason for its value.
 */
#ifndef PROXY_LIMITS_H
#define PROXY_LIMITS_H

enum {
    /* `upstream` options of one instance: a balancer looks at each for each client. */
    PROXY_TARGETS_MAX = 64,

    /* Addresses taken from one name; the resolver gives no more. */
    PROXY_ADDRESSES_MAX = 32,

    /* Upstream servers that one client may be tried with, each for connect-timeout at most. */
    PROXY_TRIES_MAX = 16,

    /* A host as evf_address_parse gives it: 253 bytes of a name, or an address with a scope. */
    PROXY_HOST_SIZE = 256,

    /* What stands for an upstream server in the log: "name.example:65535 ([address]:65535)", and
     * the longest unix path fits too. */
    PROXY_LABEL_SIZE = 352,

    /* What a client may send before its upstream stands. It is read so that a client that vanishes
     * is noticed, and kept because the next upstream server gets it when one fails. A TLS hello or
     * a request's head fits. */
    PROXY_EARLY_MAX = 16 * 1024,

    /* Clients that waited for a name and are connected in one turn. */
    PROXY_WAKE_BATCH = 64,

    /* The least and the most time between two look-ups of a name: a TTL of 0 must not make a busy
     * loop, one of a week must not hide a change for a week. Failed look-ups are tried again after
     * the first, then after twice the time before, up to the last. */
    PROXY_LOOKUP_LEAST_MS = 1000,
    PROXY_LOOKUP_MOST_MS = 3600 * 1000,
    PROXY_LOOKUP_RETRY_MOST_MS = 30 * 1000,

    /* An upstream server that fails now and then is told of at most this often. */
    PROXY_TOLD_EVERY_MS = 10 * 1000,

    /* The longest PROXY header: version 2 with two unix addresses, 16 + 216. Version 1 has at most
     * 107 bytes. */
    PROXY_HEADER_MAX = 232,
};

#endif
