/* SPDX-License-Identifier: MIT
 *
 * Presenting input: whatever the network's cuts, a handler sees the same frames, no byte is lost or
 * reordered across a pause, and what is not consumed is bounded.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "bench.h"

static struct random trouble;

static struct {
    uint8_t *bytes; /* all that was consumed, in order */
    size_t len;
    unsigned calls, ends, closes, shown;
    int reason;
    bool use_need, use_pause;
    struct evf_timer resume;
} seen;

static void take(const uint8_t *bytes, size_t len)
{
    memcpy(seen.bytes + seen.len, bytes, len);
    seen.len += len;
}

static void resume(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    (void)worker;
    (void)timer;
    evf_resume(argument);
}

/* Frames: two bytes of length, then as many bytes. Consumes whole frames only, sometimes only the
 * first of several, sometimes pausing in the middle. */
static size_t frames_data(evf_stream *stream, evf_slice input)
{
    size_t used = 0;
    seen.calls++;
    cr_assert(input.len > 0 && input.len <= evf_max_frame(stream));
    while (input.len - used >= 2) {
        size_t frame = 2 + ((size_t)input.data[used] << 8 | input.data[used + 1]);
        if (frame > input.len - used) {
            if (seen.use_need)
                evf_need(stream, frame);
            break;
        }
        take(input.data + used, frame);
        used += frame;
        if (seen.use_pause && random_below(&trouble, 5) == 0) {
            evf_pause(stream);
            if (random_below(&trouble, 2) == 0)
                evf_resume(stream);
            else
                evf_timer_start(evf_stream_worker(stream), &seen.resume, 3, resume, stream);
            break;
        }
    }
    return used;
}

static void on_end(evf_stream *stream)
{
    cr_assert(evf_input_ended(stream));
    seen.ends++;
    evf_end(stream);
}

static void on_close(evf_stream *stream, int reason)
{
    (void)stream;
    seen.closes++;
    seen.reason = reason;
    evf_timer_stop(&seen.resume);
}

static const struct evf_handler frames = {
    .struct_size = sizeof(struct evf_handler), .data = frames_data, .end = on_end, .close = on_close
};

/* Random frames of at most `most` bytes each; returns their total length. */
static size_t make_frames(struct random *random, uint8_t *bytes, size_t room, size_t most)
{
    size_t len = 0;
    for (;;) {
        size_t frame = random_below(random, most - 1);
        if (len + 2 + frame > room)
            return len;
        bytes[len] = (uint8_t)(frame >> 8);
        bytes[len + 1] = (uint8_t)frame;
        for (size_t i = 0; i < frame; i++)
            bytes[len + 2 + i] = (uint8_t)random_next(random);
        len += 2 + frame;
    }
}

static void run_frames(struct random *random, size_t total, size_t frame_most, size_t cut_most)
{
    struct bench bench;
    uint8_t *bytes = malloc(total);
    size_t len = make_frames(random, bytes, total, frame_most);
    trouble = *random;
    seen.bytes = malloc(total);
    seen.len = seen.calls = seen.ends = seen.closes = 0;
    bench_open(&bench, &frames);
    evf_set_max_frame(bench.stream, frame_most);
    bench_input(&bench, bytes, len, 0);
    for (int i = 0; i < 2000000 && seen.closes == 0; i++) {
        bench.wire.receive_most = 1 + random_below(random, cut_most);
        bench.wire.input_ended = true;
        if (bench.wire.watched_input)
            evf__stream_ready(bench.stream, EVF__READABLE);
        bench_advance_ms(&bench, random_below(random, 3));
    }
    cr_assert_eq(seen.len, len, "every frame was seen whole: %zu of %zu bytes", seen.len, len);
    cr_assert_eq(memcmp(seen.bytes, bytes, len), 0);
    cr_assert_eq(seen.ends, 1);
    cr_assert_eq(seen.reason, 0);
    bench_finish(&bench);
    free(seen.bytes);
    free(bytes);
}

Test(input, shows_the_same_frames_whatever_the_cuts)
{
    struct random random = random_start();
    for (int round = 0; round < 20; round++) {
        seen.use_need = random_below(&random, 2) == 0;
        seen.use_pause = random_below(&random, 2) == 0;
        size_t most = 2 + random_below(&random, round % 2 == 0 ? 60 : 60000);
        run_frames(&random, 200000, most, round % 3 == 0 ? 10 : 100000);
    }
}

static size_t count_only(evf_stream *stream, evf_slice input)
{
    (void)stream;
    seen.calls++;
    seen.shown = (unsigned)input.len;
    return 0;
}

static const struct evf_handler hoarder = { .struct_size = sizeof(struct evf_handler),
                                            .data = count_only,
                                            .close = on_close };

