/* SPDX-License-Identifier: MIT
 *
 * Reading answers; see dns_answer.h. Nothing is allocated, and the work is bounded: so many
 * records, so many aliases, and a pointer inside a name leads backwards only.
 */
#include "loop/dns_answer.h"

#include <stdbool.h>
#include <string.h>

#include <evframe/base.h>

enum {
    HEADER_SIZE = 12,
    NAME_MAX_WIRE = 255,
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_AAAA = 28,
    CLASS_IN = 1,
    CODE_NONE = 0,
    CODE_NO_NAME = 3
};

struct packet {
    const uint8_t *bytes;
    size_t len;
};

/* Labels with their lengths, in lower case, pointers followed. */
struct wire_name {
    size_t len;
    uint8_t bytes[NAME_MAX_WIRE];
};

struct record {
    size_t owner; /* where its name stands */
    unsigned type, class;
    uint32_t ttl_ms;
    size_t data, data_len;
};

static unsigned read16(const struct packet *packet, size_t at)
{
    return (unsigned)packet->bytes[at] << 8 | packet->bytes[at + 1];
}

/* Seconds as ms, cut to an hour: also what has the top bit set, which counts as 0 (RFC 2181). */
static uint32_t read_ttl(const struct packet *packet, size_t at)
{
    uint32_t seconds = (uint32_t)read16(packet, at) << 16 | read16(packet, at + 2);
    if (seconds > INT32_MAX)
        return 0;
    return (seconds < EVF__DNS_TTL_MAX_S ? seconds : EVF__DNS_TTL_MAX_S) * 1000;
}

/* Steps over a name; 0 when it is cut short or no name. */
static size_t skip_name(const struct packet *packet, size_t at)
{
    while (at < packet->len) {
        unsigned len = packet->bytes[at];
        if (len == 0)
            return at + 1;
        if ((len & 0xc0) == 0xc0)
            return at + 2 <= packet->len ? at + 2 : 0;
        if ((len & 0xc0) != 0)
            return 0;
        at += 1 + len;
    }
    return 0;
}

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Reads a name, following pointers. False when it is none. */
static bool read_name(const struct packet *packet, size_t at, struct wire_name *ret)
{
    size_t lowest = at;
    ret->len = 0;
    while (at < packet->len) {
        unsigned len = packet->bytes[at];
        if ((len & 0xc0) == 0xc0) {
            if (at + 2 > packet->len)
                return false;
            at = read16(packet, at) & 0x3fff;
            if (at >= lowest)
                return false; /* forwards or in a circle */
            lowest = at;
            continue;
        }
        if ((len & 0xc0) != 0 || at + 1 + len > packet->len || ret->len + 1 + len > NAME_MAX_WIRE)
            return false;
        ret->bytes[ret->len++] = (uint8_t)len;
        if (len == 0)
            return true;
        for (unsigned i = 1; i <= len; i++)
            ret->bytes[ret->len++] = fold(packet->bytes[at + i]);
        at += 1 + len;
    }
    return false;
}

