/* SPDX-License-Identifier: MIT
 *
 * Pairs: a client is given an upstream server, the next one when that fails, and both streams are
 * followed to their end. The worker's thread.
 *
 * An upstream server may change only until its stream is open; nothing was sent to it before. How
 * one side's close is carried to the other:
 *
 *   0, both sides had ended       nothing: the other has its end, and flushes what is queued
 *   failed, or closed by force    reset: the bytes are not all there, which an end would deny
 *   the pair was idle             both are closed at once (pump.c)
 *   the client, while connecting  the connect is cancelled
 *
 * At the graceful stop pairs go on until their peers end them or the deadline comes: only they know
 * what is idle. For that the client's handler has a `quiesce` that does nothing.
 */
#include "pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct evf_handler upstream_handler;

static void release(struct proxy_pair *pair)
{
    evf_gauge_add(pair->worker->proxy->pairs, -1);
    free(pair);
}

/* Nobody is there for this client. A reset, as from a server where nobody listens: an orderly end
 * would look like an empty answer. */
void proxy_pair_refuse(struct proxy_pair *pair)
{
    struct proxy_worker *worker = pair->worker;
    evf_counter_add(worker->proxy->refused, 1);
    proxy_names_hurry(worker);
    evf_reset(pair->client.stream);
}

static void tell(struct proxy_pair *pair, enum proxy_event event, const char *why)
{
    const struct proxy_worker *worker = pair->worker;
    const struct proxy_upstream *server = pair->server;
    switch (event) {
    case PROXY_EVENT_FAILED:
        evf_log(EVF_WARN, "upstream %s fails: %s", server->label, why);
        break;
    case PROXY_EVENT_EJECTED:
        evf_counter_add(worker->proxy->ejections, 1);
        evf_log(EVF_WARN, "upstream %s is ejected after %u failures, the last: %s", server->label,
                (unsigned)server->fails, why);
        break;
    case PROXY_EVENT_BACK:
        evf_log(EVF_INFO, "upstream %s is back", server->label);
        break;
    case PROXY_EVENT_NONE:
        return;
    }
    proxy_publish(pair->worker);
}

/* Our own trouble, of which the upstream server knows nothing. */
static bool is_ours(int reason)
{
    switch (-reason) {
    case ENOMEM:
    case ENOBUFS:
    case EMFILE:
    case ENFILE:
    case EADDRNOTAVAIL:
        return true;
    default:
        return false;
    }
}

static void tell_ours(struct proxy_worker *worker, const char *why)
{
    uint64_t now_ms = evf_now(worker->worker);
    if (worker->told_ms != 0 && now_ms < worker->told_ms + PROXY_TOLD_EVERY_MS)
        return;
    worker->told_ms = now_ms;
    evf_log(EVF_ERROR, "connections to upstream servers fail for want of our own means: %s", why);
}

/* upstream is NULL when evf_connect made none: so it is where the interface that an address names
 * is missing. */
static const char *failure(const evf_stream *upstream, int reason, char *buffer, size_t size)
{
    if (upstream != NULL)
        return evf_connect_error(upstream, buffer, size);
    (void)snprintf(buffer, size, "%s%s", evf_strerror(reason),
                   reason == -EINVAL ? ": is there an interface of that name?" : "");
    return buffer;
}

/* The attempt ended without an open stream. */
static void attempt_failed(struct proxy_pair *pair, const evf_stream *upstream, int reason)
{
    struct proxy_worker *worker = pair->worker;
    char why[512];
    if (pair->client.stream == NULL || reason == -ESHUTDOWN || is_ours(reason)) {
        proxy_upstream_cancelled(pair->server, pair->probe);
        if (is_ours(reason))
            tell_ours(worker, failure(upstream, reason, why, sizeof why));
    } else {
        evf_counter_add(worker->proxy->failures, 1);
        enum proxy_event event = proxy_upstream_failed(&worker->table, pair->server, pair->probe,
                                                       evf_now(worker->worker));
        if (event != PROXY_EVENT_NONE)
            tell(pair, event, failure(upstream, reason, why, sizeof why));
    }
}

static void leave(struct proxy_pair *pair)
{
    proxy_upstream_leave(pair->server);
    pair->server = NULL;
    pair->upstream.stream = NULL;
}

