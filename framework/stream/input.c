/* SPDX-License-Identifier: MIT
 *
 * Input: receiving, presenting, and keeping what was not consumed. The worker's thread.
 *
 * Bytes are received into the worker's page and presented from there; most are consumed at once and
 * the page's mark rolls back. A rest is copied into a block of its own, which grows geometrically,
 * so that a peer that sends one byte and stops pins no page and one-byte input stays linear. What
 * comes next is received into the page and appended, or, when the block has room to speak of or the
 * handler said what it needs, received in place.
 *
 * In step 3 small inputs of several streams are received one behind the other, and presented then
 * (evf__input_receive, evf__input_take): the processor stays with one part of the kernel and one
 * part of the program for a while instead of changing between them for every stream.
 *
 * `data` gets at most max_frame bytes. Bytes beyond count as those that come next: they follow in
 * the same turn as soon as something was consumed, so whether a frame fits never depends on how the
 * network cut it.
 */
#include <errno.h>
#include <string.h>

#include "stream/state.h"

static struct evf__input *input_of(evf_stream *stream)
{
    if (stream->input == NULL) {
        stream->input = evf__slab_take(&evf__streams_of(stream)->inputs);
        if (stream->input != NULL)
            *stream->input = (struct evf__input){ 0 };
    }
    return stream->input;
}

/* Gives back what an input without a rest and without a need holds. */
static void tidy(evf_stream *stream)
{
    struct evf__input *input = stream->input;
    if (input == NULL)
        return;
    if (input->len == 0 && input->block != NULL) {
        evf__page_drop(input->block);
        input->block = NULL;
    }
    if (input->block == NULL && input->need == 0) {
        stream->input = NULL;
        evf__slab_give(&evf__streams_of(stream)->inputs, input);
    }
}

void evf__input_drop(evf_stream *stream)
{
    if (stream->input == NULL)
        return;
    stream->input->len = 0;
    stream->input->need = 0;
    tidy(stream);
}

/* Makes room for `more` bytes behind the rest. -ENOMEM. */
static int make_room(evf_stream *stream, struct evf__input *input, size_t more)
{
    struct evf_page *block = input->block;
    size_t need = input->len + more;
    if (block != NULL && block->size - input->start >= need)
        return 0;
    /* Moving at most as many bytes as were consumed before keeps the cost per byte constant. Nobody
     * else may hold a part of the block. */
    if (block != NULL && block->holds == 1 && block->size >= need && input->start >= input->len) {
        memmove(block->data, block->data + input->start, input->len);
        input->start = 0;
        return 0;
    }
    size_t grown = 2 * input->len > need ? 2 * input->len : need;
    struct evf_page *fresh = evf__block_take(&evf__worker_of(stream)->pages, grown);
    if (fresh == NULL)
        return -ENOMEM;
    if (block != NULL) {
        memcpy(fresh->data, block->data + input->start, input->len);
        evf__page_drop(block);
    }
    input->block = fresh;
    input->start = 0;
    return 0;
}

/* What the handler needs, as far as it may get it. */
static size_t need_of(const evf_stream *stream)
{
    size_t max_frame = evf__limits(stream)->max_frame;
    return stream->input->need < max_frame ? stream->input->need : max_frame;
}

/* Appends bytes to the rest. */
static int append(evf_stream *stream, const uint8_t *data, size_t len)
{
    struct evf__input *input = input_of(stream);
    if (input == NULL)
        return -ENOMEM;
    size_t room = need_of(stream) > input->len + len ? need_of(stream) - input->len : len;
    if (make_room(stream, input, room) < 0)
        return -ENOMEM;
    memcpy(input->block->data + input->start + input->len, data, len);
    input->len += len;
    return 0;
}

static void count_received(evf_stream *stream, evf_worker *worker, size_t len)
{
    stream->bytes_read += len;
    evf__figure_add(&worker->figures, EVF__FIGURE_BYTES_READ, len);
}

int evf__input_put(evf_stream *stream, const uint8_t *data, size_t len)
{
    EVF_ASSERT((stream->flags & EVF__OPENED) == 0 && stream->input == NULL);
    if (len == 0)
        return 0;
    if (append(stream, data, len) < 0)
        return -ENOMEM;
    count_received(stream, evf__worker_of(stream), len);
    return 0;
}

static size_t call_data(evf_stream *stream, evf_slice slice)
{
    const struct evf_handler *handler = stream->origin->handler;
    if (handler->data == NULL)
        return slice.len;
    evf_worker *worker = evf__worker_of(stream);
    evf__enter(worker, EVF__CALLBACK_DATA, stream->origin->plugin, (void *)handler->data, stream);
    size_t used = handler->data(stream, slice);
    EVF_RULE(used <= slice.len || (stream->flags & EVF__CLOSING) != 0,
             "data consumes at most what it was given");
    evf__leave(worker);
    return used;
}

