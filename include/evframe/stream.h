/* SPDX-License-Identifier: MIT
 *
 * Streams: connections as a plugin sees them.
 *
 * Ready states, and what leads from one to the next:
 *
 *                    open                    evf_end
 *     EVF_OPENING ----------> EVF_OPEN --------------------> EVF_READ_ONLY
 *          |                   |    |                             |
 *          |     peer's end    |    | evf_close, evf_reset,       | peer's end,
 *          |  (before `end`)   |    | fatal error                 | evf_close, …
 *          |                   v    |                             |
 *          |       EVF_WRITE_ONLY   |                             |
 *          |                   |    |                             |
 *          | evf_close, …      | evf_end, evf_close, …            |
 *          v                   v    v                             v
 *          +---------------> EVF_CLOSED <-------------------------+
 *
 * `close` follows once, at the end of a turn: at once after a forced close or an error, else when
 * what was queued has been flushed.
 *
 * After evf_close, evf_close_with or evf_reset nothing but `close` is called. Until `close` returns
 * the stream's memory is valid, writes give -EPIPE, setters do nothing, and facts stay right.
 */
#ifndef EVFRAME_STREAM_H
#define EVFRAME_STREAM_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <evframe/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

enum evf_ready_state { EVF_OPENING, EVF_OPEN, EVF_READ_ONLY, EVF_WRITE_ONLY, EVF_CLOSED };

/* ---- The handler: what a protocol does. All slots are called on the stream's worker. ---- */

/* Once, when an accepted stream has reached its worker (or a connection that was asked for stands),
 * before queued writes are sent. Empty: nothing. */
typedef void evf_open_fn(evf_stream *stream);

/* When bytes have come: 1 … max_frame of them. Returns how many were consumed, at most input.len
 * (asserted). The rest is kept and presented again in front of what follows, contiguous, but only
 * when new bytes have come: so consume every complete message before returning. Consuming nothing
 * of max_frame bytes closes the stream with -EMSGSIZE unless it is paused. The slice is valid until
 * the return, unless kept. Empty: input is discarded. */
typedef size_t evf_data_fn(evf_stream *stream, evf_slice input);

/* Once, when the peer has finished sending and its input was presented. Empty: flush, then close.
 */
typedef void evf_end_fn(evf_stream *stream);

/* Pays the debt of a write that returned EVF_QUEUED or EVF_FULL: once per emptied queue, evf_queued
 * being 0. Never when nothing was owed, never after a forced close. Empty: the framework stops
 * reading at EVF_FULL and goes on when the queue is empty. */
typedef void evf_drain_fn(evf_stream *stream);

/* No byte moved for the idle time. true keeps the stream and starts the time anew, false closes it
 * with -ETIMEDOUT. Empty: false. */
typedef bool evf_timeout_fn(evf_stream *stream);

/* Once, when the server begins to stop gracefully and readable input was presented. Empty: flush,
 * then end (accepted streams); nothing (outgoing ones). */
typedef void evf_quiesce_fn(evf_stream *stream);

/* Exactly once, the last call for the stream. reason is 0 for an orderly end, else negative:
 * -ECONNRESET, -ETIMEDOUT, -EMSGSIZE, EVF_ESLOW, -ESHUTDOWN, …  Empty: nothing. */
typedef void evf_close_fn(evf_stream *stream, int reason);

/* A descriptor came over a unix stream: once for each, in the order in which they were sent, before
 * the `data` that presents the first of the bytes that it came with (bytes that were sent earlier
 * may follow it). It is the handler's now, close-on-exec. Where the process can open no more, the
 * kernel drops those that come; that is logged. Empty: the kernel drops them all. */
typedef void evf_fd_fn(evf_stream *stream, int fd);

struct evf_handler {
    uint32_t struct_size;       /* sizeof(struct evf_handler) */
    uint32_t stream_state_size; /* bytes of evf_stream_state; 0 for none; at most 64 KiB */
    evf_open_fn *open;
    evf_data_fn *data;
    evf_end_fn *end;
    evf_drain_fn *drain;
    evf_timeout_fn *timeout;
    evf_quiesce_fn *quiesce;
    evf_close_fn *close;

    /* Since 1.1. */
    evf_fd_fn *fd;
};

/* Which handler the stream has. */
EVF_API const struct evf_handler *evf_stream_handler(const evf_stream *stream);

/* The plugin's own state: stream_state_size bytes, zeroed, aligned to 16, living until `close`
 * returns. NULL when the handler asks for none. */
EVF_API void *evf_stream_state(evf_stream *stream);

