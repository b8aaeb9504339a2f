/* SPDX-License-Identifier: MIT
 *
 * The order and the times of attempts. See race.h.
 */
#include "stream/race.h"

#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "base/assert.h"
#include "loop/resolver.h"

void evf__race_init(struct evf__race *race, uint32_t delay_ms)
{
    *race = (struct evf__race){ .delay_ms = EVF__ATTEMPT_DELAY_MS };
    if (delay_ms != 0)
        race->delay_ms =
            delay_ms > EVF__ATTEMPT_DELAY_MIN_MS ? delay_ms : EVF__ATTEMPT_DELAY_MIN_MS;
}

void evf__race_ask(struct evf__race *race, enum evf__race_family family)
{
    race->lookups[family].asked = race->lookups[family].pending = true;
}

/* How many addresses of each family there is room for. */
static unsigned share(const struct evf__race *race)
{
    bool both = race->lookups[EVF__RACE_IPV6].asked && race->lookups[EVF__RACE_IPV4].asked;
    return both ? EVF__ADDRESSES_MAX / EVF__RACE_FAMILIES : EVF__ADDRESSES_MAX;
}

static struct evf__race_address from_sockaddr(const struct sockaddr_storage *given)
{
    union evf__address plain;
    socklen_t len;
    struct evf__race_address address = { .state = EVF__RACE_WAITS };
    evf__address_unmap((const struct sockaddr *)given, sizeof *given, &plain.storage, &len);
    if (plain.any.sa_family == AF_INET6) {
        address.family = EVF__RACE_IPV6;
        address.scope_id = plain.ipv6.sin6_scope_id;
        memcpy(address.bytes, &plain.ipv6.sin6_addr, sizeof plain.ipv6.sin6_addr);
    } else {
        address.family = EVF__RACE_IPV4;
        memcpy(address.bytes, &plain.ipv4.sin_addr, sizeof plain.ipv4.sin_addr);
    }
    return address;
}

static bool known(const struct evf__race *race, const struct evf__race_address *address)
{
    for (unsigned i = 0; i < race->count; i++) {
        const struct evf__race_address *other = &race->addresses[i];
        if (other->family == address->family && other->scope_id == address->scope_id &&
            memcmp(other->bytes, address->bytes, sizeof other->bytes) == 0)
            return true;
    }
    return false;
}

void evf__race_answer(struct evf__race *race, enum evf__race_family family, int status,
                      const struct sockaddr_storage *addresses, size_t count, uint64_t now_ms)
{
    unsigned room = share(race);
    EVF_ASSERT(race->lookups[family].pending);
    race->lookups[family].pending = false;
    race->lookups[family].status = status == 0 && count == 0 ? EVF_ENOADDRESS : status;
    if (status < 0)
        return;
    for (size_t i = 0; i < count && room > 0; i++) {
        struct evf__race_address address = from_sockaddr(&addresses[i]);
        if (known(race, &address))
            continue;
        EVF_ASSERT(race->count < EVF__ADDRESSES_MAX);
        race->addresses[race->count++] = address;
        room--;
    }
    if (family == EVF__RACE_IPV4)
        race->alone_until_ms = now_ms + EVF__RESOLUTION_DELAY_MS;
}

/* The next address of that family that waits; -1: none. */
static int waiting(const struct evf__race *race, enum evf__race_family family)
{
    for (unsigned i = 0; i < race->count; i++)
        if (race->addresses[i].family == family && race->addresses[i].state == EVF__RACE_WAITS)
            return (int)i;
    return -1;
}

/* The address whose turn it is, whenever that will be; -1: none waits. */
static int candidate(const struct evf__race *race)
{
    enum evf__race_family family = EVF__RACE_IPV6;
    if (race->begun && race->last_family == EVF__RACE_IPV6)
        family = EVF__RACE_IPV4;
    int index = waiting(race, family);
    return index >= 0 ? index : waiting(race, EVF__RACE_IPV4 + EVF__RACE_IPV6 - family);
}

