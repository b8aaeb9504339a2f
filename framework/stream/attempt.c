/* SPDX-License-Identifier: MIT
 *
 * One attempt to connect: a socket with its options, a connect that does not block, and what became
 * of it. The worker's thread.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream/connecting.h"
#include "stream/opening.h"

static void on_writable(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    struct evf__attempt *attempt = argument;
    attempt->ready = true;
    evf__stream_ready(attempt->opening->stream, 0);
}

/* The address that the kernel gave a socket is the one that it connects to: on this host, without a
 * listener, a connect may be given the very port that it wants, and then finds itself. */
static bool found_itself(int fd, const struct sockaddr_storage *to)
{
    union evf__address own, wanted = { .storage = *to };
    socklen_t len = sizeof own;
    memset(&own, 0, sizeof own);
    if (getsockname(fd, &own.any, &len) < 0 || own.any.sa_family != wanted.any.sa_family)
        return false;
    if (own.any.sa_family == AF_INET)
        return own.ipv4.sin_port == wanted.ipv4.sin_port &&
               own.ipv4.sin_addr.s_addr == wanted.ipv4.sin_addr.s_addr;
    return own.ipv6.sin6_port == wanted.ipv6.sin6_port &&
           IN6_ARE_ADDR_EQUAL(&own.ipv6.sin6_addr, &wanted.ipv6.sin6_addr);
}

/* The kernel takes the unspecified address (0.0.0.0, ::) for this host: the race's address becomes
 * the one that was reached. */
static void learn_address(struct evf__race_address *address, int fd)
{
    static const uint8_t unspecified[sizeof address->bytes];
    union evf__address peer;
    socklen_t len = sizeof peer;
    if (memcmp(address->bytes, unspecified, sizeof unspecified) != 0)
        return;
    memset(&peer, 0, sizeof peer);
    if (getpeername(fd, &peer.any, &len) < 0)
        return; /* reset already: nobody will ever know */
    if (address->family == EVF__RACE_IPV6)
        memcpy(address->bytes, &peer.ipv6.sin6_addr, sizeof peer.ipv6.sin6_addr);
    else
        memcpy(address->bytes, &peer.ipv4.sin_addr, sizeof peer.ipv4.sin_addr);
}

/* 0 when the connection stands, else why not. */
static int stands(struct evf__opening *opening, unsigned index, int fd)
{
    struct evf__race_address *address = &opening->race.addresses[index];
    struct sockaddr_storage to;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    if (error != 0)
        return -error;
    learn_address(address, fd);
    evf__race_sockaddr(address, opening->port, &to);
    return found_itself(fd, &to) ? -ECONNREFUSED : 0;
}

static int bind_to(int fd, const union evf__address *address)
{
    int on = 1;
    if (address->any.sa_family == AF_UNSPEC)
        return 0;
    /* The port is chosen when it connects: then only the four of addresses and ports together must
     * be free, rather than the port alone. */
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0 ||
        bind(fd, &address->any, evf__address_ip_len(address)) < 0)
        return -errno;
    return 0;
}

/* A socket that is set up as the plugin wants it, or a negative code. */
static int make_socket(const struct evf__opening *opening, int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int status = 0;
    for (unsigned i = 0; i < EVF__OPENING_OPTIONS && status == 0; i++)
        if (opening->options[i].set)
            status = evf__opening_set(fd, family, (enum evf__opening_option)i,
                                      opening->options[i].value);
    if (status == 0)
        status = bind_to(fd, &opening->bind);
    if (status == 0)
        return fd;
    close(fd);
    return status;
}

static int watch(struct evf__attempt *attempt)
{
    const evf_worker *worker = evf__worker_of(attempt->opening->stream);
    int assigned =
        event_assign(&attempt->event, worker->base, attempt->fd, EV_WRITE, on_writable, attempt);
    EVF_ASSERT(assigned == 0);
    return event_add(&attempt->event, NULL) < 0 ? -ENOMEM : 1;
}

int evf__attempt_begin(struct evf__opening *opening, unsigned index, int *ret_fd)
{
    evf_worker *worker = evf__worker_of(opening->stream);
    struct sockaddr_storage to;
    socklen_t len = evf__race_sockaddr(&opening->race.addresses[index], opening->port, &to);
    evf__figure_add(&worker->figures, EVF__FIGURE_CONNECT_ATTEMPTS, 1);
    int fd = make_socket(opening, to.ss_family);
    if (fd < 0)
        return fd;
    int status = connect(fd, (const struct sockaddr *)&to, len) < 0 ? -errno : 0;
    if (status == 0)
        status = stands(opening, index, fd);
    if (status == 0) {
        *ret_fd = fd;
        return 0;
    }
    if (status != -EINPROGRESS && status != -EINTR) {
        close(fd);
        return status;
    }
    struct evf__attempt *attempt = evf__slab_take(&worker->streams->attempts);
    if (attempt == NULL) {
        close(fd);
        return -ENOMEM;
    }
    *attempt = (struct evf__attempt){ .opening = opening, .fd = fd, .index = index };
    evf__list_append(&opening->attempts, &attempt->link);
    status = watch(attempt);
    if (status < 0)
        evf__attempt_end(attempt);
    return status;
}

/* Forgets it; its descriptor stays. */
static void release(struct evf__attempt *attempt)
{
    (void)event_del(&attempt->event);
    evf__list_remove(&attempt->link);
    evf__slab_give(&evf__streams_of(attempt->opening->stream)->attempts, attempt);
}

void evf__attempt_end(struct evf__attempt *attempt)
{
    int fd = attempt->fd;
    release(attempt); /* a closed descriptor must not be watched */
    close(fd);
}

int evf__attempt_outcome(struct evf__attempt *attempt, int *ret_fd)
{
    if (!attempt->ready)
        return 1;
    int status = stands(attempt->opening, attempt->index, attempt->fd);
    if (status < 0) {
        evf__attempt_end(attempt);
        return status;
    }
    *ret_fd = attempt->fd;
    release(attempt);
    return 0;
}

/* -- unix sockets -- */

/* The kernel says the same of a dead socket and of a file that is none. Looking once more walks the
 * path that connect has just walked, so it waits for no disk that connect did not wait for. */
static int tell_apart(const char *path)
{
    struct stat file;
    bool other = path[0] != '@' && stat(path, &file) == 0 && !S_ISSOCK(file.st_mode);
    return other ? -ENOTSOCK : -ECONNREFUSED;
}

int evf__attempt_local(struct evf__opening *opening, int *ret_fd)
{
    struct sockaddr_storage to;
    socklen_t len = evf__local_sockaddr(opening, &to);
    evf_worker *worker = evf__worker_of(opening->stream);
    if (opening->local_fd < 0) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return -errno;
        opening->local_fd = fd;
        evf__figure_add(&worker->figures, EVF__FIGURE_CONNECT_ATTEMPTS, 1);
    }
    if (connect(opening->local_fd, (const struct sockaddr *)&to, len) == 0) {
        *ret_fd = opening->local_fd;
        opening->local_fd = -1;
        return 0;
    }
    if (errno == EINTR)
        return -EAGAIN;
    return errno == ECONNREFUSED ? tell_apart(opening->name) : -errno;
}

void evf__attempt_local_end(struct evf__opening *opening)
{
    if (opening->local_fd >= 0)
        close(opening->local_fd);
    opening->local_fd = -1;
}

int evf__attempt_set(const struct evf__attempt *attempt, int family,
                     enum evf__opening_option option, int value)
{
    return evf__opening_set(attempt->fd, family, option, value);
}
