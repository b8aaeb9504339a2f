/* SPDX-License-Identifier: MIT
 *
 * Looking a name up where waiting is allowed: at the start, before there are workers. A channel of
 * its own, for the one look-up. Main thread.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "base/address.h"
#include "loop/dns.h"
#include "loop/hosts.h"
#include "loop/resolver.h"

struct part {
    int family;
    struct evf__dns_search search;
    struct evf__dns_answer answer;
    bool asking, done;
};

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_answer(void *argument, int status, int timeouts, unsigned char *packet, int len)
{
    struct part *part = argument;
    (void)timeouts;
    part->asking = false;
    evf__dns_result(status, packet, len, part->family, &part->answer);
    bool next = part->answer.status == EVF_ENONAME || part->answer.status == EVF_ENOADDRESS ||
                part->answer.status == EVF_EDNS;
    if (next)
        evf__dns_search_note(&part->search, part->answer.status, part->answer.ttl_ms);
    part->done = !next;
}

/* Asks for the next candidate, if none is being asked for; true while there is something to wait
 * for. */
static bool advance(struct evf__dns *dns, struct part *part, const char *name)
{
    char candidate[EVF__DNS_NAME_SIZE];
    uint32_t ttl_ms;
    while (!part->done && !part->asking) {
        if (evf__dns_search_next(&part->search, &dns->domains, name, candidate)) {
            part->asking = true;
            evf__dns_ask(dns, candidate, part->family, on_answer, part);
        } else {
            part->answer.status = evf__dns_search_status(&part->search, &ttl_ms);
            part->done = true;
        }
    }
    return !part->done;
}

/* Waits for c-ares' sockets, until it wants to try again, or to the deadline. */
static void wait_once(struct evf__dns *dns, uint64_t deadline_ms)
{
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    struct pollfd entries[ARES_GETSOCK_MAXNUM];
    unsigned count = 0;
    unsigned bits = (unsigned)ares_getsock(dns->channel, sockets, ARES_GETSOCK_MAXNUM);
    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        /* ARES_GETSOCK_READABLE and _WRITABLE, but for their shift of an int into its sign. */
        int events = ((bits >> i & 1u) != 0 ? POLLIN : 0) |
                     ((bits >> (i + ARES_GETSOCK_MAXNUM) & 1u) != 0 ? POLLOUT : 0);
        if (events != 0)
            entries[count++] = (struct pollfd){ .fd = sockets[i], .events = (short)events };
    }
    uint64_t now_ms = clock_ms();
    uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    struct timeval most = { .tv_sec = (time_t)(left_ms / 1000),
                            .tv_usec = (suseconds_t)(left_ms % 1000) * 1000 };
    struct timeval left;
    const struct timeval *next = ares_timeout(dns->channel, &most, &left);
    int ms = (int)next->tv_sec * 1000 + (int)(next->tv_usec / 1000) + 1;
    int ready = poll(entries, count, ms);
    if (ready <= 0)
        ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (unsigned i = 0; ready > 0 && i < count; i++)
        if (entries[i].revents != 0)
            ares_process_fd(dns->channel,
                            (entries[i].events & POLLIN) != 0 ? entries[i].fd : ARES_SOCKET_BAD,
                            (entries[i].events & POLLOUT) != 0 ? entries[i].fd : ARES_SOCKET_BAD);
}

static size_t add_addresses(const struct part *part, struct sockaddr_storage *ret, size_t room)
{
    size_t count = 0;
    for (; part->answer.status == 0 && count < part->answer.count && count < room; count++)
        evf__dns_address(part->answer.addresses[count], part->family, &ret[count]);
    return count;
}

static int ask_servers(const struct evf__resolver_settings *settings, const char *name,
                       struct sockaddr_storage *ret, size_t room)
{
    struct part parts[2] = { { .family = AF_INET6 }, { .family = AF_INET } };
    struct evf__dns dns;
    int status = evf__dns_open(&dns, settings, NULL, NULL);
    if (status < 0)
        return status;
    uint64_t deadline_ms = clock_ms() + evf__dns_timeout(settings);
    for (;;) {
        bool first = advance(&dns, &parts[0], name), second = advance(&dns, &parts[1], name);
        if ((!first && !second) || clock_ms() >= deadline_ms)
            break;
        wait_once(&dns, deadline_ms);
    }
    for (unsigned i = 0; i < 2; i++)
        if (!parts[i].done)
            parts[i].answer.status = -ETIMEDOUT;
    int statuses[2] = { parts[0].answer.status, parts[1].answer.status };
    size_t count = statuses[0] == 0 ? add_addresses(&parts[0], ret, room) : 0;
    count += statuses[1] == 0 ? add_addresses(&parts[1], ret + count, room - count) : 0;
    evf__dns_close(&dns);
    return count > 0 ? (int)count : evf__resolve_status(statuses[0], statuses[1]);
}

/* The hosts file may be read here. -1: it does not know the name. */
static int ask_hosts(const struct evf__resolver_settings *settings, const char *name,
                     struct sockaddr_storage *ret, size_t room)
{
    const char *path = settings->hosts_path != NULL ? settings->hosts_path : "/etc/hosts";
    struct evf__hosts_stamp stamp = { .looked = false };
    struct evf__hosts *hosts = NULL;
    (void)evf__hosts_read(path, &stamp, &hosts); /* without it, the name servers are asked */
    int first = evf__hosts_find(hosts, name, AF_INET6, ret, room);
    int count = first;
    if (first >= 0) {
        int second = evf__hosts_find(hosts, name, AF_INET, ret + first, room - (size_t)first);
        count += second;
    }
    evf__hosts_free(hosts);
    return count;
}

static int answer_loopback(struct sockaddr_storage *ret, size_t room)
{
    static const char *const texts[] = { "::1", "127.0.0.1" };
    size_t count = 0;
    for (; count < 2 && count < room; count++) {
        union evf__address address;
        bool known = evf__address_from_ip(texts[count], &address);
        EVF_ASSERT(known);
        ret[count] = address.storage;
    }
    return (int)count;
}

int evf__resolve_wait(const struct evf__resolver_settings *settings, const char *host,
                      struct sockaddr_storage *ret, size_t room)
{
    union evf__address address;
    char name[EVF__DNS_NAME_SIZE];
    EVF_ASSERT(room > 0);
    if (host != NULL && evf__address_from_ip(host, &address)) {
        ret[0] = address.storage;
        return 1;
    }
    int status = evf__dns_name(host, name);
    if (status < 0)
        return status;
    if (evf__dns_name_is_loopback(name))
        return answer_loopback(ret, room);
    int count = ask_hosts(settings, name, ret, room);
    if (count >= 0)
        return count;
    if (evf__dns_name_is_onion(name))
        return EVF_ENONAME;
    return ask_servers(settings, name, ret, room);
}
