/* SPDX-License-Identifier: MIT
 *
 * The handler: what happens on a connection. On the stream's worker.
 *
 * `data` answers every complete request that is there and writes all answers at once. What is then
 * left is one of
 *
 *   nothing           the connection is idle and owns no exchange
 *   a part of a head  left unconsumed; an exchange remembers how far it was scanned, its timer runs
 *   a part of a body  consumed; the exchange holds the head, its timer runs between the pieces
 *   a file to open    paused (HTTP_WAITING) until the helper is done; no timer
 *   a full queue      paused (HTTP_FULL) until `drain`; no timer, it is the peer's turn to read
 *
 * After the last answer (HTTP_ENDING) input is discarded; how long is bounded by the stream's
 * linger.
 */
#include <errno.h>
#include <stdlib.h>

#include "server.h"

static struct http_worker *worker_of(const struct http_stream *state)
{
    const struct http_exchange *exchange = http_exchange_of(state);
    return exchange != NULL ? exchange->worker : state->worker;
}

/* The calendar clock is read once a second: a step of it shows that much later. */
static void set_date(struct http_worker *worker, uint64_t now_ms)
{
    uint64_t wall_ms = evf_wall_ms(worker->worker);
    worker->date_until = now_ms + 1000 - wall_ms % 1000;
    worker->now_s = (int64_t)(wall_ms / 1000);
    http_date_format(worker->now_s, worker->date);
    http_prepared_set_date(&worker->fixed, worker->date);
}

struct http_worker *http_worker_begin(struct http_stream *state)
{
    struct http_worker *worker = worker_of(state);
    uint64_t now_ms = evf_now(worker->worker);
    if (now_ms >= worker->date_until)
        set_date(worker, now_ms);
    worker->state = state;
    worker->written = EVF_FLUSHED;
    return worker;
}

/* ---- Exchanges ---- */

/* A free one, which stays where it is; NULL without memory. */
static struct http_exchange *free_exchange(struct http_worker *worker)
{
    if (worker->exchanges == NULL) {
        worker->exchanges = calloc(1, sizeof *worker->exchanges);
        if (worker->exchanges == NULL)
            return NULL;
        worker->exchanges->worker = worker;
        worker->exchange_count = 1;
    }
    return worker->exchanges;
}

/* The exchange, which is the first free one or attached already, stays with the connection. */
static void attach(struct http_stream *state, struct http_exchange *exchange)
{
    struct http_worker *worker = exchange->worker;
    if (exchange->attached)
        return;
    worker->exchanges = exchange->next;
    worker->exchange_count--;
    exchange->attached = true;
    state->exchange = exchange;
    state->flags |= HTTP_EXCHANGE;
}

/* Gives up what the exchange holds. */
static void clear(struct http_exchange *exchange)
{
    evf_timer_stop(&exchange->timer);
    if (exchange->holds_head)
        evf_slice_drop(exchange->head);
    exchange->holds_head = false;
    exchange->job = NULL;
}

static void detach(struct http_stream *state)
{
    struct http_exchange *exchange = http_exchange_of(state);
    if (exchange == NULL)
        return;
    struct http_worker *worker = exchange->worker;
    clear(exchange);
    exchange->attached = false;
    state->worker = worker;
    state->flags &= ~(uint32_t)HTTP_EXCHANGE;
    if (worker->exchange_count >= HTTP_EXCHANGES_KEPT) {
        free(exchange);
        return;
    }
    exchange->next = worker->exchanges;
    worker->exchanges = exchange;
    worker->exchange_count++;
}

/* ---- The end of a callback ---- */

static void add_figures(struct http_worker *worker)
{
    evf_counter_add(worker->http->requests, worker->requests);
    worker->requests = 0;
    while (worker->classes != 0) {
        int class = __builtin_ctz(worker->classes);
        evf_counter_add(worker->http->statuses[class], worker->statuses[class]);
        worker->statuses[class] = 0;
        worker->classes &= (uint8_t)(worker->classes - 1);
    }
}

/* Nothing is under way and nothing was left over. */
static bool is_idle(const struct http_stream *state)
{
    return (state->flags & (HTTP_EXCHANGE | HTTP_FULL | HTTP_WAITING | HTTP_ENDING | HTTP_REST)) ==
           0;
}

static void end_idle(evf_stream *stream)
{
    struct http_stream *state = evf_stream_state(stream);
    state->flags |= HTTP_ENDING;
    evf_end(stream);
}

