/* SPDX-License-Identifier: MIT
 *
 * Reading PROXY headers. See proxy_header.h.
 *
 * Strict, because what is accepted here decides who a peer is: a version 1 line has single spaces
 * and canonical numbers, a version 2 header known values only, and its TLVs fill it exactly. Where
 * the specification leaves the choice, the header is accepted and the connection's own addresses
 * hold: UNSPEC, and datagrams, which no stream was made of. LOCAL is accepted whatever its family
 * says, as the specification demands.
 *
 * What is malformed is said as soon as it is seen, so that the sender gets to know.
 */
#include "stream/proxy_header.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/limits.h"

enum {
    LINE_LEN_MAX = 107, /* of version 1, CRLF included */

    /* Version 2: signature, version and command, family and transport, length; then the block. */
    SIGNATURE_LEN = 12,
    FIXED_LEN = 16,
    IPV4_BLOCK = 12,
    IPV6_BLOCK = 36,
    UNIX_BLOCK = 216,
    UNIX_PATH = 108,
    TLV_HEAD = 3,

    LOCAL = 0,
    PROXY = 1,
    UNSPEC = 0,
    INET = 1,
    INET6 = 2,
    UNIX = 3,
    STREAM = 1,
    DGRAM = 2,
    TYPE_CRC32C = 3,
    TYPE_NOOP = 4,
    CRC32C_LEN = 4,
};
_Static_assert(UNIX_PATH == sizeof(((struct sockaddr_un *)0)->sun_path), "paths are copied whole");
_Static_assert(EVF__PROXY_HEADER_MAX == 4096, "the sentence below says so");

static const char first_word[] = "PROXY ";
static const uint8_t signature[SIGNATURE_LEN] = { '\r', '\n', '\r', '\n', 0,   '\r',
                                                  '\n', 'Q',  'U',  'I',  'T', '\n' };

static enum evf__proxy_verdict bad(struct evf__proxy_header *ret, const char *fault)
{
    ret->fault = fault;
    return EVF__PROXY_BAD;
}

/* True when the bytes begin as `what` does, as far as both go. */
static bool agrees(const uint8_t *bytes, size_t len, const void *what, size_t what_len)
{
    return memcmp(bytes, what, len < what_len ? len : what_len) == 0;
}

static void unmap(union evf__address *address, socklen_t *len)
{
    evf__address_unmap(&address->any, *len, &address->storage, len);
}

/* -- version 1 -- */

/* A decimal number 0 to 65535 without leading zeros, in network order. */
static bool read_port(const char *text, in_port_t *ret)
{
    unsigned port = 0;
    size_t len = strlen(text);
    if (len < 1 || len > 5 || strspn(text, "0123456789") != len || (text[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++)
        port = port * 10 + (unsigned)(text[i] - '0');
    *ret = htons((uint16_t)port);
    return port <= UINT16_MAX;
}

static bool read_end(int family, const char *text, const char *port, union evf__address *ret,
                     socklen_t *ret_len)
{
    *ret = (union evf__address){ .storage = { .ss_family = (sa_family_t)family } };
    *ret_len = family == AF_INET ? sizeof ret->ipv4 : sizeof ret->ipv6;
    bool good = false;
    if (family == AF_INET)
        good = inet_pton(AF_INET, text, &ret->ipv4.sin_addr) == 1 &&
               read_port(port, &ret->ipv4.sin_port);
    else
        good = inet_pton(AF_INET6, text, &ret->ipv6.sin6_addr) == 1 &&
               read_port(port, &ret->ipv6.sin6_port);
    unmap(ret, ret_len);
    return good;
}

/* Ends the word at its space; what follows that, "" when there is none. */
static char *cut_word(char *word)
{
    char *space = strchr(word, ' ');
    if (space == NULL)
        return word + strlen(word);
    *space = '\0';
    return space + 1;
}

/* The addresses of a line between its protocol and its CRLF. */
static enum evf__proxy_verdict read_ends(int family, const uint8_t *bytes, size_t len,
                                         struct evf__proxy_header *ret)
{
    char text[LINE_LEN_MAX + 1];
    memcpy(text, bytes, len);
    text[len] = '\0';
    char *source = text;
    char *destination = cut_word(source);
    char *source_port = cut_word(destination);
    char *destination_port = cut_word(source_port);
    if (!read_end(family, source, source_port, &ret->source, &ret->source_len) ||
        !read_end(family, destination, destination_port, &ret->destination, &ret->destination_len))
        return bad(ret, "an address or a port is not in its canonical form");
    ret->forwarded = true;
    return EVF__PROXY_DONE;
}

/* The bytes up to the first CRLF and with it; 0 when there is none. */
static size_t line_len(const uint8_t *bytes, size_t len)
{
    for (size_t i = 1; i < len; i++)
        if (bytes[i - 1] == '\r' && bytes[i] == '\n')
            return i + 1;
    return 0;
}

/* True when a byte cannot stand in addresses, ports and CRLF, or CR and LF do not stand together.
 */
static bool has_stray(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\0' || strchr("0123456789abcdefABCDEF:. \r\n", bytes[i]) == NULL)
            return true;
        bool after_cr = i > 0 && bytes[i - 1] == '\r';
        if (after_cr != (bytes[i] == '\n'))
            return true;
    }
    return false;
}

static enum evf__proxy_verdict read_tcp(int family, const uint8_t *bytes, size_t len, size_t at,
                                        struct evf__proxy_header *ret)
{
    size_t end = ret->len > 0 ? ret->len : len;
    if (has_stray(bytes + at, end - at))
        return bad(ret, "a byte can be none of an address, a port or CRLF");
    if (ret->len == 0)
        return EVF__PROXY_MORE;
    return read_ends(family, bytes + at, ret->len - at - 2, ret);
}

/* What follows UNKNOWN is ignored up to the CRLF. */
static enum evf__proxy_verdict read_unknown(const uint8_t *bytes, size_t len, size_t at,
                                            struct evf__proxy_header *ret)
{
    if (len > at && bytes[at] != ' ' && !agrees(bytes + at, len - at, "\r\n", 2))
        return bad(ret, "neither a space nor CRLF follows UNKNOWN");
    return ret->len > 0 ? EVF__PROXY_DONE : EVF__PROXY_MORE;
}

static enum evf__proxy_verdict read_line(const uint8_t *bytes, size_t len,
                                         struct evf__proxy_header *ret)
{
    static const struct {
        const char *text;
        int family;
    } protocols[] = { { "TCP4 ", AF_INET }, { "TCP6 ", AF_INET6 }, { "UNKNOWN", AF_UNSPEC } };
    size_t at = sizeof first_word - 1, seen = len < LINE_LEN_MAX ? len : LINE_LEN_MAX;
    ret->version = 1;
    ret->len = line_len(bytes, seen);
    ret->tlvs = ret->len;
    if (ret->len == 0 && len >= LINE_LEN_MAX)
        return bad(ret, "its line has no CRLF within 107 bytes");
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        size_t word_len = strlen(protocols[i].text);
        if (!agrees(bytes + at, seen - at, protocols[i].text, word_len))
            continue;
        if (seen < at + word_len)
            return EVF__PROXY_MORE;
        if (protocols[i].family == AF_UNSPEC)
            return read_unknown(bytes, seen, at + word_len, ret);
        return read_tcp(protocols[i].family, bytes, seen, at + word_len, ret);
    }
    return bad(ret, "its protocol is none of TCP4, TCP6 and UNKNOWN");
}

