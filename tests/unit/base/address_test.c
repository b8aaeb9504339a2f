/* SPDX-License-Identifier: MIT
 *
 * Addresses to and from text.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/address.h"

/* -- parsing -- */

struct form {
    const char *text, *host;
    uint16_t port;
};

Test(address, splits_every_form_of_host_and_port)
{
    static const struct form forms[] = {
        { "8080", "", 8080 },
        { ":8080", "", 8080 },
        { "0", "", 0 },
        { ":0", "", 0 },
        { "65535", "", 65535 },
        { "00080", "", 80 },
        { "192.0.2.1:80", "192.0.2.1", 80 },
        { "[2001:db8::1]:80", "2001:db8::1", 80 },
        { "[::]:8080", "::", 8080 },
        { "[::ffff:192.0.2.1]:1", "::ffff:192.0.2.1", 1 },
        { "[fe80::1%eth0]:80", "fe80::1%eth0", 80 },
        { "[fe80::1%3]:80", "fe80::1%3", 80 },
        { "name.example:80", "name.example", 80 },
        { "localhost:65535", "localhost", 65535 },
        { "a_b-c.X9.:1", "a_b-c.X9.", 1 },
        { "unix.example:80", "unix.example", 80 },
        { "fd.example:80", "fd.example", 80 },
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char host[64] = "untouched";
        uint16_t port = 1234;
        const char *path = "untouched";
        int status = evf_address_parse(forms[i].text, host, sizeof host, &port, &path);
        cr_assert_eq(status, 0, "%s: status %d", forms[i].text, status);
        cr_assert_str_eq(host, forms[i].host, "%s: host %s", forms[i].text, host);
        cr_assert_eq(port, forms[i].port, "%s: port %u", forms[i].text, port);
        cr_assert_null(path, "%s", forms[i].text);
    }
}

/* What was refused with `expected`, everything untouched. */
static void expect_refused(const char *text, size_t size, int expected)
{
    char host[64] = "untouched";
    uint16_t port = 1234;
    const char *path = "untouched";
    int status = evf_address_parse(text, host, size, &port, &path);
    cr_assert_eq(status, expected, "'%s': status %d, not %d", text, status, expected);
    cr_assert_str_eq(host, "untouched", "'%s'", text);
    cr_assert_eq(port, 1234, "'%s'", text);
    cr_assert_str_eq(path, "untouched", "'%s'", text);
}

static const char *const malformed[] = {
    /* ports */
    "",
    ":",
    "host:",
    "host",
    "65536",
    ":65536",
    "host:65536",
    "99999999999",
    "000080",
    "host:+80",
    "host:-1",
    "+80",
    "-80",
    " 80",
    "80 ",
    "host: 80",
    "host:80 ",
    "host:0x50",
    "host:8o",
    "host:80/",
    "192.0.2.1",
    "80:",
    "host:\t80",
    /* IPv6 */
    "::1",
    "::",
    "2001:db8::1",
    "2001:db8::1:80",
    "::1:80",
    "[::1]",
    "[::1]:",
    "[::1]80",
    "[::1]:65536",
    "[::1",
    "[::1:80",
    "[]:80",
    "[",
    "]",
    "[]",
    "::1]:80",
    "[[::1]]:80",
    "[name]:80",
    "[192.0.2.1]:80",
    "[::1]x:80",
    "x[::1]:80",
    "[::1]:80:80",
    "[::1 ]:80",
    "[fe80::1%]:80",
    "[fe80::1%eth/0]:80",
    "[fe80::1%eth 0]:80",
    "[fe80::1%%a]:80",
    "[%eth0]:80",
    "[fe80::1%sixteen-or-more0]:80",
    "[1:2:3:4:5:6:7:8:9]:80",
    "[12345::]:80",
    "[1111111111111111111111111111111111111111111111111]:80",
    /* hosts */
    "a:b:80",
    "host:80:",
    "ho st:80",
    " host:80",
    "ho/st:80",
    "host\n:80",
    "*:80",
    "h@st:80",
    "h%st:80",
    "h\x1b[1m:80",
    "h\xc3\xb6st:80",
    "http://host:80",
    /* unix, and descriptors, which are the launcher's */
    "unix:",
    "unix:@",
    "fd:3",
    "fd:",
    "fd:80:80",
    "unix",
};

Test(address, refuses_what_is_malformed)
{
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        expect_refused(malformed[i], 64, EVF_EADDRESS);
}

Test(address, points_at_the_path_of_a_unix_address)
{
    static const char *const texts[] = { "unix:/path", "unix:@name",           "unix:/",
                                         "unix:/a:80", "unix:relative.socket", "unix:/with space" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char host[8] = "before";
        uint16_t port = 1234;
        const char *path = NULL;
        cr_assert_eq(evf_address_parse(texts[i], host, sizeof host, &port, &path), 0);
        cr_assert_eq(path, texts[i] + 5, "inside the text");
        cr_assert_str_eq(host, "");
        cr_assert_eq(port, 0);
    }
}

