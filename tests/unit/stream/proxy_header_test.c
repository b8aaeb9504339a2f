/* SPDX-License-Identifier: MIT
 *
 * PROXY headers: what the specification gives as examples is read as it says, every part of one is
 * 'more', and everything that is not exactly right is refused. Random bytes are in
 * proxy_header_random_test.c.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/limits.h"
#include "proxy_bytes.h"
#include "stream/proxy_header.h"

static struct evf__proxy_header header;
static struct proxy_bytes made;

/* Reads from memory of exactly that size, so that a byte too far is seen. */
static enum evf__proxy_verdict read_exactly(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, len);
    enum evf__proxy_verdict verdict = evf__proxy_header_read(copy, len, &header);
    free(copy);
    return verdict;
}

static const char *text_of(const union evf__address *address, socklen_t len)
{
    static char text[2][256];
    static unsigned turn;
    turn = !turn;
    return evf__address_format(&address->any, len, text[turn], sizeof text[turn]);
}

/* A good header: all of it, also with data behind it, is; every part of it is not yet. */
static void accepts(const void *bytes, size_t len, unsigned version)
{
    uint8_t *longer = malloc(len + 64);
    cr_assert_not_null(longer);
    memcpy(longer, bytes, len);
    memset(longer + len, '\n', 64);
    for (size_t part = 0; part < len; part++) {
        cr_assert_eq(read_exactly(bytes, part), EVF__PROXY_MORE, "with %zu of %zu bytes: %s", part,
                     len, header.fault);
        cr_assert(header.len == 0 || header.len == len);
        cr_assert_eq(header.version, part < (version == 1 ? 6 : 12) ? 0 : version);
        cr_assert(!header.forwarded);
    }
    cr_assert_eq(read_exactly(longer, len + 64), EVF__PROXY_DONE, "with data: %s", header.fault);
    cr_assert_eq(header.len, len);
    cr_assert_eq(read_exactly(bytes, len), EVF__PROXY_DONE, "%s", header.fault);
    cr_assert_eq(header.len, len);
    cr_assert_eq(header.version, version);
    cr_assert_leq(header.tlvs, len);
    free(longer);
}

static void accepts_line(const char *line)
{
    accepts(line, strlen(line), 1);
}

static void is_from_to(const char *source, const char *destination)
{
    cr_assert(header.forwarded);
    cr_assert_str_eq(text_of(&header.source, header.source_len), source);
    cr_assert_str_eq(text_of(&header.destination, header.destination_len), destination);
}

static void refuses(const void *bytes, size_t len, const char *fault)
{
    cr_assert_eq(read_exactly(bytes, len), EVF__PROXY_BAD, "%.*s", (int)len, (const char *)bytes);
    cr_assert_not_null(strstr(header.fault, fault), "%s", header.fault);
}

static void refuses_line(const char *line, const char *fault)
{
    refuses(line, strlen(line), fault);
}

/* -- version 1 -- */

