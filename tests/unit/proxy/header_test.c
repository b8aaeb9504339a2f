/* SPDX-License-Identifier: MIT
 *
 * PROXY headers: the bytes that the specification shows, and its limits.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "proxy/header.h"

static struct sockaddr_storage at(const char *ip, unsigned port)
{
    struct sockaddr_storage address = { 0 };
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        return address;
    }
    cr_assert_eq(inet_pton(AF_INET6, ip, &v6->sin6_addr), 1);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    return address;
}

static struct sockaddr_storage at_path(const char *path)
{
    struct sockaddr_storage address = { .ss_family = AF_UNIX };
    strncpy(((struct sockaddr_un *)&address)->sun_path, path, 108);
    return address;
}

static void expect_v1(struct sockaddr_storage from, struct sockaddr_storage to, const char *line)
{
    uint8_t header[PROXY_HEADER_MAX];
    size_t len = proxy_header_write(PROXY_SEND_V1, &from, &to, header);
    cr_assert_eq(len, strlen(line), "%.*s", (int)len, (const char *)header);
    cr_assert_arr_eq(header, line, len, "%.*s", (int)len, (const char *)header);
}

static void expect_v2(struct sockaddr_storage from, struct sockaddr_storage to, unsigned kind,
                      const uint8_t *addresses, size_t count)
{
    static const uint8_t signature[] = "\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A";
    uint8_t header[PROXY_HEADER_MAX];
    size_t len = proxy_header_write(PROXY_SEND_V2, &from, &to, header);
    cr_assert_eq(len, 16 + count);
    cr_assert_arr_eq(header, signature, 12);
    cr_assert_eq(header[12], 0x21);
    cr_assert_eq(header[13], kind);
    cr_assert_eq((size_t)(header[14] << 8 | header[15]), count);
    if (count > 0)
        cr_assert_arr_eq(header + 16, addresses, count);
}

Test(header, version_1_writes_what_the_specification_shows)
{
    expect_v1(at("192.168.0.1", 56324), at("192.168.0.11", 443),
              "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
    expect_v1(at("255.255.255.255", 65535), at("255.255.255.255", 65535),
              "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n");
    expect_v1(at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535),
              at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535),
              "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n");
}

Test(header, version_1_writes_ipv6_in_hexadecimal_only)
{
    expect_v1(at("::192.0.2.1", 1), at("2001:db8::10", 80),
              "PROXY TCP6 0:0:0:0:0:0:c000:201 2001:db8:0:0:0:0:0:10 1 80\r\n");
}

Test(header, version_1_says_unknown_where_it_has_no_word)
{
    struct sockaddr_storage none = { 0 };
    expect_v1(at_path("/a"), at_path("/b"), "PROXY UNKNOWN\r\n");
    expect_v1(at("192.0.2.1", 1), at("2001:db8::1", 2), "PROXY UNKNOWN\r\n");
    expect_v1(none, none, "PROXY UNKNOWN\r\n");
}

Test(header, version_2_carries_both_addresses_and_ports)
{
    static const uint8_t v4[] = { 192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0x01, 0xbb };
    static const uint8_t v6[36] = {
        0x20, 0x01, 0x0d,     0xb8,        [15] = 1, [16] = 0x20, 0x01,
        0x0d, 0xb8, [31] = 2, [32] = 0x04, 0xd2,     0x00,        0x50
    };
    expect_v2(at("192.0.2.1", 56324), at("198.51.100.2", 443), 0x11, v4, sizeof v4);
    expect_v2(at("2001:db8::1", 1234), at("2001:db8::2", 80), 0x21, v6, sizeof v6);
}

Test(header, version_2_carries_unix_addresses_of_every_length)
{
    uint8_t both[216] = "/run/client";
    char longest[109];
    memset(longest, 'x', 108);
    longest[108] = '\0';
    memcpy(both + 108, longest, 108);
    expect_v2(at_path("/run/client"), at_path(longest), 0x31, both, sizeof both);
    memset(both, 0, 108);
    expect_v2(at_path(""), at_path(longest), 0x31, both, sizeof both);
}

Test(header, version_2_leaves_addresses_out_that_do_not_belong_together)
{
    struct sockaddr_storage none = { 0 };
    expect_v2(at("192.0.2.1", 1), at_path("/b"), 0x00, NULL, 0);
    expect_v2(none, none, 0x00, NULL, 0);
}

Test(header, off_is_nothing)
{
    struct sockaddr_storage from = at("192.0.2.1", 1);
    uint8_t header[PROXY_HEADER_MAX];
    cr_assert_eq(proxy_header_write(PROXY_SEND_OFF, &from, &from, header), 0);
}
