/* SPDX-License-Identifier: MIT
 *
 * A stream's deadlines in virtual time: idle, linger, first byte, lifetime, least rate.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "bench.h"

static struct {
    unsigned timeouts, closes;
    int reason, close_with;
    bool keep;
    uint64_t bytes_read; /* when it closed */
} seen;

static bool on_timeout(evf_stream *stream)
{
    seen.timeouts++;
    if (seen.close_with != 0)
        evf_close_with(stream, seen.close_with);
    return seen.keep;
}

static size_t hold(evf_stream *stream, evf_slice input)
{
    (void)stream;
    return input.data[0] == 'h' ? 0 : input.len;
}

static void on_close(evf_stream *stream, int reason)
{
    seen.closes++;
    seen.reason = reason;
    seen.bytes_read = evf_bytes_read(stream);
}

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler),
                                            .data = hold,
                                            .timeout = on_timeout,
                                            .close = on_close };

static void open_bench(struct bench *bench)
{
    memset(&seen, 0, sizeof seen);
    bench_open(bench, &handler);
    bench_settle(bench);
}

/* Another stream of the same bench, with these limits; replaces the first. */
static void reopen(struct bench *bench, struct evf__stream_limits limits)
{
    if (evf__streams_count(bench->worker) > 0)
        evf_close(bench->stream);
    bench_settle(bench);
    limits.max_frame = limits.write_high = limits.write_max = 1 << 20;
    bench->origin.limits = limits;
    bench->origin.open_streams = 1;
    bench->wire = (struct wire){ .takes = SIZE_MAX };
    memset(&seen, 0, sizeof seen);
    cr_assert_eq(evf__stream_accept(bench->worker, -1, &bench->origin, NULL, 0), 0);
    bench->stream = NULL;
    for (uint32_t i = 0; i < EVF__CHUNK_STREAMS_MAX && bench->stream == NULL; i++)
        bench->stream = evf__stream_table_at(&bench->worker->streams->table, 0, i);
    bench_settle(bench);
}

Test(deadline, closes_an_idle_stream_at_its_time_and_not_a_tick_earlier)
{
    struct bench bench;
    open_bench(&bench);
    evf_set_timeout(bench.stream, 1000);
    bench_advance_ms(&bench, 999);
    cr_assert_eq(seen.timeouts, 0);
    bench_advance_ms(&bench, 1);
    cr_assert_eq(seen.timeouts, 1);
    bench_settle(&bench);
    cr_assert_eq(seen.reason, -ETIMEDOUT);
    bench_finish(&bench);
}

Test(deadline, starts_anew_with_every_byte_that_moves_in_either_direction)
{
    struct bench bench;
    open_bench(&bench);
    evf_set_timeout(bench.stream, 1000);
    for (int i = 0; i < 5; i++) {
        bench_advance_ms(&bench, 900);
        if (i % 2 == 0) {
            bench_input(&bench, "x", 1, 0);
            bench_receive(&bench);
        } else {
            cr_assert_eq(evf_write(bench.stream, "y", 1), EVF_FLUSHED);
        }
    }
    bench_advance_ms(&bench, 999);
    cr_assert_eq(seen.timeouts, 0);
    bench_advance_ms(&bench, 1);
    cr_assert_eq(seen.timeouts, 1);
    bench_finish(&bench);
}

Test(deadline, keeps_a_stream_whose_timeout_returns_true)
{
    struct bench bench;
    open_bench(&bench);
    seen.keep = true;
    evf_set_timeout(bench.stream, 100);
    for (int i = 0; i < 500; i++)
        bench_advance_ms(&bench, 1);
    cr_assert_eq(seen.timeouts, 5);
    cr_assert_eq(seen.closes, 0);
    bench_finish(&bench);
}

Test(deadline, ignores_what_a_timeout_returns_that_has_closed)
{
    struct bench bench;
    open_bench(&bench);
    seen.keep = true;
    seen.close_with = -ECANCELED;
    evf_set_timeout(bench.stream, 100);
    bench_advance_ms(&bench, 100);
    bench_settle(&bench);
    cr_assert_eq(seen.reason, -ECANCELED);
    bench_finish(&bench);
}

Test(deadline, takes_a_shorter_time_at_once_and_zero_as_off)
{
    struct bench bench;
    open_bench(&bench);
    evf_set_timeout(bench.stream, 100000);
    bench_advance_ms(&bench, 10);
    evf_set_timeout(bench.stream, 50);
    bench_advance_ms(&bench, 49);
    cr_assert_eq(seen.timeouts, 0);
    evf_set_timeout(bench.stream, 0);
    bench_advance_ms(&bench, 1000000);
    cr_assert_eq(seen.timeouts, 0);
    evf_set_timeout(bench.stream, 50);
    bench_advance_ms(&bench, 50);
    cr_assert_eq(seen.timeouts, 1);
    bench_finish(&bench);
}