Test(proxy_header, of_version_1_names_ipv4_addresses)
{
    accepts_line("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
    is_from_to("192.168.0.1:56324", "192.168.0.11:443");
    accepts_line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n");
    is_from_to("255.255.255.255:65535", "255.255.255.255:65535");
    accepts_line("PROXY TCP4 0.0.0.0 1.2.3.4 0 1\r\n");
    is_from_to("0.0.0.0:0", "1.2.3.4:1");
}

Test(proxy_header, of_version_1_names_ipv6_addresses)
{
    accepts_line("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                 "FFFF:ffff:ffff:ffff:ffff:ffff:ffff:fffe 65535 65535\r\n");
    is_from_to("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
               "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:65535");
    accepts_line("PROXY TCP6 2001:db8::1 :: 1 2\r\n");
    is_from_to("[2001:db8::1]:1", "[::]:2");
    accepts_line("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 1 2\r\n");
    is_from_to("192.0.2.1:1", "198.51.100.2:2");
}

Test(proxy_header, of_version_1_may_be_unknown_with_anything_behind_it)
{
    accepts_line("PROXY UNKNOWN\r\n");
    cr_assert(!header.forwarded);
    accepts_line("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n");
    cr_assert_eq(header.len, 107);
    cr_assert(!header.forwarded);
    accepts_line("PROXY UNKNOWN \r\n");
    accepts_line("PROXY UNKNOWN \x01 one \r or \n two  \xff\r\n");
    refuses_line("PROXY UNKNOWNS\r\n", "follows UNKNOWN");
    refuses_line("PROXY UNKNOWN\n", "follows UNKNOWN");
    refuses_line("PROXY UNKNOWN\r\r\n", "follows UNKNOWN");
}

Test(proxy_header, of_version_1_has_its_crlf_within_107_bytes)
{
    char line[120];
    for (int filling = 80; filling < 100; filling++) {
        int len = snprintf(line, sizeof line, "PROXY UNKNOWN %0*d\r\n", filling, 0);
        if (len <= 107)
            accepts(line, (size_t)len, 1);
        else
            refuses(line, (size_t)len, "no CRLF within 107 bytes");
    }
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    cr_assert_eq(read_exactly(line, 106), EVF__PROXY_MORE);
    refuses(line, 107, "no CRLF within 107 bytes");
    memset(line, '1', sizeof line);
    memcpy(line, "PROXY TCP4 ", 11);
    cr_assert_eq(read_exactly(line, 106), EVF__PROXY_MORE);
    refuses(line, 107, "no CRLF within 107 bytes");
}

Test(proxy_header, of_version_1_with_a_wrong_field_is_refused)
{
    static const char *const lines[] = {
        "PROXY TCP4 256.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.02.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.300 1 2\r\n",
        "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2\r\n",
        "PROXY TCP4 192.0.2.1\r\n",
        "PROXY TCP4 \r\n",
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2  1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1  2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 99999\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 00\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 100000 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 a\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP6 ::1 192.0.2.2 1 2\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n",
        "PROXY TCP6 1::2::3 ::1 1 2\r\n",
        "PROXY TCP6 12345:: ::1 1 2\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7:8: ::1 1 2\r\n",
        "PROXY TCP6 ::ffff:192.0.2.256 ::1 1 2\r\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        refuses_line(lines[i], "canonical form");
}

Test(proxy_header, of_version_1_with_a_wrong_byte_is_refused_when_it_comes)
{
    refuses_line("PROXY TCP4 192.0.2.1\t", "none of an address");
    refuses_line("PROXY TCP4 192.0.2.1 192.0.2.2 -", "none of an address");
    refuses_line("PROXY TCP4 192.0.2.1 192.0.2.2 +", "none of an address");
    refuses_line("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "none of an address");
    refuses_line("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx", "none of an address");
    refuses_line("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r", "none of an address");
    refuses_line("PROXY TCP4 \n", "none of an address");
    refuses("PROXY TCP4 192.0.2.1\0", 21, "none of an address");
    refuses_line("PROXY TCP6 fe80::1%", "none of an address");
    refuses_line("PROXY TCP5", "its protocol");
    refuses_line("PROXY TCP4\r", "its protocol");
    refuses_line("PROXY tcp4 ", "its protocol");
    refuses_line("PROXY  TCP4", "its protocol");
    refuses_line("PROXY \r\n", "its protocol");
    refuses_line("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", "its protocol");
}

/* -- version 2 -- */

Test(proxy_header, of_version_2_names_ipv4_addresses)
{
    proxy_begin_tcp4(&made);
    accepts(made.at, made.len, 2);
    cr_assert_eq(header.len, 28);
    is_from_to("192.0.2.1:5000", "198.51.100.2:443");
}

Test(proxy_header, of_version_2_names_ipv6_addresses)
{
    proxy_begin(&made, V2_PROXY, TCP6);
    proxy_add(&made, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    proxy_add(&made, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x07", 16);
    proxy_add(&made, "\xff\xff\0\0", 4);
    proxy_measure(&made);
    accepts(made.at, made.len, 2);
    cr_assert_eq(header.len, 52);
    is_from_to("[2001:db8::1]:65535", "192.0.2.7:0");
}

Test(proxy_header, of_version_2_names_unix_addresses)
{
    char paths[216] = "/run/client";
    memset(paths + 108, 'p', 108);
    proxy_begin(&made, V2_PROXY, UNIX);
    proxy_add(&made, paths, sizeof paths);
    proxy_measure(&made);
    accepts(made.at, made.len, 2);
    cr_assert_eq(header.len, 232);
    cr_assert_str_eq(text_of(&header.source, header.source_len), "unix:/run/client");
    cr_assert_eq(header.destination_len, sizeof(struct sockaddr_un), "a path may fill its field");
    cr_assert_eq(memcmp(header.destination.local.sun_path, paths + 108, 108), 0);

    memset(paths, 0, sizeof paths);
    memcpy(paths + 108, "\0abstract", 9);
    memcpy(made.at + 16, paths, sizeof paths);
    accepts(made.at, made.len, 2);
    is_from_to("unix:", "unix:@abstract");
    cr_assert_eq(header.source_len, sizeof(sa_family_t), "it has no name");
}

Test(proxy_header, of_version_2_that_is_local_is_accepted_whatever_its_family_says)
{
    proxy_begin(&made, V2_LOCAL, UNSPEC);
    accepts(made.at, made.len, 2);
    cr_assert(!header.forwarded);
    for (unsigned family = 1; family < 256; family++) {
        proxy_begin(&made, V2_LOCAL, (uint8_t)family);
        proxy_add(&made, "\x03\xff\xff\xff\xff", 5);
        proxy_measure(&made);
        if (family >> 4 == 0)
            refuses(made.at, made.len, "a TLV is longer");
        else
            accepts(made.at, made.len, 2);
        cr_assert(!header.forwarded);
    }
    proxy_begin_tcp4(&made);
    made.at[12] = V2_LOCAL;
    accepts(made.at, made.len, 2);
    cr_assert(!header.forwarded, "the addresses are the connection's own");
}

Test(proxy_header, of_version_2_without_family_or_of_datagrams_leaves_the_addresses)
{
    static const uint8_t families[] = { 0x00, 0x01, 0x02, 0x10, 0x12, 0x20, 0x22, 0x30, 0x32 };
    static const size_t blocks[] = { 0, 12, 36, 216 };
    static const uint8_t zeros[216];
    for (size_t i = 0; i < sizeof families; i++) {
        proxy_begin(&made, V2_PROXY, families[i]);
        proxy_add(&made, zeros, blocks[families[i] >> 4]);
        proxy_measure(&made);
        proxy_add_tlv(&made, 0x01, "h2", 2);
        accepts(made.at, made.len, 2);
        cr_assert(!header.forwarded);
        cr_assert_eq(header.tlvs, made.len - 5);
    }
}

Test(proxy_header, of_version_2_with_an_unknown_value_is_refused_when_it_comes)
{
    for (unsigned command = 0; command < 256; command++) {
        proxy_begin(&made, (uint8_t)command, UNSPEC);
        if (command == V2_LOCAL || command == V2_PROXY)
            cr_assert_eq(read_exactly(made.at, 13), EVF__PROXY_MORE);
        else
            refuses(made.at, 13, command >> 4 != 2 ? "its version is not 2" : "its command");
    }
    for (unsigned family = 0; family < 256; family++) {
        proxy_begin(&made, V2_PROXY, (uint8_t)family);
        if (family >> 4 <= 3 && (family & 15) <= 2)
            cr_assert_eq(read_exactly(made.at, 14), EVF__PROXY_MORE);
        else
            refuses(made.at, 14, "its family or transport");
    }
}

Test(proxy_header, of_version_2_is_at_least_as_long_as_its_addresses)
{
    static const uint8_t families[] = { TCP4, UDP4, TCP6, UDP6, UNIX };
    static const size_t blocks[] = { 0, 12, 36, 216 };
    for (size_t i = 0; i < sizeof families; i++) {
        for (size_t len = 0; len < blocks[families[i] >> 4]; len++) {
            proxy_begin(&made, V2_PROXY, families[i]);
            made.at[15] = (uint8_t)len;
            refuses(made.at, 16, "below that of its addresses");
        }
    }
}

Test(proxy_header, of_version_2_has_at_most_4096_bytes)
{
    static const uint8_t zeros[4096];
    proxy_begin_tcp4(&made);
    proxy_add_tlv(&made, 0x04, zeros, EVF__PROXY_HEADER_MAX - 28 - 3);
    accepts(made.at, made.len, 2);
    proxy_begin_tcp4(&made);
    proxy_add_tlv(&made, 0x04, zeros, EVF__PROXY_HEADER_MAX - 28 - 2);
    refuses(made.at, 16, "longer than the 4096 bytes");
    memset(made.at + 14, 0xff, 2);
    refuses(made.at, 16, "longer than the 4096 bytes");
    made.at[12] = V2_LOCAL;
    refuses(made.at, 16, "longer than the 4096 bytes");
}

/* -- TLVs -- */

static void has_tlv(int type, unsigned index, uint8_t found, const void *value, size_t len)
{
    struct evf__proxy_tlv tlv;
    cr_assert(evf__proxy_header_tlv(made.at, header.tlvs, header.len, type, index, &tlv));
    cr_assert_eq(tlv.type, found);
    cr_assert_eq(tlv.len, len);
    cr_assert_eq(memcmp(tlv.value, value, len), 0);
}

static void has_no_tlv(int type, unsigned index)
{
    struct evf__proxy_tlv tlv;
    cr_assert(!evf__proxy_header_tlv(made.at, header.tlvs, header.len, type, index, &tlv));
}

Test(proxy_header, of_version_2_has_tlvs_of_every_registered_type)
{
    static const char ssl[] = "\x07\0\0\0\0"
                              "\x21\0\x07TLSv1.3"
                              "\x22\0\x0b"
                              "example.com"
                              "\x23\0\x16TLS_AES_256_GCM_SHA384";
    proxy_begin_tcp4(&made);
    proxy_add_tlv(&made, 0x01, "h2", 2);
    proxy_add_tlv(&made, 0x02, "www.example.com", 15);
    proxy_add_tlv(&made, 0x04, "\0\0\0", 3);
    proxy_add_tlv(&made, 0x05, "id-1", 4);
    proxy_add_tlv(&made, 0x20, ssl, sizeof ssl - 1);
    proxy_add_tlv(&made, 0x30, "blue", 4);
    proxy_add_tlv(&made, 0xea, "\x01vpce-1", 7);
    proxy_add_tlv(&made, 0x05, "", 0);
    proxy_seal(&made);
    accepts(made.at, made.len, 2);
    is_from_to("192.0.2.1:5000", "198.51.100.2:443");
    has_tlv(0x01, 0, 0x01, "h2", 2);
    has_tlv(0x02, 0, 0x02, "www.example.com", 15);
    has_tlv(0x04, 0, 0x04, "\0\0\0", 3);
    has_tlv(0x05, 0, 0x05, "id-1", 4);
    has_tlv(0x05, 1, 0x05, "", 0);
    has_tlv(0x20, 0, 0x20, ssl, sizeof ssl - 1);
    has_tlv(0x30, 0, 0x30, "blue", 4);
    has_tlv(0xea, 0, 0xea, "\x01vpce-1", 7);
    has_tlv(0x03, 0, 0x03, made.at + made.len - 4, 4);
    has_tlv(-1, 0, 0x01, "h2", 2);
    has_tlv(-1, 2, 0x05, "id-1", 4); /* NOOP is padding */
    has_tlv(-1, 7, 0x03, made.at + made.len - 4, 4);
    has_no_tlv(-1, 8);
    has_no_tlv(0x05, 2);
    has_no_tlv(0x21, 0); /* inside SSL */
}

Test(proxy_header, of_version_2_with_tlvs_that_do_not_fill_it_is_refused)
{
    for (size_t len = 1; len < 3; len++) {
        proxy_begin_tcp4(&made);
        proxy_add(&made, "\x04\0", len);
        proxy_measure(&made);
        refuses(made.at, made.len, "a TLV is longer");
    }
    for (int wrong = 1; wrong < 256; wrong++) {
        proxy_begin_tcp4(&made);
        proxy_add_tlv(&made, 0x05, "abc", 3);
        made.at[30] = (uint8_t)(3 + wrong);
        refuses(made.at, made.len, "a TLV is longer");
    }
    for (uint8_t len = 0; len < 3; len++) { /* what is left behind it is no TLV */
        proxy_begin_tcp4(&made);
        proxy_add_tlv(&made, 0x05, "xyz", 3);
        made.at[30] = len;
        refuses(made.at, made.len, "a TLV is longer");
    }
}

Test(proxy_header, of_version_2_with_a_checksum_is_refused_when_any_bit_is_wrong)
{
    proxy_begin_tcp4(&made);
    proxy_add_tlv(&made, 0x05, "id-1", 4);
    proxy_seal(&made);
    proxy_add_tlv(&made, 0x01, "h2", 2);
    proxy_put_crc(&made, 28 + 7 + 3);
    accepts(made.at, made.len, 2);
    for (size_t bit = 16 * 8; bit < made.len * 8; bit++) {
        made.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum evf__proxy_verdict verdict = read_exactly(made.at, made.len);
        bool away = bit / 8 == 28 + 7; /* its type: it is no checksum any more */
        cr_assert_eq(verdict, away ? EVF__PROXY_DONE : EVF__PROXY_BAD, "bit %zu", bit);
        made.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(proxy_header, of_version_2_has_one_checksum_of_four_bytes)
{
    for (size_t len = 0; len < 8; len++) {
        proxy_begin_tcp4(&made);
        proxy_add_tlv(&made, 0x03, "\0\0\0\0\0\0\0", len);
        refuses(made.at, made.len, len == 4 ? "checksum is wrong" : "not of 4 bytes");
    }
    proxy_begin_tcp4(&made);
    proxy_seal(&made);
    proxy_seal(&made);
    refuses(made.at, made.len, "more than one checksum");
}

Test(proxy_header, checksums_are_castagnolis)
{
    cr_assert_eq(evf__crc32c(0, "123456789", 9), 0xe3069283);
    cr_assert_eq(evf__crc32c(evf__crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
    cr_assert_eq(evf__crc32c(0, "", 0), 0);
}

/* -- neither -- */

Test(proxy_header, is_told_from_data_at_the_first_byte_that_differs)
{
    static const char line[] = "PROXY TCP4";
    char bytes[16];
    for (size_t at = 0; at < 6; at++) {
        memcpy(bytes, line, 6);
        bytes[at] ^= 1;
        cr_assert_eq(read_exactly(bytes, at + 1), EVF__PROXY_NONE);
        cr_assert_eq(read_exactly(bytes, at), EVF__PROXY_MORE);
        cr_assert_eq(header.version, 0);
    }
    for (size_t at = 0; at < 12; at++) {
        memcpy(bytes, PROXY_SIGNATURE, 12);
        bytes[at] ^= 1;
        cr_assert_eq(read_exactly(bytes, at + 1), EVF__PROXY_NONE);
        cr_assert_eq(read_exactly(bytes, at), EVF__PROXY_MORE);
        cr_assert_eq(header.version, 0);
    }
    cr_assert_eq(read_exactly("GET / HTTP/1.1\r\n", 16), EVF__PROXY_NONE);
    cr_assert_eq(read_exactly("\r\n\r\nGET", 7), EVF__PROXY_NONE);
}
