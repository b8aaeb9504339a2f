/* SPDX-License-Identifier: MIT
 *
 * Files below root.
 *
 * A file whose path the kernel has cached is opened on the worker, which never waits for a disk.
 * What is not cached is opened by a helper thread; the connection is paused meanwhile, so that
 * answers keep their order, and found again by its id. Small cached files are read into the batch;
 * others go out by evf_sendfile together with their head.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "file.h"
#include "mime.h"
#include "server.h"

/* Opening one file off the worker. Belongs to the worker, but to the helper while it works. */
struct http_job {
    uint64_t stream_id;
    evf_instance *instance;
    int root;
    int error; /* of http_file_open */
    struct http_file file;
    struct http_job *next;
    char path[HTTP_PATH_MAX];
};

static struct http_job *take_job(struct http_worker *worker)
{
    struct http_job *job = worker->jobs;
    if (job == NULL)
        return malloc(sizeof *job);
    worker->jobs = job->next;
    worker->job_count--;
    return job;
}

static void drop_job(struct http_worker *worker, struct http_job *job)
{
    if (worker->job_count >= HTTP_JOBS_KEPT) {
        free(job);
        return;
    }
    job->next = worker->jobs;
    worker->jobs = job;
    worker->job_count++;
}

void http_static_fini(struct http_worker *worker)
{
    while (worker->jobs != NULL) {
        struct http_job *job = worker->jobs;
        worker->jobs = job->next;
        free(job);
    }
    worker->job_count = 0;
}

/* ---- Answering ---- */

static void answer_status(struct http_worker *worker, evf_stream *stream,
                          const struct http_request *request, bool more, uint16_t status)
{
    struct http_response response = { .status = status };
    response.connection = http_decide(worker, request, more);
    http_answer_short(worker, stream, request, &response);
}

static struct http_text field(const struct http_request *request, enum http_field which)
{
    return http_request_field(request, which);
}

static struct http_wishes wishes_of(const struct http_request *request)
{
    struct http_wishes wishes = { .get = request->method == HTTP_GET };
    /* A conditional field that came twice: the whole file is always a right answer. */
    if (request->repeated)
        return wishes;
    wishes.if_match = field(request, HTTP_FIELD_IF_MATCH);
    wishes.if_none_match = field(request, HTTP_FIELD_IF_NONE_MATCH);
    wishes.if_modified_since = field(request, HTTP_FIELD_IF_MODIFIED_SINCE);
    wishes.if_unmodified_since = field(request, HTTP_FIELD_IF_UNMODIFIED_SINCE);
    wishes.if_range = field(request, HTTP_FIELD_IF_RANGE);
    wishes.range = field(request, HTTP_FIELD_RANGE);
    return wishes;
}

/* Sends a part of the file behind the head that stands in the batch. */
static void send_part(struct http_worker *worker, evf_stream *stream, const struct http_file *file,
                      uint64_t first, uint64_t len)
{
    if (len <= HTTP_SMALL_FILE && len <= HTTP_BATCH_SIZE - worker->batch_len &&
        http_file_read_cached(file, first, worker->batch + worker->batch_len, len)) {
        worker->batch_len += len;
        return;
    }
    /* The cork lets head and file leave in the same packet. */
    evf_cork(stream);
    http_flush(worker, stream, false);
    int result = evf_sendfile(stream, file->fd, (off_t)first, (size_t)len);
    evf_uncork(stream);
    worker->written = result;
}

static void answer_file(struct http_worker *worker, evf_stream *stream,
                        const struct http_request *request, bool more, const char *path,
                        const struct http_file *file)
{
    struct http_wishes wishes = wishes_of(request);
    struct http_verdict verdict = http_judge(&wishes, &file->facts, worker->now_s);
    struct http_response response = { .status = verdict.status };
    response.connection = http_decide(worker, request, more);
    response.facts = &file->facts;
    response.range = verdict;
    response.has_range = verdict.status == 206 || verdict.status == 416;
    if (verdict.status == 412)
        response.facts = NULL;
    if (verdict.status == 412 || verdict.status == 416) {
        http_answer_short(worker, stream, request, &response);
        return;
    }
    if (verdict.status != 304) {
        response.type = http_mime_type(path, strlen(path));
        response.has_length = true;
        response.length = verdict.len;
    }
    http_append_head(worker, &response);
    http_count(worker, response.status);
    if (request->method == HTTP_GET && verdict.status != 304 && verdict.len > 0)
        send_part(worker, stream, file, verdict.first, verdict.len);
}

