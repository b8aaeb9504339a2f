/* SPDX-License-Identifier: MIT
 *
 * Accepting: what one thread needs to accept from several sockets; the acceptor's, and with
 * `--accept reuseport` each worker's.
 *
 * It takes connections in batches and gives them to its sink. What is not served is closed at once,
 * so that its peer is told: from an address that may not come, above max-connections, and out of
 * descriptors, for which a reserve descriptor is given up and regained around each such connection.
 * Only when the reserve is
 * lost, or memory runs out, does accepting stand still for a moment. Every refusal is counted; a
 * row of them (a burst) is logged at its beginning and at its end.
 *
 * There is no clock and no loop inside: `now_ms` is a parameter, and the owner watches the sockets.
 * One thread.
 */
#ifndef EVF_SERVER_ACCEPTING_H
#define EVF_SERVER_ACCEPTING_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/figures.h"
#include "server/handover.h"
#include "server/listener.h"

/* Refusals of one kind, less than EVF__REFUSAL_BURST_MS apart. */
struct evf__burst {
    bool going_on;
    uint64_t count; /* of the present one, or the last */
    uint64_t last_ms;
};

/* A socket that this thread accepts from. */
struct evf__accept_point {
    struct evf__listener *listener;
    const struct evf__listener_socket *socket; /* of the listener: its address */
    int fd;                                    /* owned; -1 when closed */
    unsigned left;      /* while draining: connections that can have waited when it began */
    bool ready;         /* the owner's: something waits, as far as is known */
    struct event event; /* the owner's */
    struct evf__burst over_limit, blocked;
};

/* Where accepted connections go. */
struct evf__accept_sink {
    bool (*has_room)(void *argument);
    /* Takes the descriptor; asked only when there was room. */
    void (*deliver)(void *argument, const struct evf__arrival *arrival);
    void *argument;
};

struct evf__accepting {
    /* set at start */
    struct evf__figures *figures;
    struct evf__accept_sink sink;
    struct evf__accept_point *points;
    unsigned point_count, point_room;

    /* the owner's thread */
    int reserve_fd; /* -1: lost */
    bool draining;
    uint64_t back_at_ms; /* accepting stands still until then; 0: it does not */
    struct evf__burst no_descriptors, no_memory;
};

enum evf__accept_outcome {
    EVF__ACCEPT_EMPTY,   /* nothing waits any more (or, draining, all that waited was taken) */
    EVF__ACCEPT_MORE,    /* the batch is used up */
    EVF__ACCEPT_FULL,    /* the sink has no room */
    EVF__ACCEPT_BACKOFF, /* stand still until back_at_ms */
    EVF__ACCEPT_BROKEN   /* this socket accepts no more; it was logged: close the point */
};

/* Makes room for `points` points and opens the reserve. 0 or a negated errno. The sink may be set
 * later. */
int evf__accepting_init(struct evf__accepting *accepting, unsigned points,
                        struct evf__figures *figures);
/* Closes all points and the reserve. All zero is fine. */
void evf__accepting_fini(struct evf__accepting *accepting);

/* Adds a listening socket, whose descriptor it owns from now on. */
void evf__accepting_add(struct evf__accepting *accepting, struct evf__listener *listener,
                        const struct evf__listener_socket *socket, int fd);
/* Points that are open. */
unsigned evf__accepting_open(const struct evf__accepting *accepting);

/* Accepts up to EVF__ACCEPT_BATCH connections. */
enum evf__accept_outcome evf__accept_batch(struct evf__accepting *accepting,
                                           struct evf__accept_point *point, uint64_t now_ms);

/* The stop begins: files of unix sockets go, and what waits in the kernel now, and no more than
 * that, is still to be accepted, above max-connections too. */
void evf__accepting_drain(struct evf__accepting *accepting);

/* Closes the point's socket, and the listener behind it when it has no other. No effect on a
 * closed one. */
void evf__accept_point_close(struct evf__accept_point *point);

/* True when there is something for evf__accepting_tick to end. */
bool evf__accepting_timed(const struct evf__accepting *accepting);

/* Ends the stand-still and the bursts whose time has come. Returns when it wants to be called
 * again; UINT64_MAX when it does not. */
uint64_t evf__accepting_tick(struct evf__accepting *accepting, uint64_t now_ms);

#endif
