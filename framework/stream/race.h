/* SPDX-License-Identifier: MIT
 *
 * Which address of a host is tried when: RFC 8305 ("happy eyeballs"), without sockets or a clock.
 *
 * The addresses of both families come as answers, in any order and at any time. IPv6 goes first;
 * IPv4 ones that are there alone wait EVF__RESOLUTION_DELAY_MS for it. From then on attempts take
 * turns between the families, each begun a delay after the one before, or at once when one of them
 * has failed. Attempts begun before go on. Addresses that come late join those that wait.
 *
 * Pure: `now_ms` is a parameter. The owner tries what evf__race_next says, and tells what failed.
 */
#ifndef EVF_STREAM_RACE_H
#define EVF_STREAM_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <evframe/base.h>

#include "base/limits.h"

/* In the order of preference. */
enum evf__race_family { EVF__RACE_IPV6, EVF__RACE_IPV4, EVF__RACE_FAMILIES };

/*   WAITS --evf__race_next--> TRIED --evf__race_failed--> FAILED   */
enum evf__race_state { EVF__RACE_WAITS, EVF__RACE_TRIED, EVF__RACE_FAILED };

struct evf__race_address {
    uint8_t family; /* enum evf__race_family */
    uint8_t state;
    uint8_t bytes[16]; /* 4 of them used for IPv4 */
    uint32_t scope_id;
    int status; /* why it FAILED */
};

struct evf__race {
    uint32_t delay_ms;
    struct {
        bool asked, pending; /* pending: the answer is still to come */
        int status;          /* of the answer */
    } lookups[EVF__RACE_FAMILIES];
    unsigned count, under_way;
    struct evf__race_address addresses[EVF__ADDRESSES_MAX];
    bool begun;                        /* an attempt was made */
    bool goes_on;                      /* one has failed: the next need not wait */
    enum evf__race_family last_family; /* of the last attempt */
    uint64_t last_at_ms;               /* when it began */
    uint64_t alone_until_ms;           /* IPv4 addresses wait for the others until then */
};

/* delay_ms between attempts: 0 is the default, and less than the least is the least. */
void evf__race_init(struct evf__race *race, uint32_t delay_ms);

/* Addresses of that family are being looked up. Before any answer. */
void evf__race_ask(struct evf__race *race, enum evf__race_family family);
/* They are there, or the look-up failed. Doubles and what is above the limit (half of it for each
 * family when both are asked) are left out; IPv4 addresses inside IPv6 ones count as IPv4. */
void evf__race_answer(struct evf__race *race, enum evf__race_family family, int status,
                      const struct sockaddr_storage *addresses, size_t count, uint64_t now_ms);

/* The index of the address to try now, which is TRIED from here on; -1: none now. */
int evf__race_next(struct evf__race *race, uint64_t now_ms);
/* The attempt at a TRIED address has failed. */
void evf__race_failed(struct evf__race *race, unsigned index, int status);

/* When evf__race_next will have an address although nothing happens: may be past; UINT64_MAX:
 * never.
 */
uint64_t evf__race_at(const struct evf__race *race);
/* Nothing waits, is under way or will come. */
bool evf__race_lost(const struct evf__race *race);
/* Of a race that is lost: the most telling of its failures. Want of our own resources first, then
 * what the host said, then what the network said, then that we have no way there; where no address
 * was known, why. */
int evf__race_reason(const struct evf__race *race);

/* An address to connect to. */
socklen_t evf__race_sockaddr(const struct evf__race_address *address, uint16_t port,
                             struct sockaddr_storage *ret);

#endif