/* -- version 2 -- */

static size_t read_16(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

static uint32_t read_32(const uint8_t *bytes)
{
    return (uint32_t)read_16(bytes) << 16 | (uint32_t)read_16(bytes + 2);
}

/* How long the addresses of a family are. */
static size_t block_len(unsigned family)
{
    static const size_t lens[] = { [INET] = IPV4_BLOCK, [INET6] = IPV6_BLOCK, [UNIX] = UNIX_BLOCK };
    return lens[family];
}

/* The checksum of the header with its own field, at `at`, taken for zero. */
static uint32_t checksum(const uint8_t *bytes, size_t len, size_t at)
{
    static const uint8_t zero[CRC32C_LEN];
    uint32_t crc = evf__crc32c(0, bytes, at);
    crc = evf__crc32c(crc, zero, sizeof zero);
    return evf__crc32c(crc, bytes + at + sizeof zero, len - at - sizeof zero);
}

/* NULL when the TLVs fill the header exactly and its checksum, if any, is right. */
static const char *fault_of_tlvs(const uint8_t *bytes, size_t at, size_t len)
{
    size_t checksum_at = 0;
    while (at < len) {
        if (len - at < TLV_HEAD || len - at - TLV_HEAD < read_16(bytes + at + 1))
            return "a TLV is longer than what is left of the header";
        size_t value_len = read_16(bytes + at + 1);
        if (bytes[at] == TYPE_CRC32C) {
            if (value_len != CRC32C_LEN || checksum_at != 0)
                return "it has more than one checksum, or one that is not of 4 bytes";
            checksum_at = at + TLV_HEAD;
        }
        at += TLV_HEAD + value_len;
    }
    if (checksum_at != 0 && checksum(bytes, len, checksum_at) != read_32(bytes + checksum_at))
        return "its checksum is wrong";
    return NULL;
}

static void take_ip(int family, const uint8_t *address, const uint8_t *port,
                    union evf__address *ret, socklen_t *ret_len)
{
    *ret = (union evf__address){ .storage = { .ss_family = (sa_family_t)family } };
    if (family == AF_INET) {
        memcpy(&ret->ipv4.sin_addr, address, sizeof ret->ipv4.sin_addr);
        memcpy(&ret->ipv4.sin_port, port, sizeof ret->ipv4.sin_port);
        *ret_len = sizeof ret->ipv4;
    } else {
        memcpy(&ret->ipv6.sin6_addr, address, sizeof ret->ipv6.sin6_addr);
        memcpy(&ret->ipv6.sin6_port, port, sizeof ret->ipv6.sin6_port);
        *ret_len = sizeof ret->ipv6;
    }
    unmap(ret, ret_len);
}

/* A path ends at its first zero byte; an abstract name, which begins with one, at its last other.
 */
static void take_unix(const uint8_t *path, union evf__address *ret, socklen_t *ret_len)
{
    size_t len = path[0] != 0 ? strnlen((const char *)path, UNIX_PATH) : UNIX_PATH;
    while (len > 0 && path[len - 1] == 0)
        len--;
    *ret = (union evf__address){ .storage = { .ss_family = AF_UNIX } };
    memcpy(ret->local.sun_path, path, len);
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void take_block(unsigned family, const uint8_t *block, struct evf__proxy_header *ret)
{
    ret->forwarded = true;
    if (family == UNIX) {
        take_unix(block, &ret->source, &ret->source_len);
        take_unix(block + UNIX_PATH, &ret->destination, &ret->destination_len);
        return;
    }
    int kind = family == INET ? AF_INET : AF_INET6;
    size_t one = family == INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
    const uint8_t *ports = block + 2 * one;
    take_ip(kind, block, ports, &ret->source, &ret->source_len);
    take_ip(kind, block + one, ports + 2, &ret->destination, &ret->destination_len);
}

/* What the fixed part says, as far as it has come; sets the length. NULL when nothing is wrong. */
static const char *fault_of_fixed(const uint8_t *bytes, size_t len, struct evf__proxy_header *ret)
{
    if (len > SIGNATURE_LEN && bytes[SIGNATURE_LEN] >> 4 != 2)
        return "its version is not 2";
    if (len > SIGNATURE_LEN && (bytes[SIGNATURE_LEN] & 15) > PROXY)
        return "its command is neither LOCAL nor PROXY";
    bool local = len > SIGNATURE_LEN && (bytes[SIGNATURE_LEN] & 15) == LOCAL;
    unsigned kind = len > SIGNATURE_LEN + 1 ? bytes[SIGNATURE_LEN + 1] : 0;
    if (!local && (kind >> 4 > UNIX || (kind & 15) > DGRAM))
        return "its family or transport is not one of the specification";
    if (len < FIXED_LEN)
        return NULL;
    ret->len = FIXED_LEN + read_16(bytes + SIGNATURE_LEN + 2);
    if (ret->len > EVF__PROXY_HEADER_MAX)
        return "it is longer than the 4096 bytes that are taken";
    if (!local && ret->len < FIXED_LEN + block_len(kind >> 4))
        return "its length is below that of its addresses";
    return NULL;
}

static enum evf__proxy_verdict read_binary(const uint8_t *bytes, size_t len,
                                           struct evf__proxy_header *ret)
{
    ret->version = 2;
    const char *fault = fault_of_fixed(bytes, len, ret);
    if (fault != NULL)
        return bad(ret, fault);
    if (len < FIXED_LEN || len < ret->len)
        return EVF__PROXY_MORE;
    bool local = (bytes[SIGNATURE_LEN] & 15) == LOCAL;
    unsigned family = bytes[SIGNATURE_LEN + 1] >> 4, transport = bytes[SIGNATURE_LEN + 1] & 15;
    if (local && family != UNSPEC) {
        ret->tlvs =
            ret->len; /* the block and its family are nobody's: where TLVs are is not known */
        return EVF__PROXY_DONE;
    }
    ret->tlvs = FIXED_LEN + block_len(family);
    fault = fault_of_tlvs(bytes, ret->tlvs, ret->len);
    if (fault != NULL)
        return bad(ret, fault);
    if (family != UNSPEC && transport == STREAM)
        take_block(family, bytes + FIXED_LEN, ret);
    return EVF__PROXY_DONE;
}

/* -- both -- */

enum evf__proxy_verdict evf__proxy_header_read(const uint8_t *bytes, size_t len,
                                               struct evf__proxy_header *ret)
{
    *ret = (struct evf__proxy_header){ 0 };
    if (len == 0)
        return EVF__PROXY_MORE;
    if (agrees(bytes, len, first_word, sizeof first_word - 1))
        return len < sizeof first_word - 1 ? EVF__PROXY_MORE : read_line(bytes, len, ret);
    if (agrees(bytes, len, signature, sizeof signature))
        return len < sizeof signature ? EVF__PROXY_MORE : read_binary(bytes, len, ret);
    return EVF__PROXY_NONE;
}

bool evf__proxy_header_tlv(const uint8_t *bytes, size_t at, size_t len, int type, unsigned index,
                           struct evf__proxy_tlv *ret)
{
    while (at < len) {
        struct evf__proxy_tlv tlv = { bytes[at], bytes + at + TLV_HEAD, read_16(bytes + at + 1) };
        bool asked = type < 0 ? tlv.type != TYPE_NOOP : tlv.type == type;
        if (asked && index-- == 0) {
            *ret = tlv;
            return true;
        }
        at += TLV_HEAD + tlv.len;
    }
    return false;
}
