/* SPDX-License-Identifier: MIT
 *
 * Outgoing streams, as the rest of stream/ and plugin/ see them. The worker's thread.
 *
 * An outgoing stream's origin is made from its instance and handler and shared by the streams of
 * the same two. It comes in pairs: until the connection stands, a stream has the origin whose
 * transport is `opening`, which queues, remembers and cancels; then it gets the one with sockets.
 * So nothing on the common path asks whether a stream is open.
 */
#ifndef EVF_STREAM_CONNECT_H
#define EVF_STREAM_CONNECT_H

#include <evframe/connect.h>

#include "stream/stream.h"

/* On whose behalf a stream is made. What it points at lives longer than the stream. */
struct evf__connector {
    evf_instance *instance;
    const char *plugin;                      /* its name */
    const struct evf__stream_limits *limits; /* the instance's listener's; copied */
};

/* evf_connect (plugin/connect.c), with what only plugin/ knows of an instance. */
int evf__connect(evf_worker *worker, const struct evf_connect *to,
                 const struct evf_handler *handler, const struct evf__connector *connector,
                 evf_stream **ret);

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
