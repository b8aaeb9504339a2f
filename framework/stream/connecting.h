/* SPDX-License-Identifier: MIT
 *
 * The inside of an outgoing stream that is not open yet; for the connect files of stream/ only. The
 * worker's thread.
 *
 *   evf__connect (connect.c) makes the stream, asks for the host's addresses, and lists it as ready
 *   evf__connect_step (connect_step.c), whenever something has happened: an answer, a socket that
 * is writable, a time; it begins attempts (attempt.c) as the race (race.c) says, until one stands:
 * the opening is given back, the stream gets its socket, `open` is called all failed:  closed with
 * the reason; the opening stays until `close` was called the time is over: closed with -ETIMEDOUT
 *
 * libevent's callbacks and answers only note what happened and list the stream as ready.
 */
#ifndef EVF_STREAM_CONNECTING_H
#define EVF_STREAM_CONNECTING_H

#include <event2/event_struct.h>

#include "base/address.h"
#include "stream/connect.h"
#include "stream/race.h"
#include "stream/state.h"

/* -- outgoing.c -- */

/* A pair of origins, and the handler that they share. */
struct evf__outgoing {
    struct evf__list link;
    struct evf__list idle; /* among those without a stream */
    size_t users;
    struct evf_handler handler;       /* of full size */
    struct evf__origin opening, open; /* alike but for the transport */
};

/* The pair for streams of that connector and handler, with one user more. 0, -EINVAL: that cannot
 * be a handler, -ENOMEM. */
int evf__outgoing_take(evf_worker *worker, const struct evf__connector *connector,
                       const struct evf_handler *handler, struct evf__outgoing **ret);
void evf__outgoing_drop(evf_worker *worker, struct evf__outgoing *outgoing);
struct evf__outgoing *evf__outgoing_of(const evf_stream *stream);

/* -- the opening -- */

/* Options that are remembered until there is a socket. */
enum evf__opening_option {
    EVF__OPENING_NODELAY,
    EVF__OPENING_KEEPIDLE,
    EVF__OPENING_KEEPINTVL,
    EVF__OPENING_KEEPCNT,
    EVF__OPENING_KEEPALIVE,
    EVF__OPENING_TOS,
    EVF__OPENING_OPTIONS
};

struct evf__opening {
    evf_stream *stream;

    /* what was asked for */
    char name[EVF__HOST_MAX + 1]; /* the host, or the unix path */
    bool local;                   /* it is a unix path */
    uint16_t port;
    uint32_t timeout_ms;
    union evf__address bind; /* AF_UNSPEC: none */
    struct {
        bool set;
        int value;
    } options[EVF__OPENING_OPTIONS];

    uint64_t deadline_ms; /* 0: the first step is still to come, from which the time runs */
    bool expired;         /* closed because of it */
    bool failed;          /* closed because every attempt has failed */

    struct evf__question questions[EVF__RACE_FAMILIES];
    struct evf__race race;
    struct evf__list attempts; /* under way, by struct evf__attempt.link, in their order */

    /* of a unix path */
    int local_fd;
    int local_status; /* why it failed */
    uint32_t retry_ms;
    uint64_t retry_at_ms;
};

/* The unix path as an address (connect.c). */
socklen_t evf__local_sockaddr(const struct evf__opening *opening, struct sockaddr_storage *ret);
/* Ends everything that is under way and gives the opening back (connect.c). */
void evf__opening_give(evf_stream *stream);

/* -- opening_transport.c -- */

extern const struct evf__transport evf__opening_transport;
/* Sets an option of a socket of that family. 0 or a negated errno. */
int evf__opening_set(int fd, int family, enum evf__opening_option option, int value);

/* -- connect_error.c -- */

/* Says in the log, for those who want details, why the stream could not be opened. */
void evf__connect_log(const evf_stream *stream);

/* -- attempt.c -- */

struct evf__attempt {
    struct event event; /* writable: it stands or has failed */
    struct evf__list link;
    struct evf__opening *opening;
    int fd;
    unsigned index; /* of its address */
    bool ready;
};

/* Begins an attempt at the race's address of that index. 1: it is under way; 0: it stands, and
 * *ret_fd is the caller's; else why it failed. */
int evf__attempt_begin(struct evf__opening *opening, unsigned index, int *ret_fd);
/* What became of an attempt that is ready: as above. It is gone, but for 1. */
int evf__attempt_outcome(struct evf__attempt *attempt, int *ret_fd);
/* Ends an attempt. */
void evf__attempt_end(struct evf__attempt *attempt);

/* Tries the unix path. 0: it stands, and *ret_fd is the caller's; -EAGAIN: nobody has accepted yet,
 * to be tried again; else why it failed. */
int evf__attempt_local(struct evf__opening *opening, int *ret_fd);
/* Ends what it has under way, if anything. */
void evf__attempt_local_end(struct evf__opening *opening);
/* Sets an option of an attempt under way, whose address is of that family. 0 or a negated errno. */
int evf__attempt_set(const struct evf__attempt *attempt, int family,
                     enum evf__opening_option option, int value);

/* -- connect_step.c -- */

extern evf__answer_fn *const evf__connect_answers[EVF__RACE_FAMILIES];

#endif
