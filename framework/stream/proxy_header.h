/* SPDX-License-Identifier: MIT
 *
 * The header of the PROXY protocol, versions 1 and 2, as HAProxy's doc/proxy-protocol.txt has it.
 *
 * Bytes go in as they come, always from the header's first one on; out comes whether they are a
 * header, and how many of them. No byte is taken for a header's that may be the connection's own
 * data. Pure functions, any thread; nothing is allocated, and the time is linear in the bytes.
 */
#ifndef EVF_STREAM_PROXY_HEADER_H
#define EVF_STREAM_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/address.h"

enum evf__proxy_verdict {
    EVF__PROXY_MORE, /* a header as far as it goes: all bytes are its own when `version` is set,
                        else they may yet turn out to be data */
    EVF__PROXY_DONE, /* the first `len` bytes are a good header; what follows is data */
    EVF__PROXY_NONE, /* the bytes do not begin a header */
    EVF__PROXY_BAD,  /* they begin one that is malformed: `fault` */
};

struct evf__proxy_header {
    unsigned version; /* 1 or 2 as soon as that is certain, else 0 */
    size_t len;       /* of the whole header as soon as that is known, else 0 */

    /* When DONE. Without addresses (LOCAL, UNKNOWN, UNSPEC, DGRAM) those of the connection hold. */
    bool forwarded; /* the addresses below are given; IPv4 mapped into IPv6 is given as IPv4 */
    union evf__address source, destination;
    socklen_t source_len, destination_len;
    size_t tlvs; /* where the first TLV is; len when there is none */

    const char *fault; /* when BAD: what is wrong, as the end of a sentence */
};

/* Reads the first len bytes of a connection, as many as have come. */
enum evf__proxy_verdict evf__proxy_header_read(const uint8_t *bytes, size_t len,
                                               struct evf__proxy_header *ret);

struct evf__proxy_tlv {
    uint8_t type;
    const uint8_t *value; /* inside bytes */
    size_t len;
};

/* The index-th TLV of that type between bytes[at] and bytes[len] of a good header; with type -1 of
 * any type but NOOP, which is padding. False when there is none. */
bool evf__proxy_header_tlv(const uint8_t *bytes, size_t at, size_t len, int type, unsigned index,
                           struct evf__proxy_tlv *ret);

#endif