/* Writes what was answered and acts on how that went: the end of every callback that answers. */
static void settle(struct http_worker *worker, evf_stream *stream, struct http_stream *state)
{
    http_flush(worker, stream, (state->flags & HTTP_ENDING) != 0);
    if (worker->requests != 0)
        add_figures(worker);
    if (worker->written < 0) {
        evf_close_with(stream, worker->written);
        return;
    }
    if ((state->flags & HTTP_PARTED) != 0 && worker->written == EVF_FLUSHED) {
        evf_close(stream); /* nothing comes that a reset would answer: no need to linger */
    } else if ((state->flags & HTTP_ENDING) != 0) {
        evf_end(stream);
    } else if (worker->written != EVF_FLUSHED && (state->flags & HTTP_WAITING) == 0) {
        state->flags |= HTTP_FULL;
        if ((state->flags & HTTP_EXCHANGE) != 0)
            evf_timer_stop(&state->exchange->timer);
        evf_pause(stream);
    } else if (worker->half_grace_over && is_idle(state)) {
        end_idle(stream);
    }
}

/* The last answer of a connection in place of what it waits for. */
static void give_up(evf_stream *stream, struct http_stream *state, uint16_t status)
{
    struct http_worker *worker = http_worker_begin(state);
    http_refuse(worker, stream, state->exchange, status);
    detach(state);
    settle(worker, stream, state);
}

static void too_late(evf_worker *evf, struct evf_timer *timer, void *argument)
{
    evf_stream *stream = argument;
    (void)evf;
    (void)timer;
    give_up(stream, evf_stream_state(stream), 408);
}

/* The head outlives the bytes that it came with: as a copy, because a held slice would keep a whole
 * page from everybody else for as long as the peer likes. Without memory the stream closes. */
static void hold_head(struct http_worker *worker, evf_stream *stream,
                      struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    if (exchange->holds_head)
        return;
    int error = evf_slice_new(worker->worker, request->head, request->head_len, &exchange->head);
    if (error < 0) {
        evf_close_with(stream, error);
        return;
    }
    exchange->holds_head = true;
    http_request_move(request, (const char *)exchange->head.data);
}

/* A request is cut: it stays with the connection until more comes, or not in time. */
static void await_more(struct http_worker *worker, evf_stream *stream,
                       struct http_exchange *exchange)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct http_request *request = &exchange->request;
    const struct http_instance *http = worker->http;
    if (request->step == HTTP_STEP_BODY) {
        hold_head(worker, stream, exchange);
        if (request->expects_continue)
            http_append(worker, stream, go_on, sizeof go_on - 1);
        evf_timer_start(worker->worker, &exchange->timer, http->body_timeout_ms, too_late, stream);
    } else if (!evf_timer_running(&exchange->timer)) {
        evf_timer_start(worker->worker, &exchange->timer, http->header_timeout_ms, too_late,
                        stream);
    }
}

/* Whether another request stands behind this one: an empty line is none. */
static bool more_stands(const char *bytes, size_t len)
{
    return len > 2 || (len > 0 && memcmp(bytes, "\r\n", len) != 0);
}

/* Answers request after request. Returns what was consumed. The exchange is attached afterwards
 * when it is in the middle of a request that needs more input, or waits for a file. */
static size_t answer_all(struct http_worker *worker, evf_stream *stream, struct http_stream *state,
                         struct http_exchange *exchange, evf_slice input)
{
    struct http_request *request = &exchange->request;
    const char *bytes = (const char *)input.data;
    size_t used = 0;
    for (;;) {
        used += http_request_feed(request, bytes + used, input.len - used);
        if (request->step != HTTP_STEP_DONE) {
            if (request->step == HTTP_STEP_BODY || used < input.len) {
                attach(state, exchange);
                await_more(worker, stream, exchange);
                return used;
            }
            if (request->skipped)
                state->flags |= HTTP_SKIPPED;
            break;
        }
        if (!http_answer(worker, stream, exchange, more_stands(bytes + used, input.len - used))) {
            attach(state, exchange);
            evf_timer_stop(&exchange->timer);
            hold_head(worker, stream, exchange);
            state->flags |= HTTP_WAITING;
            evf_pause(stream);
            return used;
        }
        if (exchange->attached)
            clear(exchange);
        state->flags &= ~(uint32_t)HTTP_SKIPPED;
        if ((state->flags & HTTP_ENDING) != 0) {
            used = input.len;
            break;
        }
        if (http_batch_is_full(worker))
            http_flush(worker, stream, false);
        if (used == input.len || worker->written != EVF_FLUSHED)
            break;
        http_request_init(request, &worker->http->rules);
    }
    detach(state);
    return used;
}

