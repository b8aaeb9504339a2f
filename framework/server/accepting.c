/* SPDX-License-Identifier: MIT
 *
 * Accepting in batches, and refusing so that the peer is told. See accepting.h. The thread that
 * owns it.
 */
#include "server/accepting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/access.h"
#include "base/address.h"
#include "base/assert.h"
#include "base/log.h"
#include "plugin/instance.h"

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int evf__accepting_init(struct evf__accepting *accepting, unsigned points,
                        struct evf__figures *figures)
{
    *accepting = (struct evf__accepting){ .figures = figures, .reserve_fd = -1 };
    accepting->points = calloc(points > 0 ? points : 1, sizeof *accepting->points);
    if (accepting->points == NULL)
        return -ENOMEM;
    accepting->reserve_fd = open_reserve();
    if (accepting->reserve_fd < 0) {
        int status = -errno;
        free(accepting->points);
        *accepting = (struct evf__accepting){ 0 };
        return status;
    }
    accepting->point_room = points;
    return 0;
}

void evf__accepting_fini(struct evf__accepting *accepting)
{
    if (accepting->points == NULL)
        return;
    for (unsigned i = 0; i < accepting->point_count; i++)
        evf__accept_point_close(&accepting->points[i]);
    free(accepting->points);
    if (accepting->reserve_fd >= 0)
        close(accepting->reserve_fd);
    *accepting = (struct evf__accepting){ 0 };
}

void evf__accepting_add(struct evf__accepting *accepting, struct evf__listener *listener,
                        const struct evf__listener_socket *socket, int fd)
{
    EVF_ASSERT(accepting->point_count < accepting->point_room);
    EVF_ASSERT(fd >= 0);
    struct evf__accept_point *point = &accepting->points[accepting->point_count++];
    point->listener = listener;
    point->socket = socket;
    point->fd = fd;
}

unsigned evf__accepting_open(const struct evf__accepting *accepting)
{
    unsigned count = 0;
    for (unsigned i = 0; i < accepting->point_count; i++)
        count += accepting->points[i].fd >= 0;
    return count;
}

void evf__accept_point_close(struct evf__accept_point *point)
{
    if (point->fd < 0)
        return;
    close(point->fd);
    point->fd = -1;
    point->ready = false;
    /* TCP listeners may be shared by several threads and have nothing else to give back. */
    if (point->listener->kind == EVF__LISTENER_UNIX)
        evf__listener_close(point->listener);
}

/* -- bursts -- */

/* Something of that kind happened; true when it is the first of a burst. */
static bool burst_first(struct evf__burst *burst, uint64_t now_ms)
{
    bool first = !burst->going_on;
    if (first)
        *burst = (struct evf__burst){ .going_on = true };
    burst->last_ms = now_ms;
    return first;
}

/* True when a burst is over, once; while one is going on, *next_ms is brought forward to when it
 * may be. */
static bool burst_over(struct evf__burst *burst, uint64_t now_ms, uint64_t *next_ms)
{
    uint64_t end_ms = burst->last_ms + EVF__REFUSAL_BURST_MS;
    if (!burst->going_on)
        return false;
    if (now_ms < end_ms) {
        if (end_ms < *next_ms)
            *next_ms = end_ms;
        return false;
    }
    burst->going_on = false;
    return true;
}

bool evf__accepting_timed(const struct evf__accepting *accepting)
{
    bool timed = accepting->back_at_ms != 0 || accepting->no_descriptors.going_on ||
                 accepting->no_memory.going_on;
    for (unsigned i = 0; i < accepting->point_count && !timed; i++)
        timed = accepting->points[i].over_limit.going_on || accepting->points[i].blocked.going_on;
    return timed;
}

uint64_t evf__accepting_tick(struct evf__accepting *accepting, uint64_t now_ms)
{
    uint64_t next_ms = UINT64_MAX;
    if (accepting->reserve_fd < 0)
        accepting->reserve_fd = open_reserve();
    if (accepting->back_at_ms != 0 && now_ms >= accepting->back_at_ms)
        accepting->back_at_ms = 0;
    if (accepting->back_at_ms != 0)
        next_ms = accepting->back_at_ms;
    if (burst_over(&accepting->no_descriptors, now_ms, &next_ms))
        evf_log(EVF_INFO, "%llu connections were closed at once for want of descriptors",
                (unsigned long long)accepting->no_descriptors.count);
    if (burst_over(&accepting->no_memory, now_ms, &next_ms))
        evf_log(EVF_INFO, "the kernel had no memory to accept connections %llu times",
                (unsigned long long)accepting->no_memory.count);
    for (unsigned i = 0; i < accepting->point_count; i++) {
        struct evf__accept_point *point = &accepting->points[i];
        if (burst_over(&point->over_limit, now_ms, &next_ms))
            evf_log(EVF_INFO, "%s: max-connections turned %llu connections away",
                    point->socket->name, (unsigned long long)point->over_limit.count);
        if (burst_over(&point->blocked, now_ms, &next_ms))
            evf_log(EVF_INFO, "%s: %llu connections from addresses that may not come were closed",
                    point->socket->name, (unsigned long long)point->blocked.count);
    }
    return next_ms;
}