/* ---- Reading ---- */

/* No `data` before len contiguous bytes are there, or the peer has ended. Room is made once and
 * filled in place. It holds for the next `data` only. What goes beyond max_frame counts as
 * max_frame. */
EVF_API void evf_need(evf_stream *stream, size_t len);

/* The most bytes one `data` may get; default --max-frame. At least 1; 0 counts as 1. */
EVF_API void evf_set_max_frame(evf_stream *stream, size_t len);
EVF_API size_t evf_max_frame(const evf_stream *stream);

/* Stops and continues reading; they do not nest. The framework's own pause (an empty drain slot at
 * EVF_FULL) is separate and not lifted by evf_resume. Ending a pause presents an unconsumed rest
 * once, in a later input step, without waiting for bytes. A paused stream is not read: it learns of
 * the peer's end or reset when it resumes or writes. */
EVF_API void evf_pause(evf_stream *stream);
EVF_API void evf_resume(evf_stream *stream);

/* True once the peer's end was seen: in the last `data`, which presents the rest, and later. */
EVF_API bool evf_input_ended(const evf_stream *stream);

/* ---- Writing ----
 *
 * All return EVF_FLUSHED, EVF_QUEUED or EVF_FULL, or a negative code with nothing taken: -EPIPE
 * after evf_end (the stream lives on) or on a closed stream; EVF_ESLOW when a queue that is not
 * empty would exceed write_max (the stream closes with it); -ENOMEM (the stream closes with it when
 * the kernel had already taken a part); -EINVAL for unusable arguments; else the kernel's error,
 * with which the stream closes. A zero-length write tells the queue's state. A write to an empty
 * queue is taken whole, whatever its size. */

/* Sends; what the kernel does not take at once is copied and queued. */
EVF_API int evf_write(evf_stream *stream, const void *data, size_t len);

/* By reference: takes its own hold. Slices below 1 KiB may be copied instead. */
EVF_API int evf_write_slice(evf_stream *stream, evf_slice slice);

/* By reference, for memory that outlives the stream. */
EVF_API int evf_write_static(evf_stream *stream, const void *data, size_t len);

/* For memory given away: release(argument) is called once, on this worker, after this call has
 * returned, when the bytes are no longer needed; also when the write failed. Only where there is no
 * memory to remember it by (-ENOMEM) is it called at once. */
typedef void evf_free_fn(void *argument);
EVF_API int evf_write_owned(evf_stream *stream, const void *data, size_t len, evf_free_fn *release,
                            void *argument);

/* As evf_write for pieces in a row; any count of them, one system call for up to 64. */
EVF_API int evf_writev(evf_stream *stream, const struct iovec *pieces, int count);

/* A range of a regular file (-EINVAL for anything else). The caller may close fd on return. A file
 * that turns out shorter closes the stream with -EIO. Counts in evf_queued and towards write_high,
 * not towards write_max. */
EVF_API int evf_sendfile(evf_stream *stream, int fd, off_t offset, size_t len);

/* Sends a descriptor over a unix stream together with the first of len bytes, at least one; behind
 * what is queued, like any write. It is duplicated: the caller may close fd on return. Answers as
 * evf_write: EVF_FULL from 16 queued descriptors on, EVF_ESLOW above 64. Also, with nothing taken
 * and the stream unharmed: -EOPNOTSUPP when it is no unix one, -EINVAL when len is 0 or the
 * descriptor is of a kind that cannot be passed, -EBADF, the negated errno of dup, and
 * -ETOOMANYREFS when too many descriptors of this user are on their way. (One that was queued
 * meets the last two when its turn comes: then the stream closes with it.) */
EVF_API int evf_send_fd(evf_stream *stream, int fd, const void *data, size_t len);

/* Gathers writes until the matching evf_uncork or the end of the turn, where the level returns to 0
 * and all is flushed. At most write_high bytes are held back; evf_sendfile is not held back. Writes
 * under a cork return EVF_QUEUED or EVF_FULL. Uncorking at level 0 does nothing. */
EVF_API void evf_cork(evf_stream *stream);
EVF_API void evf_uncork(evf_stream *stream);

/* The marks of the queue: EVF_FULL at high, EVF_ESLOW above max. max counts memory held: copies,
 * and whole pages for slices; of static memory and file ranges only the record of the piece (below
 * 100 bytes). max is raised to high when it is less. */
EVF_API void evf_set_write_marks(evf_stream *stream, size_t high, size_t max);
EVF_API void evf_write_marks(const evf_stream *stream, size_t *ret_high, size_t *ret_max);

