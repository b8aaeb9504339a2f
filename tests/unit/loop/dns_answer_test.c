/* SPDX-License-Identifier: MIT
 *
 * Reading answers of name servers: what they say, and what must not matter. Packets lie in memory
 * of just their size, so that AddressSanitizer sees every byte that is read beyond them.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/base.h>

#include "../random.h"
#include "loop/dns_answer.h"

enum { A = 1, CNAME = 5, SOA = 6, TXT = 16, AAAA = 28, SIZE = 65535 };

static uint8_t packet[SIZE];
static size_t len;
static struct evf__dns_answer answer;

static void put8(unsigned value)
{
    packet[len++] = (uint8_t)value;
}

static void put16(unsigned value)
{
    put8(value >> 8);
    put8(value & 0xff);
}

static void put32(uint32_t value)
{
    put16(value >> 16);
    put16(value & 0xffff);
}

/* a.b as labels; "" is the root. "@12" is a pointer. */
static void put_name(const char *name)
{
    if (name[0] == '@') {
        put16(0xc000u | (unsigned)atoi(name + 1));
        return;
    }
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        put8((unsigned)label);
        memcpy(packet + len, name, label);
        len += label;
        name += label + (name[label] == '.');
    }
    put8(0);
}

static void count_record(unsigned at)
{
    unsigned count = (unsigned)packet[at] << 8 | packet[at + 1];
    packet[at] = (uint8_t)((count + 1) >> 8);
    packet[at + 1] = (uint8_t)(count + 1);
}

static void begin(unsigned code, const char *name, unsigned type)
{
    len = 0;
    put16(0x1234);
    put16(0x8180 | code);
    put16(1);
    put16(0);
    put16(0);
    put16(0);
    put_name(name);
    put16(type);
    put16(1);
}

static size_t begin_record(unsigned section, const char *owner, unsigned type, uint32_t ttl)
{
    count_record(section);
    put_name(owner);
    put16(type);
    put16(1);
    put32(ttl);
    put16(0);
    return len;
}

static void end_record(size_t data)
{
    packet[data - 2] = (uint8_t)((len - data) >> 8);
    packet[data - 1] = (uint8_t)(len - data);
}

static void add_address(const char *owner, uint32_t ttl, unsigned last)
{
    size_t data = begin_record(6, owner, A, ttl);
    put32(0x0a000000 | last);
    end_record(data);
}

static void add_alias(const char *owner, uint32_t ttl, const char *to)
{
    size_t data = begin_record(6, owner, CNAME, ttl);
    put_name(to);
    end_record(data);
}

static void add_soa(uint32_t ttl, uint32_t minimum)
{
    size_t data = begin_record(8, "test", SOA, ttl);
    put_name("ns.test");
    put_name("admin.test");
    for (unsigned i = 0; i < 4; i++)
        put32(i);
    put32(minimum);
    end_record(data);
}

/* Reads the first `size` bytes of the packet. */
static void read_part(size_t size, int family)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    cr_assert_not_null(copy);
    memcpy(copy, packet, size);
    evf__dns_answer_read(copy, size, family, &answer);
    free(copy);
}

static void read_packet(void)
{
    read_part(len, AF_INET);
}

static void expect(int status, uint32_t ttl_ms, size_t count)
{
    cr_assert_eq(answer.status, status, "status %d", answer.status);
    cr_assert_eq(answer.ttl_ms, ttl_ms, "ttl %u", answer.ttl_ms);
    cr_assert_eq(answer.count, count, "%zu addresses", answer.count);
}

Test(dns_answer, gives_addresses_in_their_order_with_the_least_time_to_live)
{
    begin(0, "a.test", A);
    add_address("@12", 300, 1);
    add_address("a.test", 200, 2);
    add_address("A.TEST", 250, 3);
    read_packet();
    expect(0, 200000, 3);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(answer.addresses[i][3], i + 1);
}