Test(deadline, reads_an_expiring_stream_once_before_it_is_told)
{
    struct bench bench;
    open_bench(&bench);
    evf_set_timeout(bench.stream, 1000);
    /* The bytes came while the worker was stuck: the loop has not reported them yet. */
    bench_input(&bench, "x", 1, 0);
    bench_advance_ms(&bench, 5000);
    cr_assert_eq(seen.timeouts, 0, "bytes were waiting");
    cr_assert_eq(evf_bytes_read(bench.stream), 1);
    bench_advance_ms(&bench, 1000);
    cr_assert_eq(seen.timeouts, 1);
    bench_finish(&bench);
}

Test(deadline, gives_the_peer_its_linger_after_our_end)
{
    struct bench bench;
    open_bench(&bench);
    evf_set_linger(bench.stream, 300);
    bench.wire.takes = 0;
    (void)evf_write(bench.stream, "x", 1);
    evf_end(bench.stream);
    bench_advance_ms(&bench, 1000);
    cr_assert_eq(seen.closes, 0, "our last byte is not out yet");
    bench.wire.takes = 1;
    bench_advance_ms(&bench, 0);
    cr_assert(bench.wire.shut_down);
    bench_advance_ms(&bench, 299);
    cr_assert_eq(seen.closes, 0);
    bench_advance_ms(&bench, 1);
    bench_settle(&bench);
    cr_assert_eq(seen.closes, 1);
    cr_assert_eq(seen.reason, 0, "an orderly end");
    bench_finish(&bench);
}

Test(deadline, closes_a_peer_that_sends_a_mebibyte_after_our_end)
{
    static uint8_t bytes[2 << 20];
    struct bench bench;
    open_bench(&bench);
    evf_end(bench.stream);
    bench_input(&bench, bytes, sizeof bytes, 0);
    for (int i = 0; i < 64 && seen.closes == 0; i++)
        bench_receive(&bench);
    cr_assert_eq(seen.closes, 1);
    cr_assert_lt(seen.bytes_read, (uint64_t)1536 << 10);
    bench_finish(&bench);
}

Test(deadline, closes_a_stream_without_a_first_byte)
{
    struct bench bench;
    open_bench(&bench);
    reopen(&bench, (struct evf__stream_limits){ .first_byte_ms = 200 });
    bench_advance_ms(&bench, 199);
    cr_assert_eq(seen.closes, 0);
    bench_advance_ms(&bench, 1);
    bench_settle(&bench);
    cr_assert_eq(seen.reason, -ETIMEDOUT);
    reopen(&bench, (struct evf__stream_limits){ .first_byte_ms = 200 });
    bench_input(&bench, "x", 1, 0);
    bench_receive(&bench);
    bench_advance_ms(&bench, 100000);
    cr_assert_eq(seen.closes, 0, "it had its first byte");
    bench_finish(&bench);
}

Test(deadline, closes_every_stream_at_its_max_lifetime)
{
    struct bench bench;
    open_bench(&bench);
    reopen(&bench, (struct evf__stream_limits){ .max_lifetime_ms = 1000 });
    for (int i = 0; i < 9; i++) {
        bench_advance_ms(&bench, 100);
        (void)evf_write(bench.stream, "x", 1);
    }
    cr_assert_eq(seen.closes, 0);
    bench_advance_ms(&bench, 100);
    bench_settle(&bench);
    cr_assert_eq(seen.reason, EVF_ELIFETIME);
    bench_finish(&bench);
}

Test(deadline, a_need_that_was_taken_back_is_no_debt)
{
    struct bench bench;
    open_bench(&bench);
    reopen(&bench, (struct evf__stream_limits){ .min_rate = 10 });
    evf_need(bench.stream, 100);
    evf_need(bench.stream, 0);
    cr_assert_eq(bench.worker->streams->inputs.in_use, 0, "a stream at rest holds nothing");
    for (int i = 0; i < 60; i++)
        bench_advance_ms(&bench, 1000);
    cr_assert_eq(seen.closes, 0);
    bench_finish(&bench);
}

Test(deadline, closes_a_peer_below_the_least_rate_only_while_it_owes_bytes)
{
    struct bench bench;
    open_bench(&bench);
    reopen(&bench, (struct evf__stream_limits){ .min_rate = 10 });
    bench_advance_ms(&bench, 60000);
    cr_assert_eq(seen.closes, 0, "it owes nothing");
    /* The rest of a message, at one byte a second. */
    for (int i = 0; i < 25 && seen.closes == 0; i++) {
        bench_input(&bench, "h", 1, 0);
        bench_receive(&bench);
        bench_advance_ms(&bench, 1000);
    }
    bench_settle(&bench);
    cr_assert_eq(seen.reason, EVF_ERATE);
    bench_finish(&bench);
}
