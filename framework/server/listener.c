/* SPDX-License-Identifier: MIT
 *
 * Listeners: parsing an address, making its socket, and saying what went wrong. Main thread.
 *
 * What streams inherit is set on the listening socket: TCP_NODELAY. Descriptors are non-blocking
 * and close-on-exec. [::] and an address without a host listen for both families; the latter
 * listens on 0.0.0.0 where there is no IPv6.
 */
#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <evframe/address.h>

#include "base/address.h"
#include "base/assert.h"
#include "base/parse.h"
#include "server/process.h"

/* Writes "cannot listen on ADDRESS: …" and gives the status back. */
__attribute__((format(printf, 5, 6))) static int refuse(const struct evf__listener *listener,
                                                        int status, char *error, size_t size,
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
        return refuse(ret, EVF_EADDRESS, error, size,
                      "fd: is followed by the number of an open descriptor, as in fd:3");
    ret->kind = EVF__LISTENER_INHERITED;
    ret->inherited_fd = (int)fd;
    return 0;
}

static void parse_unix(struct evf__listener *ret, const char *path)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&ret->wanted;
    size_t len = strlen(path);
    EVF_ASSERT(len >= 1 && len < sizeof address->sun_path); /* evf_address_parse looked */
    ret->kind = EVF__LISTENER_UNIX;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, len + 1);
    ret->wanted_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    if (path[0] == '@') { /* the abstract name space: a zero in front, none behind */
        address->sun_path[0] = '\0';
        ret->wanted_len--;
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
    ret->wanted = address.storage;
    ret->wanted_len = evf__address_ip_len(&address);
    return true;
}

static void parse_every(struct evf__listener *ret, uint16_t port)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->wanted;
    ret->every = true;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    ret->wanted_len = sizeof *in6; /* in6addr_any is all zero */
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
        return refuse(ret, EVF_EADDRESS, error, size,
                      "it is too long; the path of a unix socket has at most 107 bytes");
    if (status < 0)
        return refuse(ret, EVF_EADDRESS, error, size,
                      "that is no address; use PORT, IP:PORT, [IPv6]:PORT, unix:/PATH, unix:@NAME "
                      "or fd:N");
    if (path != NULL) {
        parse_unix(ret, path);
        return 0;
    }
    ret->kind = EVF__LISTENER_TCP;
    if (host[0] == '\0') {
        parse_every(ret, port);
        return 0;
    }
    if (!parse_ip(ret, host, port))
        return refuse(ret, EVF_EADDRESS, error, size,
                      "'%s' is no IP address, and names are not looked up; give an IP address%s",
                      host,
                      strcmp(host, "localhost") == 0 ? ": 127.0.0.1 or [::1] for localhost" : "");
    return 0;
}

int evf__listener_init(struct evf__listener *ret, const char *text, char *error, size_t error_size)
{
    ret->fd = ret->inherited_fd = ret->file.lock_fd = -1;
    ret->text = strdup(text);
    if (ret->text == NULL) {
        snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    int status = parse(ret, error, error_size);
    if (status < 0)
        evf__listener_fini(ret);
    return status;
}

void evf__listener_fini(struct evf__listener *listener)
{
    evf__listener_close(listener);
    free(listener->text);
    listener->text = NULL;
}

/* -- the socket -- */

static void set_on(int fd, int level, int option)
{
    int on = 1;
    int set = setsockopt(fd, level, option, &on, sizeof on);
    EVF_ASSERT(set == 0);
}

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

static int refuse_system(const struct evf__listener *listener, int status, char *error, size_t size)
{
    const char *more = advice(&listener->wanted, status);
    return refuse(listener, status, error, size, "%s%s%s", evf_strerror(status),
                  more != NULL ? "; " : "", more != NULL ? more : "");
}

/* A socket bound to the address, not yet listening; a negated errno. */
static int bind_tcp(const struct sockaddr_storage *address, socklen_t len, bool share_port)
{
    int off = 0, status;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return -errno;
    set_on(fd, SOL_SOCKET, SO_REUSEADDR);
    set_on(fd, IPPROTO_TCP, TCP_NODELAY);
    if (share_port)
        set_on(fd, SOL_SOCKET, SO_REUSEPORT);
    if (address->ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0)
        goto fail;
    if (bind(fd, (const struct sockaddr *)address, len) < 0)
        goto fail;
    return fd;
fail:
    status = -errno;
    close(fd);
    return status;
}

/* An address without a host means both families, and IPv4 alone on a system without IPv6. */
static int bind_every(struct evf__listener *listener)
{
    int fd = bind_tcp(&listener->wanted, listener->wanted_len, false);
    if (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL)
        return fd;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&listener->wanted;
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = in6->sin6_port };
    memset(&listener->wanted, 0, sizeof listener->wanted);
    memcpy(&listener->wanted, &in, sizeof in);
    listener->wanted_len = sizeof in;
    return bind_tcp(&listener->wanted, listener->wanted_len, false);
}

