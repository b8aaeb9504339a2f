/* SPDX-License-Identifier: MIT
 *
 * The channel; see dns.h.
 */
#include "loop/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/address.h>

#include "base/address.h"

enum { DNS_PORT = 53, CLASS_IN = 1, TYPE_A = 1, TYPE_AAAA = 28 };

/* -- the servers -- */

/* One server, `len` bytes of text: IP, IPv4:PORT, [IPv6] or [IPv6]:PORT. */
static bool parse_server(const char *text, size_t len, struct ares_addr_port_node *ret)
{
    char entry[128], host[128];
    uint16_t port = DNS_PORT;
    const char *unix_path;
    union evf__address address;
    if (len >= sizeof entry)
        return false;
    memcpy(entry, text, len);
    entry[len] = '\0';
    if (!evf__address_from_ip(entry, &address)) {
        if (entry[0] == '[' && entry[len - 1] == ']') {
            entry[len - 1] = '\0';
            memmove(host, entry + 1, len - 1);
        } else if (evf_address_parse(entry, host, sizeof host, &port, &unix_path) != 0 ||
                   unix_path != NULL || port == 0) {
            return false;
        }
        if (!evf__address_from_ip(host, &address))
            return false;
    }
    *ret = (struct ares_addr_port_node){ .family = address.any.sa_family,
                                         .udp_port = port,
                                         .tcp_port = port };
    if (ret->family == AF_INET)
        memcpy(&ret->addr, &address.ipv4.sin_addr, sizeof address.ipv4.sin_addr);
    else
        memcpy(&ret->addr, &address.ipv6.sin6_addr, sizeof address.ipv6.sin6_addr);
    return ret->family == AF_INET || address.ipv6.sin6_scope_id == 0; /* c-ares knows no scopes */
}

/* Returns how many, or EVF_EOPTION with a reason. */
static int parse_servers(const char *text, struct ares_addr_port_node ret[EVF__DNS_SERVERS_MAX],
                         char *error, size_t error_size)
{
    int count = 0;
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ",");
        if (count == EVF__DNS_SERVERS_MAX) {
            snprintf(error, error_size, "there are more than %d servers", EVF__DNS_SERVERS_MAX);
            return EVF_EOPTION;
        }
        if (!parse_server(at, len, &ret[count])) {
            snprintf(error, error_size,
                     "'%.*s' is no server: give its IP address, with a port if need be, as in "
                     "192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53",
                     (int)(len < 100 ? len : 100), at);
            return EVF_EOPTION;
        }
        if (count > 0)
            ret[count - 1].next = &ret[count];
        count++;
        at += len;
        if (*at == '\0')
            return count;
    }
}

int evf__resolver_check_servers(const char *servers, char *error, size_t error_size)
{
    struct ares_addr_port_node nodes[EVF__DNS_SERVERS_MAX];
    int count = parse_servers(servers, nodes, error, error_size);
    return count < 0 ? count : 0;
}

/* -- the channel -- */

static int library_status;

static void begin_library(void)
{
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

static int from_ares(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return 0;
    case ARES_ENOMEM:
        return -ENOMEM;
    case ARES_ETIMEOUT:
        return -ETIMEDOUT;
    default:
        return EVF_EDNS;
    }
}

/* Tries double their time, server by server, and all of them together fit into the whole: a server
 * that is silent is noticed before it is over. */
static void share_time(uint32_t whole_ms, unsigned servers, struct ares_options *ret)
{
    unsigned tries = servers <= 2 ? 3 : (servers <= 4 ? 2 : 1);
    uint32_t parts = servers * ((1u << tries) - 1);
    ret->tries = (int)tries;
    ret->timeout = (int)(whole_ms / parts > 0 ? whole_ms / parts : 1);
}

static int make_channel(struct evf__dns *ret, const struct evf__resolver_settings *settings,
                        unsigned servers, ares_sock_state_cb watch, void *argument)
{
    /* No aliases: the file of HOSTALIASES would be read in every question. */
    struct ares_options options = { .flags = ARES_FLAG_NOALIASES };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    share_time(evf__dns_timeout(settings), servers, &options);
    if (watch != NULL) {
        options.sock_state_cb = watch;
        options.sock_state_cb_data = argument;
        mask |= ARES_OPT_SOCK_STATE_CB;
    }
    int status = from_ares(ares_init_options(&ret->channel, &options, mask));
    if (status == 0)
        evf__dns_own_sockets(ret->channel);
    return status;
}

