/* SPDX-License-Identifier: MIT
 *
 * Last words: every byte in order, the half-close behind the last of them, and nothing held back in
 * the kernel for what does not come.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "bench.h"

static struct {
    unsigned drains, closes;
    int reason;
} seen;

static void on_drain(evf_stream *stream)
{
    (void)stream;
    seen.drains++;
}

static void on_close(evf_stream *stream, int reason)
{
    seen.closes++;
    seen.reason = reason;
    cr_assert_eq(evf_write_last(stream, "x", 1), -EPIPE);
}

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler),
                                            .drain = on_drain,
                                            .close = on_close };

static struct bench bench;

static void begin(void)
{
    memset(&seen, 0, sizeof seen);
    bench_open(&bench, &handler);
    bench_settle(&bench);
}

static void finish(void)
{
    bench_finish(&bench);
}

static void peer_got(const char *text)
{
    cr_assert_eq(bench.wire.output_len, strlen(text));
    cr_assert_eq(memcmp(bench.wire.output, text, strlen(text)), 0);
    cr_assert_not(bench.wire.held, "nothing waits for what does not come");
}

/* The peer ends as well, and the stream is over. */
static void peer_ends(void)
{
    bench.wire.input_ended = true;
    bench_receive(&bench);
    bench_settle(&bench);
    cr_assert_eq(seen.closes, 1);
    cr_assert_eq(seen.reason, 0);
}

TestSuite(ending, .init = begin, .fini = finish);

Test(ending, sends_the_last_words_and_the_half_close_together)
{
    cr_assert_eq(evf_write_last(bench.stream, "bye", 3), EVF_FLUSHED);
    cr_assert_eq(bench.wire.sends, 1);
    cr_assert_eq(bench.wire.held_sends, 1, "the kernel waits for the half-close");
    cr_assert(bench.wire.shut_down);
    peer_got("bye");
    cr_assert_eq(evf_ready_state(bench.stream), EVF_READ_ONLY);
    cr_assert_eq(evf_bytes_written(bench.stream), 3);
    cr_assert_eq(evf_write_last(bench.stream, "more", 4), -EPIPE);
    cr_assert_eq(evf_end(bench.stream), 0);
    peer_ends();
    cr_assert_eq(seen.drains, 0);
}

Test(ending, queues_what_the_kernel_does_not_take_of_the_last_words)
{
    bench.wire.takes = 2; /* of three bytes: it is full, the rest is queued */
    cr_assert_eq(evf_write_last(bench.stream, "bye", 3), EVF_QUEUED);
    cr_assert_not(bench.wire.shut_down);
    cr_assert_eq(evf_queued(bench.stream), 1);
    bench.wire.takes = 100;
    bench_settle(&bench);
    cr_assert(bench.wire.shut_down);
    peer_got("bye");
    cr_assert_eq(seen.drains, 1);
    peer_ends();
}

Test(ending, speaks_the_last_words_behind_what_is_queued)
{
    bench.wire.takes = 0;
    cr_assert_eq(evf_write(bench.stream, "first ", 6), EVF_QUEUED);
    cr_assert_eq(evf_write_last(bench.stream, "last", 4), EVF_QUEUED);
    cr_assert_eq(evf_write(bench.stream, "x", 1), -EPIPE);
    bench.wire.takes = 7;
    bench_settle(&bench);
    cr_assert_not(bench.wire.shut_down);
    bench.wire.takes = 7;
    bench_settle(&bench);
    cr_assert(bench.wire.shut_down);
    peer_got("first last");
    cr_assert_eq(seen.drains, 1);
    peer_ends();
}

Test(ending, flushes_a_cork_with_the_last_words)
{
    evf_cork(bench.stream);
    cr_assert_eq(evf_write(bench.stream, "first ", 6), EVF_QUEUED);
    cr_assert_eq(evf_write_last(bench.stream, "last", 4), EVF_QUEUED);
    cr_assert_eq(bench.wire.sends, 1);
    cr_assert_eq(bench.wire.held_sends, 1);
    cr_assert(bench.wire.shut_down);
    peer_got("first last");
    bench_settle(&bench);
    cr_assert_eq(seen.drains, 1);
    peer_ends();
}