Test(dns_answer, follows_aliases_whatever_their_order)
{
    begin(0, "a.test", A);
    add_address("c.test", 300, 1);
    add_alias("b.test", 50, "c.test");
    add_alias("a.test", 100, "b.test");
    read_packet();
    expect(0, 50000, 1);
    begin(0, "a.test", A);
    add_alias("a.test", 20, "b.test");
    add_alias("b.test", 100, "c.test");
    add_address("@12", 300, 1); /* of the alias itself: not what was asked for */
    add_address("c.test", 300, 2);
    read_packet();
    expect(0, 20000, 1);
    cr_expect_eq(answer.addresses[0][3], 2);
}

Test(dns_answer, ignores_what_was_not_asked_for)
{
    begin(0, "a.test", A);
    add_address("other.test", 300, 1);
    size_t data = begin_record(6, "a.test", TXT, 5);
    put_name("some.text");
    end_record(data);
    data = begin_record(6, "a.test", A, 5); /* three bytes are no address */
    put8(1);
    put16(2);
    end_record(data);
    read_packet();
    expect(EVF_ENOADDRESS, 0, 0);
    add_address("a.test", 300, 4);
    read_packet();
    expect(0, 300000, 1);
    read_part(len, AF_INET6);
    expect(EVF_ENOADDRESS, 0, 0);
}

Test(dns_answer, takes_the_lesser_of_the_two_times_of_the_authority)
{
    begin(3, "a.test", A);
    add_soa(30, 40);
    read_packet();
    expect(EVF_ENONAME, 30000, 0);
    begin(0, "a.test", A);
    add_soa(40, 20);
    read_packet();
    expect(EVF_ENOADDRESS, 20000, 0);
    begin(0, "a.test", A);
    add_alias("a.test", 10, "b.test");
    add_soa(40, 20);
    read_packet();
    expect(EVF_ENOADDRESS, 10000, 0);
    begin(3, "a.test", A);
    read_packet();
    expect(EVF_ENONAME, 0, 0);
}

Test(dns_answer, cuts_long_times_and_takes_impossible_ones_for_none)
{
    begin(0, "a.test", A);
    add_address("a.test", 1000000, 1);
    read_packet();
    expect(0, EVF__DNS_TTL_MAX_S * 1000, 1);
    begin(0, "a.test", A);
    add_address("a.test", 0x80000000u, 1);
    read_packet();
    expect(0, 0, 1);
    begin(3, "a.test", A);
    add_soa(1000000, 1000000);
    read_packet();
    expect(EVF_ENONAME, EVF__DNS_NEGATIVE_TTL_MAX_S * 1000, 0);
}

Test(dns_answer, is_no_answer_when_the_server_failed)
{
    for (unsigned code = 1; code < 16; code++) {
        if (code == 3)
            continue;
        begin(code, "a.test", A);
        add_address("a.test", 10, 1);
        read_packet();
        expect(EVF_EDNS, 0, 0);
    }
    begin(0, "a.test", A);
    add_address("a.test", 10, 1);
    packet[2] &= 0x7f; /* a question */
    read_packet();
    expect(EVF_EDNS, 0, 0);
}

Test(dns_answer, does_not_go_in_circles)
{
    begin(0, "a.test", A);
    add_alias("a.test", 10, "b.test");
    add_alias("b.test", 10, "a.test");
    read_packet();
    expect(EVF_EDNS, 0, 0);
    begin(0, "a.test", A);
    add_alias("a.test", 10, "a.test");
    read_packet();
    expect(EVF_EDNS, 0, 0);
    for (unsigned at = 0; at < 60; at++) { /* an owner that points to itself, or elsewhere */
        char pointer[8];
        snprintf(pointer, sizeof pointer, "@%u", at);
        begin(0, "a.test", A);
        add_address(pointer, 10, 1);
        read_packet();
        cr_expect_eq(answer.count, at == 12, "a pointer to %u", at);
    }
}

