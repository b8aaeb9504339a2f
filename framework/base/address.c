/* SPDX-License-Identifier: MIT
 *
 * Socket addresses: splitting the forms that people write, and writing those that the kernel gives.
 *
 * Parsing looks nothing up and is strict: what is not one of the forms in evframe/address.h is
 * refused, so that a slip is told at the start rather than found as a strange bind or look-up.
 */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

/* A path with its terminator fills sun_path. */
#define UNIX_PATH_MAX_LEN (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* -- text to parts -- */

/* 0 … 65535 in decimal, one to five digits and nothing else; -1 for anything else. */
static int parse_port(const char *text)
{
    int port = 0;
    size_t len = strlen(text);
    if (len < 1 || len > 5)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        port = port * 10 + (text[i] - '0');
    }
    return port <= 65535 ? port : -1;
}

/* Letters, digits, '-', '.' and '_': host names and IPv4 literals are made of them. Not isalnum,
 * which the locale may change. */
static bool is_host(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        if (!letter && !digit && c != '-' && c != '.' && c != '_')
            return false;
    }
    return len > 0;
}

/* An IPv6 literal, perhaps with %scope: an interface's name or number. */
static bool is_ipv6(const char *text, size_t len)
{
    char literal[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    const char *percent = memchr(text, '%', len);
    size_t literal_len = percent != NULL ? (size_t)(percent - text) : len;
    if (literal_len >= sizeof literal)
        return false;
    memcpy(literal, text, literal_len);
    literal[literal_len] = '\0';
    if (inet_pton(AF_INET6, literal, &parsed) != 1)
        return false;
    if (percent == NULL)
        return true;
    size_t scope_len = len - literal_len - 1;
    if (scope_len < 1 || scope_len >= IF_NAMESIZE)
        return false;
    for (size_t i = 1; i <= scope_len; i++)
        if (percent[i] <= ' ' || percent[i] > '~' || strchr("%/:[]", percent[i]) != NULL)
            return false; /* the kernel takes no space, slash or colon in an interface's name */
    return true;
}

static int parse_unix(const char *path, char *host, size_t size, uint16_t *port,
                      const char **unix_path)
{
    if (path[0] == '\0' || strcmp(path, "@") == 0)
        return EVF_EADDRESS;
    if (size < 1 || strlen(path) > UNIX_PATH_MAX_LEN)
        return -ENAMETOOLONG;
    host[0] = '\0';
    *port = 0;
    *unix_path = path;
    return 0;
}

/* Where the host is and where the port: [v6]:port, name:port, :port, port. False: none of these. */
static bool split(const char *text, const char **ret_host, size_t *ret_len, const char **ret_port)
{
    if (text[0] == '[') {
        const char *bracket = strchr(text, ']');
        if (bracket == NULL || bracket[1] != ':')
            return false;
        *ret_host = text + 1;
        *ret_len = (size_t)(bracket - text - 1);
        *ret_port = bracket + 2;
        return is_ipv6(*ret_host, *ret_len);
    }
    const char *colon = strchr(text, ':');
    *ret_host = text;
    *ret_len = colon != NULL ? (size_t)(colon - text) : 0;
    *ret_port = colon != NULL ? colon + 1 : text;
    /* A second colon, as in an IPv6 literal without brackets, is not a port's. */
    return *ret_len == 0 || is_host(text, *ret_len);
}

int evf_address_parse(const char *text, char *host, size_t size, uint16_t *port,
                      const char **unix_path)
{
    if (text == NULL || host == NULL || port == NULL || unix_path == NULL)
        return -EINVAL;
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, host, size, port, unix_path);
    if (strncmp(text, "fd:", 3) == 0)
        return EVF_EADDRESS; /* not a host named fd */

    const char *host_text, *port_text;
    size_t len;
    if (!split(text, &host_text, &len, &port_text))
        return EVF_EADDRESS;
    int number = parse_port(port_text);
    if (number < 0)
        return EVF_EADDRESS;
    if (len >= size)
        return -ENAMETOOLONG;
    memcpy(host, host_text, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    *unix_path = NULL;
    return 0;
}

/* The number of an interface given by name or number; 0 when there is none. */
static uint32_t scope_number(const char *scope)
{
    int64_t number;
    unsigned index = if_nametoindex(scope);
    if (index != 0)
        return index;
    bool fits = evf__parse_int(scope, &number) == 0 && number > 0 && number <= UINT32_MAX;
    return fits ? (uint32_t)number : 0;
}

bool evf__address_from_ip(const char *text, union evf__address *ret)
{
    union evf__address address = { .storage = { .ss_family = AF_UNSPEC } };
    char literal[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET, text, &address.ipv4.sin_addr) == 1) {
        address.ipv4.sin_family = AF_INET;
        *ret = address;
        return true;
    }
    size_t len = strcspn(text, "%");
    if (len >= sizeof literal)
        return false;
    memcpy(literal, text, len);
    literal[len] = '\0';
    if (inet_pton(AF_INET6, literal, &address.ipv6.sin6_addr) != 1)
        return false;
    address.ipv6.sin6_family = AF_INET6;
    if (text[len] == '%') {
        address.ipv6.sin6_scope_id = scope_number(text + len + 1);
        if (address.ipv6.sin6_scope_id == 0)
            return false;
    }
    *ret = address;
    return true;
}

