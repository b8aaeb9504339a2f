/* SPDX-License-Identifier: MIT
 *
 * Who gets a client: fairness, and what stays when servers come and go.
 */
#include "table.h"

#include "../random.h"

static struct proxy_table table;
static const struct proxy_tried nobody;

static void fini(void)
{
    proxy_table_fini(&table);
}

TestSuite(balance, .fini = fini);

/* A client that stays. */
static unsigned client(enum proxy_balance balance, uint64_t key)
{
    struct proxy_upstream *upstream = proxy_choose(&table, balance, key, &nobody, 0);
    cr_assert_not_null(upstream);
    proxy_upstream_enter(&table, upstream);
    proxy_upstream_connected(upstream, false);
    return table_number(upstream);
}

static uint64_t spread(const unsigned *counts, unsigned count)
{
    unsigned most = 0, fewest = UINT32_MAX;
    for (unsigned i = 0; i < count; i++) {
        most = counts[i] > most ? counts[i] : most;
        fewest = counts[i] < fewest ? counts[i] : fewest;
    }
    return most - fewest;
}

static uint64_t key_of(unsigned n)
{
    struct sockaddr_storage address = table_address(n);
    return proxy_hash_client(&address);
}

Test(balance, round_robin_never_differs_by_more_than_one)
{
    for (unsigned count = 1; count <= 32; count++) {
        unsigned got[32] = { 0 };
        table_set(&table, table_bits(count));
        for (unsigned i = 0; i < count; i++)
            table.upstreams[i]->last_used = 0;
        for (unsigned i = 0; i < 1000; i++) {
            got[client(PROXY_ROUND_ROBIN, 0)]++;
            cr_assert_leq(spread(got, count), 1);
        }
        for (size_t i = 0; i < table.count; i++)
            table.upstreams[i]->users = 0;
    }
}

Test(balance, round_robin_spreads_the_turns_of_one_that_is_away_over_all_others)
{
    unsigned got[4] = { 0 };
    table_set(&table, table_bits(4));
    struct proxy_upstream *away = table_find(&table, 1);
    away->ejected = true;
    away->trial_ms = 1000;
    for (unsigned i = 0; i < 300; i++)
        got[client(PROXY_ROUND_ROBIN, 0)]++;
    cr_assert(got[0] == 100 && got[1] == 0 && got[2] == 100 && got[3] == 100);
    away->ejected = false;
    for (unsigned i = 0; i < 400; i++)
        got[client(PROXY_ROUND_ROBIN, 0)]++;
    cr_assert_geq(got[1], 100);
    cr_assert_leq(got[1], 101);
    for (size_t i = 0; i < table.count; i++)
        table.upstreams[i]->users = 0;
}

Test(balance, workers_begin_their_rounds_at_different_servers)
{
    table_set(&table, table_bits(3));
    for (unsigned worker = 0; worker < 6; worker++) {
        table.start = worker;
        cr_assert_eq(table_number(proxy_choose(&table, PROXY_ROUND_ROBIN, 0, &nobody, 0)),
                     worker % 3);
    }
}

Test(balance, least_evens_out_what_ended_unevenly)
{
    unsigned got[4] = { 0 };
    table_set(&table, table_bits(4));
    static const unsigned before[] = { 7, 2, 0, 9 };
    for (unsigned n = 0; n < 4; n++)
        for (unsigned i = 0; i < before[n]; i++)
            proxy_upstream_enter(&table, table_find(&table, n));
    for (unsigned i = 0; i < 18; i++)
        got[client(PROXY_LEAST, 0)]++;
    for (unsigned n = 0; n < 4; n++)
        cr_assert_eq(before[n] + got[n], 9);
    /* Among equals turn by turn. */
    unsigned seen = 0;
    for (unsigned i = 0; i < 4; i++)
        seen |= 1u << client(PROXY_LEAST, 0);
    cr_assert_eq(seen, 0xf);
    for (size_t i = 0; i < table.count; i++)
        table.upstreams[i]->users = 0;
}

enum { CLIENTS = 20000 };

static void map_clients(uint8_t *ret)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        ret[i] =
            (uint8_t)table_number(proxy_choose(&table, PROXY_HASH, key_of(i * 977), &nobody, 0));
}