Test(input, closes_with_emsgsize_at_max_frame_bytes_wherever_the_network_cuts)
{
    for (size_t cut = 1; cut <= 40; cut++) {
        struct bench bench;
        uint8_t bytes[64] = { 0 };
        memset(&seen, 0, sizeof seen);
        bench_open(&bench, &hoarder);
        evf_set_max_frame(bench.stream, 32);
        bench_input(&bench, bytes, 31, cut);
        for (int i = 0; i < 40; i++)
            bench_receive(&bench);
        cr_assert_eq(seen.closes, 0, "31 bytes fit");
        cr_assert_eq(seen.shown, 31);
        bench_input(&bench, bytes, 33, cut);
        for (int i = 0; i < 40 && seen.closes == 0; i++)
            bench_receive(&bench);
        cr_assert_eq(seen.reason, -EMSGSIZE);
        cr_assert_eq(seen.shown, 32, "never more than max_frame");
        bench_finish(&bench);
    }
}

Test(input, does_not_call_data_before_the_need_is_met_or_the_peer_has_ended)
{
    struct bench bench;
    memset(&seen, 0, sizeof seen);
    bench_open(&bench, &hoarder);
    evf_need(bench.stream, 10);
    bench_input(&bench, "123456789", 9, 2);
    for (int i = 0; i < 8; i++)
        bench_receive(&bench);
    cr_assert_eq(seen.calls, 0);
    bench_input(&bench, "0", 1, 2);
    bench_receive(&bench);
    cr_assert_eq(seen.calls, 1);
    cr_assert_eq(seen.shown, 10);
    evf_need(bench.stream, 20);
    bench.wire.input_ended = true;
    bench_receive(&bench);
    cr_assert_eq(seen.calls, 2, "at the end the rest is presented once more");
    bench_settle(&bench);
    cr_assert_eq(seen.closes, 1);
    bench_finish(&bench);
}

Test(input, makes_one_byte_input_linear)
{
    enum { LEN = 300000 };
    struct bench bench;
    uint8_t *bytes = calloc(1, LEN);
    memset(&seen, 0, sizeof seen);
    bench_open(&bench, &hoarder);
    evf_set_max_frame(bench.stream, LEN + 1);
    bench_input(&bench, bytes, LEN, 1);
    for (int i = 0; i < LEN; i++) {
        evf__stream_ready(bench.stream, EVF__READABLE);
        evf__streams_input_output(bench.worker);
    }
    cr_assert_eq(seen.shown, LEN);
    cr_assert_leq(bench.stream->input->block->size, 2 * LEN, "the block grows geometrically");
    cr_assert_leq(bench.worker->pages.pages_in_use, 1, "no page is pinned");
    bench_finish(&bench);
    free(bytes);
}

static size_t pause_at_the_end(evf_stream *stream, evf_slice input)
{
    (void)input;
    seen.calls++;
    if (evf_input_ended(stream) && seen.ends == 0 && seen.calls < 3)
        evf_pause(stream);
    return 0;
}

static const struct evf_handler late = { .struct_size = sizeof(struct evf_handler),
                                         .data = pause_at_the_end,
                                         .end = on_end,
                                         .close = on_close };

Test(input, defers_the_last_data_and_the_end_while_paused)
{
    struct bench bench;
    memset(&seen, 0, sizeof seen);
    bench_open(&bench, &late);
    bench_input(&bench, "rest", 4, 0);
    bench_receive(&bench);
    cr_assert_eq(seen.calls, 1);
    bench.wire.input_ended = true;
    bench_receive(&bench);
    cr_assert_eq(seen.calls, 2, "the rest is presented once more");
    cr_assert_eq(seen.ends, 0, "pausing in that call defers the end");
    cr_assert_eq(evf_ready_state(bench.stream), EVF_OPEN);
    bench_settle(&bench);
    cr_assert_eq(seen.calls, 2);
    evf_resume(bench.stream);
    cr_assert_eq(seen.calls, 2, "never inside the call");
    bench_settle(&bench);
    cr_assert_eq(seen.calls, 3);
    cr_assert_eq(seen.ends, 1);
    cr_assert_eq(seen.closes, 1);
    bench_finish(&bench);
}

enum { KEPT = 100 };

/* A turn may present more than once, as often as its budget holds the least room for a read. */
static evf_slice kept[KEPT + EVF__READ_BUDGET / EVF__READ_ROOM_MIN];

static size_t keep_all(evf_stream *stream, evf_slice input)
{
    (void)stream;
    kept[seen.calls++] = evf_slice_keep(input);
    return input.len;
}

static const struct evf_handler keeper = { .struct_size = sizeof(struct evf_handler),
                                           .data = keep_all };

