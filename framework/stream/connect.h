/* SPDX-License-Identifier: MIT
 *
 * Outgoing streams: what the worker keeps for them. The worker's thread.
 *
 * An outgoing stream's origin is made from its instance and handler and shared by the streams of
 * the same two. It comes in pairs: until the connection stands, a stream has the origin whose
 * transport is `opening`, which queues, remembers and cancels; then it gets the one with sockets.
 * So nothing on the common path asks whether a stream is open.
 */
#ifndef EVF_STREAM_CONNECT_H
#define EVF_STREAM_CONNECT_H

#include "stream/stream.h"

struct evf__outgoing; /* a pair of origins */

/* The part of struct evf__streams that connecting needs: init and fini with it. fini asserts that
 * no outgoing stream is left. */
void evf__outgoing_init(evf_worker *worker);
void evf__outgoing_fini(evf_worker *worker);

/* Step 5, when an outgoing stream's memory is given back. */
void evf__outgoing_release(evf_stream *stream);

/* What the stream was to connect to, as "host:port": for one that is not, or never was, open.
 * Returns buffer. */
const char *evf__connect_name(const evf_stream *stream, char *buffer, size_t size);

#endif