Test(address, refuses_what_does_not_fit)
{
    char host[16], text[128];
    uint16_t port;
    const char *path;
    expect_refused("host:80", 4, -ENAMETOOLONG);
    expect_refused("[::1]:80", 3, -ENAMETOOLONG);
    expect_refused("80", 0, -ENAMETOOLONG);
    expect_refused("unix:/path", 0, -ENAMETOOLONG);
    cr_assert_eq(evf_address_parse("host:80", host, 5, &port, &path), 0);
    cr_assert_eq(evf_address_parse("80", host, 1, &port, &path), 0);

    memset(text, 'p', sizeof text);
    memcpy(text, "unix:/", 6);
    text[5 + 107] = '\0';
    cr_assert_eq(evf_address_parse(text, host, sizeof host, &port, &path), 0);
    text[5 + 107] = 'p';
    text[5 + 108] = '\0';
    expect_refused(text, 64, -ENAMETOOLONG);
}

Test(address, refuses_null_arguments)
{
    char host[16];
    uint16_t port;
    const char *path;
    cr_assert_eq(evf_address_parse(NULL, host, sizeof host, &port, &path), -EINVAL);
    cr_assert_eq(evf_address_parse("80", NULL, 0, &port, &path), -EINVAL);
    cr_assert_eq(evf_address_parse("80", host, sizeof host, NULL, &path), -EINVAL);
    cr_assert_eq(evf_address_parse("80", host, sizeof host, &port, NULL), -EINVAL);
}

/* -- formatting -- */

static union evf__address ipv4(const char *text, uint16_t port)
{
    union evf__address address = { .ipv4 = { .sin_family = AF_INET, .sin_port = htons(port) } };
    cr_assert_eq(inet_pton(AF_INET, text, &address.ipv4.sin_addr), 1);
    return address;
}

static union evf__address ipv6(const char *text, uint16_t port, unsigned scope)
{
    union evf__address address = {
        .ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope }
    };
    cr_assert_eq(inet_pton(AF_INET6, text, &address.ipv6.sin6_addr), 1);
    return address;
}

/* A unix address as the kernel gives it: `name` fills name_len bytes of sun_path. */
static socklen_t local(union evf__address *ret, const char *name, size_t name_len)
{
    memset(ret, 'x', sizeof *ret); /* nothing behind the name may be read */
    ret->local.sun_family = AF_UNIX;
    memcpy(ret->local.sun_path, name, name_len);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_len);
}

static void expect_text(const union evf__address *address, socklen_t len, const char *expected)
{
    char buffer[160];
    memset(buffer, 'x', sizeof buffer);
    const char *text = evf__address_format(&address->any, len, buffer, sizeof buffer);
    cr_assert_eq(text, buffer);
    cr_assert_str_eq(text, expected);
}

Test(address, writes_ip_addresses)
{
    union evf__address address = ipv4("192.0.2.1", 80);
    expect_text(&address, sizeof address.ipv4, "192.0.2.1:80");
    address = ipv6("2001:db8::1", 65535, 0);
    expect_text(&address, sizeof address.ipv6, "[2001:db8::1]:65535");
    address = ipv6("fe80::1", 80, if_nametoindex("lo"));
    expect_text(&address, sizeof address.ipv6, "[fe80::1%lo]:80");
    address = ipv6("fe80::1", 80, 4000000000u);
    expect_text(&address, sizeof address.ipv6, "[fe80::1%4000000000]:80");
}

Test(address, writes_unix_addresses)
{
    union evf__address address;
    char path[108];
    char expected[sizeof path + 8] = "unix:";
    socklen_t len = local(&address, "", 0);
    expect_text(&address, len, "unix:");
    len = local(&address, "/path", 6); /* with its terminator, as the kernel counts */
    expect_text(&address, len, "unix:/path");
    len = local(&address, "/path", 5);
    expect_text(&address, len, "unix:/path");
    len = local(&address, "\0name", 5);
    expect_text(&address, len, "unix:@name");
    len = local(&address, "\0a\0b\0\0\0", 7);
    expect_text(&address, len, "unix:@a@b");
    len = local(&address, "\0\0\0", 3);
    expect_text(&address, len, "unix:@");

    memset(path, 'p', sizeof path); /* full to the last byte, no terminator */
    memcpy(expected + 5, path, sizeof path);
    len = local(&address, path, sizeof path);
    expect_text(&address, len, expected);
}

