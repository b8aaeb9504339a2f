/* SPDX-License-Identifier: MIT
 *
 * The hand-over: accepted descriptors on their way from the acceptor to one worker.
 *
 * A bounded ring with one producer (suffix _sp), the acceptor, and one consumer (_sc), the worker.
 * It stands beside the mailbox, so that posts cannot starve new connections, and shares its door:
 * the acceptor pushes, then calls evf__mailbox_wake_mp; the worker asks evf__handover_empty_sc once
 * more when `asleep` is set already. That is why `head` is stored, and loaded there, sequentially
 * consistent.
 *
 * Full: the acceptor calls evf__handover_await_sp and looks again; the worker, after it has taken,
 * calls evf__handover_took_sc, which writes the acceptor's eventfd once.
 */
#ifndef EVF_SERVER_HANDOVER_H
#define EVF_SERVER_HANDOVER_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "stream/stream.h"

/* One accepted connection: non-blocking, close-on-exec, counted in origin->open_streams. */
struct evf__arrival {
    int fd;
    /* 0: unnamed; EVF__PEER_IN_KERNEL: too long to travel along (a unix peer's path), to be asked
     * for with getpeername */
    socklen_t peer_len;
    struct evf__origin *origin;
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } peer; /* IPv4 over a dual-stack socket is plain IPv4 here */
};

#define EVF__PEER_IN_KERNEL ((socklen_t)-1)

struct evf__handover {
    /* set at start */
    int acceptor_fd; /* an eventfd, not owned; -1: nobody to wake */

    /* consumer writes */
    _Alignas(64) _Atomic unsigned tail;

    /* producer writes */
    _Alignas(64) _Atomic unsigned head; /* sequentially consistent, pairs with `asleep` */

    /* both, by exchanges alone */
    _Alignas(64) _Atomic bool acceptor_waits;

    _Alignas(64) struct evf__arrival entries[EVF__HANDOVER_CAPACITY];
};

void evf__handover_init(struct evf__handover *handover, int acceptor_fd);

/* True when a push will succeed; room does not shrink but by a push. */
bool evf__handover_room_sp(const struct evf__handover *handover);
/* False when it is full; the descriptor stays the caller's. */
bool evf__handover_push_sp(struct evf__handover *handover, const struct evf__arrival *arrival);
/* Says that the producer waits for room; it is woken once. The caller looks for room once more
 * afterwards. */
void evf__handover_await_sp(struct evf__handover *handover);

/* False when nothing waits. The descriptor is the caller's then. */
bool evf__handover_pop_sc(struct evf__handover *handover, struct evf__arrival *ret);
/* After one or more pops: wakes the acceptor when it waits for room. */
void evf__handover_took_sc(struct evf__handover *handover);
bool evf__handover_empty_sc(const struct evf__handover *handover);

#endif
