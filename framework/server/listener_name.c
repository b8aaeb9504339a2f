/* SPDX-License-Identifier: MIT
 *
 * Listeners whose host is a name: looked up at the start, a socket for each address. Main thread,
 * which waits meanwhile.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/limits.h"
#include "server/listener.h"

static int refuse_look_up(const struct evf__listener *listener, int status, char *error,
                          size_t size)
{
    const char *more = "; an IP address needs no look-up";
    if (status == EVF_ENONAME || status == EVF_ENOADDRESS)
        more = "; check the name, or give an IP address";
    return evf__listener_refuse(listener, status, error, size,
                                "the name %s cannot be looked up: %s%s", listener->host,
                                evf_strerror(status), more);
}

static bool is_there(const struct evf__listener *listener, const struct sockaddr_storage *address,
                     socklen_t len)
{
    for (unsigned i = 0; i < listener->socket_count; i++)
        if (listener->sockets[i].wanted_len == len &&
            memcmp(&listener->sockets[i].wanted, address, len) == 0)
            return true;
    return false;
}

/* Each address once: a second socket would be in the way of the first. */
static void take_addresses(struct evf__listener *listener, const struct sockaddr_storage *addresses,
                           unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct evf__listener_socket *socket = &listener->sockets[listener->socket_count];
        union evf__address address = { .storage = addresses[i] };
        socklen_t len = evf__address_ip_len(&address);
        if (is_there(listener, &address.storage, len))
            continue;
        *socket = (struct evf__listener_socket){ .wanted_len = len, .fd = -1 };
        memcpy(&socket->wanted, &address, len);
        listener->socket_count++;
    }
}

int evf__listener_resolve(struct evf__listener *listener,
                          const struct evf__resolver_settings *settings, char *error,
                          size_t error_size)
{
    struct sockaddr_storage addresses[EVF__ADDRESSES_MAX];
    if (listener->host == NULL)
        return 0;
    int count = evf__resolve_wait(settings, listener->host, addresses, EVF__ADDRESSES_MAX);
    if (count <= 0)
        return refuse_look_up(listener, count < 0 ? count : EVF_ENOADDRESS, error, error_size);
    struct evf__listener_socket *sockets =
        realloc(listener->sockets, (size_t)count * sizeof *sockets);
    if (sockets == NULL)
        return evf__listener_refuse(listener, -ENOMEM, error, error_size, "out of memory");
    listener->sockets = sockets;
    listener->socket_count = 0;
    take_addresses(listener, addresses, (unsigned)count);
    return 0;
}
