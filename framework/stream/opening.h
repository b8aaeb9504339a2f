/* SPDX-License-Identifier: MIT
 *
 * Streams that are not open yet (EVF_OPENING): outgoing ones that look a name up and connect
 * (connect.c), and accepted ones that wait for a PROXY header (arrival.c). The turn's steps come
 * here instead of to input and output while a stream is in that state. The worker's thread.
 */
#ifndef EVF_STREAM_OPENING_H
#define EVF_STREAM_OPENING_H

#include "stream/state.h"

/* Step 3: the stream was put on the ready list. */
void evf__connect_step(evf_stream *stream);
void evf__arrival_step(evf_stream *stream);

/* Step 4: the stream's deadline entry fired. */
void evf__connect_deadline(evf_stream *stream);
void evf__arrival_deadline(evf_stream *stream);

/* Makes an accepted stream wait for its PROXY header; or opens or closes it, when the peer is not
 * trusted to send one. Step 2 only. 0 or -ENOMEM: the caller closes. */
int evf__arrival_begin(evf_stream *stream);

/* The connection stands, or the header is in: the stream's deadlines start, `open` is called, and
 * from now on it is read and written (lifecycle.c). Its transport has its descriptor, and the peer
 * is kept. Steps 2 and 3 only. */
void evf__stream_opened(evf_stream *stream);

/* Keeps the peer's address compactly: after a reset the kernel no longer knows it. 0 or -ENOMEM
 * (lifecycle.c). */
int evf__stream_keep_peer(evf_stream *stream, const struct sockaddr *peer, socklen_t len);

/* Gives the PROXY header back (step 5). */
void evf__arrival_give(evf_stream *stream);

/* The destination that the PROXY header names; false when the socket's own address holds. */
bool evf__arrival_destination(const evf_stream *stream, struct sockaddr_storage *ret);
/* The family of the socket's own peer, whatever a PROXY header says about the client's. */
sa_family_t evf__arrival_family(const evf_stream *stream);

#endif
