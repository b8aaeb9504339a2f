/* SPDX-License-Identifier: MIT
 *
 * How connections are spread over workers.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "server/dispatch.h"

static uint64_t loads[EVF__WORKERS_MAX];
static struct evf__dispatch_state state;

/* Hands one connection over and counts it. */
static unsigned assign(enum evf_dispatch policy, unsigned count)
{
    unsigned worker = evf__dispatch_pick(policy, loads, count, &state, NULL, 0);
    cr_assert_lt(worker, count);
    loads[worker]++;
    return worker;
}

static uint64_t spread(unsigned count)
{
    uint64_t most = loads[0], fewest = loads[0];
    for (unsigned i = 1; i < count; i++) {
        most = loads[i] > most ? loads[i] : most;
        fewest = loads[i] < fewest ? loads[i] : fewest;
    }
    return most - fewest;
}

Test(dispatch, spreads_a_burst_evenly)
{
    static const unsigned counts[] = { 1, 2, 3, 8, 63, 64, 65, 256 };
    static const enum evf_dispatch policies[] = { EVF_DISPATCH_LEAST, EVF_DISPATCH_ROUND_ROBIN };
    for (unsigned p = 0; p < 2; p++) {
        for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++) {
            memset(loads, 0, sizeof loads);
            memset(&state, 0, sizeof state);
            for (unsigned i = 0; i < 10000; i++) {
                assign(policies[p], counts[c]);
                cr_assert_leq(spread(counts[c]), 1, "%u workers, policy %u", counts[c],
                              policies[p]);
            }
        }
    }
}

Test(dispatch, least_evens_out_what_closed_unevenly)
{
    static const uint64_t uneven[4] = { 7, 2, 0, 9 };
    memcpy(loads, uneven, sizeof uneven);
    for (unsigned i = 0; i < 9 + 9 + 9 + 9 - 7 - 2 - 9; i++)
        assign(EVF_DISPATCH_LEAST, 4);
    cr_assert_eq(spread(4), 0);
}

Test(dispatch, least_takes_the_lowest_index_among_equals)
{
    memcpy(loads, (uint64_t[4]){ 3, 1, 1, 2 }, 4 * sizeof *loads);
    cr_assert_eq(assign(EVF_DISPATCH_LEAST, 4), 1);
    cr_assert_eq(assign(EVF_DISPATCH_LEAST, 4), 2);
    cr_assert_eq(assign(EVF_DISPATCH_LEAST, 4), 1);
}

Test(dispatch, round_robin_takes_turns_whatever_the_loads)
{
    loads[1] = 100;
    for (unsigned i = 0; i < 9; i++)
        cr_assert_eq(
            evf__dispatch_pick(EVF_DISPATCH_ROUND_ROBIN, i < 3 ? loads : NULL, 3, &state, NULL, 0),
            i % 3);
}

Test(dispatch, tries_each_worker_once_and_then_none)
{
    static const unsigned counts[] = { 1, 2, 5, 64, 65, 256 };
    for (unsigned policy = EVF_DISPATCH_LEAST; policy <= EVF_DISPATCH_HASH; policy++) {
        for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++) {
            bool tried[EVF__WORKERS_MAX] = { false };
            unsigned count = counts[c], tries = 0;
            memset(&state, 0, sizeof state);
            for (unsigned worker = evf__dispatch_pick(policy, loads, count, &state, NULL, 0);
                 worker < count; worker = evf__dispatch_next(policy, loads, count, &state)) {
                cr_assert_not(tried[worker]);
                tried[worker] = true;
                tries++;
            }
            cr_assert_eq(tries, count);
            cr_assert_eq(evf__dispatch_next(policy, loads, count, &state), count);
        }
    }
}

Test(dispatch, least_goes_on_with_the_next_lowest_load)
{
    memcpy(loads, (uint64_t[4]){ 5, 0, 9, 4 }, 4 * sizeof *loads);
    cr_assert_eq(evf__dispatch_pick(EVF_DISPATCH_LEAST, loads, 4, &state, NULL, 0), 1);
    cr_assert_eq(evf__dispatch_next(EVF_DISPATCH_LEAST, loads, 4, &state), 3);
    cr_assert_eq(evf__dispatch_next(EVF_DISPATCH_LEAST, loads, 4, &state), 0);
    cr_assert_eq(evf__dispatch_next(EVF_DISPATCH_LEAST, loads, 4, &state), 2);
    cr_assert_eq(evf__dispatch_next(EVF_DISPATCH_LEAST, loads, 4, &state), 4);
}

Test(dispatch, spreads_evenly_over_the_others_while_one_takes_nothing)
{
    /* Worker 0 stands still with the fewest connections; its ring is full. */
    for (unsigned policy = EVF_DISPATCH_LEAST; policy <= EVF_DISPATCH_ROUND_ROBIN; policy++) {
        memset(loads, 0, sizeof loads);
        for (unsigned i = 0; i < 999; i++) {
            unsigned worker = evf__dispatch_pick(policy, loads, 4, &state, NULL, 0);
            if (worker == 0)
                worker = evf__dispatch_next(policy, loads, 4, &state);
            loads[worker]++;
        }
        cr_assert_eq(loads[0], 0);
        cr_assert_eq(loads[1], 333);
        cr_assert_eq(loads[2], 333);
        cr_assert_eq(loads[3], 333);
    }
}

/* -- hash -- */

