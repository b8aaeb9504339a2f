/* SPDX-License-Identifier: MIT
 *
 * What the parts of this plugin that talk to evframe share: the instance, a worker's own things,
 * and the exchange, which is a request on its way to its answer.
 *
 *   http.c        descriptor, options, start and stop
 *   connection.c  the handler: input, times, pauses, the end
 *   answer.c      which answer a request gets, and the batch of answers
 *   static.c      files: opening, on the worker or off it, and sending
 *
 * A connection between two requests owns nothing but 16 bytes. An exchange is attached to it only
 * while a request is cut, or waits for a file.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <evframe/evframe.h>

#include "limits.h"
#include "request.h"
#include "response.h"

/* Options and counters. Written by start, then only read. */
struct http_instance {
    struct http_rules rules;
    uint32_t header_timeout_ms;
    uint32_t body_timeout_ms;
    const char *allow; /* the methods, as Allow has them */

    /* Files; root is -1 for a fixed answer. */
    int root;
    bool kernel_knows_cached;

    /* The fixed answer. */
    uint16_t status;
    const char *type;
    struct http_text body;
    char *page; /* ours to free: the welcome page */

    evf_counter *requests;
    evf_counter *statuses[6]; /* by the first digit; 2 to 5 are used */
};

struct http_job;

/* A request on its way to its answer. One that goes through within a callback uses the first of the
 * worker's free ones where it lies. */
struct http_exchange {
    struct http_request request;
    struct http_worker *worker;
    struct http_exchange *next; /* of the free ones */
    bool attached;              /* to a connection; only then is there anything in what follows */
    bool holds_head;
    struct evf_timer timer; /* for the rest of the head, or the next piece of the body */
    evf_slice head;         /* held when the head must outlive the bytes it came with */
    struct http_job *job;   /* a file is being opened for it */
};

/* One worker's own. What every request needs stands first. */
struct http_worker {
    evf_worker *worker;
    const struct http_instance *http;
    struct http_exchange *exchanges; /* free ones; one at least while a request is worked on */

    /* Of the connection that is being worked on. Its answers that are not yet written stand in the
     * batch, or one alone is left where it was prepared (then the batch is empty). */
    struct http_stream *state;
    struct http_text alone;
    size_t batch_len;
    int written; /* what the last write returned */

    /* Not yet added to the figures. */
    uint32_t requests;
    uint8_t classes; /* one bit for each of `statuses` that is not 0 */
    uint32_t statuses[6];

    /* The date, until the worker's clock shows date_until; and the fixed answer with that date. */
    uint64_t date_until;
    struct http_prepared fixed;
    int64_t now_s;
    char date[HTTP_DATE_LEN];

    /* The graceful stop: after half of the grace idle connections are ended. */
    bool half_grace_over;
    struct evf_timer half_grace;

    evf_instance *instance;
    size_t exchange_count;
    struct http_job *jobs; /* free ones */
    size_t job_count;

    char path[HTTP_PATH_MAX];
    char location[HTTP_LOCATION_MAX];
    char batch[HTTP_BATCH_SIZE];
};

/* A connection's own. Who has an exchange finds the worker through it. */
struct http_stream {
    union {
        struct http_worker *worker;
        struct http_exchange *exchange; /* with HTTP_EXCHANGE */
    };
    uint32_t flags;
};
_Static_assert(sizeof(struct http_stream) <= 16, "an idle connection costs this much");

enum {
    HTTP_FULL = 1 << 0,     /* paused: bytes wait to be sent */
    HTTP_WAITING = 1 << 1,  /* paused: a file is being opened */
    HTTP_ENDING = 1 << 2,   /* the last answer was given; input is discarded */
    HTTP_QUIESCED = 1 << 3, /* the server stops: the next answer is the last */
    HTTP_REST = 1 << 4,     /* input was left unconsumed */
    HTTP_SKIPPED = 1 << 5,  /* an empty line came in front of the next request */
    HTTP_EXCHANGE = 1 << 6, /* an exchange is attached */
    HTTP_PARTED = 1 << 7,   /* the client said that it sends no more, and all it sent was read */
};

/* The exchange that is attached, or NULL. */
static inline struct http_exchange *http_exchange_of(const struct http_stream *state)
{
    return (state->flags & HTTP_EXCHANGE) != 0 ? state->exchange : NULL;
}

/* ---- connection.c ---- */

extern const struct evf_handler http_handler;

/* Begins a callback that may answer: the connection's worker, with the date brought up to date. */
struct http_worker *http_worker_begin(struct http_stream *state);

/* The file of a waiting exchange was found, or not, and its answer stands in the batch: goes on
 * with the connection. */
void http_connection_answered(struct http_worker *worker, evf_stream *stream);

/* ---- answer.c ---- */

/* Answers a complete request into the batch. more: input stands behind it. True when it is
 * answered, and HTTP_ENDING set if it was the last; false when the answer waits for a file. */
bool http_answer(struct http_worker *worker, evf_stream *stream, struct http_exchange *exchange,
                 bool more);

/* The refusal `status`, which is the connection's last answer. */
void http_refuse(struct http_worker *worker, evf_stream *stream, struct http_exchange *exchange,
                 uint16_t status);

/* Whether this answer is the connection's last, which sets HTTP_ENDING; and what its Connection
 * field says. */
enum http_connection http_decide(struct http_worker *worker, const struct http_request *request,
                                 bool more);

/* A short answer with the status's own text as its body. response holds status and connection and
 * what else there is but type and length. */
void http_answer_short(struct http_worker *worker, evf_stream *stream,
                       const struct http_request *request, struct http_response *response);

/* Every answer begins with HTTP_ANSWER_ROOM in the batch and is written in one piece at most, so
 * that no write meets a queue: where bytes had to be queued, the next answer waits for `drain`. */
bool http_batch_is_full(const struct http_worker *worker);
/* Appends; what does not fit goes out in one write with all that stands before it. */
void http_append(struct http_worker *worker, evf_stream *stream, const char *bytes, size_t len);
void http_append_head(struct http_worker *worker, const struct http_response *response);
/* The same for an answer that stays where it is until it was flushed; alone it is not copied. */
void http_append_prepared(struct http_worker *worker, evf_stream *stream, struct http_text answer);
/* Writes what was gathered; as the connection's last it ends our side. */
void http_flush(struct http_worker *worker, evf_stream *stream, bool last);
void http_count(struct http_worker *worker, uint16_t status);

/* ---- static.c ---- */

/* As http_answer, for a request that asks for a file. */
bool http_static_answer(struct http_worker *worker, evf_stream *stream,
                        struct http_exchange *exchange, bool more);
void http_static_fini(struct http_worker *worker);

#endif