/* ---- Ending ---- */

/* No more writes: the half-close goes out behind the queue, without waiting for uncork. `data` and
 * `end` still come; `close` follows when both sides have ended and the queue is flushed. 0, again 0
 * when repeated, -EPIPE on a closed stream. */
EVF_API int evf_end(evf_stream *stream);

/* The last words: as evf_write followed by evf_end, and answers as evf_write; with a negative code
 * the stream is not ended. Where nothing was queued the bytes and the half-close travel in one
 * segment, which for short connections saves a good part of their cost. */
EVF_API int evf_write_last(evf_stream *stream, const void *data, size_t len);

/* After evf_end, once all is flushed, the peer has this long (default 5 s) and 1 MiB of input to
 * end its own side; then the stream closes with 0. 0 is no bound, for time and input. */
EVF_API void evf_set_linger(evf_stream *stream, uint32_t ms);

/* Drops the queue and closes. The first reason wins. Unread input makes the kernel send RST: to say
 * goodbye, use evf_end. evf_reset always sends RST. reason is 0 or negative (asserted). */
EVF_API void evf_close(evf_stream *stream);
EVF_API void evf_reset(evf_stream *stream);
EVF_API void evf_close_with(evf_stream *stream, int reason);

/* ---- Settings ---- */

/* The idle time: runs from `open`, also while paused, queued or half-closed; started anew by bytes
 * that the kernel moved, by this call, by evf_resume, and by a `timeout` that returned true. 0
 * turns it off. At most 2^31 - 1 ms; more counts as that. */
EVF_API void evf_set_timeout(evf_stream *stream, uint32_t ms);
EVF_API uint32_t evf_timeout(const evf_stream *stream);

/* As the socket options TCP_NODELAY (on from the start), SO_KEEPALIVE with TCP_KEEPIDLE,
 * TCP_KEEPINTVL and TCP_KEEPCNT (0 leaves the system's value), IP_TOS or IPV6_TCLASS. 0, a negated
 * errno, -EOPNOTSUPP on a unix socket, -EPIPE on a closed stream. */
EVF_API int evf_set_nodelay(evf_stream *stream, bool on);
EVF_API int evf_set_keepalive(evf_stream *stream, bool on, unsigned idle_s, unsigned interval_s,
                              unsigned count);
EVF_API int evf_set_tos(evf_stream *stream, int tos);

/* ---- Facts ---- */

EVF_API enum evf_ready_state evf_ready_state(const evf_stream *stream);

/* Both ends, right until `close` returns. IPv4 over a dual-stack socket is reported as IPv4. 0,
 * -ENOTCONN while opening, else a negated errno. */
EVF_API int evf_peer_address(const evf_stream *stream, struct sockaddr_storage *ret);
EVF_API int evf_local_address(const evf_stream *stream, struct sockaddr_storage *ret);

/* Who is at the other end of a unix stream, as the kernel knew it when the connection was made. */
struct evf_credentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/* 0, -EOPNOTSUPP when the stream is no unix one, -ENOTCONN while opening, else a negated errno. */
EVF_API int evf_peer_credentials(const evf_stream *stream, struct evf_credentials *ret);

/* The stream's descriptor, for evf_send_fd and for socket options that have no call here. It stays
 * the stream's: reading, writing, closing or waiting for it breaks the stream. -ENOTCONN while
 * opening, -EBADF inside `close` of a stream that was never open. */
EVF_API int evf_descriptor(const evf_stream *stream);

/* Enough for every name that evf_peer_name writes. */
#define EVF_PEER_NAME_SIZE 128

/* The peer as text: 192.0.2.1:80, [2001:db8::1]:80, unix:/path, unix: for an unnamed peer; while
 * opening, and for one that never opened, what was asked for, as in name.example:80. Returns
 * buffer, cut and terminated if need be. */
EVF_API const char *evf_peer_name(const evf_stream *stream, char *buffer, size_t size);

/* Bytes received, consumed or not; bytes that the kernel has taken; bytes that wait (inside
 * `close`: what was dropped). */
EVF_API uint64_t evf_bytes_read(const evf_stream *stream);
EVF_API uint64_t evf_bytes_written(const evf_stream *stream);
EVF_API size_t evf_queued(const evf_stream *stream);

/* Unique in the process, never 0, never reused. */
EVF_API uint64_t evf_stream_id(const evf_stream *stream);

EVF_API evf_worker *evf_stream_worker(const evf_stream *stream);
EVF_API evf_instance *evf_stream_instance(const evf_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