Test(input, keeps_held_slices_intact_while_more_is_read)
{
    struct random random = random_start();
    struct bench bench;
    uint8_t *bytes = malloc(1 << 20);
    size_t at = 0;
    for (size_t i = 0; i < 1 << 20; i++)
        bytes[i] = (uint8_t)random_next(&random);
    memset(&seen, 0, sizeof seen);
    bench_open(&bench, &keeper);
    bench_input(&bench, bytes, 1 << 20, 0);
    while (seen.calls < KEPT && bench.wire.input_at < bench.wire.input_len) {
        bench.wire.receive_most = 1 + random_below(&random, 20000);
        bench_receive(&bench);
    }
    for (unsigned i = 0; i < seen.calls; i++) {
        cr_assert_eq(memcmp(kept[i].data, bytes + at, kept[i].len), 0, "slice %u", i);
        at += kept[i].len;
        evf_slice_drop(kept[i]);
    }
    bench_finish(&bench);
    free(bytes);
}

static size_t widen_then_narrow(evf_stream *stream, evf_slice input)
{
    seen.calls++;
    seen.shown = (unsigned)input.len;
    if (seen.calls == 1)
        evf_set_max_frame(stream, 1000);
    if (input.len < 300)
        return 0;
    evf_set_max_frame(stream, 10);
    return 1;
}

static const struct evf_handler changing = { .struct_size = sizeof(struct evf_handler),
                                             .data = widen_then_narrow,
                                             .close = on_close };

Test(input, judges_frames_by_the_max_frame_that_data_leaves)
{
    struct bench bench;
    uint8_t bytes[300] = { 0 };
    memset(&seen, 0, sizeof seen);
    bench_open(&bench, &changing);
    evf_set_max_frame(bench.stream, 10);
    bench_input(&bench, bytes, 10, 0);
    bench_receive(&bench);
    cr_assert_eq(seen.closes, 0, "ten bytes fit in what data allowed");
    bench_input(&bench, bytes, 290, 0);
    bench_receive(&bench);
    cr_assert_eq(seen.calls, 3, "what exceeds the new max_frame is presented at once");
    cr_assert_eq(seen.shown, 10);
    bench_settle(&bench);
    cr_assert_eq(seen.reason, -EMSGSIZE);
    bench_finish(&bench);
}

static size_t blink_at_the_end(evf_stream *stream, evf_slice input)
{
    seen.calls++;
    if (!evf_input_ended(stream) || seen.calls > 2)
        return seen.calls > 2 ? input.len : 0;
    evf_pause(stream);
    evf_resume(stream);
    return 0;
}

static const struct evf_handler blinking = { .struct_size = sizeof(struct evf_handler),
                                             .data = blink_at_the_end,
                                             .end = on_end,
                                             .close = on_close };

Test(input, presents_the_rest_again_when_a_pause_ends_in_the_last_data)
{
    struct bench bench;
    memset(&seen, 0, sizeof seen);
    bench_open(&bench, &blinking);
    bench_input(&bench, "rest", 4, 0);
    bench_receive(&bench);
    bench.wire.input_ended = true;
    bench_receive(&bench);
    cr_assert_eq(seen.calls, 2);
    cr_assert_eq(seen.ends, 0);
    bench_settle(&bench);
    cr_assert_eq(seen.calls, 3);
    cr_assert_eq(seen.ends, 1);
    bench_finish(&bench);
}

enum { REQUEST = 10, ANSWER = 300 << 10 }; /* an answer fills the queue */

/* Without a `drain` of its own: what it leaves when the queue is full is presented again. */
static size_t answer_while_there_is_room(evf_stream *stream, evf_slice input)
{
    static const uint8_t answer[ANSWER];
    size_t used = 0;
    int status = EVF_FLUSHED;
    seen.calls++;
    cr_assert_eq(evf_ready_state(stream), EVF_OPEN, "no quiesce before all is presented");
    while (input.len - used >= REQUEST && status != EVF_FULL) {
        status = evf_write(stream, answer, sizeof answer);
        cr_assert_gt(status, 0);
        used += REQUEST;
    }
    return used;
}

Test(input, that_waited_at_the_stop_is_answered_though_answers_fill_the_queue)
{
    static const struct evf_handler handler = {
        .struct_size = sizeof handler,
        .data = answer_while_there_is_room,
    };
    struct bench bench;
    static const uint8_t requests[3 * REQUEST];
    seen.calls = 0;
    bench_open(&bench, &handler);
    bench_input(&bench, requests, sizeof requests, 0);
    bench.wire.takes = 0;
    bench.worker->stop_deadline_ms = bench.worker->now_ms + 10000;
    evf__streams_quiesce(bench.worker);
    bench_turn(&bench);
    cr_assert_eq(seen.calls, 1);
    bench.wire.takes = SIZE_MAX;
    bench_settle(&bench);
    cr_assert_eq(seen.calls, 2);
    cr_assert_eq(bench.wire.output_len, 3 * ANSWER);
    cr_assert(bench.wire.shut_down, "then the empty quiesce ends it");
    bench_finish(&bench);
}