static bool same_name(const struct wire_name *a, const struct wire_name *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Reads the record at *at and steps over it; false when the packet ends before. */
static bool read_record(const struct packet *packet, size_t *at, struct record *ret)
{
    size_t end = skip_name(packet, *at);
    if (end == 0 || end + 10 > packet->len)
        return false;
    *ret = (struct record){ .owner = *at,
                            .type = read16(packet, end),
                            .class = read16(packet, end + 2),
                            .ttl_ms = read_ttl(packet, end + 4),
                            .data = end + 10,
                            .data_len = read16(packet, end + 8) };
    *at = ret->data + ret->data_len;
    return *at <= packet->len;
}

/* Records that lie one behind the other, each found to be whole. */
struct section {
    size_t at;
    unsigned count;
};

/* Measures the section of `count` records at *at and steps over it. False when it is cut short. */
static bool measure(const struct packet *packet, size_t *at, unsigned count, struct section *ret)
{
    struct record record;
    *ret = (struct section){ .at = *at, .count = count };
    if (count > EVF__DNS_RECORDS_MAX)
        ret->count = EVF__DNS_RECORDS_MAX;
    for (unsigned i = 0; i < ret->count; i++)
        if (!read_record(packet, at, &record))
            return false;
    return true;
}

/* Finds the section's next record of that type, owned by `owner` unless that is NULL, and cuts the
 * section down to what stands behind it. */
static bool take_record(const struct packet *packet, struct section *section, unsigned type,
                        const struct wire_name *owner, struct record *ret)
{
    struct wire_name name;
    while (section->count > 0) {
        section->count--;
        if (!read_record(packet, &section->at, ret))
            return false;
        if (ret->type == type && ret->class == CLASS_IN &&
            (owner == NULL || (read_name(packet, ret->owner, &name) && same_name(&name, owner))))
            return true;
    }
    return false;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Follows the aliases of `name` to the end of the chain; *ttl_ms becomes the least of theirs. False
 * for a chain that is broken, or too long. */
static bool follow_aliases(const struct packet *packet, const struct section *answers,
                           struct wire_name *name, uint32_t *ttl_ms)
{
    struct record record;
    for (unsigned hops = 0; hops <= EVF__DNS_ALIASES_MAX; hops++) {
        struct section rest = *answers;
        if (!take_record(packet, &rest, TYPE_CNAME, name, &record))
            return true;
        *ttl_ms = least(*ttl_ms, record.ttl_ms);
        if (!read_name(packet, record.data, name))
            return false;
    }
    return false;
}

static void collect_addresses(const struct packet *packet, struct section answers, int family,
                              const struct wire_name *owner, struct evf__dns_answer *ret)
{
    struct record record;
    unsigned type = family == AF_INET ? TYPE_A : TYPE_AAAA;
    size_t size = family == AF_INET ? 4 : 16;
    while (ret->count < EVF__ADDRESSES_MAX && take_record(packet, &answers, type, owner, &record)) {
        if (record.data_len != size)
            continue;
        memcpy(ret->addresses[ret->count++], packet->bytes + record.data, size);
        ret->ttl_ms = least(ret->ttl_ms, record.ttl_ms);
    }
}

/* How long it holds that there is nothing: the lesser of the SOA's own time and its last field. 0
 * without an SOA. */
static uint32_t negative_ttl(const struct packet *packet, struct section authority)
{
    struct record record;
    if (!take_record(packet, &authority, TYPE_SOA, NULL, &record))
        return 0;
    size_t end = skip_name(packet, record.data);
    end = end != 0 ? skip_name(packet, end) : 0;
    if (end == 0 || end + 20 > record.data + record.data_len)
        return 0;
    return least(EVF__DNS_NEGATIVE_TTL_MAX_S * 1000,
                 least(record.ttl_ms, read_ttl(packet, end + 16)));
}

/* Reads all but the header's code; false when something is malformed. */
static bool read_sections(const struct packet *packet, int family, struct evf__dns_answer *ret)
{
    struct section answers, authority;
    struct wire_name name;
    size_t at = skip_name(packet, HEADER_SIZE);
    if (at == 0 || at + 4 > packet->len || !read_name(packet, HEADER_SIZE, &name))
        return false;
    at += 4;
    unsigned answer_count = read16(packet, 6);
    if (!measure(packet, &at, answer_count, &answers))
        return false;
    unsigned authority_count = answers.count == answer_count ? read16(packet, 8) : 0;
    if (!measure(packet, &at, authority_count, &authority) ||
        !follow_aliases(packet, &answers, &name, &ret->ttl_ms))
        return false;
    collect_addresses(packet, answers, family, &name, ret);
    if (ret->count == 0)
        ret->ttl_ms = least(ret->ttl_ms, negative_ttl(packet, authority));
    return true;
}

void evf__dns_answer_read(const uint8_t *bytes, size_t len, int family, struct evf__dns_answer *ret)
{
    struct packet packet = { .bytes = bytes, .len = len };
    ret->status = EVF_EDNS;
    ret->ttl_ms = UINT32_MAX;
    ret->count = 0;
    bool response = len >= HEADER_SIZE && (bytes[2] & 0x80) != 0 && read16(&packet, 4) == 1;
    unsigned code = response ? bytes[3] & 0x0f : CODE_NONE;
    if (response && (code == CODE_NONE || code == CODE_NO_NAME) &&
        read_sections(&packet, family, ret)) {
        if (code == CODE_NO_NAME)
            ret->status = EVF_ENONAME;
        else
            ret->status = ret->count > 0 ? 0 : EVF_ENOADDRESS;
    }
    if (ret->status != 0)
        ret->count = 0;
    if (ret->status == EVF_EDNS)
        ret->ttl_ms = 0;
}