static union evf__address peer_of(const char *text, uint16_t port)
{
    union evf__address peer = { .storage = { .ss_family = AF_UNSPEC } };
    if (inet_pton(AF_INET, text, &peer.ipv4.sin_addr) == 1) {
        peer.ipv4.sin_family = AF_INET;
        peer.ipv4.sin_port = htons(port);
    } else {
        cr_assert_eq(inet_pton(AF_INET6, text, &peer.ipv6.sin6_addr), 1);
        peer.ipv6.sin6_family = AF_INET6;
        peer.ipv6.sin6_port = htons(port);
    }
    return peer;
}

static unsigned pick_by_hash(const union evf__address *peer, socklen_t len, unsigned count)
{
    return evf__dispatch_pick(EVF_DISPATCH_HASH, loads, count, &state, &peer->any, len);
}

static unsigned pick_by_peer(const char *text, uint16_t port, unsigned count)
{
    union evf__address peer = peer_of(text, port);
    socklen_t len = peer.any.sa_family == AF_INET ? sizeof peer.ipv4 : sizeof peer.ipv6;
    return pick_by_hash(&peer, len, count);
}

Test(dispatch, hash_keeps_a_peer_at_its_worker)
{
    static const char *const texts[] = { "192.0.2.1", "203.0.113.77", "2001:db8::1", "::1" };
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        unsigned first = pick_by_peer(texts[i], 1, 8);
        for (unsigned port = 1024; port < 1124; port++) {
            loads[first] += 10;
            cr_assert_eq(pick_by_peer(texts[i], (uint16_t)port, 8), first, "%s", texts[i]);
        }
    }
    cr_assert_eq(pick_by_peer("::ffff:192.0.2.1", 5, 8), pick_by_peer("192.0.2.1", 6, 8));
}

Test(dispatch, hash_is_the_same_in_every_build)
{
    /* FNV-1a of four zero bytes is 0x4d25767f9dce13f5. */
    cr_assert_eq(pick_by_peer("0.0.0.0", 1, 256), (0x4d25767fu ^ 0x9dce13f5u) & 0xff);
}

Test(dispatch, hash_spreads_many_peers)
{
    static const unsigned counts[] = { 2, 3, 4, 7, 8, 16 };
    for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++) {
        unsigned count = counts[c], mean = 4096 / count;
        memset(loads, 0, sizeof loads);
        for (unsigned i = 0; i < 4096; i++) {
            char text[32];
            snprintf(text, sizeof text, "10.0.%u.%u", i / 256, i % 256);
            loads[pick_by_peer(text, 1, count)]++;
        }
        for (unsigned i = 0; i < count; i++)
            cr_assert(loads[i] > mean * 3 / 4 && loads[i] < mean * 5 / 4, "%u of %u: %llu", i,
                      count, (unsigned long long)loads[i]);
    }
}

static socklen_t local(union evf__address *ret, const char *name, size_t name_len)
{
    memset(ret, 0, sizeof *ret);
    ret->local.sun_family = AF_UNIX;
    memcpy(ret->local.sun_path, name, name_len);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_len);
}

Test(dispatch, hash_knows_unix_peers_by_their_name)
{
    union evf__address peer;
    socklen_t len = local(&peer, "/run/a", 7);
    unsigned first = pick_by_hash(&peer, len, 256);
    len = local(&peer, "/run/a", 6);
    cr_assert_eq(pick_by_hash(&peer, len, 256), first, "with or without terminator");
    len = local(&peer, "\0run", 4);
    unsigned abstract = pick_by_hash(&peer, len, 256);
    len = local(&peer, "\0rum", 4);
    cr_assert_neq(pick_by_hash(&peer, len, 256), abstract);
}

Test(dispatch, hash_goes_by_least_without_a_name)
{
    union evf__address peer;
    memcpy(loads, (uint64_t[3]){ 2, 2, 1 }, 3 * sizeof *loads);
    socklen_t len = local(&peer, "", 0);
    cr_assert_eq(pick_by_hash(&peer, len, 3), 2);
    cr_assert_eq(pick_by_hash(&peer, 0, 3), 2);
    cr_assert_eq(evf__dispatch_pick(EVF_DISPATCH_HASH, loads, 3, &state, NULL, 0), 2);
    peer = peer_of("192.0.2.1", 80);
    cr_assert_eq(pick_by_hash(&peer, sizeof peer.ipv4 - 1, 3), 2, "cut short");
    peer.any.sa_family = AF_NETLINK;
    cr_assert_eq(pick_by_hash(&peer, sizeof peer, 3), 2);
}

/* -- least against a model: arrivals and departures at random -- */

Test(dispatch, least_always_takes_a_minimum_over_random_steps)
{
    const char *given = getenv("EVF_SEED");
    uint64_t random = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    fprintf(stderr, "EVF_SEED=%llu\n", (unsigned long long)random);
    for (unsigned i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        unsigned leaver = (unsigned)(random >> 40) % 16;
        if ((random >> 60) < 6 && loads[leaver] > 0) {
            loads[leaver]--;
            continue;
        }
        unsigned worker = assign(EVF_DISPATCH_LEAST, 16);
        uint64_t before = loads[worker] - 1;
        for (unsigned other = 0; other < 16; other++)
            cr_assert(other < worker ? loads[other] > before : loads[other] >= before,
                      "worker %u got it, %u has less", worker, other);
    }
}
