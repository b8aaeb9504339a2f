/* SPDX-License-Identifier: MIT
 *
 * Opening listeners: making their sockets, binding them, and saying what went wrong. Main thread.
 *
 * What streams inherit is set on the listening socket: TCP_NODELAY, and what the listener's options
 * ask for. Descriptors are non-blocking and close-on-exec. [::] and an address without a host
 * listen for both families; the latter listens on 0.0.0.0 where there is no IPv6. Each address of a
 * name has a socket of its own, for its family alone; they share one port, also when the system
 * chooses it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "server/listener.h"

static void set_on(int fd, int level, int option)
{
    int on = 1;
    int set = setsockopt(fd, level, option, &on, sizeof on);
    EVF_ASSERT(set == 0);
}

/* -- failures -- */

/* What to do about a failure of bind or listen. */
static const char *advice(const struct sockaddr_storage *address, int status)
{
    bool ip = address->ss_family != AF_UNIX;
    switch (-status) {
    case EADDRINUSE:
        return "another process is listening there; stop it or choose another address";
    case EACCES:
        return ip ? "ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE; "
                    "choose a higher port or grant it"
                  : "choose a folder in which this user may write";
    case EADDRNOTAVAIL:
        return "this machine has no such address; `ip address` lists those it has";
    case EAFNOSUPPORT:
        return "this system has no support for that family of addresses";
    case EMFILE:
    case ENFILE:
        return "raise the limit of open files";
    default:
        return NULL;
    }
}

/* A name's addresses are not in its text. */
static int refuse_system(const struct evf__listener *listener,
                         const struct evf__listener_socket *socket, int status, char *error,
                         size_t size)
{
    const char *more = advice(&socket->wanted, status);
    char address[EVF_PEER_NAME_SIZE] = "";
    if (listener->host != NULL)
        evf__address_format((const struct sockaddr *)&socket->wanted, socket->wanted_len, address,
                            sizeof address);
    return evf__listener_refuse(listener, status, error, size, "%s%s%s%s%s", address,
                                address[0] != '\0' ? ": " : "", evf_strerror(status),
                                more != NULL ? "; " : "", more != NULL ? more : "");
}

/* -- TCP -- */

/* What is asked of one socket. */
struct binding {
    const struct sockaddr_storage *address;
    socklen_t len;
    bool share_port, v6_only;
    const struct evf__socket_settings *settings;
};

/* A socket bound to the address, not yet listening; a negated errno. */
static int bind_tcp(const struct binding *binding)
{
    int family = binding->address->ss_family, v6_only = binding->v6_only, status;
    const char *option;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return -errno;
    set_on(fd, SOL_SOCKET, SO_REUSEADDR);
    set_on(fd, IPPROTO_TCP, TCP_NODELAY);
    if (binding->share_port)
        set_on(fd, SOL_SOCKET, SO_REUSEPORT);
    status = evf__socket_prepare(fd, family, binding->settings, &option);
    if (status < 0)
        goto fail;
    if ((family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only) < 0) ||
        bind(fd, (const struct sockaddr *)binding->address, binding->len) < 0) {
        status = -errno;
        goto fail;
    }
    return fd;
fail:
    close(fd);
    return status;
}

static bool not_here(int status)
{
    return status == -EAFNOSUPPORT || status == -EADDRNOTAVAIL;
}

/* The first socket is bound without SO_REUSEPORT, so that a port on which another process listens
 * is an error and not shared with it; the others may join once the option is set. An address
 * without a host means both families, and IPv4 alone on a system without IPv6. */
static int bind_first(const struct evf__listener *listener, struct evf__listener_socket *socket,
                      const struct evf__listen_settings *settings)
{
    struct binding binding = { .address = &socket->wanted,
                               .len = socket->wanted_len,
                               .v6_only = settings->socket.v6_only || listener->host != NULL,
                               .settings = &settings->socket };
    int fd = bind_tcp(&binding);
    if (listener->every && not_here(fd)) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&socket->wanted;
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = in6->sin6_port };
        memset(&socket->wanted, 0, sizeof socket->wanted);
        memcpy(&socket->wanted, &in, sizeof in);
        binding.len = socket->wanted_len = sizeof in;
        fd = bind_tcp(&binding);
    }
    if (fd >= 0 && settings->share_port)
        set_on(fd, SOL_SOCKET, SO_REUSEPORT);
    return fd;
}

/* The port stands at the same place in both families. */
static in_port_t *port_of(struct sockaddr_storage *address)
{
    return &((struct sockaddr_in6 *)address)->sin6_port;
}

static int learn_address(struct evf__listener_socket *socket)
{
    socklen_t len = sizeof socket->bound;
    if (getsockname(socket->fd, (struct sockaddr *)&socket->bound, &len) < 0)
        return -errno;
    socket->bound_len = len;
    evf__address_format((const struct sockaddr *)&socket->bound, len, socket->name,
                        sizeof socket->name);
    return 0;
}

static void close_sockets(struct evf__listener *listener)
{
    for (unsigned i = 0; i < listener->socket_count; i++) {
        if (listener->sockets[i].fd >= 0)
            close(listener->sockets[i].fd);
        listener->sockets[i].fd = -1;
    }
}

/* Binds every address, the first of them with whatever port the system chooses where none is given,
 * the others with the same. What this machine has not is left out. 0 when at least one is bound;
 * else *ret_failed is the one that failed last. */
