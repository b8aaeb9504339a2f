/* SPDX-License-Identifier: MIT
 *
 * What the layers above (server/, and a simulator) see of streams.
 *
 * One worker's streams live in a table (struct evf__streams); all of this runs on that worker's
 * thread. The inside of a stream is stream/state.h.
 */
#ifndef EVF_STREAM_STREAM_H
#define EVF_STREAM_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <evframe/stream.h>

struct evf__access;
struct evf__log_source;
struct evf__proxy_rules;
struct evf__transport;
struct evf__wheel_entry;
struct evf__streams;

/* Limits of a stream that nobody changed. Times: 0 is off. */
struct evf__stream_limits {
    size_t max_frame, write_high, write_max;
    uint32_t idle_timeout_ms, linger_ms;
    uint32_t first_byte_ms, max_lifetime_ms;
    uint32_t min_rate; /* bytes a second */
};

/* Where streams come from and what they have in common: one per listener. Lives longer than its
 * streams. Set at start, but for the counts at its end. */
struct evf__origin {
    const struct evf_handler
        *handler;                    /* a copy of full size: no slot of a shorter struct is read */
    const struct evf_handler *given; /* what it is a copy of: what the plugin knows it by */
    evf_instance *instance;
    const char *plugin; /* its name, for the log */
    const struct evf__transport *transport;
    struct evf__stream_limits limits;
    bool accepted;                        /* else outgoing */
    bool starts_paused;                   /* as by evf_pause before `open` */
    const struct evf__proxy_rules *proxy; /* of PROXY headers; NULL: none is looked for */
    const struct evf__access *access;     /* who may come; NULL: everybody */

    /* Accepted connections that are not yet gone, those on their way included. Any thread: counted
     * up by who accepts, down by the worker that closed; relaxed, a limit and no synchronisation.
     */
    _Atomic size_t open_streams;
    /* Connections that were closed at once: above max-connections; for an address that may not
     * come. Any thread, relaxed: figures of the instance. */
    _Atomic uint64_t refused_limit, refused_blocked;
};

/* The size of a handler of ABI 1.0, below which nothing of major 1 can be. It stays. */
#define EVF__HANDLER_SIZE_1_0 (offsetof(struct evf_handler, close) + sizeof(evf_close_fn *))

/* The transport of plain sockets. */
extern const struct evf__transport evf__socket_transport;

/* Makes and frees the worker's table. -ENOMEM or -EAGAIN. fini asserts that no stream is left. */
int evf__streams_init(evf_worker *worker);
void evf__streams_fini(evf_worker *worker);

/* Takes an accepted socket (non-blocking, close-on-exec) into the worker: makes the stream and
 * calls `open`. The descriptor is consumed whatever happens; on failure (-ENOMEM) it is closed and
 * counted and open_streams is counted down. Steps 2 of a turn only. `peer_len` 0: unnamed. */
int evf__stream_accept(evf_worker *worker, int fd, struct evf__origin *origin,
                       const struct sockaddr *peer, socklen_t peer_len);

/* Steps 3, 4 and 5. */
void evf__streams_input_output(evf_worker *worker);
void evf__streams_deadline(evf_worker *worker, struct evf__wheel_entry *entry);
void evf__streams_flush_and_close(evf_worker *worker);
/* The turn took long and ended at end_ms: bytes that moved in it count as moved then. */
void evf__streams_after_stall(evf_worker *worker, uint64_t end_ms);
/* True when step 3 or 5 has work that waits for no event: do not sleep. */
bool evf__streams_pending(const evf_worker *worker);

/* Fills plugin, stream_id and peer for the log. */
void evf__stream_describe(const evf_stream *stream, struct evf__log_source *ret);

/* The graceful stop, step (2) of the contract: readable input is presented once, then `quiesce`.
 * worker->stop_deadline_ms is set already. */
void evf__streams_quiesce(evf_worker *worker);
/* The same for outgoing streams, once, when the worker has no accepted stream; to be called again
 * and again, as long as none is on its way. Those that open later get it at once. */
void evf__streams_quiesce_outgoing(evf_worker *worker);
/* Closes all by force. */
void evf__streams_close_all(evf_worker *worker, int reason);
/* Streams that exist, closing ones included. */
size_t evf__streams_count(const evf_worker *worker);

#endif