/* -- connections -- */

/* accept4, with the peer as a stream wants it. */
static int take(int listening_fd, struct evf__arrival *ret)
{
    struct sockaddr_storage from, plain;
    socklen_t len = sizeof from, plain_len;
    from.ss_family = AF_UNSPEC;
    ret->fd = accept4(listening_fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (ret->fd < 0)
        return -errno;
    if (from.ss_family == AF_UNIX && len <= sizeof(sa_family_t)) {
        ret->peer_len = 0;
        return 0;
    }
    evf__address_unmap((const struct sockaddr *)&from, len, &plain, &plain_len);
    if (plain_len <= sizeof ret->peer) {
        memcpy(&ret->peer, &plain, plain_len);
        ret->peer_len = plain_len;
    } else {
        ret->peer.any.sa_family = plain.ss_family;
        ret->peer_len = EVF__PEER_IN_KERNEL;
    }
    return 0;
}

/* Both ends of a connection, for the log. */
struct ends {
    char peer[EVF_PEER_NAME_SIZE], local[EVF_PEER_NAME_SIZE];
};

static void name_ends(const struct evf__accept_point *point, const struct evf__arrival *arrival,
                      struct ends *ret)
{
    struct sockaddr_storage local;
    socklen_t len = sizeof local;
    *ret = (struct ends){ .peer = "unix:" };
    if (arrival->peer_len != 0 && arrival->peer_len != EVF__PEER_IN_KERNEL)
        evf__address_format(&arrival->peer.any, arrival->peer_len, ret->peer, sizeof ret->peer);
    snprintf(ret->local, sizeof ret->local, "%s", point->socket->name);
    if (getsockname(arrival->fd, (struct sockaddr *)&local, &len) < 0)
        return;
    evf__address_unmap((const struct sockaddr *)&local, len, &local, &len);
    evf__address_format((const struct sockaddr *)&local, len, ret->local, sizeof ret->local);
}

static void refuse_over_limit(struct evf__accepting *accepting, struct evf__accept_point *point,
                              const struct evf__arrival *arrival, uint64_t now_ms)
{
    struct evf__origin *origin = &point->listener->origin;
    evf__figure_add(accepting->figures, EVF__FIGURE_REFUSED_LIMIT, 1);
    atomic_fetch_add_explicit(&origin->refused_limit, 1, memory_order_relaxed);
    if (burst_first(&point->over_limit, now_ms)) {
        struct ends ends;
        name_ends(point, arrival, &ends);
        evf_log(EVF_WARN,
                "%s: max-connections (%zu) is reached; further connections are closed at once, "
                "the first one from %s to %s",
                point->socket->name, point->listener->instance->settings.max_connections, ends.peer,
                ends.local);
    }
    point->over_limit.count++;
    close(arrival->fd);
}

static void refuse_blocked(struct evf__accepting *accepting, struct evf__accept_point *point,
                           const struct evf__arrival *arrival, uint64_t now_ms)
{
    struct evf__origin *origin = &point->listener->origin;
    evf__figure_add(accepting->figures, EVF__FIGURE_REFUSED_BLOCKED, 1);
    atomic_fetch_add_explicit(&origin->refused_blocked, 1, memory_order_relaxed);
    if (burst_first(&point->blocked, now_ms)) {
        struct ends ends;
        name_ends(point, arrival, &ends);
        evf_log(EVF_WARN,
                "%s: addresses that are blocked or not allowed are closed at once, the first one "
                "from %s to %s",
                point->socket->name, ends.peer, ends.local);
    }
    point->blocked.count++;
    close(arrival->fd);
}

/* The addresses of unix peers are not looked at. */
static bool may_come(const struct evf__origin *origin, const struct evf__arrival *arrival)
{
    return arrival->peer_len == 0 || arrival->peer_len == EVF__PEER_IN_KERNEL ||
           evf__access_allows(origin->access, &arrival->peer.any);
}

/* Gives it to the sink unless its peer may not come or the listener has enough. */
static void admit(struct evf__accepting *accepting, struct evf__accept_point *point,
                  struct evf__arrival *arrival, uint64_t now_ms)
{
    struct evf__origin *origin = &point->listener->origin;
    size_t max = point->listener->instance->settings.max_connections;
    if (!may_come(origin, arrival)) {
        refuse_blocked(accepting, point, arrival, now_ms);
        return;
    }
    size_t others = atomic_fetch_add_explicit(&origin->open_streams, 1, memory_order_relaxed);
    if (max > 0 && others >= max && !accepting->draining) {
        atomic_fetch_sub_explicit(&origin->open_streams, 1, memory_order_relaxed);
        refuse_over_limit(accepting, point, arrival, now_ms);
        return;
    }
    evf__figure_add(accepting->figures, EVF__FIGURE_ACCEPTED, 1);
    arrival->origin = origin;
    accepting->sink.deliver(accepting->sink.argument, arrival);
}

static enum evf__accept_outcome back_off(struct evf__accepting *accepting, uint64_t now_ms)
{
    evf__figure_add(accepting->figures, EVF__FIGURE_ACCEPT_BACKOFFS, 1);
    accepting->back_at_ms = now_ms + EVF__ACCEPT_BACKOFF_MS;
    return EVF__ACCEPT_BACKOFF;
}

static void note_no_descriptors(struct evf__accepting *accepting, uint64_t now_ms)
{
    if (burst_first(&accepting->no_descriptors, now_ms))
        evf_log(EVF_WARN, "out of descriptors; new connections are closed at once: raise the "
                          "limit of open files, or set max-connections below it");
}

/* Out of descriptors: the reserve is given up for a moment, so that the connection at the head of
 * the queue can be accepted and closed. One at a time: when a descriptor became free meanwhile, the
 * next connection is served. The kernel looks for a descriptor before it looks at the queue, so
 * perhaps nothing waits at all. */
static enum evf__accept_outcome refuse_for_descriptors(struct evf__accepting *accepting,
                                                       struct evf__accept_point *point,
                                                       uint64_t now_ms)
{
    int status = -EMFILE;
    if (accepting->reserve_fd < 0)
        accepting->reserve_fd = open_reserve();
    if (accepting->reserve_fd >= 0) {
        close(accepting->reserve_fd);
        int fd = accept4(point->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        status = fd < 0 ? -errno : 0;
        if (fd >= 0)
            close(fd);
        accepting->reserve_fd = open_reserve();
    }
    if (status == -EAGAIN)
        return EVF__ACCEPT_EMPTY;
    note_no_descriptors(accepting, now_ms);
    if (status == 0) {
        accepting->no_descriptors.count++;
        evf__figure_add(accepting->figures, EVF__FIGURE_REFUSED_DESCRIPTORS, 1);
    }
    /* The reserve is lost when another thread was faster; what else went wrong, the next attempt
     * says. */
    return accepting->reserve_fd >= 0 ? EVF__ACCEPT_MORE : back_off(accepting, now_ms);
}

static enum evf__accept_outcome broken(const struct evf__accept_point *point, int status)
{
    evf_log(EVF_ERROR, "%s: the socket accepts no more: %s", point->socket->name,
            evf_strerror(status));
    return EVF__ACCEPT_BROKEN;
}

/* Goes on after a failed accept4, or says how not: EVF__ACCEPT_MORE is 'go on'. */
static enum evf__accept_outcome after_failure(struct evf__accepting *accepting,
                                              struct evf__accept_point *point, int status,
                                              uint64_t now_ms)
{
    switch (-status) {
    case EAGAIN:
        return EVF__ACCEPT_EMPTY;
    case EMFILE:
    case ENFILE:
        return refuse_for_descriptors(accepting, point, now_ms);
    case ENOMEM:
    case ENOBUFS:
        if (burst_first(&accepting->no_memory, now_ms))
            evf_log(EVF_WARN, "the kernel has no memory to accept connections: %s",
                    evf_strerror(status));
        accepting->no_memory.count++;
        return back_off(accepting, now_ms);
    case EINTR:
        return EVF__ACCEPT_MORE;
    /* The connection died in the queue, a firewall forbade it, or, as accept(2) says of Linux, a
     * network error is already pending on it: the next one may be fine. */
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ECONNRESET:
    case ENETDOWN:
    case ENETUNREACH:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EOPNOTSUPP:
    case ETIMEDOUT:
        evf__figure_add(accepting->figures, EVF__FIGURE_ACCEPT_ERRORS, 1);
        return EVF__ACCEPT_MORE;
    default:
        return broken(point, status);
    }
}

enum evf__accept_outcome evf__accept_batch(struct evf__accepting *accepting,
                                           struct evf__accept_point *point, uint64_t now_ms)
{
    EVF_ASSERT(point->fd >= 0);
    if (now_ms < accepting->back_at_ms)
        return EVF__ACCEPT_BACKOFF;
    for (unsigned i = 0; i < EVF__ACCEPT_BATCH; i++) {
        struct evf__arrival arrival = { .fd = -1 };
        if (accepting->draining && point->left == 0)
            return EVF__ACCEPT_EMPTY;
        if (!accepting->sink.has_room(accepting->sink.argument))
            return EVF__ACCEPT_FULL;
        if (accepting->draining)
            point->left--;
        int status = take(point->fd, &arrival);
        if (status == 0) {
            admit(accepting, point, &arrival, now_ms);
            continue;
        }
        enum evf__accept_outcome outcome = after_failure(accepting, point, status, now_ms);
        if (outcome != EVF__ACCEPT_MORE)
            return outcome;
    }
    return EVF__ACCEPT_MORE;
}

void evf__accepting_drain(struct evf__accepting *accepting)
{
    accepting->draining = true;
    for (unsigned i = 0; i < accepting->point_count; i++) {
        struct evf__accept_point *point = &accepting->points[i];
        /* The kernel queues one more than the backlog says. */
        point->left = (unsigned)point->listener->backlog + 1;
        if (point->listener->kind == EVF__LISTENER_UNIX)
            evf__listener_hide(point->listener);
    }
}
