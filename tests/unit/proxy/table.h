/* SPDX-License-Identifier: MIT
 *
 * Tables of upstream servers for tests: those of literal addresses, and of one name.
 */
#ifndef EVF_TESTS_UNIT_PROXY_TABLE_H
#define EVF_TESTS_UNIT_PROXY_TABLE_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "proxy/balance.h"

static const struct proxy_target table_name = {
    .text = "name.example:80", .host = "name.example", .port = 80, .is_name = true
};

/* Address number n of the name. */
static inline struct sockaddr_storage table_address(unsigned n)
{
    struct sockaddr_storage address = { 0 };
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(0x0a000000 + n);
    return address;
}

/* The name has the addresses whose bits are set. */
static inline void table_set(struct proxy_table *table, uint32_t addresses)
{
    struct sockaddr_storage list[32];
    size_t count = 0;
    for (unsigned n = 0; n < 32; n++)
        if ((addresses >> n & 1) != 0)
            list[count++] = table_address(n);
    cr_assert_eq(proxy_table_set(table, 0, &table_name, list, count), 0);
}

static inline uint32_t table_bits(unsigned count)
{
    return count < 32 ? (1u << count) - 1 : UINT32_MAX;
}

/* The number of the address that the upstream server has. */
static inline unsigned table_number(const struct proxy_upstream *upstream)
{
    struct in_addr address;
    cr_assert_eq(inet_pton(AF_INET, upstream->host, &address), 1);
    return ntohl(address.s_addr) - 0x0a000000;
}

/* Its upstream server in the table; NULL when it is not there. */
static inline struct proxy_upstream *table_find(const struct proxy_table *table, unsigned n)
{
    for (size_t i = 0; i < table->count; i++)
        if (table_number(table->upstreams[i]) == n)
            return table->upstreams[i];
    return NULL;
}

#endif
