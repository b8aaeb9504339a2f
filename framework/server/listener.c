/* SPDX-License-Identifier: MIT
 *
 * Listeners: from text to what is to be opened. Opening: open_listener.c. Main thread.
 */
#include "server/listener.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/address.h>

#include "base/address.h"
#include "base/assert.h"
#include "base/parse.h"

int evf__listener_refuse(const struct evf__listener *listener, int status, char *error, size_t size,
                         const char *format, ...)
{
    char reason[384];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    snprintf(error, size, "cannot listen on %s: %s", listener->text, reason);
    return status;
}

/* -- from text -- */

static int parse_inherited(struct evf__listener *ret, const char *number, char *error, size_t size)
{
    int64_t fd;
    if (number[0] < '0' || number[0] > '9' || evf__parse_int(number, &fd) != 0 || fd > INT32_MAX)
        return evf__listener_refuse(
            ret, EVF_EADDRESS, error, size,
            "fd: is followed by the number of an open descriptor, as in fd:3");
    ret->kind = EVF__LISTENER_INHERITED;
    ret->inherited_fd = (int)fd;
    return evf__inherited_check(ret, error, size);
}

static void parse_unix(struct evf__listener *ret, const char *path)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&ret->sockets[0].wanted;
    size_t len = strlen(path);
    EVF_ASSERT(len >= 1 && len < sizeof address->sun_path); /* evf_address_parse looked */
    ret->kind = EVF__LISTENER_UNIX;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, len + 1);
    ret->sockets[0].wanted_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    if (path[0] == '@') { /* the abstract name space: a zero in front, none behind */
        address->sun_path[0] = '\0';
        ret->sockets[0].wanted_len--;
    }
}

/* host is numeric, perhaps with a %scope. */
static bool parse_ip(struct evf__listener *ret, const char *host, uint16_t port)
{
    union evf__address address;
    if (!evf__address_from_ip(host, &address))
        return false;
    if (address.any.sa_family == AF_INET)
        address.ipv4.sin_port = htons(port);
    else
        address.ipv6.sin6_port = htons(port);
    ret->sockets[0].wanted = address.storage;
    ret->sockets[0].wanted_len = evf__address_ip_len(&address);
    return true;
}

static void parse_every(struct evf__listener *ret, uint16_t port)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->sockets[0].wanted;
    ret->every = true;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    ret->sockets[0].wanted_len = sizeof *in6; /* in6addr_any is all zero */
}

/* As RFC 3696 has it, the last part of a name is not all digits, unlike that of an address. */
static bool may_be_name(const char *host)
{
    size_t end = strlen(host), begin;
    if (end > 1 && host[end - 1] == '.')
        end--; /* a name that is complete */
    for (begin = end; begin > 0 && host[begin - 1] != '.';)
        begin--;
    return strchr(host, ':') == NULL && strspn(host + begin, "0123456789") < end - begin;
}

/* Its addresses are not known yet. */
static int parse_name(struct evf__listener *ret, const char *host, uint16_t port, char *error,
                      size_t size)
{
    ret->host = strdup(host);
    if (ret->host == NULL)
        return evf__listener_refuse(ret, -ENOMEM, error, size, "out of memory");
    ret->port = port;
    ret->socket_count = 0;
    return 0;
}

static int parse(struct evf__listener *ret, char *error, size_t size)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 256];
    uint16_t port;
    const char *path;
    if (strncmp(ret->text, "fd:", 3) == 0)
        return parse_inherited(ret, ret->text + 3, error, size);
    int status = evf_address_parse(ret->text, host, sizeof host, &port, &path);
    if (status == -ENAMETOOLONG)
        return evf__listener_refuse(
            ret, EVF_EADDRESS, error, size,
            "it is too long; the path of a unix socket has at most 107 bytes");
    if (status < 0)
        return evf__listener_refuse(
            ret, EVF_EADDRESS, error, size,
            "that is no address; use PORT, IP:PORT, [IPv6]:PORT, NAME:PORT, unix:/PATH, "
            "unix:@NAME or fd:N");
    if (path != NULL) {
        parse_unix(ret, path);
        return 0;
    }
    ret->kind = EVF__LISTENER_TCP;
    if (host[0] == '\0') {
        parse_every(ret, port);
        return 0;
    }
    if (parse_ip(ret, host, port))
        return 0;
    if (!may_be_name(host))
        return evf__listener_refuse(ret, EVF_EADDRESS, error, size,
                                    "'%s' is neither an IP address nor a name", host);
    return parse_name(ret, host, port, error, size);
}

static struct evf__listener_socket *make_sockets(unsigned count)
{
    struct evf__listener_socket *sockets = calloc(count, sizeof *sockets);
    for (unsigned i = 0; i < count && sockets != NULL; i++)
        sockets[i].fd = -1;
    return sockets;
}

int evf__listener_init(struct evf__listener *ret, const char *text, char *error, size_t error_size)
{
    ret->inherited_fd = ret->file.lock_fd = -1;
    ret->text = strdup(text);
    ret->sockets = make_sockets(1);
    if (ret->text == NULL || ret->sockets == NULL) {
        snprintf(error, error_size, "out of memory");
        evf__listener_fini(ret);
        return -ENOMEM;
    }
    ret->socket_count = 1;
    int status = parse(ret, error, error_size);
    if (status < 0)
        evf__listener_fini(ret);
    return status;
}

void evf__listener_fini(struct evf__listener *listener)
{
    evf__listener_close(listener);
    free(listener->sockets);
    free(listener->host);
    free(listener->text);
    listener->sockets = NULL;
    listener->socket_count = 0;
    listener->host = listener->text = NULL;
}
