/* SPDX-License-Identifier: MIT
 *
 * From the greeting to the reply. The worker's thread.
 *
 * Each message is consumed when it is all there; what follows the request stays unconsumed until
 * the server is connected. The client goes on being read meanwhile, so that one that vanishes is
 * noticed and the connect is cancelled; from SOCKS5_EARLY_MAX on, or when it has ended, it is
 * paused. (A pause in the last `data` keeps the bytes and defers `end`.)
 *
 * The handshake up to the request has one bound of time, the connect another. Whoever is refused is
 * told why in the words of the protocol, then ended; the stream's linger bounds how long that
 * takes.
 */
#include <errno.h>
#include <stdlib.h>

#include "session.h"

static const struct evf_handler server_handler;

/* -- saying no -- */

/* The last bytes for a client that gets no connection. */
static void refuse(struct socks5_session *session, const void *bytes, size_t len)
{
    evf_stream *client = session->client.stream;
    session->stage = SOCKS5_STAGE_REFUSED;
    evf_timer_stop(&session->timer);
    if (len > 0)
        evf_write(client, bytes, len);
    evf_end(client);
    evf_resume(client); /* input is discarded, so that the end is not a reset */
}

static void refuse_request(struct socks5_session *session, enum socks5_reply reply)
{
    uint8_t bytes[SOCKS5_REPLY_MAX];
    evf_counter_add(session->socks5->failed, 1);
    refuse(session, bytes, socks5_reply_write(reply, NULL, bytes));
}

/* What came is not this protocol: there is nothing that could be answered. */
static void refuse_nonsense(struct socks5_session *session)
{
    evf_counter_add(session->socks5->malformed, 1);
    refuse(session, NULL, 0);
}

/* -- one message after the other; each returns what the reader of the message does -- */

static int greeting(struct socks5_session *session, const uint8_t *bytes, size_t len)
{
    const struct socks5_instance *socks5 = session->socks5;
    struct socks5_greeting offer;
    int used = socks5_greeting_read(bytes, len, &offer);
    if (used <= 0)
        return used;
    enum socks5_method method = SOCKS5_METHOD_REFUSED;
    if (socks5->needs_login ? offer.password : offer.none)
        method = socks5->needs_login ? SOCKS5_METHOD_PASSWORD : SOCKS5_METHOD_NONE;
    const uint8_t answer[2] = { 5, (uint8_t)method };
    if (method == SOCKS5_METHOD_REFUSED) {
        evf_counter_add(socks5->denied, 1);
        refuse(session, answer, sizeof answer);
        return used;
    }
    evf_write(session->client.stream, answer, sizeof answer);
    session->stage = socks5->needs_login ? SOCKS5_STAGE_LOGIN : SOCKS5_STAGE_REQUEST;
    return used;
}

static int login(struct socks5_session *session, const uint8_t *bytes, size_t len)
{
    struct socks5_login who;
    int used = socks5_login_read(bytes, len, &who);
    if (used <= 0)
        return used;
    bool known = socks5_users_know(&session->socks5->users, &who);
    const uint8_t answer[2] = { 1, known ? 0 : 1 };
    if (known) {
        evf_write(session->client.stream, answer, sizeof answer);
        session->stage = SOCKS5_STAGE_REQUEST;
    } else {
        evf_counter_add(session->socks5->denied, 1);
        evf_log(EVF_INFO, "user %.*s may not log in", (int)who.user_len, (const char *)who.user);
        refuse(session, answer, sizeof answer);
    }
    return used;
}

static int request(struct socks5_session *session, const uint8_t *bytes, size_t len)
{
    evf_stream *client = session->client.stream, *server;
    struct socks5_request wanted;
    int used = socks5_request_read(bytes, len, &wanted);
    if (used <= 0)
        return used;
    evf_timer_stop(&session->timer);
    if (wanted.refusal != SOCKS5_SUCCEEDED) {
        refuse_request(session, wanted.refusal);
        return used;
    }
    const struct evf_connect to = {
        .struct_size = sizeof to,
        .host = wanted.host,
        .port = wanted.port,
        .timeout_ms = session->socks5->connect_timeout_ms,
    };
    int status = evf_connect(evf_stream_worker(client), &to, &server_handler,
                             evf_stream_instance(client), &server);
    if (status < 0) {
        refuse_request(session, socks5_reply_for(status));
        return used;
    }
    session->stage = SOCKS5_STAGE_CONNECTING;
    session->server.stream = server;
    ((struct socks5_end *)evf_stream_state(server))->side = &session->server;
    return used;
}

/* The next message. */
static int step(struct socks5_session *session, const uint8_t *bytes, size_t len)
{
    switch (session->stage) {
    case SOCKS5_STAGE_GREETING:
        return greeting(session, bytes, len);
    case SOCKS5_STAGE_LOGIN:
        return login(session, bytes, len);
    case SOCKS5_STAGE_REQUEST:
        return request(session, bytes, len);
    case SOCKS5_STAGE_CONNECTING:
    case SOCKS5_STAGE_CONNECTED:
    case SOCKS5_STAGE_REFUSED:
        break;
    }
    return 0;
}

/* -- the client -- */

