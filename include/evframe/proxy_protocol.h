/* SPDX-License-Identifier: MIT
 *
 * The PROXY protocol (versions 1 and 2) on accepted streams: who the client behind a balancer is.
 *
 * A listener with proxy-protocol=required or optional reads the header before `open`. From then on
 * evf_peer_address, evf_peer_name and evf_local_address give the addresses of the header, and the
 * functions here what else came with it. Where the header names none (LOCAL, UNKNOWN, UNSPEC, or
 * datagrams) they stay the socket's: LOCAL is the balancer's own connection, a health check as a
 * rule. The header's bytes do not count in evf_bytes_read, and first-byte, idle-timeout,
 * max-lifetime and min-rate run from `open`. evf_peer_credentials, evf_descriptor and the socket
 * options are about the socket, and so about the balancer.
 *
 * All may be called from `open` until `close` returns.
 */
#ifndef EVFRAME_PROXY_PROTOCOL_H
#define EVFRAME_PROXY_PROTOCOL_H

#include <sys/socket.h>

#include <evframe/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the header that opened the stream, 1 or 2; 0 when there was none. */
EVF_API unsigned evf_proxy_version(const evf_stream *stream);

/* The address of who sent the header: the balancer itself. 0, or -ENOENT when there was none. */
EVF_API int evf_proxy_address(const evf_stream *stream, struct sockaddr_storage *ret);

/* The index-th TLV (from 0) of that type in a version 2 header, sub-TLVs not looked into; with type
 * -1 of any type but NOOP (4), which is padding. A checksum (3) was right. *ret_type may be NULL.
 * 0, or -ENOENT when there is none. *ret lives with the stream. */
EVF_API int evf_proxy_tlv(const evf_stream *stream, int type, unsigned index, uint8_t *ret_type,
                          const void **ret, size_t *ret_len);

#ifdef __cplusplus
}
#endif

#endif
