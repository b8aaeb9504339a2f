/* SPDX-License-Identifier: MIT
 *
 * PROXY headers, written.
 */
#include "header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum {
    V2_SIGNATURE_LEN = 12,
    V2_FIXED_LEN = 16,
    V2_PROXY = 0x21, /* version 2, command PROXY */
    V2_UNSPEC = 0x00,
    V2_TCP4 = 0x11,
    V2_TCP6 = 0x21,
    V2_UNIX_STREAM = 0x31,
    V2_UNIX_LEN = 108, /* of one address */
};

static const struct sockaddr_in *v4(const struct sockaddr_storage *address)
{
    return (const struct sockaddr_in *)address;
}

static const struct sockaddr_in6 *v6(const struct sockaddr_storage *address)
{
    return (const struct sockaddr_in6 *)address;
}

/* All eight groups: inet_ntop writes some addresses with dots, which version 1 does not know. */
static void format_v6(const struct in6_addr *address, char *ret, size_t size)
{
    unsigned group[8];
    for (int i = 0; i < 8; i++)
        group[i] = (unsigned)address->s6_addr[2 * i] << 8 | address->s6_addr[2 * i + 1];
    (void)snprintf(ret, size, "%x:%x:%x:%x:%x:%x:%x:%x", group[0], group[1], group[2], group[3],
                   group[4], group[5], group[6], group[7]);
}

static size_t write_v1(const struct sockaddr_storage *from, const struct sockaddr_storage *to,
                       int family, uint8_t *ret)
{
    char source[INET6_ADDRSTRLEN], target[INET6_ADDRSTRLEN];
    unsigned source_port, target_port;
    if (family == AF_INET) {
        (void)inet_ntop(AF_INET, &v4(from)->sin_addr, source, sizeof source);
        (void)inet_ntop(AF_INET, &v4(to)->sin_addr, target, sizeof target);
        source_port = ntohs(v4(from)->sin_port);
        target_port = ntohs(v4(to)->sin_port);
    } else if (family == AF_INET6) {
        format_v6(&v6(from)->sin6_addr, source, sizeof source);
        format_v6(&v6(to)->sin6_addr, target, sizeof target);
        source_port = ntohs(v6(from)->sin6_port);
        target_port = ntohs(v6(to)->sin6_port);
    } else {
        static const char unknown[] = "PROXY UNKNOWN\r\n";
        memcpy(ret, unknown, sizeof unknown - 1);
        return sizeof unknown - 1;
    }
    char line[PROXY_HEADER_MAX];
    int len = snprintf(line, sizeof line, "PROXY TCP%d %s %s %u %u\r\n", family == AF_INET ? 4 : 6,
                       source, target, source_port, target_port);
    memcpy(ret, line, (size_t)len);
    return (size_t)len;
}

static uint8_t *put(uint8_t *to, const void *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return to + len;
}

static size_t write_v2(const struct sockaddr_storage *from, const struct sockaddr_storage *to,
                       int family, uint8_t *ret)
{
    static const uint8_t signature[V2_SIGNATURE_LEN] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                         0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };
    uint8_t *at = ret + V2_FIXED_LEN;
    uint8_t kind = V2_UNSPEC;
    if (family == AF_INET) {
        kind = V2_TCP4;
        at = put(at, &v4(from)->sin_addr, sizeof v4(from)->sin_addr);
        at = put(at, &v4(to)->sin_addr, sizeof v4(to)->sin_addr);
        at = put(at, &v4(from)->sin_port, sizeof v4(from)->sin_port);
        at = put(at, &v4(to)->sin_port, sizeof v4(to)->sin_port);
    } else if (family == AF_INET6) {
        kind = V2_TCP6;
        at = put(at, &v6(from)->sin6_addr, sizeof v6(from)->sin6_addr);
        at = put(at, &v6(to)->sin6_addr, sizeof v6(to)->sin6_addr);
        at = put(at, &v6(from)->sin6_port, sizeof v6(from)->sin6_port);
        at = put(at, &v6(to)->sin6_port, sizeof v6(to)->sin6_port);
    } else if (family == AF_UNIX) {
        kind = V2_UNIX_STREAM;
        at = put(at, ((const struct sockaddr_un *)from)->sun_path, V2_UNIX_LEN);
        at = put(at, ((const struct sockaddr_un *)to)->sun_path, V2_UNIX_LEN);
    }
    uint16_t len = htons((uint16_t)(at - ret - V2_FIXED_LEN));
    memcpy(ret, signature, sizeof signature);
    ret[12] = V2_PROXY;
    ret[13] = kind;
    memcpy(ret + 14, &len, sizeof len);
    return (size_t)(at - ret);
}

size_t proxy_header_write(enum proxy_send version, const struct sockaddr_storage *from,
                          const struct sockaddr_storage *to, uint8_t *ret)
{
    int family = from->ss_family == to->ss_family ? from->ss_family : AF_UNSPEC;
    if (version == PROXY_SEND_V1)
        return write_v1(from, to, family, ret);
    return version == PROXY_SEND_V2 ? write_v2(from, to, family, ret) : 0;
}
