/* SPDX-License-Identifier: MIT
 *
 * The start's first step: names looked up, listeners opened, and their sockets given to those who
 * will accept from them. Main thread.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/log.h"
#include "server/process.h"
#include "server/server.h"

bool evf__server_per_worker(const evf_server *server, const struct evf__listener *listener)
{
    return server->settings.accept == EVF_ACCEPT_REUSEPORT && listener->kind == EVF__LISTENER_TCP;
}

static bool same_address(const struct sockaddr_storage *one, socklen_t one_len,
                         const struct sockaddr_storage *other, socklen_t other_len)
{
    return one_len == other_len && memcmp(one, other, one_len) == 0;
}

/* True when the one that is to be opened wants what the other has. With `exactly` that is the same
 * address; else TCP sockets are in each other's way when they have the same port, which stands at
 * the same place in both families. */
static bool in_the_way(const struct evf__listener_socket *mine,
                       const struct evf__listener_socket *other, bool exactly)
{
    const struct sockaddr_in6 *wanted = (const struct sockaddr_in6 *)&mine->wanted;
    const struct sockaddr_in6 *bound = (const struct sockaddr_in6 *)&other->bound;
    if (other->bound_len == 0)
        return false;
    if (exactly || mine->wanted.ss_family == AF_UNIX)
        return same_address(&mine->wanted, mine->wanted_len, &other->bound, other->bound_len);
    return wanted->sin6_port != 0 && wanted->sin6_port == bound->sin6_port;
}

/* Another listener of this server that stands in the way of this one; NULL when it is somebody
 * else. */
static const struct evf__listener *rival(const evf_server *server,
                                         const struct evf__listener *listener, bool exactly)
{
    for (unsigned i = 0; i < server->listener_count; i++) {
        const struct evf__listener *other = server->listeners[i];
        if (other == listener || other->kind != listener->kind)
            continue;
        for (unsigned j = 0; j < other->socket_count * listener->socket_count; j++) {
            const struct evf__listener_socket *theirs = &other->sockets[j % other->socket_count];
            if (listener->kind == EVF__LISTENER_INHERITED
                    ? theirs->bound_len > 0 && other->inherited_fd == listener->inherited_fd
                    : in_the_way(&listener->sockets[j / other->socket_count], theirs, exactly))
                return other;
        }
    }
    return NULL;
}

int evf__server_resolve_listeners(evf_server *server)
{
    int status = 0;
    for (unsigned i = 0; i < server->listener_count && status == 0; i++)
        status = evf__listener_resolve(server->listeners[i], &server->settings.resolver,
                                       server->error, sizeof server->error);
    return status;
}

static int usable_backlog(const evf_server *server, const struct evf__listener *listener)
{
    int own = listener->instance->settings.socket.backlog;
    int wanted = own > 0 ? own : server->settings.backlog, most = evf__process_somaxconn();
    if (wanted <= most)
        return wanted;
    evf_log(EVF_WARN,
            "%s: the backlog of %d is cut to %d by the system; raise it with `sysctl -w "
            "net.core.somaxconn=%d`",
            listener->text, wanted, most, wanted);
    return most;
}

static struct evf__listen_settings settings_of(const evf_server *server,
                                               const struct evf__listener *listener)
{
    return (struct evf__listen_settings){ .share_port = evf__server_per_worker(server, listener),
                                          .socket = listener->instance->settings.socket };
}

/* Where a second one would be let in without a word, it is looked for beforehand: fd:N, and a port
 * that may be shared with other processes. */
static int open_listener(evf_server *server, struct evf__listener *listener)
{
    struct evf__listen_settings settings = settings_of(server, listener);
    const struct evf__listener *other =
        listener->kind == EVF__LISTENER_INHERITED || settings.socket.reuse_port
            ? rival(server, listener, true)
            : NULL;
    settings.backlog = usable_backlog(server, listener);
    int status = other != NULL
                     ? -EADDRINUSE
                     : evf__listener_open(listener, &settings, server->error, sizeof server->error);
    if (status == -EADDRINUSE && other == NULL)
        other = rival(server, listener, false);
    if (other != NULL)
        return evf__server_fail(server, status,
                                "cannot listen on %s: another listener of this server, %s, is "
                                "there already",
                                listener->text, other->instance->label);
    return status;
}

/* Gives a socket of the listener, and for reuseport more of them, to those who will accept. */
static int share_out(evf_server *server, struct evf__listener *listener,
                     struct evf__listener_socket *socket)
{
    struct evf__accepting *first = &server->acceptor.accepting;
    struct evf__listen_settings settings = settings_of(server, listener);
    if (evf__server_per_worker(server, listener)) {
        for (unsigned i = 1; i < server->worker_count; i++) {
            int fd = evf__listener_open_more(listener, socket, &settings, server->error,
                                             sizeof server->error);
            if (fd < 0)
                return fd;
            evf__accepting_add(&server->workers[i]->accepting, listener, socket, fd);
        }
        first = &server->workers[0]->accepting;
    }
    evf__accepting_add(first, listener, socket, socket->fd);
    socket->fd = -1;
    return 0;
}

/* Inherited descriptors first: they are then ours, before the server makes sockets. */
int evf__server_open_listeners(evf_server *server)
{
    for (int inherited = 1; inherited >= 0; inherited--) {
        for (unsigned i = 0; i < server->listener_count; i++) {
            struct evf__listener *listener = server->listeners[i];
            if ((listener->kind == EVF__LISTENER_INHERITED) != (inherited == 1))
                continue;
            int status = open_listener(server, listener);
            for (unsigned j = 0; j < listener->socket_count && status == 0; j++)
                status = share_out(server, listener, &listener->sockets[j]);
            if (status < 0)
                return status;
        }
    }
    return 0;
}
