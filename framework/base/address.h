/* SPDX-License-Identifier: MIT
 *
 * Socket addresses as text, for logs, names and errors. Pure functions, any thread.
 */
#ifndef EVF_BASE_ADDRESS_H
#define EVF_BASE_ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

#include <evframe/address.h>

/* 192.0.2.1:80, [2001:db8::1%eth0]:80, unix:/path, unix:@abstract, unix: for an unnamed one. Writes
 * at most size bytes, always terminated when size > 0; returns buffer. Bytes of unix names that are
 * not printable ASCII are written as they are: whoever prints them escapes. */
const char *evf__address_format(const struct sockaddr *address, socklen_t len, char *buffer,
                                size_t size);

/* Turns an IPv4 address mapped into IPv6 (::ffff:a.b.c.d) into plain IPv4; others are copied. */
void evf__address_unmap(const struct sockaddr *address, socklen_t len, struct sockaddr_storage *ret,
                        socklen_t *ret_len);

#endif
