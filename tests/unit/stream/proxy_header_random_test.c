/* SPDX-License-Identifier: MIT
 *
 * A million random PROXY headers and no headers: nothing is accepted that a second, slow and simple
 * reading of the specification refuses, and nothing refused that it accepts. What was decided once
 * is never decided otherwise by the bytes that follow.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "proxy_bytes.h"
#include "stream/proxy_header.h"

/* -- the second reading: how long the header at the front is; 0 when there is no good one -- */

/* IPv4 has one canonical text: writing it anew must give it back. */
static bool plain_v4(const char *text)
{
    unsigned part[4];
    char again[64];
    if (sscanf(text, "%3u.%3u.%3u.%3u", &part[0], &part[1], &part[2], &part[3]) != 4)
        return false;
    snprintf(again, sizeof again, "%u.%u.%u.%u", part[0], part[1], part[2], part[3]);
    return strcmp(again, text) == 0 && part[0] < 256 && part[1] < 256 && part[2] < 256 &&
           part[3] < 256;
}

/* Groups of one to four digits between colons, eight of them or less with one "::"; the last two
 * may be an IPv4 address. */
static bool plain_v6(const char *text)
{
    unsigned groups = 0;
    bool gap = false;
    const char *at = text;
    if (strncmp(at, "::", 2) == 0) {
        gap = true;
        at += 2;
    }
    while (*at != '\0') {
        size_t digits = strspn(at, "0123456789abcdefABCDEF");
        if (at[digits] == '.') {
            if (!plain_v4(at))
                return false;
            groups += 2;
            break;
        }
        if (digits < 1 || digits > 4)
            return false;
        groups++;
        at += digits;
        if (*at == '\0')
            break;
        if (*at != ':')
            return false;
        at++;
        if (*at == ':' && gap)
            return false;
        if (*at == ':') {
            gap = true;
            at++;
        } else if (*at == '\0') {
            return false;
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

static bool plain_port(const char *text)
{
    char again[16];
    unsigned long port = strtoul(text, NULL, 10);
    snprintf(again, sizeof again, "%lu", port);
    return port < 65536 && strcmp(again, text) == 0;
}

static size_t plain_line(const uint8_t *bytes, size_t len)
{
    char line[108] = "", protocol[8], source[64], destination[64], port[2][16], again[256];
    const uint8_t *end = memmem(bytes, len < 107 ? len : 107, "\r\n", 2);
    if (end == NULL)
        return 0;
    size_t line_len = (size_t)(end - bytes);
    memcpy(line, bytes, line_len);
    if (line_len >= 13 && memcmp(line, "PROXY UNKNOWN", 13) == 0 &&
        (line_len == 13 || line[13] == ' '))
        return line_len + 2;
    if (strlen(line) != line_len)
        return 0;
    if (sscanf(line, "PROXY %4s %63s %63s %15s %15s", protocol, source, destination, port[0],
               port[1]) != 5)
        return 0;
    snprintf(again, sizeof again, "PROXY %s %s %s %s %s", protocol, source, destination, port[0],
             port[1]);
    if (strcmp(again, line) != 0 || !plain_port(port[0]) || !plain_port(port[1]))
        return 0;
    bool v4 = strcmp(protocol, "TCP4") == 0 && plain_v4(source) && plain_v4(destination);
    bool v6 = strcmp(protocol, "TCP6") == 0 && plain_v6(source) && plain_v6(destination);
    return v4 || v6 ? line_len + 2 : 0;
}

static size_t plain_binary(const uint8_t *bytes, size_t len)
{
    static const size_t blocks[] = { 0, 12, 36, 216 };
    uint8_t copy[4096];
    if (len < 16 || (bytes[12] != 0x20 && bytes[12] != 0x21))
        return 0;
    size_t total = 16 + bytes[14] * 256u + bytes[15], at = 16;
    unsigned family = bytes[13] / 16, transport = bytes[13] % 16, checksums = 0;
    if (total > 4096 || total > len)
        return 0;
    if (bytes[12] == 0x20 && family != 0)
        return total;
    if (bytes[12] == 0x21 && (family > 3 || transport > 2))
        return 0;
    at += blocks[family];
    while (at + 3 <= total) {
        size_t value = bytes[at + 1] * 256u + bytes[at + 2];
        if (bytes[at] == 3) {
            if (value != 4 || at + 7 > total)
                return 0;
            memcpy(copy, bytes, total);
            memset(copy + at + 3, 0, 4);
            uint32_t told = (uint32_t)bytes[at + 3] << 24 | (uint32_t)bytes[at + 4] << 16 |
                            (uint32_t)bytes[at + 5] << 8 | bytes[at + 6];
            if (proxy_crc(copy, total) != told)
                return 0;
            checksums++;
        }
        at += 3 + value;
    }
    return at == total && checksums <= 1 ? total : 0;
}

static size_t plain_reading(const uint8_t *bytes, size_t len)
{
    if (len >= 6 && memcmp(bytes, "PROXY ", 6) == 0)
        return plain_line(bytes, len);
    if (len >= 12 && memcmp(bytes, PROXY_SIGNATURE, 12) == 0)
        return plain_binary(bytes, len);
    return 0;
}

/* -- inputs -- */

static struct random chance;

static void add_random(struct proxy_bytes *input, size_t len)
{
    for (size_t i = 0; i < len; i++)
        input->at[input->len++] = (uint8_t)random_next(&chance);
}

static void make_line(struct proxy_bytes *input)
{
    static const char *const protocols[] = { "TCP4", "TCP4", "TCP6", "TCP6", "UNKNOWN", "TCP" };
    static const char *const tails[] = { "\r\n", "\r\n", "\r\n", "\n", "\r", "" };
    char text[2][64], line[256];
    const char *protocol = protocols[random_below(&chance, 6)];
    int family = strcmp(protocol, "TCP6") == 0 ? AF_INET6 : AF_INET;
    for (int i = 0; i < 2; i++) {
        uint8_t address[16];
        for (size_t j = 0; j < sizeof address; j++)
            address[j] = random_below(&chance, 3) == 0 ? (uint8_t)random_next(&chance) : 0;
        inet_ntop(family, address, text[i], sizeof text[i]);
    }
    int len = snprintf(line, sizeof line, "PROXY %s %s %s %u %u%s", protocol, text[0], text[1],
                       (unsigned)random_below(&chance, 70000),
                       (unsigned)random_below(&chance, 70000), tails[random_below(&chance, 6)]);
    proxy_add(input, line, (size_t)len);
}

static void make_binary(struct proxy_bytes *input)
{
    static const uint8_t families[] = { UNSPEC, TCP4, TCP4, UDP4, TCP6, TCP6, UDP6, UNIX };
    static const size_t blocks[] = { 0, 12, 36, 216 };
    uint8_t family = families[random_below(&chance, 8)];
    proxy_begin(input, random_below(&chance, 8) == 0 ? V2_LOCAL : V2_PROXY, family);
    add_random(input, blocks[family >> 4]);
    proxy_measure(input);
    for (uint64_t tlvs = random_below(&chance, 4); tlvs > 0; tlvs--) {
        uint8_t value[64] = { (uint8_t)random_next(&chance) };
        uint8_t type = (uint8_t)random_below(&chance, 48);
        proxy_add_tlv(input, type == 3 ? 4 : type, value, random_below(&chance, sizeof value));
    }
    if (random_below(&chance, 3) == 0)
        proxy_seal(input);
}

/* Changes a few bytes: to anything, to a neighbour, to what stands elsewhere; cuts and doubles. */
static void spoil(struct proxy_bytes *input)
{
    static const char likely[] = " \r\n0159.:afxPROXYTCP46UNKNOW\x20\x21\x03";
    for (uint64_t changes = random_below(&chance, 4); changes > 0 && input->len > 0; changes--) {
        size_t at = random_below(&chance, input->len);
        switch (random_below(&chance, 6)) {
        case 0:
            input->at[at] = (uint8_t)random_next(&chance);
            break;
        case 1:
            input->at[at] ^= (uint8_t)(1 << random_below(&chance, 8));
            break;
        case 2:
            input->at[at] = (uint8_t)likely[random_below(&chance, sizeof likely - 1)];
            break;
        case 3:
            memmove(input->at + at, input->at + at + 1, --input->len - at);
            break;
        case 4:
            memmove(input->at + at + 1, input->at + at, input->len++ - at);
            break;
        default:
            input->len = at;
        }
    }
}

static void make(struct proxy_bytes *input)
{
    static const char *const begins[] = { "PROXY ", "PROXY TCP4 ", "PROXY UNKNOWN", "\r\n\r\n", "",
                                          "" };
    input->len = 0;
    switch (random_below(&chance, 8)) {
    case 0: {
        const char *begin = begins[random_below(&chance, 6)];
        proxy_add(input, begin, strlen(begin));
        add_random(input, random_below(&chance, 128));
        break;
    }
    case 1:
        proxy_add(input, PROXY_SIGNATURE "\x21\x11", random_below(&chance, 15));
        add_random(input, random_below(&chance, 64));
        break;
    case 2:
    case 3:
    case 4:
        make_line(input);
        spoil(input);
        break;
    default:
        make_binary(input);
        spoil(input);
    }
    if (random_below(&chance, 4) == 0)
        add_random(input, random_below(&chance, 40));
}

/* Once decided, always decided the same way. */
static void decides_once(const struct proxy_bytes *input)
{
    struct evf__proxy_header header;
    enum evf__proxy_verdict before = EVF__PROXY_MORE;
    for (size_t len = 0; len <= input->len; len++) {
        enum evf__proxy_verdict verdict = evf__proxy_header_read(input->at, len, &header);
        cr_assert(before == EVF__PROXY_MORE || verdict == before, "decided anew at %zu", len);
        before = verdict;
    }
}

Test(proxy_header_random, is_accepted_when_and_only_when_a_plain_reading_accepts_it)
{
    static struct proxy_bytes input;
    struct evf__proxy_header header;
    unsigned long counts[4] = { 0 };
    chance = random_start();
    for (unsigned i = 0; i < 1200000; i++) {
        make(&input);
        /* At the end of memory of exactly that size. */
        uint8_t *exact = malloc(input.len > 0 ? input.len : 1);
        memcpy(exact, input.at, input.len);
        enum evf__proxy_verdict verdict = evf__proxy_header_read(exact, input.len, &header);
        free(exact);
        size_t expected = plain_reading(input.at, input.len);
        size_t accepted = verdict == EVF__PROXY_DONE ? header.len : 0;
        cr_assert_eq(accepted, expected, "input %u: %zu bytes accepted instead of %zu: %.*s", i,
                     accepted, expected, (int)input.len, (const char *)input.at);
        cr_assert((verdict == EVF__PROXY_BAD) == (header.fault != NULL));
        if (i % 64 == 0)
            decides_once(&input);
        counts[verdict]++;
    }
    /* The inputs are of all kinds, or the test says little. */
    for (int i = 0; i < 4; i++)
        cr_assert_gt(counts[i], 20000, "verdict %d: %lu", i, counts[i]);
}