static void handshake_late(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct socks5_session *session = argument;
    (void)worker;
    (void)timer;
    evf_close_with(session->client.stream, -ETIMEDOUT);
}

static void client_open(evf_stream *client)
{
    struct socks5_instance *socks5 = evf_instance_state(evf_stream_instance(client));
    struct socks5_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        evf_close_with(client, -ENOMEM);
        return;
    }
    session->socks5 = socks5;
    session->client = (struct socks5_side){ .session = session, .stream = client };
    session->server = (struct socks5_side){ .session = session };
    ((struct socks5_end *)evf_stream_state(client))->side = &session->client;
    evf_gauge_add(socks5->sessions, 1);
    evf_timer_start(evf_stream_worker(client), &session->timer, socks5->handshake_timeout_ms,
                    handshake_late, session);
}

/* Bytes behind the request, whose server is not connected yet. */
static void hold_back(evf_stream *client, size_t len)
{
    size_t most = evf_max_frame(client);
    if (most > SOCKS5_EARLY_MAX)
        most = SOCKS5_EARLY_MAX;
    if (len >= most || evf_input_ended(client))
        evf_pause(client);
}

static size_t client_data(evf_stream *client, evf_slice input)
{
    struct socks5_session *session = socks5_side_of(client)->session;
    size_t used = 0;
    if (session->stage == SOCKS5_STAGE_CONNECTED)
        return socks5_pump_data(client, input);
    while (used < input.len) {
        int result = step(session, input.data + used, input.len - used);
        if (result < 0)
            refuse_nonsense(session);
        if (result <= 0)
            break;
        used += (size_t)result;
    }
    if (session->stage == SOCKS5_STAGE_REFUSED)
        return input.len;
    if (session->stage == SOCKS5_STAGE_CONNECTING && used < input.len)
        hold_back(client, input.len - used);
    return used;
}

static void client_end(evf_stream *client)
{
    struct socks5_side *side = socks5_side_of(client);
    if (side->session->stage == SOCKS5_STAGE_CONNECTED)
        socks5_pump_end(client);
    else if (side->session->stage == SOCKS5_STAGE_CONNECTING)
        side->ended = true;
    else
        evf_end(client);
}

static void client_drain(evf_stream *client)
{
    if (socks5_side_of(client)->session->stage == SOCKS5_STAGE_CONNECTED)
        socks5_pump_drain(client);
}

/* A connect has a bound of its own; before and after it, idle is idle. */
static bool client_timeout(evf_stream *client)
{
    enum socks5_stage stage = socks5_side_of(client)->session->stage;
    if (stage == SOCKS5_STAGE_CONNECTED)
        return socks5_pump_timeout(client);
    return stage == SOCKS5_STAGE_CONNECTING;
}

/* Connections go on until their peers end them or the deadline comes: only they know what is idle.
 * A handshake that has not come to its request has nothing to lose. */
static void client_quiesce(evf_stream *client)
{
    struct socks5_session *session = socks5_side_of(client)->session;
    if (session->stage < SOCKS5_STAGE_CONNECTING)
        refuse(session, NULL, 0);
}

static void release(struct socks5_session *session)
{
    evf_gauge_add(session->socks5->sessions, -1);
    free(session);
}

static void client_close(evf_stream *client, int reason)
{
    struct socks5_side *side = socks5_side_of(client);
    if (side == NULL)
        return;
    struct socks5_session *session = side->session;
    evf_timer_stop(&session->timer);
    side->stream = NULL;
    if (session->server.stream == NULL)
        release(session);
    else if (session->stage == SOCKS5_STAGE_CONNECTED)
        socks5_pump_close(side, reason);
    else
        evf_close(session->server.stream);
}

/* -- the server -- */

static void server_open(evf_stream *server)
{
    struct socks5_session *session = socks5_side_of(server)->session;
    struct sockaddr_storage bound = { 0 };
    uint8_t reply[SOCKS5_REPLY_MAX];
    (void)evf_local_address(server, &bound);
    session->stage = SOCKS5_STAGE_CONNECTED;
    evf_counter_add(session->socks5->connected, 1);
    evf_write(session->client.stream, reply, socks5_reply_write(SOCKS5_SUCCEEDED, &bound, reply));
    socks5_pump_begin(session);
}

static void server_close(evf_stream *server, int reason)
{
    struct socks5_side *side = socks5_side_of(server);
    struct socks5_session *session = side->session;
    side->stream = NULL;
    if (session->client.stream == NULL)
        release(session);
    else if (session->stage == SOCKS5_STAGE_CONNECTED)
        socks5_pump_close(side, reason);
    else
        refuse_request(session, socks5_reply_for(reason));
}

const struct evf_handler socks5_client_handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct socks5_end),
    .open = client_open,
    .data = client_data,
    .end = client_end,
    .drain = client_drain,
    .timeout = client_timeout,
    .quiesce = client_quiesce,
    .close = client_close,
};

static const struct evf_handler server_handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct socks5_end),
    .open = server_open,
    .data = socks5_pump_data,
    .end = socks5_pump_end,
    .drain = socks5_pump_drain,
    .timeout = socks5_pump_timeout,
    .close = server_close,
};
