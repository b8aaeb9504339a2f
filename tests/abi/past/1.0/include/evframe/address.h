/* SPDX-License-Identifier: MIT
 *
 * Text forms of addresses.
 */
#ifndef EVFRAME_ADDRESS_H
#define EVFRAME_ADDRESS_H

#include <evframe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Splits an address as the launcher takes it, without looking anything up:
 *
 *   8080, :8080            host "" (all addresses), port 8080
 *   192.0.2.1:80           host "192.0.2.1", port 80
 *   [2001:db8::1]:80       host "2001:db8::1", port 80 (a %scope stays in the host)
 *   name.example:80        host "name.example", port 80
 *   unix:/path             *unix_path points at "/path" inside text; host "", port 0
 *   unix:@name             *unix_path points at "@name": the abstract name space
 *
 * host holds up to size bytes with its terminator. *unix_path is NULL for the forms without one.
 * fd:N is the launcher's alone and not accepted here. 0, or EVF_EADDRESS (malformed, or a port
 * above 65535), -ENAMETOOLONG (host does not fit, or the path exceeds 107 bytes), -EINVAL (a NULL
 * argument). */
EVF_ANY_THREAD int evf_address_parse(const char *text, char *host, size_t size, uint16_t *port,
                                     const char **unix_path);

#ifdef __cplusplus
}
#endif

#endif
