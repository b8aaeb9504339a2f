/* SPDX-License-Identifier: MIT
 *
 * Socket addresses as text, for logs, names and errors. Pure functions, any thread.
 */
#ifndef EVF_BASE_ADDRESS_H
#define EVF_BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <evframe/address.h>

/* Every kind of address in one place, so that no pointer has to be cast to read it. */
union evf__address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    struct sockaddr_un local;
    struct sockaddr_storage storage;
};

/* Reads an IP address without brackets: 192.0.2.1, 2001:db8::1, fe80::1%eth0 or %2. ret gets it
 * with port 0. False, ret untouched, when the text is none, or names an interface that does not
 * exist. */
bool evf__address_from_ip(const char *text, union evf__address *ret);

/* The length of an IPv4 or IPv6 address for the system calls. */
static inline socklen_t evf__address_ip_len(const union evf__address *address)
{
    return address->any.sa_family == AF_INET ? sizeof address->ipv4 : sizeof address->ipv6;
}

/* 192.0.2.1:80, [2001:db8::1%eth0]:80, unix:/path, unix:@abstract, unix: for an unnamed one. Writes
 * at most size bytes, always terminated when size > 0; returns buffer. Bytes of unix names that are
 * not printable ASCII are written as they are: whoever prints them escapes. A kind that is none of
 * these, or one cut short, is "unknown". */
const char *evf__address_format(const struct sockaddr *address, socklen_t len, char *buffer,
                                size_t size);

/* Turns an IPv4 address mapped into IPv6 (::ffff:a.b.c.d) into plain IPv4; others are copied, at
 * most as much as fits. ret may be address itself. */
void evf__address_unmap(const struct sockaddr *address, socklen_t len, struct sockaddr_storage *ret,
                        socklen_t *ret_len);

#endif