/* Begins an attempt. 0, or why evf_connect could not: then it has failed. */
static int attempt(struct proxy_pair *pair, struct proxy_upstream *server)
{
    struct proxy_worker *worker = pair->worker;
    const struct evf_connect to = {
        .struct_size = sizeof to,
        .host = server->unix_path == NULL ? server->host : NULL,
        .port = server->port,
        .unix_path = server->unix_path,
        .timeout_ms = worker->proxy->connect_timeout_ms,
    };
    evf_stream *stream;
    if (pair->tried.count > 0)
        evf_counter_add(worker->proxy->retries, 1);
    pair->tried.ids[pair->tried.count++] = server->id;
    pair->probe = proxy_upstream_enter(&worker->table, server);
    pair->server = server;
    int status = evf_connect(worker->worker, &to, &upstream_handler, worker->instance, &stream);
    if (status < 0) {
        attempt_failed(pair, NULL, status);
        leave(pair);
        return status;
    }
    pair->upstream.stream = stream;
    ((struct proxy_end *)evf_stream_state(stream))->side = &pair->upstream;
    return 0;
}

void proxy_pair_go_on(struct proxy_pair *pair)
{
    struct proxy_worker *worker = pair->worker;
    const struct proxy_instance *proxy = worker->proxy;
    int status = -EHOSTUNREACH;
    while (status < 0 && status != -ESHUTDOWN && pair->tried.count < proxy->tries) {
        struct proxy_upstream *server = proxy_choose(&worker->table, proxy->balance, pair->key,
                                                     &pair->tried, evf_now(worker->worker));
        if (server == NULL && pair->tried.count == 0 && proxy_names_awaited(worker)) {
            proxy_wait_start(pair);
            return;
        }
        if (server == NULL)
            break;
        status = attempt(pair, server);
    }
    if (status < 0)
        proxy_pair_refuse(pair);
}

static void client_open(evf_stream *client)
{
    evf_instance *instance = evf_stream_instance(client);
    evf_worker *evf = evf_stream_worker(client);
    struct proxy_worker *worker = evf_worker_state(instance, evf);
    struct sockaddr_storage address;
    struct proxy_pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL) {
        evf_close_with(client, -ENOMEM);
        return;
    }
    evf_gauge_add(worker->proxy->pairs, 1);
    ((struct proxy_end *)evf_stream_state(client))->side = &pair->client;
    pair->worker = worker;
    pair->client = (struct proxy_side){ .pair = pair, .stream = client };
    pair->client.sent = worker->proxy->to_client;
    pair->upstream = (struct proxy_side){ .pair = pair, .sent = worker->proxy->to_upstream };
    if (evf_peer_address(client, &address) == 0)
        pair->key = proxy_hash_client(&address);
    if (pair->key == 0)
        pair->key = evf_random(evf);
    proxy_pair_go_on(pair);
}

static void upstream_open(evf_stream *upstream)
{
    struct proxy_pair *pair = proxy_side_of(upstream)->pair;
    const struct proxy_instance *proxy = pair->worker->proxy;
    struct sockaddr_storage from = { 0 }, to = { 0 };
    uint8_t header[PROXY_HEADER_MAX];
    pair->connected = true;
    tell(pair, proxy_upstream_connected(pair->server, pair->probe), "");
    evf_counter_add(proxy->connected, 1);
    if (proxy->send != PROXY_SEND_OFF) {
        (void)evf_peer_address(pair->client.stream, &from);
        (void)evf_local_address(pair->client.stream, &to);
        size_t len = proxy_header_write(proxy->send, &from, &to, header);
        int result = evf_write(upstream, header, len);
        if (result < 0)
            evf_close_with(upstream, result);
    }
    proxy_pump_begin(pair);
}

static void upstream_close(evf_stream *upstream, int reason)
{
    struct proxy_pair *pair = proxy_side_of(upstream)->pair;
    evf_stream *client = pair->client.stream;
    if (!pair->connected)
        attempt_failed(pair, upstream, reason);
    leave(pair);
    if (client == NULL)
        release(pair);
    else if (!pair->connected)
        proxy_pair_go_on(pair);
    else if (reason != 0)
        evf_reset(client);
}

static void client_close(evf_stream *client, int reason)
{
    struct proxy_side *side = proxy_side_of(client);
    if (side == NULL)
        return;
    struct proxy_pair *pair = side->pair;
    evf_stream *upstream = pair->upstream.stream;
    proxy_wait_stop(pair);
    side->stream = NULL;
    if (upstream == NULL)
        release(pair);
    else if (!pair->connected)
        evf_close(upstream);
    else if (reason != 0)
        evf_reset(upstream);
}

static void client_quiesce(evf_stream *client)
{
    (void)client;
}

const struct evf_handler proxy_client_handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct proxy_end),
    .open = client_open,
    .data = proxy_pump_data,
    .end = proxy_pump_end,
    .drain = proxy_pump_drain,
    .timeout = proxy_pump_timeout,
    .quiesce = client_quiesce,
    .close = client_close,
};

static const struct evf_handler upstream_handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct proxy_end),
    .open = upstream_open,
    .data = proxy_pump_data,
    .end = proxy_pump_end,
    .drain = proxy_pump_drain,
    .timeout = proxy_pump_timeout,
    .close = upstream_close,
};
