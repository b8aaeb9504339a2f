/* SPDX-License-Identifier: MIT
 *
 * Outgoing streams and name look-ups.
 *
 * Both belong to a worker and never block it. A stream that evf_connect returned behaves like an
 * accepted one from `open` on; before that it is EVF_OPENING: it may be written to, ended, closed
 * and set up, and what was written keeps its order.
 *
 * A host is an IP address (an IPv6 one with a %scope if need be, without brackets) or a name. Names
 * are looked up in the hosts file and by DNS; `localhost` and names below it are the loopback
 * addresses, always. Equal look-ups of a worker share one query, and answers are kept for as long
 * as their time to live says.
 */
#ifndef EVFRAME_CONNECT_H
#define EVFRAME_CONNECT_H

#include <sys/socket.h>

#include <evframe/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where to connect to. Zero and NULL mean the default. Strings are copied. */
struct evf_connect {
    uint32_t struct_size;  /* sizeof(struct evf_connect) */
    const char *host;      /* a name or an IP address, with port; or: */
    uint16_t port;         /* 1 … 65535 */
    const char *unix_path; /* a path, or "@name" in the abstract name space; at most 107 bytes */
    int family;            /* AF_UNSPEC, AF_INET or AF_INET6 */
    uint32_t timeout_ms;   /* look-up and all attempts together; 0: 10 000 */
    uint32_t attempt_delay_ms; /* between attempts at addresses, RFC 8305; 0: 250 */
    const char *bind_address;  /* an IP address to connect from; only its family is tried */
};

/* In C++ a function that is named like a struct hides its constructor: as with stat, that is meant.
 */
#if defined(__GNUC__) && defined(__cplusplus)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

/* Begins to connect and makes the stream, in any callback of the worker (`close` and worker_start
 * included). A name's addresses of both families are tried one after the other without waiting for
 * the earlier ones to fail (RFC 8305); the first that answers wins.
 *
 * handler: of the new stream; lives as long as it. instance: whose stream it is; its listener gives
 * max_frame, write marks and linger; the idle time starts as off.
 *
 * 0: *ret is the stream, in state EVF_OPENING. It gets exactly one `close`, also when nobody could
 * be reached: then with the reason (-ECONNREFUSED, -ETIMEDOUT, EVF_ENONAME, …) and
 * evf_connect_error in words. Else nothing was made: -EINVAL (nothing or both of host and
 * unix_path, no port, an address, a name or a family that cannot be), -ENAMETOOLONG, -ENOMEM,
 * -ESHUTDOWN (the server's stop is past its deadline). No callback is called before this returns.
 */
EVF_API int evf_connect(evf_worker *worker, const struct evf_connect *to,
                        const struct evf_handler *handler, evf_instance *instance,
                        evf_stream **ret);

#if defined(__GNUC__) && defined(__cplusplus)
#pragma GCC diagnostic pop
#endif

/* Inside the `close` of a stream that was never open: what was tried and why it failed, as in
 * "connect to db.example:5432: 192.0.2.7:5432: Connection refused; [2001:db8::7]:5432: Connection
 * timed out". "" for any other stream. Returns buffer, cut and terminated if need be. */
EVF_API const char *evf_connect_error(const evf_stream *stream, char *buffer, size_t size);

/* The answer of a look-up, in the mailbox step of a turn. status is 0 with at least one address, or
 * negative: EVF_ENONAME, EVF_ENOADDRESS, EVF_EDNS, -ETIMEDOUT, -ENOMEM, -ECANCELED (the server
 * stops). Addresses have port 0, those of the preferred family first, and live until the return. */
typedef void evf_resolved_fn(evf_worker *worker, int status,
                             const struct sockaddr_storage *addresses, size_t count,
                             void *argument);

/* Looks a host up. family: AF_UNSPEC, AF_INET or AF_INET6. fn is called once, later, never inside
 * this call, unless cancelled before. *ret (ret may be NULL) is the handle; it dies when fn starts.
 * 0, -EINVAL (a host or a family that cannot be), -ENAMETOOLONG, -ENOMEM, -ESHUTDOWN. */
EVF_API int evf_resolve(evf_worker *worker, const char *host, int family, evf_resolved_fn *fn,
                        void *argument, evf_lookup **ret);

/* Ends a look-up: fn is not called. */
EVF_API void evf_resolve_cancel(evf_lookup *lookup);

/* How long this worker's answer for the host will still be kept, in ms; 0 when it has none. For
 * those who look a name up again when its time is over. IP addresses give UINT32_MAX. AF_UNSPEC:
 * the lesser one where both families have an answer, else the one there is. */
EVF_API uint32_t evf_resolve_ttl(evf_worker *worker, const char *host, int family);

#ifdef __cplusplus
}
#endif

#endif
