/* SPDX-License-Identifier: MIT
 *
 * Which answer a request gets, and the batch: what is answered within one callback is gathered and
 * goes out in one write. On the stream's worker.
 */
#include "server.h"

void http_flush(struct http_worker *worker, evf_stream *stream, bool last)
{
    struct http_text answers = { worker->batch, worker->batch_len };
    if (worker->alone.len > 0)
        answers = worker->alone;
    if (answers.len == 0)
        return;
    worker->written = last ? evf_write_last(stream, answers.at, answers.len)
                           : evf_write(stream, answers.at, answers.len);
    worker->alone.len = 0;
    worker->batch_len = 0;
}

bool http_batch_is_full(const struct http_worker *worker)
{
    return HTTP_BATCH_SIZE - HTTP_ANSWER_ROOM < worker->batch_len + worker->alone.len;
}

/* What was left alone has company now. It fits, or the batch was full. */
static void gather(struct http_worker *worker)
{
    if (worker->alone.len == 0)
        return;
    memcpy(worker->batch, worker->alone.at, worker->alone.len);
    worker->batch_len = worker->alone.len;
    worker->alone.len = 0;
}

void http_append_prepared(struct http_worker *worker, evf_stream *stream, struct http_text answer)
{
    if (worker->batch_len == 0 && worker->alone.len == 0)
        worker->alone = answer;
    else
        http_append(worker, stream, answer.at, answer.len);
}

void http_append(struct http_worker *worker, evf_stream *stream, const char *bytes, size_t len)
{
    gather(worker);
    if (len > HTTP_BATCH_SIZE - worker->batch_len) {
        struct iovec both[] = { { worker->batch, worker->batch_len }, { (char *)bytes, len } };
        worker->written = evf_writev(stream, both, 2);
        worker->batch_len = 0;
        return;
    }
    memcpy(worker->batch + worker->batch_len, bytes, len);
    worker->batch_len += len;
}

void http_append_head(struct http_worker *worker, const struct http_response *response)
{
    gather(worker);
    char *at = worker->batch + worker->batch_len;
    struct http_writer writer = { at, worker->batch + HTTP_BATCH_SIZE, false };
    http_put_head(&writer, response, worker->date, worker->now_s);
    worker->batch_len += (size_t)(writer.at - at);
}

void http_count(struct http_worker *worker, uint16_t status)
{
    unsigned class = status / 100;
    worker->requests++;
    worker->statuses[class]++;
    worker->classes |= (uint8_t)(1u << class);
}

enum http_connection http_decide(struct http_worker *worker, const struct http_request *request,
                                 bool more)
{
    struct http_stream *state = worker->state;
    bool stays = request->keep_alive && !request->close;
    /* While stopping, requests that came along are still answered; the last one says so. */
    if ((state->flags & HTTP_QUIESCED) != 0 && !more)
        stays = false;
    if (!stays) {
        state->flags |= HTTP_ENDING;
        if (!request->keep_alive && !request->close && !more)
            state->flags |= HTTP_PARTED;
        return HTTP_CLOSES;
    }
    return request->version_1_0 ? HTTP_KEEPS_ALIVE : HTTP_STAYS;
}

void http_answer_short(struct http_worker *worker, evf_stream *stream,
                       const struct http_request *request, struct http_response *response)
{
    char body[HTTP_ERROR_BODY_MAX];
    size_t len = http_error_body(response->status, body);
    bool is_head = request->method == HTTP_HEAD;
    response->type = "text/plain; charset=utf-8";
    response->has_length = true;
    response->length = len;
    http_append_head(worker, response);
    if (!is_head)
        http_append(worker, stream, body, len);
    http_count(worker, response->status);
}

void http_refuse(struct http_worker *worker, evf_stream *stream, struct http_exchange *exchange,
                 uint16_t status)
{
    struct http_request *request = &exchange->request;
    request->close = true;
    struct http_response response = { .status = status };
    if (status == 405)
        response.allow = worker->http->allow;
    response.connection = http_decide(worker, request, false);
    http_answer_short(worker, stream, request, &response);
}

static void answer_fixed(struct http_worker *worker, evf_stream *stream,
                         const struct http_request *request, bool more)
{
    enum http_connection connection = http_decide(worker, request, more);
    struct http_text answer = { worker->fixed.forms[connection].bytes,
                                worker->fixed.forms[connection].len };
    if (request->method == HTTP_HEAD)
        answer.len = worker->fixed.forms[connection].head_len;
    http_append_prepared(worker, stream, answer);
    http_count(worker, worker->http->status);
}

/* OPTIONS says what may be asked for, and nothing about the target. */
static void answer_options(struct http_worker *worker, const struct http_request *request,
                           bool more)
{
    struct http_response response = { .status = 204, .allow = worker->http->allow };
    response.connection = http_decide(worker, request, more);
    http_append_head(worker, &response);
    http_count(worker, response.status);
}

bool http_answer(struct http_worker *worker, evf_stream *stream, struct http_exchange *exchange,
                 bool more)
{
    struct http_request *request = &exchange->request;
    const struct http_instance *http = worker->http;
    if (request->status != 0) {
        struct http_response response = { .status = request->status };
        if (response.status == 405)
            response.allow = http->allow;
        response.connection = http_decide(worker, request, more);
        http_answer_short(worker, stream, request, &response);
        return true;
    }
    if (request->method == HTTP_OPTIONS &&
        (http->root >= 0 || http_text_is(http_request_target(request), "*"))) {
        answer_options(worker, request, more);
        return true;
    }
    if (http->root >= 0)
        return http_static_answer(worker, stream, exchange, more);
    answer_fixed(worker, stream, request, more);
    return true;
}
