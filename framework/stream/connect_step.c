/* SPDX-License-Identifier: MIT
 *
 * What moves an outgoing stream on until it is open: answers, sockets, times. The worker's thread.
 */
#include <errno.h>

#include "stream/connecting.h"
#include "stream/opening.h"

/* -- what happens -- */

static void on_answer(struct evf__opening *opening, enum evf__race_family family,
                      const struct evf__answer *answer, uint64_t now_ms)
{
    if ((opening->stream->flags & EVF__CLOSING) != 0)
        return;
    evf__race_answer(&opening->race, family, answer->status, answer->addresses, answer->count,
                     now_ms);
    evf__stream_ready(opening->stream, 0);
}

static void on_ipv6(evf_worker *worker, const struct evf__answer *answer, void *argument)
{
    on_answer(argument, EVF__RACE_IPV6, answer, worker->now_ms);
}

static void on_ipv4(evf_worker *worker, const struct evf__answer *answer, void *argument)
{
    on_answer(argument, EVF__RACE_IPV4, answer, worker->now_ms);
}

evf__answer_fn *const evf__connect_answers[EVF__RACE_FAMILIES] = {
    [EVF__RACE_IPV6] = on_ipv6,
    [EVF__RACE_IPV4] = on_ipv4,
};

void evf__connect_deadline(evf_stream *stream)
{
    struct evf__opening *opening = stream->opening;
    if (evf__worker_of(stream)->now_ms < opening->deadline_ms) {
        evf__stream_ready(stream, 0); /* `open` is called in step 3 only */
        return;
    }
    opening->expired = true;
    evf__stream_close(stream, -ETIMEDOUT);
    evf__connect_log(stream);
}

/* -- what follows -- */

/* Looks at the attempts under way, then begins those that are due. 0: one stands; 1: some are under
 * way, or will be; else none can succeed any more, and why. */
static int step_race(struct evf__opening *opening, uint64_t now_ms, int *ret_fd,
                     unsigned *ret_index)
{
    struct evf__race *race = &opening->race;
    struct evf__list *next;
    for (struct evf__list *at = opening->attempts.next; at != &opening->attempts; at = next) {
        struct evf__attempt *attempt = EVF__OWNER(at, struct evf__attempt, link);
        next = at->next;
        *ret_index = attempt->index;
        int status = evf__attempt_outcome(attempt, ret_fd);
        if (status == 0)
            return 0;
        if (status < 0)
            evf__race_failed(race, *ret_index, status);
    }
    for (int index; (index = evf__race_next(race, now_ms)) >= 0;) {
        int status = evf__attempt_begin(opening, (unsigned)index, ret_fd);
        *ret_index = (unsigned)index;
        if (status == 0)
            return 0;
        if (status < 0)
            evf__race_failed(race, *ret_index, status);
    }
    return evf__race_lost(race) ? evf__race_reason(race) : 1;
}

/* The same for a unix path. */
static int step_local(struct evf__opening *opening, uint64_t now_ms, int *ret_fd)
{
    if (now_ms < opening->retry_at_ms)
        return 1;
    int status = evf__attempt_local(opening, ret_fd);
    opening->local_status = status;
    if (status != -EAGAIN)
        return status;
    uint32_t wait_ms = opening->retry_ms == 0 ? EVF__UNIX_RETRY_MS : 2 * opening->retry_ms;
    opening->retry_ms = wait_ms < EVF__UNIX_RETRY_MAX_MS ? wait_ms : EVF__UNIX_RETRY_MAX_MS;
    opening->retry_at_ms = now_ms + opening->retry_ms;
    return 1;
}

/* The stream gets its socket. */
static void stands(evf_stream *stream, int fd, unsigned index)
{
    struct evf__opening *opening = stream->opening;
    struct evf__outgoing *outgoing = evf__outgoing_of(stream);
    struct sockaddr_storage peer;
    socklen_t len = opening->local
                        ? evf__local_sockaddr(opening, &peer)
                        : evf__race_sockaddr(&opening->race.addresses[index], opening->port, &peer);
    if (evf__stream_keep_peer(stream, (const struct sockaddr *)&peer, len) < 0) {
        opening->local_fd = fd; /* closed with the opening */
        evf__stream_close(stream, -ENOMEM);
        return;
    }
    evf__opening_give(stream);
    stream->origin = &outgoing->open;
    stream->origin->transport->open(stream, fd);
    evf__stream_opened(stream);
}

void evf__connect_step(evf_stream *stream)
{
    evf_worker *worker = evf__worker_of(stream);
    struct evf__opening *opening = stream->opening;
    int fd = -1;
    unsigned index = 0;
    if (opening->deadline_ms == 0)
        opening->deadline_ms = worker->now_ms + opening->timeout_ms;
    int status = opening->local ? step_local(opening, worker->now_ms, &fd)
                                : step_race(opening, worker->now_ms, &fd, &index);
    if (status == 0) {
        stands(stream, fd, index);
        return;
    }
    if (status < 0) {
        opening->failed = true;
        evf__stream_close(stream, status);
        evf__connect_log(stream);
        return;
    }
    uint64_t at_ms = opening->local ? opening->retry_at_ms : evf__race_at(&opening->race);
    evf__wheel_start(&worker->wheel, &stream->deadline,
                     at_ms < opening->deadline_ms ? at_ms : opening->deadline_ms);
}