static void chain(unsigned aliases)
{
    begin(0, "n0.test", A);
    for (unsigned i = 0; i < aliases; i++) {
        char from[24], to[24];
        snprintf(from, sizeof from, "n%u.test", i);
        snprintf(to, sizeof to, "n%u.test", i + 1);
        add_alias(from, 100, to);
        if (i + 1 == aliases)
            add_address(to, 100, 1);
    }
    read_packet();
}

Test(dns_answer, follows_so_many_aliases_and_no_more)
{
    chain(EVF__DNS_ALIASES_MAX);
    expect(0, 100000, 1);
    chain(EVF__DNS_ALIASES_MAX + 1);
    expect(EVF_EDNS, 0, 0);
}

Test(dns_answer, takes_so_many_addresses_and_no_more)
{
    begin(0, "a.test", A);
    for (unsigned i = 0; i < EVF__DNS_RECORDS_MAX + 100; i++)
        add_address("@12", i < EVF__ADDRESSES_MAX ? 100 : 1, i);
    read_packet();
    expect(0, 100000, EVF__ADDRESSES_MAX);
    begin(0, "a.test", A);
    for (unsigned i = 0; i < EVF__DNS_RECORDS_MAX; i++)
        add_address("other.test", 100, i);
    add_address("a.test", 100, 1);
    read_packet();
    expect(EVF_ENOADDRESS, 0, 0);
}

static void make_any(void)
{
    begin(0, "a.test", A);
    add_alias("@12", 100, "b.test");
    add_alias("b.test", 50, "c.test");
    add_address("c.test", 300, 1);
    add_address("c.test", 300, 2);
    add_soa(30, 40);
}

Test(dns_answer, refuses_what_is_cut_short)
{
    make_any();
    size_t whole = len;
    for (size_t size = 0; size < whole; size++) {
        read_part(size, AF_INET);
        expect(EVF_EDNS, 0, 0);
    }
    read_part(whole, AF_INET);
    expect(0, 50000, 2);
}

/* The length of a label, or a pointer, whose rest lies just beyond the packet. */
Test(dns_answer, refuses_names_that_the_packet_ends_in)
{
    for (unsigned label = 1; label < 64; label++) {
        begin(0, "a.test", A);
        size_t data = begin_record(6, "@12", CNAME, 100);
        put8(label);
        for (unsigned i = 1; i < label; i++)
            put8('x');
        end_record(data);
        read_packet();
        expect(EVF_EDNS, 0, 0);
    }
    begin(0, "a.test", A);
    size_t data = begin_record(6, "@12", CNAME, 100);
    put8(0xc0);
    end_record(data);
    read_packet();
    expect(EVF_EDNS, 0, 0);
}

/* Whatever comes: it ends, within the packet, with an answer that makes sense. */
Test(dns_answer, survives_any_bytes)
{
    struct random randomness = random_start();
    for (unsigned round = random_rounds(200000); round > 0; round--) {
        make_any();
        unsigned changes = (unsigned)random_below(&randomness, 8);
        for (unsigned i = 0; i < changes; i++)
            packet[random_below(&randomness, len)] = (uint8_t)random_next(&randomness);
        if (round % 16 == 0)
            for (size_t i = 12; i < len; i++)
                packet[i] = (uint8_t)random_next(&randomness);
        read_part(random_below(&randomness, 4) == 0 ? random_below(&randomness, len) : len,
                  round % 2 == 0 ? AF_INET : AF_INET6);
        cr_assert(answer.status == 0 || answer.status == EVF_EDNS || answer.status == EVF_ENONAME ||
                  answer.status == EVF_ENOADDRESS);
        cr_assert_eq(answer.status == 0, answer.count > 0);
        cr_assert_leq(answer.count, EVF__ADDRESSES_MAX);
        cr_assert_leq(answer.ttl_ms, EVF__DNS_TTL_MAX_S * 1000);
        cr_assert(answer.status != EVF_EDNS || answer.ttl_ms == 0);
    }
}