Test(balance, hash_gives_each_server_its_share)
{
    static uint8_t map[CLIENTS];
    for (unsigned count = 2; count <= 8; count++) {
        unsigned got[8] = { 0 };
        table_set(&table, table_bits(count));
        map_clients(map);
        for (unsigned i = 0; i < CLIENTS; i++)
            got[map[i]]++;
        for (unsigned n = 0; n < count; n++) {
            cr_assert_gt(got[n] * count, CLIENTS * 9 / 10, "%u of %u: %u", n, count, got[n]);
            cr_assert_lt(got[n] * count, CLIENTS * 11 / 10, "%u of %u: %u", n, count, got[n]);
        }
    }
}

Test(balance, hash_moves_only_the_share_of_a_server_that_goes_or_comes)
{
    static uint8_t before[CLIENTS], after[CLIENTS], again[CLIENTS];
    unsigned moved = 0;
    table_set(&table, table_bits(7));
    map_clients(before);
    table_set(&table, table_bits(7) & ~(1u << 3));
    map_clients(after);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (before[i] == 3)
            moved++;
        else
            cr_assert_eq(after[i], before[i]);
        cr_assert_neq(after[i], 3);
    }
    cr_assert_gt(moved, 0);
    table_set(&table, table_bits(7));
    map_clients(again);
    cr_assert_arr_eq(again, before, sizeof before);
}

Test(balance, hash_does_not_depend_on_the_order_nor_on_the_worker)
{
    struct proxy_table other = { .start = 5 };
    struct sockaddr_storage list[6];
    static uint8_t map[CLIENTS];
    table_set(&table, table_bits(6));
    map_clients(map);
    for (unsigned n = 0; n < 6; n++)
        list[n] = table_address(5 - n);
    cr_assert_eq(proxy_table_set(&other, 0, &table_name, list, 6), 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert_eq(table_number(proxy_choose(&other, PROXY_HASH, key_of(i * 977), &nobody, 0)),
                     map[i]);
    proxy_table_fini(&other);
}

Test(balance, hash_looks_at_the_address_and_not_at_the_port)
{
    struct sockaddr_storage one = table_address(1), two = table_address(1), unknown = { 0 };
    ((struct sockaddr_in *)&two)->sin_port = htons(99);
    cr_assert_eq(proxy_hash_client(&one), proxy_hash_client(&two));
    struct sockaddr_storage v6 = { .ss_family = AF_INET6 }, v6_two = { .ss_family = AF_INET6 };
    ((struct sockaddr_in6 *)&v6_two)->sin6_addr.s6_addr[15] = 1;
    cr_assert_neq(proxy_hash_client(&v6), proxy_hash_client(&v6_two));
    ((struct sockaddr_in6 *)&v6_two)->sin6_addr.s6_addr[15] = 0;
    ((struct sockaddr_in6 *)&v6_two)->sin6_port = htons(7);
    cr_assert_eq(proxy_hash_client(&v6), proxy_hash_client(&v6_two));
    cr_assert_eq(proxy_hash_client(&unknown), 0);
}

Test(balance, tries_each_server_once_and_then_none)
{
    for (unsigned balance = PROXY_ROUND_ROBIN; balance <= PROXY_HASH; balance++) {
        struct proxy_tried tried = { .count = 0 };
        uint32_t seen = 0;
        table_set(&table, table_bits(9));
        for (unsigned i = 0; i < 9; i++) {
            struct proxy_upstream *upstream =
                proxy_choose(&table, (enum proxy_balance)balance, key_of(3), &tried, 0);
            cr_assert_not_null(upstream);
            cr_assert_eq(seen & 1u << table_number(upstream), 0);
            seen |= 1u << table_number(upstream);
            tried.ids[tried.count++] = upstream->id;
        }
        cr_assert_null(proxy_choose(&table, (enum proxy_balance)balance, key_of(3), &tried, 0));
    }
}

Test(balance, an_empty_table_has_nobody)
{
    cr_assert_null(proxy_choose(&table, PROXY_HASH, 7, &nobody, 0));
}