/* True while the handler's need is not met; a need that is met is forgotten. */
static bool waits_for_more(evf_stream *stream, size_t window, size_t max_frame)
{
    struct evf__input *input = stream->input;
    if (input == NULL || input->need == 0)
        return false;
    if (input->need > window && window < max_frame && (stream->flags & EVF__PEER_ENDED) == 0)
        return true;
    input->need = 0;
    tidy(stream); /* of what another stream's callback asked for between receiving and now */
    return false;
}

/* Presents bytes as long as the handler makes progress; returns what is left. The caller holds the
 * memory. */
static evf_slice present(evf_stream *stream, evf_slice bytes)
{
    while (bytes.len > 0 && (stream->flags & (EVF__CLOSING | EVF__PAUSES)) == 0) {
        size_t max_frame = evf__limits(stream)->max_frame;
        size_t window = bytes.len < max_frame ? bytes.len : max_frame;
        if (waits_for_more(stream, window, max_frame))
            break;
        size_t used = call_data(stream, (evf_slice){ bytes.data, window, bytes.page });
        if ((stream->flags & EVF__CLOSING) != 0)
            break;
        bool all_shown = window == bytes.len;
        bytes.data += used;
        bytes.len -= used;
        max_frame = evf__limits(stream)->max_frame; /* `data` may have changed it */
        if (used == 0 && window >= max_frame && (stream->flags & EVF__PAUSES) == 0) {
            evf__stream_close(stream, -EMSGSIZE);
            break;
        }
        if (used < window && all_shown && bytes.len < max_frame)
            break; /* the rest waits for new bytes */
    }
    return bytes;
}

static void present_block(evf_stream *stream)
{
    struct evf__input *input = stream->input;
    struct evf_page *block = input->block;
    evf_slice rest = { block->data + input->start, input->len, block };
    stream->flags &= ~(uint32_t)EVF__REST_DUE;
    evf__page_hold(block); /* the handler may close the stream and go on looking */
    evf_slice left = present(stream, rest);
    evf__page_drop(block);
    if ((stream->flags & EVF__CLOSING) != 0)
        return; /* the input is gone */
    input->start += rest.len - left.len;
    input->len = left.len;
    tidy(stream);
}

/* A slice that the page has received: presented, and what is left put aside. */
static void take_slice(evf_stream *stream, evf_slice slice)
{
    struct evf__pages *pages = &evf__worker_of(stream)->pages;
    bool behind_rest = stream->input != NULL && stream->input->len > 0;
    evf_slice left = slice;
    if (!behind_rest)
        left = present(stream, slice);
    if (left.len > 0 && (stream->flags & EVF__CLOSING) == 0 &&
        append(stream, left.data, left.len) < 0)
        evf__stream_close(stream, -ENOMEM);
    evf__pages_settle(pages, slice);
    if (behind_rest && (stream->flags & EVF__CLOSING) == 0)
        present_block(stream);
}

/* What the page has received. Descriptors first, but only when the page knows of the bytes: their
 * callback may take from it. */
static void take_page(evf_stream *stream, size_t len, const struct evf__received_fds *fds)
{
    evf_slice slice = evf__pages_filled(&evf__worker_of(stream)->pages, len);
    if (fds != NULL)
        evf__stream_hand_over(stream, fds);
    take_slice(stream, slice);
}

/* What was received behind the rest, in place. */
static void take_in_place(evf_stream *stream, size_t len, const struct evf__received_fds *fds)
{
    stream->input->len += len;
    if (fds != NULL)
        evf__stream_hand_over(stream, fds);
    if ((stream->flags & EVF__CLOSING) == 0)
        present_block(stream);
}

static void peer_ended(evf_stream *stream)
{
    stream->flags |= EVF__PEER_ENDED;
    evf__input_present_rest(stream);
}

/* Where to receive: behind the rest when that has room to speak of, else the page. */
static uint8_t *find_room(evf_stream *stream, size_t *ret_len, bool *ret_in_place)
{
    struct evf__input *input = stream->input;
    *ret_in_place = false;
    if (input != NULL && need_of(stream) > input->len) {
        if (make_room(stream, input, need_of(stream) - input->len) < 0)
            return NULL;
        *ret_in_place = true;
    } else if (input != NULL && input->block != NULL) {
        size_t used = input->start + input->len;
        *ret_in_place = input->block->size - used >= EVF__READ_ROOM_MIN;
    }
    if (!*ret_in_place)
        return evf__pages_room(&evf__worker_of(stream)->pages, ret_len);
    *ret_len = input->block->size - input->start - input->len;
    return input->block->data + input->start + input->len;
}

/* True when the peer goes on sending though we have ended: it had its share. */
static bool lingers_too_long(const evf_stream *stream)
{
    return (stream->flags & (EVF__FIN_SENT | EVF__CLOSING)) == EVF__FIN_SENT &&
           stream->extra->limits.linger_ms != 0 &&
           stream->bytes_read - stream->extra->linger_bytes > EVF__LINGER_INPUT_MAX;
}

