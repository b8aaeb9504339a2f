/* SPDX-License-Identifier: MIT
 *
 * Options. Main thread, at the start.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "worker.h"

static const char *const balances[] = { "round-robin", "least", "hash", NULL };
static const char *const sends[] = { "off", "v1", "v2", NULL };
static const char *const families[] = { "any", "ipv4", "ipv6", NULL };

#define DAY_MS (24 * 3600 * 1000)

const struct evf_option proxy_options[] = {
    { .name = "upstream",
      .type = EVF_OPTION_ADDRESS | EVF_OPTION_REPEATABLE | EVF_OPTION_REQUIRED,
      .help = "where clients are connected to: host:port, [v6]:port, unix:/path; repeatable" },
    { .name = "balance",
      .type = EVF_OPTION_CHOICE,
      .default_value = "round-robin",
      .choices = balances,
      .help = "which upstream server a client gets; hash: by the client's address" },
    { .name = "family",
      .type = EVF_OPTION_CHOICE,
      .default_value = "any",
      .choices = families,
      .help = "which addresses of names count" },
    { .name = "connect-timeout",
      .type = EVF_OPTION_DURATION,
      .default_value = "5s",
      .min = 1,
      .max = DAY_MS,
      .help = "time to connect to one upstream server, then the next is tried" },
    { .name = "tries",
      .type = EVF_OPTION_INT,
      .min = 1,
      .max = PROXY_TRIES_MAX,
      .help = "upstream servers tried for one client; default all, at most 16" },
    { .name = "max-fails",
      .type = EVF_OPTION_INT,
      .default_value = "3",
      .min = 0,
      .max = 1000000,
      .help = "failures in a row after which an upstream server is ejected; 0: never" },
    { .name = "fail-time",
      .type = EVF_OPTION_DURATION,
      .default_value = "10s",
      .min = 100,
      .max = DAY_MS,
      .help = "how long it is ejected before one connection tries it again" },
    { .name = "send-proxy",
      .type = EVF_OPTION_CHOICE,
      .default_value = "off",
      .choices = sends,
      .help = "begin with a PROXY header, which tells the client's address" },
    { 0 },
};

static bool is_address(const char *host)
{
    char plain[PROXY_HOST_SIZE];
    struct in6_addr address;
    size_t len = strcspn(host, "%");
    if (len >= sizeof plain)
        return false;
    memcpy(plain, host, len);
    plain[len] = '\0';
    return inet_pton(AF_INET6, plain, &address) == 1 || inet_pton(AF_INET, host, &address) == 1;
}

int proxy_target_parse(const char *text, struct proxy_target *ret, const char **ret_why)
{
    struct proxy_target target = { .text = text };
    int status =
        evf_address_parse(text, target.host, sizeof target.host, &target.port, &target.unix_path);
    if (status < 0) {
        *ret_why = evf_strerror(status);
        return status;
    }
    if (target.unix_path == NULL && target.host[0] == '\0') {
        *ret_why = "a host is missing";
        return EVF_EADDRESS;
    }
    if (target.unix_path == NULL && target.port == 0) {
        *ret_why = "port 0 cannot be connected to";
        return EVF_EADDRESS;
    }
    if (strlen(text) >= PROXY_HOST_SIZE + sizeof "[]:65535") {
        *ret_why = "it is too long";
        return -ENAMETOOLONG;
    }
    target.is_name = target.unix_path == NULL && !is_address(target.host);
    *ret = target;
    return 0;
}

static int read_targets(evf_instance *instance, struct proxy_instance *proxy)
{
    unsigned count = evf_option_count(instance, "upstream");
    if (count > PROXY_TARGETS_MAX)
        return evf_fail(instance, "upstream is given %u times; at most %d are allowed", count,
                        PROXY_TARGETS_MAX);
    for (unsigned i = 0; i < count; i++) {
        const char *text = evf_option_string_at(instance, "upstream", i);
        const char *why;
        if (proxy_target_parse(text, &proxy->targets[i], &why) < 0)
            return evf_fail(instance,
                            "upstream=%s: %s; give host:port, [v6]:port, unix:/path or unix:@name",
                            text, why);
        for (unsigned other = 0; other < i; other++)
            if (strcmp(proxy->targets[other].text, text) == 0)
                return evf_fail(instance, "upstream=%s is given twice; give each once", text);
    }
    proxy->target_count = count;
    return 0;
}

static int choice(evf_instance *instance, const char *name, const char *const *choices)
{
    const char *text = evf_option_string(instance, name);
    int index = 0;
    while (choices[index + 1] != NULL && strcmp(choices[index], text) != 0)
        index++;
    return index;
}

int proxy_options_read(evf_instance *instance, struct proxy_instance *proxy)
{
    static const int numbers[] = { AF_UNSPEC, AF_INET, AF_INET6 };
    proxy->balance = (enum proxy_balance)choice(instance, "balance", balances);
    proxy->send = (enum proxy_send)choice(instance, "send-proxy", sends);
    proxy->family = numbers[choice(instance, "family", families)];
    proxy->connect_timeout_ms = (uint32_t)evf_option_int(instance, "connect-timeout");
    proxy->fail_time_ms = (uint32_t)evf_option_int(instance, "fail-time");
    proxy->max_fails = (uint32_t)evf_option_int(instance, "max-fails");
    proxy->tries = (unsigned)evf_option_int(instance, "tries");
    if (proxy->tries == 0)
        proxy->tries = PROXY_TRIES_MAX;
    return read_targets(instance, proxy);
}