/* The first socket is bound without SO_REUSEPORT, so that a port on which another process listens
 * is an error and not shared with it; the others may join once the option is set. */
static int open_tcp(struct evf__listener *listener, bool share_port, char *error, size_t size)
{
    listener->fd = listener->every ? bind_every(listener)
                                   : bind_tcp(&listener->wanted, listener->wanted_len, false);
    if (listener->fd < 0) {
        int status = listener->fd;
        listener->fd = -1;
        return refuse_system(listener, status, error, size);
    }
    if (share_port)
        set_on(listener->fd, SOL_SOCKET, SO_REUSEPORT);
    return 0;
}

static int open_unix(struct evf__listener *listener, char *error, size_t size)
{
    const struct sockaddr_un *address = (const struct sockaddr_un *)&listener->wanted;
    char reason[300];
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return refuse_system(listener, -errno, error, size);
    if (address->sun_path[0] == '\0') {
        if (bind(listener->fd, (const struct sockaddr *)address, listener->wanted_len) < 0)
            return refuse_system(listener, -errno, error, size);
        return 0;
    }
    int status = evf__socket_file_bind(&listener->file, listener->fd, address, listener->wanted_len,
                                       reason, sizeof reason);
    if (status < 0)
        return refuse(listener, status, error, size, "%s", reason);
    return 0;
}

static int socket_number(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

static int take_inherited(struct evf__listener *listener, char *error, size_t size)
{
    int fd = listener->inherited_fd;
    int family = socket_number(fd, SO_DOMAIN);
    if (family < 0 && errno == EBADF)
        return refuse(listener, -EBADF, error, size,
                      "no such descriptor is open; whoever starts the server must pass it on");
    if (family < 0)
        return refuse(listener, -ENOTSOCK, error, size, "the descriptor is not a socket");
    if (socket_number(fd, SO_TYPE) != SOCK_STREAM ||
        (family != AF_INET && family != AF_INET6 && family != AF_UNIX))
        return refuse(listener, -EPROTOTYPE, error, size,
                      "the descriptor is not a stream socket of IPv4, IPv6 or unix");
    if (socket_number(fd, SO_ACCEPTCONN) != 1)
        return refuse(listener, -EINVAL, error, size,
                      "the socket does not listen; call listen() on it before it is passed on");
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return refuse_system(listener, -errno, error, size);
    if (family != AF_UNIX) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* MPTCP may lack it */
    }
    listener->fd = fd;
    return 0;
}

int evf__listener_open(struct evf__listener *listener, const struct evf__listen_settings *settings,
                       char *error, size_t error_size)
{
    int status;
    EVF_ASSERT(listener->fd < 0 && listener->bound_len == 0);
    switch (listener->kind) {
    case EVF__LISTENER_TCP:
        status = open_tcp(listener, settings->share_port, error, error_size);
        break;
    case EVF__LISTENER_UNIX:
        status = open_unix(listener, error, error_size);
        break;
    default:
        status = take_inherited(listener, error, error_size);
        break;
    }
    if (status < 0)
        goto fail;
    listener->backlog = settings->backlog;
    if (listener->kind != EVF__LISTENER_INHERITED && listen(listener->fd, settings->backlog) < 0) {
        status = refuse_system(listener, -errno, error, error_size);
        goto fail;
    }
    socklen_t len = sizeof listener->bound;
    if (getsockname(listener->fd, (struct sockaddr *)&listener->bound, &len) < 0) {
        status = refuse_system(listener, -errno, error, error_size);
        goto fail;
    }
    listener->bound_len = len;
    evf__address_format((const struct sockaddr *)&listener->bound, len, listener->name,
                        sizeof listener->name);
    return 0;
fail:
    evf__listener_close(listener);
    return status;
}

int evf__listener_open_more(const struct evf__listener *listener, char *error, size_t error_size)
{
    EVF_ASSERT(listener->kind == EVF__LISTENER_TCP && listener->bound_len > 0);
    int fd = bind_tcp(&listener->bound, listener->bound_len, true);
    if (fd < 0)
        return refuse_system(listener, fd, error, error_size);
    if (listen(fd, listener->backlog) < 0) {
        int status = refuse_system(listener, -errno, error, error_size);
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
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
    evf__socket_file_release(&listener->file);
}
