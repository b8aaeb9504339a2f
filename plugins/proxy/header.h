/* SPDX-License-Identifier: MIT
 *
 * The PROXY protocol's header, by which an upstream server learns who the client is. The
 * specification is HAProxy's doc/proxy-protocol.txt, version 2020/03/05. Pure functions.
 */
#ifndef PROXY_HEADER_H
#define PROXY_HEADER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "limits.h"

enum proxy_send { PROXY_SEND_OFF, PROXY_SEND_V1, PROXY_SEND_V2 };

/* Writes the header for a client at `from` that connected to us at `to` into PROXY_HEADER_MAX
 * bytes; returns its length, 0 with PROXY_SEND_OFF.
 *
 *   both IPv4 or both IPv6   TCP4, TCP6; STREAM over INET, INET6
 *   both unix                version 1: UNKNOWN; version 2: STREAM over UNIX
 *   anything else            UNKNOWN; UNSPEC without addresses
 *
 * Version 2 says PROXY, never LOCAL: that is for connections of the balancer's own. */
size_t proxy_header_write(enum proxy_send version, const struct sockaddr_storage *from,
                          const struct sockaddr_storage *to, uint8_t *ret);

#endif