Test(ending, closes_when_the_peer_had_ended_before_the_last_words)
{
    static const struct evf_handler patient = { .struct_size = sizeof(struct evf_handler),
                                                .end = on_drain,
                                                .close = on_close };
    bench_finish(&bench);
    memset(&seen, 0, sizeof seen);
    bench_open(&bench, &patient);
    bench.wire.input_ended = true;
    bench_settle(&bench);
    cr_assert_eq(evf_ready_state(bench.stream), EVF_WRITE_ONLY);
    cr_assert_eq(evf_write_last(bench.stream, "bye", 3), EVF_FLUSHED);
    cr_assert_eq(evf_ready_state(bench.stream), EVF_CLOSED);
    bench_settle(&bench);
    cr_assert(bench.wire.closed);
    cr_assert_eq(bench.wire.output_len, 3);
    cr_assert_eq(seen.closes, 1);
    cr_assert_eq(seen.reason, 0);
}

Test(ending, ends_without_last_words_too)
{
    cr_assert_eq(evf_write_last(bench.stream, "", 0), EVF_FLUSHED);
    cr_assert_eq(bench.wire.sends, 0);
    cr_assert(bench.wire.shut_down);
    cr_assert_eq(evf_write_last(bench.stream, "", 0), -EPIPE);
    peer_ends();
}

Test(ending, closes_with_the_error_that_the_last_words_meet)
{
    bench.wire.send_error = -ECONNRESET;
    cr_assert_eq(evf_write_last(bench.stream, "bye", 3), -ECONNRESET);
    cr_assert_eq(evf_ready_state(bench.stream), EVF_CLOSED);
    cr_assert_eq(evf_write_last(bench.stream, "bye", 3), -EPIPE);
    cr_assert_not(bench.wire.shut_down);
    bench_settle(&bench);
    cr_assert_eq(seen.closes, 1);
    cr_assert_eq(seen.reason, -ECONNRESET);
}

Test(ending, does_not_end_when_the_last_words_are_too_many)
{
    static const char bytes[5000];
    evf_set_write_marks(bench.stream, 4000, 4000);
    bench.wire.takes = 0;
    cr_assert_eq(evf_write(bench.stream, bytes, 1000), EVF_QUEUED);
    cr_assert_eq(evf_write_last(bench.stream, bytes, sizeof bytes), EVF_ESLOW);
    bench_settle(&bench);
    cr_assert_eq(seen.reason, EVF_ESLOW);
    cr_assert_not(bench.wire.shut_down);
}

/* Whatever was written before, corked or not, and however little is taken at a time. */
Test(ending, loses_no_byte_however_little_is_taken)
{
    struct random random = random_start();
    static uint8_t bytes[40000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)random_next(&random);
    for (unsigned round = 0; round < random_rounds(2000); round++) {
        size_t first = random_below(&random, 2) == 0 ? 0 : random_below(&random, 10000);
        size_t last = random_below(&random, sizeof bytes - first);
        finish();
        begin();
        bench.wire.takes = random_below(&random, 3) == 0 ? SIZE_MAX : random_below(&random, 20000);
        bench.wire.send_most = random_below(&random, 2) * random_below(&random, 5000);
        if (random_below(&random, 2) == 0)
            evf_cork(bench.stream);
        if (first > 0)
            cr_assert_gt(evf_write(bench.stream, bytes, first), 0);
        cr_assert_gt(evf_write_last(bench.stream, bytes + first, last), 0);
        for (unsigned turn = 0; turn < 100000 && !bench.wire.shut_down; turn++) {
            if (bench.wire.takes == 0)
                bench.wire.takes = random_below(&random, 5000);
            bench_turn(&bench);
            cr_assert(bench.wire.shut_down == (bench.wire.output_len == first + last));
        }
        cr_assert_eq(bench.wire.output_len, first + last);
        cr_assert(first + last == 0 || memcmp(bench.wire.output, bytes, first + last) == 0);
        cr_assert_not(bench.wire.held);
        peer_ends();
    }
}

/* Who goes on and on is closed, in pieces small or large: 1 MiB is its share, not a byte less. */
Test(ending, hears_no_more_than_its_share_from_who_does_not_end)
{
    static const uint8_t bytes[100000];
    const size_t pieces[] = { 1000, sizeof bytes };
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(evf_end(bench.stream), 0);
        size_t heard = 0;
        while (heard + pieces[i] <= EVF__LINGER_INPUT_MAX) {
            bench_input(&bench, bytes, pieces[i], 0);
            bench_receive(&bench);
            heard += pieces[i];
            cr_assert_eq(seen.closes, 0);
        }
        bench_input(&bench, bytes, pieces[i], 0);
        bench_receive(&bench);
        bench_settle(&bench);
        cr_assert_eq(seen.closes, 1);
        cr_assert_eq(seen.reason, 0);
        finish();
        begin();
    }
}