/* A folder asked for without its slash: relative links in its index would go astray. */
static void redirect(struct http_worker *worker, evf_stream *stream,
                     const struct http_request *request, bool more, const char *path)
{
    char *at = worker->location;
    struct http_writer writer = { at, at + sizeof worker->location, false };
    struct http_target target;
    http_put(&writer, "/", 1);
    http_path_encode(&writer, path, strlen(path));
    http_put(&writer, "/", 1);
    struct http_writer without_query = writer;
    if (http_target_split(http_request_target(request), &target) && target.query.at != NULL) {
        http_put(&writer, "?", 1);
        http_query_encode(&writer, target.query.at, target.query.len);
        if (writer.full)
            writer = without_query;
    }
    struct http_response response = { .status = 301 };
    response.location = (struct http_text){ at, (size_t)(writer.at - at) };
    response.connection = http_decide(worker, request, more);
    http_answer_short(worker, stream, request, &response);
}

/* The file was opened, or not. Takes file's descriptor. */
static void answer_opened(struct http_worker *worker, evf_stream *stream,
                          const struct http_request *request, bool more, const char *path,
                          int error, const struct http_file *file)
{
    if (error == 0) {
        answer_file(worker, stream, request, more, path, file);
        close(file->fd);
    } else if (error == -EISDIR && path[0] != 0) {
        redirect(worker, stream, request, more, path);
    } else {
        answer_status(worker, stream, request, more, http_file_status(error));
    }
}

/* ---- Opening off the worker ---- */

static void open_file(void *argument)
{
    struct http_job *job = argument;
    job->error = http_file_open(job->root, job->path, false, &job->file);
}

static void file_opened(evf_worker *evf, void *argument)
{
    struct http_job *job = argument;
    struct http_worker *worker = evf_worker_state(job->instance, evf);
    evf_stream *stream = evf_stream_find(evf, job->stream_id);
    if (stream == NULL) {
        if (job->error == 0)
            close(job->file.fd);
        drop_job(worker, job);
        return;
    }
    struct http_stream *state = evf_stream_state(stream);
    struct http_exchange *exchange = http_exchange_of(state);
    (void)http_worker_begin(state);
    exchange->job = NULL;
    answer_opened(worker, stream, &exchange->request, (state->flags & HTTP_REST) != 0, job->path,
                  job->error, &job->file);
    drop_job(worker, job);
    http_connection_answered(worker, stream);
}

/* True when a helper opens worker->path and file_opened will be called. */
static bool open_elsewhere(struct http_worker *worker, evf_stream *stream,
                           struct http_exchange *exchange)
{
    struct http_job *job = take_job(worker);
    if (job == NULL)
        return false;
    job->stream_id = evf_stream_id(stream);
    job->instance = worker->instance;
    job->root = worker->http->root;
    memcpy(job->path, worker->path, strlen(worker->path) + 1);
    if (evf_offload(worker->worker, open_file, file_opened, job) < 0) {
        drop_job(worker, job);
        return false;
    }
    exchange->job = job;
    return true;
}

/* Puts the path to open into worker->path; 0 or the status to answer. */
static uint16_t find_path(struct http_worker *worker, const struct http_request *request)
{
    static const char index_name[] = "index.html";
    struct http_target target;
    size_t len = 0;
    if (!http_target_split(http_request_target(request), &target))
        return 400;
    int status = http_path_resolve(target.path, worker->path, sizeof worker->path, &len);
    if (status != 0)
        return (uint16_t)status;
    if (len == 0 || worker->path[len - 1] == '/') {
        if (len + sizeof index_name > sizeof worker->path)
            return 414;
        memcpy(worker->path + len, index_name, sizeof index_name);
    }
    return 0;
}

bool http_static_answer(struct http_worker *worker, evf_stream *stream,
                        struct http_exchange *exchange, bool more)
{
    const struct http_request *request = &exchange->request;
    struct http_file file = { .fd = -1 };
    uint16_t status = find_path(worker, request);
    if (status != 0) {
        answer_status(worker, stream, request, more, status);
        return true;
    }
    int error = -EAGAIN;
    if (worker->http->kernel_knows_cached)
        error = http_file_open(worker->http->root, worker->path, true, &file);
    if (error == -EAGAIN && open_elsewhere(worker, stream, exchange))
        return false;
    answer_opened(worker, stream, request, more, worker->path, error, &file);
    return true;
}