static size_t http_data(evf_stream *stream, evf_slice input)
{
    struct http_stream *state = evf_stream_state(stream);
    if ((state->flags & HTTP_ENDING) != 0)
        return input.len;
    struct http_worker *worker = http_worker_begin(state);
    struct http_exchange *exchange = http_exchange_of(state);
    if (exchange == NULL) {
        exchange = free_exchange(worker);
        if (exchange == NULL) {
            evf_close_with(stream, -ENOMEM);
            return input.len;
        }
        http_request_init(&exchange->request, &worker->http->rules);
        exchange->request.skipped = (state->flags & HTTP_SKIPPED) != 0;
    }
    size_t used = answer_all(worker, stream, state, exchange, input);
    if (used < input.len)
        state->flags |= HTTP_REST;
    else
        state->flags &= ~(uint32_t)HTTP_REST;
    settle(worker, stream, state);
    return used;
}

void http_connection_answered(struct http_worker *worker, evf_stream *stream)
{
    struct http_stream *state = evf_stream_state(stream);
    detach(state);
    state->flags &= ~(uint32_t)(HTTP_WAITING | HTTP_SKIPPED);
    settle(worker, stream, state);
    if ((state->flags & HTTP_FULL) == 0)
        evf_resume(stream);
}

static void open_stream(evf_stream *stream)
{
    struct http_stream *state = evf_stream_state(stream);
    state->worker = evf_worker_state(evf_stream_instance(stream), evf_stream_worker(stream));
    const struct http_instance *http = state->worker->http;
    size_t least = (size_t)http->rules.max_head + http->rules.max_line + 4;
    if (evf_max_frame(stream) < least)
        evf_set_max_frame(stream, least);
}

static void http_drain(evf_stream *stream)
{
    struct http_stream *state = evf_stream_state(stream);
    if ((state->flags & HTTP_FULL) == 0)
        return;
    struct http_worker *worker = worker_of(state);
    struct http_exchange *exchange = http_exchange_of(state);
    state->flags &= ~(uint32_t)HTTP_FULL;
    evf_resume(stream);
    /* A rest is presented again and starts its own time; in a body there may be none. */
    if (exchange != NULL && exchange->request.step == HTTP_STEP_BODY)
        evf_timer_start(worker->worker, &exchange->timer, worker->http->body_timeout_ms, too_late,
                        stream);
    else if (worker->half_grace_over && is_idle(state))
        end_idle(stream);
}

static void http_end(evf_stream *stream)
{
    struct http_stream *state = evf_stream_state(stream);
    if ((state->flags & HTTP_ENDING) != 0)
        return;
    if ((state->flags & HTTP_EXCHANGE) != 0)
        give_up(stream, state, 400);
    else
        end_idle(stream);
}

static void end_if_idle(evf_stream *stream, void *argument)
{
    (void)argument;
    if (is_idle(evf_stream_state(stream)))
        end_idle(stream);
}

static void half_grace(evf_worker *evf, struct evf_timer *timer, void *argument)
{
    struct http_worker *worker = argument;
    (void)timer;
    worker->half_grace_over = true;
    evf_each_stream(evf, worker->instance, end_if_idle, NULL);
}

/* The next answer is the last. An idle connection is kept for half of the grace, so that a request
 * that is on its way is still answered. */
static void http_quiesce(evf_stream *stream)
{
    struct http_stream *state = evf_stream_state(stream);
    struct http_worker *worker = worker_of(state);
    evf_worker *evf = worker->worker;
    state->flags |= HTTP_QUIESCED;
    if (worker->half_grace_over) {
        end_if_idle(stream, NULL);
    } else if (!evf_timer_running(&worker->half_grace)) {
        uint64_t deadline = evf_stop_deadline(evf);
        uint64_t now = evf_now(evf);
        uint64_t half = deadline > now ? (deadline - now) / 2 : 0;
        evf_timer_start(evf, &worker->half_grace, half > UINT32_MAX ? UINT32_MAX : (uint32_t)half,
                        half_grace, worker);
    }
}

static void http_close(evf_stream *stream, int reason)
{
    (void)reason;
    detach(evf_stream_state(stream));
}

const struct evf_handler http_handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct http_stream),
    .open = open_stream,
    .data = http_data,
    .end = http_end,
    .drain = http_drain,
    .quiesce = http_quiesce,
    .close = http_close,
};
