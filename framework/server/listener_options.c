/* SPDX-License-Identifier: MIT
 *
 * The options of a listener's sockets: for which kinds of listener each is, and setting them. Main
 * thread.
 *
 * What a connection has from its listener is set on the listening socket, before it listens, and
 * inherited. The file of a unix socket: unix_listener.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "server/listener.h"

/* -- for whom -- */

static bool is_unix(const struct evf__listener *listener)
{
    return listener->kind == EVF__LISTENER_UNIX ||
           (listener->kind == EVF__LISTENER_INHERITED && listener->inherited_family == AF_UNIX);
}

/* Each gives the reason why an option is not for this listener; NULL when it is. */

static const char *not_tcp(const struct evf__listener *listener)
{
    return is_unix(listener) ? "is for TCP, and this is a unix socket" : NULL;
}

static const char *not_bound_by_us(const struct evf__listener *listener)
{
    return listener->kind == EVF__LISTENER_INHERITED
               ? "comes too late for a socket that listens already; whoever makes it sets that"
               : NULL;
}

static const char *not_shareable(const struct evf__listener *listener)
{
    const char *why = not_tcp(listener);
    return why != NULL ? why : not_bound_by_us(listener);
}

static const char *not_ipv6(const struct evf__listener *listener)
{
    const char *why = not_shareable(listener);
    if (why != NULL)
        return why;
    if (listener->every)
        return "is for an IPv6 address; write [::]:PORT for all addresses of IPv6 alone";
    if (listener->host != NULL)
        return "is for an IPv6 address; the addresses of a name have a socket each";
    return listener->sockets[0].wanted.ss_family != AF_INET6
               ? "is for an IPv6 address, such as [::]:PORT, and this is IPv4"
               : NULL;
}

static const char *without_file(const struct evf__listener *listener)
{
    if (listener->kind == EVF__LISTENER_INHERITED)
        return not_bound_by_us(listener);
    if (listener->kind != EVF__LISTENER_UNIX)
        return "is for the file of a unix socket, and this is TCP";
    const struct sockaddr_un *address = (const struct sockaddr_un *)&listener->sockets[0].wanted;
    return address->sun_path[0] == '\0' ? "is for the file of a unix socket, and an abstract name "
                                          "has none"
                                        : NULL;
}

int evf__listener_check(const struct evf__listener *listener,
                        const struct evf__socket_settings *settings, char *error, size_t error_size)
{
    const struct {
        const char *name;
        bool asked;
        const char *(*why_not)(const struct evf__listener *listener);
    } options[] = {
        { "keepalive", settings->keepalive, not_tcp },
        { "tos", settings->tos_given, not_tcp },
        { "defer-accept", settings->defer_accept_s > 0, not_tcp },
        { "v6-only", settings->v6_only, not_ipv6 },
        { "reuse-port", settings->reuse_port, not_shareable },
        { "backlog", settings->backlog > 0, not_bound_by_us },
        { "mode", settings->mode != 0, without_file },
        { "owner", settings->owner_given, without_file },
        { "group", settings->group_given, without_file },
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const char *why = options[i].asked ? options[i].why_not(listener) : NULL;
        if (why != NULL) {
            snprintf(error, error_size, "listener %s: option %s %s", listener->text,
                     options[i].name, why);
            return EVF_EOPTION;
        }
    }
    return 0;
}

/* -- setting them -- */

struct number {
    const char *name; /* of the option */
    bool asked;
    int level, option, value;
};

int evf__socket_prepare(int fd, int family, const struct evf__socket_settings *settings,
                        const char **ret_option)
{
    bool v6 = family == AF_INET6;
    /* IPv4 peers of an IPv6 socket are sent to by what is set for IPv4. */
    const struct number numbers[] = {
        { "keepalive", settings->keepalive, SOL_SOCKET, SO_KEEPALIVE, 1 },
        { "keepalive-idle", settings->keepalive_idle_s > 0, IPPROTO_TCP, TCP_KEEPIDLE,
          (int)settings->keepalive_idle_s },
        { "keepalive-interval", settings->keepalive_interval_s > 0, IPPROTO_TCP, TCP_KEEPINTVL,
          (int)settings->keepalive_interval_s },
        { "keepalive-count", settings->keepalive_count > 0, IPPROTO_TCP, TCP_KEEPCNT,
          (int)settings->keepalive_count },
        { "tos", settings->tos_given, IPPROTO_IP, IP_TOS, settings->tos },
        { "tos", settings->tos_given && v6, IPPROTO_IPV6, IPV6_TCLASS, settings->tos },
        { "defer-accept", settings->defer_accept_s > 0, IPPROTO_TCP, TCP_DEFER_ACCEPT,
          (int)settings->defer_accept_s },
        { "reuse-port", settings->reuse_port, SOL_SOCKET, SO_REUSEPORT, 1 },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct number *number = &numbers[i];
        if (number->asked && setsockopt(fd, number->level, number->option, &number->value,
                                        sizeof number->value) < 0) {
            *ret_option = number->name;
            return -errno;
        }
    }
    return 0;
}