static unsigned count_servers(ares_channel channel)
{
    struct ares_addr_port_node *servers = NULL;
    unsigned count = 0;
    if (ares_get_servers_ports(channel, &servers) == ARES_SUCCESS)
        for (const struct ares_addr_port_node *at = servers; at != NULL; at = at->next)
            count++;
    if (servers != NULL)
        ares_free_data(servers);
    return count > 0 ? count : 1;
}

/* What resolv.conf and the environment say of names without dots. */
static int copy_domains(struct evf__dns *dns)
{
    struct ares_options options = { .ndots = 0 };
    int mask = 0;
    int status = from_ares(ares_save_options(dns->channel, &options, &mask));
    if (status < 0)
        goto end;
    dns->domains.dots = options.ndots > 0 ? (unsigned)options.ndots : 0;
    for (int i = 0; i < options.ndomains && i < EVF__DNS_DOMAINS_MAX; i++) {
        char name[EVF__DNS_NAME_SIZE];
        if (evf__dns_name(options.domains[i], name) < 0)
            continue;
        size_t len = strlen(name);
        if (name[len - 1] == '.')
            name[len - 1] = '\0';
        dns->domains.names[dns->domains.count] = strdup(name);
        if (dns->domains.names[dns->domains.count] == NULL)
            status = -ENOMEM;
        else
            dns->domains.count++;
    }
end:
    ares_destroy_options(&options);
    return status;
}

int evf__dns_open(struct evf__dns *ret, const struct evf__resolver_settings *settings,
                  ares_sock_state_cb watch, void *argument)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct ares_addr_port_node nodes[EVF__DNS_SERVERS_MAX];
    char error[256];
    int given = 0;
    *ret = (struct evf__dns){ .channel = NULL };
    pthread_once(&once, begin_library);
    if (library_status != ARES_SUCCESS)
        return from_ares(library_status);
    if (settings->servers != NULL) {
        given = parse_servers(settings->servers, nodes, error, sizeof error);
        if (given < 0)
            return given;
    }
    int status = make_channel(ret, settings, given > 0 ? (unsigned)given : 1, watch, argument);
    if (status < 0)
        return status;
    unsigned servers = given > 0 ? 1 : count_servers(ret->channel);
    if (servers > 1) { /* only now it is known among how many the time is shared */
        ares_destroy(ret->channel);
        status = make_channel(ret, settings, servers, watch, argument);
        if (status < 0)
            return status;
    }
    if (given > 0)
        status = from_ares(ares_set_servers_ports(ret->channel, nodes));
    if (status == 0)
        status = copy_domains(ret);
    if (status < 0)
        evf__dns_close(ret);
    return status;
}

void evf__dns_close(struct evf__dns *dns)
{
    ares_destroy(dns->channel);
    for (unsigned i = 0; i < dns->domains.count; i++)
        free(dns->domains.names[i]);
    *dns = (struct evf__dns){ .channel = NULL };
}

/* -- questions -- */

void evf__dns_ask(struct evf__dns *dns, const char *name, int family, ares_callback done,
                  void *argument)
{
    ares_query(dns->channel, name, CLASS_IN, family == AF_INET ? TYPE_A : TYPE_AAAA, done,
               argument);
}

void evf__dns_result(int status, const unsigned char *packet, int len, int family,
                     struct evf__dns_answer *ret)
{
    bool answered = status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND;
    if (answered && packet != NULL && len > 0) {
        evf__dns_answer_read(packet, (size_t)len, family, ret);
        return;
    }
    int other = from_ares(status);
    ret->status = other < 0 ? other : EVF_EDNS;
    ret->ttl_ms = 0;
    ret->count = 0;
}

void evf__dns_address(const uint8_t bytes[16], int family, struct sockaddr_storage *ret)
{
    union evf__address address = { .storage = { .ss_family = (sa_family_t)family } };
    if (family == AF_INET)
        memcpy(&address.ipv4.sin_addr, bytes, sizeof address.ipv4.sin_addr);
    else
        memcpy(&address.ipv6.sin6_addr, bytes, sizeof address.ipv6.sin6_addr);
    *ret = address.storage;
}