/* From when on the address whose turn it is may be tried. */
static uint64_t allowed_at(const struct evf__race *race, unsigned index)
{
    if (race->begun)
        return race->goes_on || race->under_way == 0 ? 0 : race->last_at_ms + race->delay_ms;
    bool alone =
        race->addresses[index].family == EVF__RACE_IPV4 && race->lookups[EVF__RACE_IPV6].pending;
    return alone ? race->alone_until_ms : 0;
}

int evf__race_next(struct evf__race *race, uint64_t now_ms)
{
    int index = candidate(race);
    if (index < 0 || allowed_at(race, (unsigned)index) > now_ms)
        return -1;
    struct evf__race_address *address = &race->addresses[index];
    address->state = EVF__RACE_TRIED;
    race->under_way++;
    race->begun = true;
    race->goes_on = false;
    race->last_family = (enum evf__race_family)address->family;
    race->last_at_ms = now_ms;
    return index;
}

void evf__race_failed(struct evf__race *race, unsigned index, int status)
{
    struct evf__race_address *address = &race->addresses[index];
    EVF_ASSERT(index < race->count && address->state == EVF__RACE_TRIED && status < 0);
    address->state = EVF__RACE_FAILED;
    address->status = status;
    race->under_way--;
    race->goes_on = true;
}

uint64_t evf__race_at(const struct evf__race *race)
{
    int index = candidate(race);
    return index < 0 ? UINT64_MAX : allowed_at(race, (unsigned)index);
}

bool evf__race_lost(const struct evf__race *race)
{
    return race->under_way == 0 && !race->lookups[EVF__RACE_IPV6].pending &&
           !race->lookups[EVF__RACE_IPV4].pending && candidate(race) < 0;
}

/* How much a failure tells; the higher the more. */
static int weight(int status)
{
    switch (-status) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return 6; /* ours: it says nothing about the host */
    case ECONNREFUSED:
    case ECONNRESET:
        return 5; /* the host has answered */
    case ETIMEDOUT:
        return 4;
    case EHOSTUNREACH:
        return 3;
    case ENETUNREACH:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return 1; /* no way there from here */
    default:
        return 2;
    }
}

int evf__race_reason(const struct evf__race *race)
{
    int reason = 0;
    for (unsigned i = 0; i < race->count; i++) {
        int status = race->addresses[i].status;
        if (status < 0 && (reason == 0 || weight(status) > weight(reason)))
            reason = status;
    }
    if (reason == 0 && race->lookups[EVF__RACE_IPV6].asked && race->lookups[EVF__RACE_IPV4].asked)
        reason = evf__resolve_status(race->lookups[EVF__RACE_IPV6].status,
                                     race->lookups[EVF__RACE_IPV4].status);
    else if (reason == 0)
        reason =
            race->lookups[race->lookups[EVF__RACE_IPV4].asked ? EVF__RACE_IPV4 : EVF__RACE_IPV6]
                .status;
    EVF_ASSERT(reason < 0);
    return reason;
}

socklen_t evf__race_sockaddr(const struct evf__race_address *address, uint16_t port,
                             struct sockaddr_storage *ret)
{
    union evf__address to;
    memset(&to, 0, sizeof to);
    if (address->family == EVF__RACE_IPV6) {
        to.ipv6.sin6_family = AF_INET6;
        to.ipv6.sin6_port = htons(port);
        to.ipv6.sin6_scope_id = address->scope_id;
        memcpy(&to.ipv6.sin6_addr, address->bytes, sizeof to.ipv6.sin6_addr);
    } else {
        to.ipv4.sin_family = AF_INET;
        to.ipv4.sin_port = htons(port);
        memcpy(&to.ipv4.sin_addr, address->bytes, sizeof to.ipv4.sin_addr);
    }
    *ret = to.storage;
    return address->family == EVF__RACE_IPV6 ? sizeof to.ipv6 : sizeof to.ipv4;
}