Test(address, says_unknown_for_what_it_cannot_read)
{
    union evf__address address = ipv4("192.0.2.1", 80);
    expect_text(&address, sizeof address.ipv4 - 1, "unknown");
    expect_text(&address, 0, "unknown");
    address = ipv6("::1", 80, 0);
    expect_text(&address, sizeof address.ipv6 - 1, "unknown");
    address.any.sa_family = AF_NETLINK;
    expect_text(&address, sizeof address, "unknown");
    char buffer[16];
    cr_assert_str_eq(evf__address_format(NULL, 0, buffer, sizeof buffer), "unknown");
}

Test(address, cuts_text_that_does_not_fit)
{
    char buffer[8] = "xxxxxxx";
    union evf__address address = ipv4("192.0.2.1", 80);
    cr_assert_str_eq(evf__address_format(&address.any, sizeof address.ipv4, buffer, 4), "192");
    cr_assert_eq(buffer[4], 'x');
    cr_assert_eq(evf__address_format(&address.any, sizeof address.ipv4, buffer, 0), buffer);
    cr_assert_eq(buffer[0], '1');
    socklen_t len = local(&address, "/path", 6);
    cr_assert_str_eq(evf__address_format(&address.any, len, buffer, sizeof buffer), "unix:/p");
}

/* -- mapped addresses -- */

Test(address, turns_mapped_ipv4_into_plain_and_leaves_the_rest)
{
    struct sockaddr_storage ret;
    socklen_t ret_len;
    union evf__address mapped = ipv6("::ffff:192.0.2.1", 80, 0), plain = ipv4("192.0.2.1", 80);
    evf__address_unmap(&mapped.any, sizeof mapped.ipv6, &ret, &ret_len);
    cr_assert_eq(ret_len, sizeof plain.ipv4);
    cr_assert_eq(memcmp(&ret, &plain.ipv4, ret_len), 0);

    evf__address_unmap(&plain.any, sizeof plain.ipv4, &ret, &ret_len);
    cr_assert_eq(ret_len, sizeof plain.ipv4);
    cr_assert_eq(memcmp(&ret, &plain.ipv4, ret_len), 0);

    union evf__address other = ipv6("::192.0.2.1", 80, 0);
    evf__address_unmap(&other.any, sizeof other.ipv6, &ret, &ret_len);
    cr_assert_eq(ret_len, sizeof other.ipv6);
    cr_assert_eq(memcmp(&ret, &other.ipv6, ret_len), 0);

    socklen_t len = local(&other, "/path", 6);
    evf__address_unmap(&other.any, len, &ret, &ret_len);
    cr_assert_eq(ret_len, len);
    cr_assert_eq(memcmp(&ret, &other.local, ret_len), 0);
}

Test(address, unmaps_in_place)
{
    union evf__address mapped = ipv6("::ffff:192.0.2.1", 80, 0);
    socklen_t len = sizeof mapped.ipv6;
    evf__address_unmap(&mapped.any, len, &mapped.storage, &len);
    expect_text(&mapped, len, "192.0.2.1:80");
}

Test(address, reads_ip_addresses)
{
    static const struct {
        const char *text;
        int family;
        uint32_t scope;
    } good[] = {
        { "192.0.2.1", AF_INET, 0 },    { "0.0.0.0", AF_INET, 0 },     { "::", AF_INET6, 0 },
        { "2001:db8::1", AF_INET6, 0 }, { "fe80::1%lo", AF_INET6, 1 }, { "fe80::1%7", AF_INET6, 7 },
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        union evf__address address;
        memset(&address, 0xff, sizeof address);
        cr_assert(evf__address_from_ip(good[i].text, &address), "%s", good[i].text);
        cr_assert_eq(address.any.sa_family, good[i].family, "%s", good[i].text);
        if (good[i].family == AF_INET) {
            cr_assert_eq(address.ipv4.sin_port, 0);
            cr_assert_eq(evf__address_ip_len(&address), sizeof address.ipv4);
            continue;
        }
        cr_assert_eq(address.ipv6.sin6_port, 0);
        cr_assert_eq(address.ipv6.sin6_scope_id, good[i].scope, "%s", good[i].text);
        cr_assert_eq(evf__address_ip_len(&address), sizeof address.ipv6);
    }
}

Test(address, reads_nothing_else_as_an_ip_address)
{
    static const char *const bad[] = { "",
                                       "1.2.3",
                                       "1.2.3.4 ",
                                       "1.2.3.256",
                                       "[::1]",
                                       "::1:80x",
                                       "fe80::1%",
                                       "fe80::1%0",
                                       "fe80::1%nowhere",
                                       "1.2.3.4%lo",
                                       "host",
                                       ":::",
                                       "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        union evf__address address, before;
        memset(&address, 0xa5, sizeof address);
        before = address;
        cr_assert_not(evf__address_from_ip(bad[i], &address), "%s", bad[i]);
        cr_assert_arr_eq((char *)&address, (char *)&before, sizeof address);
    }
}
