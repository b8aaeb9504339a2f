/* SPDX-License-Identifier: MIT
 *
 * Descriptors that come with bytes: each is handed over once, in front of the bytes it came with,
 * whatever the handler does meanwhile; and what nobody takes any more is closed.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* What was called, as a line of text: "fd; data 3; " */
static struct {
    char log[512];
    unsigned fds;
    unsigned close_at; /* closes its stream inside that call of `fd`; 0: never */
    unsigned pause_at;
    size_t consume; /* of each data */
} seen;

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    va_list arguments;
    size_t len = strlen(seen.log);
    va_start(arguments, format);
    vsnprintf(seen.log + len, sizeof seen.log - len, format, arguments);
    va_end(arguments);
}

static void on_fd(evf_stream *stream, int fd)
{
    evf_slice slice;
    cr_assert_geq(fcntl(fd, F_GETFD), 0, "it is open");
    close(fd);
    note("fd; ");
    seen.fds++;
    /* what takes memory of the worker while bytes wait to be presented */
    cr_assert_eq(evf_slice_new(evf_stream_worker(stream), "spoilt", 6, &slice), 0);
    evf_slice_drop(slice);
    if (seen.fds == seen.close_at)
        evf_close(stream);
    if (seen.fds == seen.pause_at)
        evf_pause(stream);
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    (void)stream;
    note("data %.*s; ", (int)input.len, (const char *)input.data);
    return seen.consume < input.len ? seen.consume : input.len;
}

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler),
                                            .data = on_data,
                                            .fd = on_fd };

static const struct evf_handler without = { .struct_size = sizeof(struct evf_handler),
                                            .data = on_data };

static void begin(struct bench *bench, const struct evf_handler *given)
{
    memset(&seen, 0, sizeof seen);
    seen.consume = SIZE_MAX;
    bench_open(bench, given);
    bench_settle(bench);
}

/* The peer sends the text with so many descriptors. */
static void come(struct bench *bench, const char *text, unsigned count)
{
    bench->wire.incoming = (struct evf__received_fds){ .count = count };
    for (unsigned i = 0; i < count; i++) {
        bench->wire.incoming.fds[i] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
        cr_assert_geq(bench->wire.incoming.fds[i], 0);
    }
    bench_input(bench, text, strlen(text), 0);
    bench_receive(bench);
}

/* Those that came lie from 100 on. */
static void expect_none_left(void)
{
    for (int fd = 100; fd < 400; fd++)
        cr_assert_lt(fcntl(fd, F_GETFD), 0, "descriptor %d is left", fd);
}

Test(descriptor, comes_before_the_bytes_it_came_with)
{
    struct bench bench;
    begin(&bench, &handler);
    come(&bench, "one", 0);
    come(&bench, "two", 1);
    come(&bench, "three", 3);
    cr_assert_str_eq(seen.log, "data one; fd; data two; fd; fd; fd; data three; ");
    expect_none_left();
    bench_finish(&bench);
}

Test(descriptor, comes_before_a_rest_grown_by_its_bytes)
{
    struct bench bench;
    begin(&bench, &handler);
    seen.consume = 0;
    come(&bench, "ab", 0);
    come(&bench, "cd", 1);
    evf_need(bench.stream, 6);
    come(&bench, "e", 1);
    come(&bench, "f", 1);
    cr_assert_str_eq(seen.log, "data ab; fd; data abcd; fd; fd; data abcdef; ");
    expect_none_left();
    bench_finish(&bench);
}

Test(descriptor, is_closed_when_the_handler_closed_the_stream_at_an_earlier_one)
{
    for (unsigned rest = 0; rest < 2; rest++) {
        struct bench bench;
        begin(&bench, &handler);
        if (rest == 1) {
            seen.consume = 0;
            evf_need(bench.stream, 10);
            come(&bench, "abc", 0);
        }
        seen.close_at = 2;
        come(&bench, "de", EVF__FDS_PER_MESSAGE);
        cr_assert_str_eq(seen.log, "fd; fd; ", "neither descriptor nor byte after the close");
        expect_none_left();
        bench_finish(&bench);
    }
}

Test(descriptor, comes_with_all_of_its_message_when_the_first_pauses_the_stream)
{
    struct bench bench;
    begin(&bench, &handler);
    seen.pause_at = 1;
    come(&bench, "abc", 3);
    cr_assert_str_eq(seen.log, "fd; fd; fd; ");
    evf_resume(bench.stream);
    bench_settle(&bench);
    cr_assert_str_eq(seen.log, "fd; fd; fd; data abc; ");
    bench_finish(&bench);
}

Test(descriptor, is_not_asked_for_without_the_slot)
{
    struct bench bench;
    begin(&bench, &without);
    come(&bench, "abc", 1);
    cr_assert_str_eq(seen.log, "data abc; ");
    cr_assert_eq(bench.wire.incoming.count, 1, "it stays with the kernel");
    close(bench.wire.incoming.fds[0]);
    bench_finish(&bench);
}

Test(descriptor, is_counted_when_it_was_lost_and_its_bytes_come_all_the_same)
{
    struct bench bench;
    begin(&bench, &handler);
    for (unsigned i = 0; i < 3; i++) {
        bench.wire.incoming.lost = true;
        bench_input(&bench, "abc", 3, 0);
        bench_receive(&bench);
    }
    cr_assert_str_eq(seen.log, "data abc; data abc; data abc; ");
    cr_assert_eq(evf__figure_get(&bench.worker->figures, EVF__FIGURE_FDS_LOST), 3);
    bench_finish(&bench);
}

Test(descriptor, of_a_stream_is_the_transports)
{
    struct bench bench;
    begin(&bench, &handler);
    cr_assert_eq(evf_descriptor(bench.stream), -EOPNOTSUPP, "the wire has none");
    bench_finish(&bench);
}
