/* SPDX-License-Identifier: MIT
 *
 * A session: a client, and the server that it is connected to. The worker's thread.
 *
 *     greeting --> (login) --> request --> connecting --> connected --> one side closed --> freed
 *         |           |           |            |
 *         +-----------+-----------+------------+--> refused: told why, and ended
 *
 * A session is made in the client's `open` and freed in the last `close` of its two streams. The
 * stream of a side is NULL before it was made and from its `close` on.
 *
 *   message.c    the bytes of the protocol
 *   users.c      who may log in
 *   handshake.c  from the greeting to the reply
 *   pump.c       the bytes between the two streams, and how one side's close is carried to the
 * other socks5.c     descriptor, options, start and stop
 */
#ifndef SOCKS5_SESSION_H
#define SOCKS5_SESSION_H

#include <evframe/evframe.h>

#include "message.h"
#include "users.h"

/* Written by start, then only read. */
struct socks5_instance {
    bool needs_login;
    struct socks5_users users;
    uint32_t handshake_timeout_ms;
    uint32_t connect_timeout_ms;

    evf_counter *connected;
    evf_counter *failed;
    evf_counter *denied;
    evf_counter *malformed;
    evf_gauge *sessions;
};

enum socks5_stage {
    SOCKS5_STAGE_GREETING,
    SOCKS5_STAGE_LOGIN,
    SOCKS5_STAGE_REQUEST,
    SOCKS5_STAGE_CONNECTING,
    SOCKS5_STAGE_CONNECTED,
    SOCKS5_STAGE_REFUSED, /* input is discarded until the client ends */
};

struct socks5_session;

struct socks5_side {
    struct socks5_session *session;
    evf_stream *stream;
    bool ended;  /* it has finished sending */
    bool paused; /* the other side's queue is full */
    bool idle;   /* its idle time was over when it had moved so many bytes */
    uint64_t idle_at;
};

struct socks5_session {
    struct socks5_instance *socks5;
    enum socks5_stage stage;
    struct socks5_side client, server;
    struct evf_timer timer; /* for the handshake, up to the request */
};

/* The state of both sides' streams. */
struct socks5_end {
    struct socks5_side *side; /* NULL: there was no memory for a session */
};

static inline struct socks5_side *socks5_side_of(evf_stream *stream)
{
    return ((struct socks5_end *)evf_stream_state(stream))->side;
}

static inline struct socks5_side *socks5_other(struct socks5_side *side)
{
    struct socks5_session *session = side->session;
    return side == &session->client ? &session->server : &session->client;
}

/* -- handshake.c -- */

extern const struct evf_handler socks5_client_handler;

/* -- pump.c: what both handlers share once they are connected -- */

/* Both streams are open: marks and idle time, and the client's early bytes are presented. */
void socks5_pump_begin(struct socks5_session *session);
size_t socks5_pump_data(evf_stream *stream, evf_slice input);
void socks5_pump_end(evf_stream *stream);
void socks5_pump_drain(evf_stream *stream);
bool socks5_pump_timeout(evf_stream *stream);

/* A side of a session that was connected is closed: the other is reset, unless all is in order. */
void socks5_pump_close(struct socks5_side *side, int reason);

#endif