/* -- address to text -- */

static void format_ipv4(const struct sockaddr_in *address, char *buffer, size_t size)
{
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
    snprintf(buffer, size, "%s:%u", text, ntohs(address->sin_port));
}

static void format_ipv6(const struct sockaddr_in6 *address, char *buffer, size_t size)
{
    char text[INET6_ADDRSTRLEN], scope[IF_NAMESIZE] = "";
    inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text);
    unsigned index = address->sin6_scope_id;
    if (index != 0 && if_indextoname(index, scope) == NULL)
        snprintf(scope, sizeof scope, "%u", index); /* the interface is gone */
    snprintf(buffer, size, "[%s%s%s]:%u", text, scope[0] != '\0' ? "%" : "", scope,
             ntohs(address->sin6_port));
}

/* An abstract name begins with a zero byte, has no terminator, and may contain more of them: each
 * is shown as '@', as the kernel does; those at the end, with which some programs pad the name, are
 * left out. */
static void format_unix(const struct sockaddr_un *address, size_t name_len, char *buffer,
                        size_t size)
{
    char name[sizeof address->sun_path];
    if (name_len > sizeof name)
        name_len = sizeof name;
    memcpy(name, address->sun_path, name_len);
    if (name_len > 0 && name[0] == '\0') {
        while (name_len > 1 && name[name_len - 1] == '\0')
            name_len--;
        for (size_t i = 0; i < name_len; i++)
            if (name[i] == '\0')
                name[i] = '@';
    }
    snprintf(buffer, size, "unix:%.*s", (int)name_len, name);
}

const char *evf__address_format(const struct sockaddr *address, socklen_t len, char *buffer,
                                size_t size)
{
    /* Copied, so that neither its alignment nor a length below its type's matters. */
    union evf__address copy = { .storage = { .ss_family = AF_UNSPEC } };
    size_t copied = len < sizeof copy ? len : sizeof copy;
    if (address != NULL)
        memcpy(&copy, address, copied);
    size_t unix_head = offsetof(struct sockaddr_un, sun_path);
    if (copy.any.sa_family == AF_INET && copied >= sizeof copy.ipv4)
        format_ipv4(&copy.ipv4, buffer, size);
    else if (copy.any.sa_family == AF_INET6 && copied >= sizeof copy.ipv6)
        format_ipv6(&copy.ipv6, buffer, size);
    else if (copy.any.sa_family == AF_UNIX && copied >= unix_head)
        format_unix(&copy.local, copied - unix_head, buffer, size);
    else
        snprintf(buffer, size, "unknown");
    return buffer;
}

void evf__address_unmap(const struct sockaddr *address, socklen_t len, struct sockaddr_storage *ret,
                        socklen_t *ret_len)
{
    /* By way of a copy: address may be ret. */
    union evf__address copy = { .storage = { .ss_family = AF_UNSPEC } };
    socklen_t copied = len < sizeof copy ? len : (socklen_t)sizeof copy;
    memcpy(&copy, address, copied);
    if (copy.any.sa_family == AF_INET6 && copied >= sizeof copy.ipv6 &&
        IN6_IS_ADDR_V4MAPPED(&copy.ipv6.sin6_addr)) {
        union evf__address plain = { .storage = { .ss_family = AF_UNSPEC } };
        plain.ipv4.sin_family = AF_INET;
        plain.ipv4.sin_port = copy.ipv6.sin6_port;
        memcpy(&plain.ipv4.sin_addr, &copy.ipv6.sin6_addr.s6_addr[12], sizeof(struct in_addr));
        copy = plain;
        copied = sizeof copy.ipv4;
    }
    *ret = copy.storage;
    *ret_len = copied;
}