/* What a receive other than one of bytes means. */
static void take_nothing(evf_stream *stream, ssize_t got)
{
    if (got == 0)
        peer_ended(stream);
    else if (got != -EAGAIN)
        evf__stream_close(stream, (int)got);
}

/* Receives within the budget and presents; descriptors by way of fds, unless that is NULL. */
static void read_within_budget(evf_stream *stream, size_t budget, struct evf__received_fds *fds)
{
    const struct evf__transport *transport = stream->origin->transport;
    evf_worker *worker = evf__worker_of(stream);
    while (budget > 0 && evf__stream_reads(stream)) {
        size_t room;
        bool in_place;
        uint8_t *to = find_room(stream, &room, &in_place);
        if (to == NULL) {
            evf__stream_close(stream, -ENOMEM);
            return;
        }
        ssize_t got = fds == NULL ? transport->receive(stream, to, room)
                                  : transport->receive_fds(stream, to, room, fds);
        if (got <= 0) {
            take_nothing(stream, got);
            return;
        }
        size_t len = (size_t)got;
        count_received(stream, worker, len);
        evf__stream_active(stream, worker);
        if (in_place)
            take_in_place(stream, len, fds);
        else
            take_page(stream, len, fds);
        if (lingers_too_long(stream))
            evf__stream_close(stream, 0);
        if (len < room)
            return;
        budget -= len < budget ? len : budget;
    }
}

void evf__input_read(evf_stream *stream)
{
    if ((stream->flags & EVF__TAKES_FDS) == 0) {
        read_within_budget(stream, EVF__READ_BUDGET, NULL);
    } else {
        struct evf__received_fds fds;
        read_within_budget(stream, EVF__READ_BUDGET, &fds);
    }
}

bool evf__input_receive(evf_stream *stream, evf_worker *worker, struct evf__received *ret)
{
    if (stream->input != NULL || (stream->flags & EVF__TAKES_FDS) != 0 ||
        !evf__stream_reads(stream))
        return false;
    size_t room;
    uint8_t *to = evf__pages_room(&worker->pages, &room);
    if (to == NULL)
        return false;
    ssize_t got = stream->origin->transport->receive(stream, to, room);
    ret->stream = stream;
    ret->got = got;
    ret->filled = got == (ssize_t)room;
    if (got > 0) {
        ret->slice = evf__pages_filled(&worker->pages, (size_t)got);
        count_received(stream, worker, (size_t)got);
        evf__stream_active(stream, worker);
    }
    return true;
}

void evf__input_take(const struct evf__received *received)
{
    evf_stream *stream = received->stream;
    ssize_t got = received->got;
    if ((stream->flags & EVF__CLOSING) != 0) {
        if (got > 0)
            evf__pages_settle(&evf__worker_of(stream)->pages, received->slice);
        return;
    }
    if (got <= 0) {
        take_nothing(stream, got);
        return;
    }
    take_slice(stream, received->slice);
    if (lingers_too_long(stream))
        evf__stream_close(stream, 0);
    if (received->filled && (size_t)got < EVF__READ_BUDGET)
        read_within_budget(stream, EVF__READ_BUDGET - (size_t)got, NULL);
}

void evf__input_present_rest(evf_stream *stream)
{
    if ((stream->flags & (EVF__CLOSING | EVF__PAUSES)) != 0)
        return;
    if (stream->input != NULL && stream->input->len > 0)
        present_block(stream);
    /* A pause that ended inside that very call has a rest due: the end comes behind it. */
    if ((stream->flags & (EVF__CLOSING | EVF__PAUSES | EVF__REST_DUE | EVF__PEER_ENDED |
                          EVF__END_DONE)) == EVF__PEER_ENDED)
        evf__stream_end_input(stream);
}

void evf_need(evf_stream *stream, size_t len)
{
    EVF__STREAM_RULES(stream);
    if ((stream->flags & (EVF__CLOSING | EVF__END_DONE)) != 0)
        return;
    struct evf__input *input = len > 0 ? input_of(stream) : stream->input;
    if (input != NULL)
        input->need = len;
    else if (len > 0)
        evf__stream_close(stream, -ENOMEM);
    tidy(stream);
}

bool evf_input_ended(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    return (stream->flags & EVF__PEER_ENDED) != 0;
}

void evf_pause(evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    if ((stream->flags & EVF__CLOSING) == 0)
        stream->flags |= EVF__PAUSED;
}

void evf_resume(evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    evf_worker *worker = evf__worker_of(stream);
    if ((stream->flags & EVF__CLOSING) != 0)
        return;
    evf__stream_active(stream, worker);
    if ((stream->flags & EVF__PAUSED) == 0)
        return;
    stream->flags &= ~EVF__PAUSED;
    evf__stream_ready(stream, EVF__REST_DUE);
}