static int bind_all(struct evf__listener *listener, const struct evf__listen_settings *settings,
                    struct evf__listener_socket **ret_failed)
{
    int status = 0;
    in_port_t port = htons(listener->port);
    for (unsigned i = 0; i < listener->socket_count; i++) {
        struct evf__listener_socket *socket = *ret_failed = &listener->sockets[i];
        if (listener->host != NULL)
            *port_of(&socket->wanted) = port;
        socket->fd = bind_first(listener, socket, settings);
        if (socket->fd < 0) {
            status = socket->fd;
            socket->fd = -1;
            if (not_here(status))
                continue;
            return status;
        }
        status = learn_address(socket);
        if (status < 0)
            return status;
        port = *port_of(&socket->bound);
    }
    for (unsigned i = 0; i < listener->socket_count; i++)
        if (listener->sockets[i].fd >= 0)
            return 0;
    return status;
}

/* Forgets the addresses that this machine has not. */
static void leave_out_unbound(struct evf__listener *listener)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < listener->socket_count; i++) {
        struct evf__listener_socket *socket = &listener->sockets[i];
        char address[EVF_PEER_NAME_SIZE];
        if (socket->fd >= 0) {
            listener->sockets[kept++] = *socket;
            continue;
        }
        evf__address_format((const struct sockaddr *)&socket->wanted, socket->wanted_len, address,
                            sizeof address);
        evf_log(EVF_INFO, "%s: this machine does not have %s, which is left out", listener->text,
                address);
    }
    listener->socket_count = kept;
}

/* A port that the system chose for one address may be taken on another: then a new one is tried. */
static int open_tcp(struct evf__listener *listener, const struct evf__listen_settings *settings,
                    char *error, size_t size)
{
    struct evf__listener_socket *failed = NULL;
    bool choose = listener->host != NULL && listener->port == 0;
    int status = -EADDRINUSE;
    for (unsigned i = 0; i < (choose ? EVF__PORT_ATTEMPTS : 1) && status == -EADDRINUSE; i++) {
        close_sockets(listener);
        status = bind_all(listener, settings, &failed);
    }
    if (status < 0)
        return refuse_system(listener, failed, status, error, size);
    leave_out_unbound(listener);
    return 0;
}

/* -- unix sockets -- */

static int open_unix(struct evf__listener *listener, const struct evf__socket_settings *settings,
                     char *error, size_t size)
{
    struct evf__listener_socket *made = &listener->sockets[0];
    const struct sockaddr_un *address = (const struct sockaddr_un *)&made->wanted;
    char reason[300];
    made->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made->fd < 0)
        return refuse_system(listener, made, -errno, error, size);
    if (address->sun_path[0] == '\0') {
        if (bind(made->fd, (const struct sockaddr *)address, made->wanted_len) < 0)
            return refuse_system(listener, made, -errno, error, size);
        return 0;
    }
    int status = evf__socket_file_bind(&listener->file, made->fd, address, made->wanted_len,
                                       settings, reason, sizeof reason);
    if (status < 0)
        return evf__listener_refuse(listener, status, error, size, "%s", reason);
    return 0;
}

/* -- the whole -- */

int evf__listener_open(struct evf__listener *listener, const struct evf__listen_settings *settings,
                       char *error, size_t error_size)
{
    int status;
    EVF_ASSERT(listener->socket_count > 0 && listener->sockets[0].bound_len == 0);
    switch (listener->kind) {
    case EVF__LISTENER_TCP:
        status = open_tcp(listener, settings, error, error_size);
        break;
    case EVF__LISTENER_UNIX:
        status = open_unix(listener, &settings->socket, error, error_size);
        break;
    default:
        status = evf__inherited_take(listener, settings, error, error_size);
        break;
    }
    if (status < 0)
        goto fail;
    listener->backlog = settings->backlog;
    for (unsigned i = 0; i < listener->socket_count; i++) {
        struct evf__listener_socket *socket = &listener->sockets[i];
        status = learn_address(socket);
        if (status == 0 && listener->kind != EVF__LISTENER_INHERITED &&
            listen(socket->fd, settings->backlog) < 0)
            status = -errno;
        if (status < 0) {
            refuse_system(listener, socket, status, error, error_size);
            goto fail;
        }
    }
    return 0;
fail:
    evf__listener_close(listener);
    for (unsigned i = 0; i < listener->socket_count; i++)
        listener->sockets[i].bound_len = 0;
    return status;
}

int evf__listener_open_more(const struct evf__listener *listener,
                            const struct evf__listener_socket *beside,
                            const struct evf__listen_settings *settings, char *error,
                            size_t error_size)
{
    EVF_ASSERT(listener->kind == EVF__LISTENER_TCP && beside->bound_len > 0);
    struct binding binding = { .address = &beside->bound,
                               .len = beside->bound_len,
                               .share_port = true,
                               .v6_only = settings->socket.v6_only || listener->host != NULL,
                               .settings = &settings->socket };
    int fd = bind_tcp(&binding);
    if (fd < 0)
        return refuse_system(listener, beside, fd, error, error_size);
    if (listen(fd, listener->backlog) < 0) {
        int status = refuse_system(listener, beside, -errno, error, error_size);
        close(fd);
        return status;
    }
    return fd;
}

void evf__listener_hide(struct evf__listener *listener)
{
    evf__socket_file_remove(&listener->file);
}

void evf__listener_close(struct evf__listener *listener)
{
    close_sockets(listener);
    evf__socket_file_release(&listener->file);
}
