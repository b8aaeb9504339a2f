/* SPDX-License-Identifier: MIT
 *
 * The write queue through the public writes: whatever the kernel takes, and however little at a
 * time, the peer gets every byte in order, drains are paid once, and what was lent is given back.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../random.h"
#include "bench.h"

static struct {
    unsigned drains, closes;
    int reason;
    size_t queued_in_close;
} seen;

static void on_drain(evf_stream *stream)
{
    cr_assert_eq(evf_queued(stream), 0, "the queue is empty when drain begins");
    seen.drains++;
}

static void on_close(evf_stream *stream, int reason)
{
    seen.closes++;
    seen.reason = reason;
    seen.queued_in_close = evf_queued(stream);
    cr_assert_eq(evf_write(stream, "x", 1), -EPIPE);
}

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler),
                                            .drain = on_drain,
                                            .close = on_close };

static const struct evf_handler bare = { .struct_size = sizeof(struct evf_handler) };

static void open_bench(struct bench *bench)
{
    memset(&seen, 0, sizeof seen);
    bench_open(bench, &handler);
    bench_settle(bench);
}

static unsigned released;

static void release(void *argument)
{
    released++;
    free(argument);
}

/* What the peer must have got. */
struct model {
    uint8_t *bytes;
    size_t len, room;
};

static void model_add(struct model *model, const uint8_t *bytes, size_t len)
{
    if (model->len + len > model->room) {
        model->room = 2 * (model->len + len);
        model->bytes = realloc(model->bytes, model->room);
        cr_assert_not_null(model->bytes);
    }
    memcpy(model->bytes + model->len, bytes, len);
    model->len += len;
}

static void fill(struct random *random, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)random_next(random);
}

enum { MOST = 150000, STATIC_LEN = 200000 };

/* Files to pass on, and what the peer must have got: which one with which byte. */
static struct {
    int fds[8];
    struct passed passed[WIRE_PASSED_MAX];
    unsigned count;
} files;

static void files_open(void)
{
    files.count = 0;
    for (unsigned i = 0; i < 8; i++) {
        files.fds[i] = memfd_create("passed on", MFD_CLOEXEC);
        cr_assert_geq(files.fds[i], 0);
    }
}

static void files_close(void)
{
    for (unsigned i = 0; i < 8; i++)
        close(files.fds[i]);
}

/* One of the files is to come with that byte. */
static int file_expected(struct random *random, size_t at)
{
    struct stat file;
    int fd = files.fds[random_below(random, 8)];
    cr_assert_eq(fstat(fd, &file), 0);
    files.passed[files.count++] = (struct passed){ at, file.st_ino };
    return fd;
}

static void files_compare(const struct wire *wire)
{
    cr_assert_eq(wire->passed_count, files.count);
    for (unsigned i = 0; i < files.count; i++) {
        cr_assert_eq(wire->passed[i].at, files.passed[i].at, "descriptor %u", i);
        cr_assert_eq(wire->passed[i].file, files.passed[i].file, "descriptor %u", i);
    }
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static unsigned queued_fds(const struct bench *bench)
{
    return bench->stream->queue != NULL ? bench->stream->queue->fds : 0;
}

/* One write of a random kind and size; the bytes go to the model. */
static int random_write(struct bench *bench, struct random *random, struct model *model,
                        const uint8_t *forever, int file, const uint8_t *file_bytes)
{
    size_t len = 1 + random_below(random, random_below(random, 4) == 0 ? MOST : 3000);
    size_t at = random_below(random, STATIC_LEN - MOST);
    int result = 0;
    uint8_t *bytes = malloc(len);
    fill(random, bytes, len);
    switch (random_below(random, queued_fds(bench) < EVF__FDS_QUEUED_MAX ? 7 : 6)) {
    case 0:
        result = evf_write(bench->stream, bytes, len);
        model_add(model, bytes, len);
        break;
    case 1: {
        evf_slice slice;
        cr_assert_eq(evf_slice_new(bench->worker, bytes, len, &slice), 0);
        result = evf_write_slice(bench->stream, slice);
        evf_slice_drop(slice);
        model_add(model, bytes, len);
        break;
    }
    case 2:
        result = evf_write_static(bench->stream, forever + at, len);
        model_add(model, forever + at, len);
        break;
    case 3:
        model_add(model, bytes, len);
        result = evf_write_owned(bench->stream, bytes, len, release, bytes);
        bytes = NULL;
        break;
    case 4: {
        struct iovec pieces[70];
        int count = 1 + (int)random_below(random, 70);
        size_t each = len / (size_t)count;
        for (int i = 0; i < count; i++)
            pieces[i] = (struct iovec){ bytes + (size_t)i * each, each };
        pieces[count - 1].iov_len = len - each * (size_t)(count - 1);
        result = evf_writev(bench->stream, pieces, count);
        model_add(model, bytes, len);
        break;
    }
    case 5:
        result = evf_sendfile(bench->stream, file, (off_t)at, len);
        model_add(model, file_bytes + at, len);
        break;
    case 6:
        result = evf_send_fd(bench->stream, file_expected(random, model->len), bytes, len);
        model_add(model, bytes, len);
        break;
    }
    free(bytes);
    return result;
}

Test(queue, delivers_every_kind_of_piece_byte_for_byte_however_little_is_taken)
{
    struct random random = random_start();
    struct bench bench;
    struct model model = { 0 };
    uint8_t *forever = malloc(STATIC_LEN);
    FILE *file = tmpfile();
    open_bench(&bench);
    files_open();
    unsigned descriptors = open_descriptors();
    released = 0;
    fill(&random, forever, STATIC_LEN);
    cr_assert_eq(fwrite(forever, 1, STATIC_LEN, file), (size_t)STATIC_LEN);
    fflush(file);
    evf_set_write_marks(bench.stream, 64 << 10, SIZE_MAX / 2);

    for (int i = 0; i < 3000; i++) {
        bench.wire.takes = random_below(&random, 3) == 0 ? 0 : random_below(&random, 60000);
        bench.wire.send_most = random_below(&random, 2) == 0 ? 0 : 1 + random_below(&random, 5000);
        if (random_below(&random, 4) == 0)
            evf_cork(bench.stream);
        size_t before = evf_queued(bench.stream);
        int result = random_write(&bench, &random, &model, forever, fileno(file), forever);
        cr_assert(result >= EVF_FLUSHED && result <= EVF_FULL, "write %d gave %d", i, result);
        cr_assert(before == 0 || evf_queued(bench.stream) > 0 || result != EVF_FULL);
        if (random_below(&random, 4) == 0)
            evf_uncork(bench.stream);
        evf__queue_check(bench.stream);
        if (random_below(&random, 3) == 0)
            bench_turn(&bench);
        cr_assert_eq(evf_bytes_written(bench.stream) + evf_queued(bench.stream), model.len,
                     "write %d: what is out and what waits add up", i);
    }
    bench.wire.takes = SIZE_MAX;
    bench_settle(&bench);
    cr_assert_eq(evf_queued(bench.stream), 0);
    cr_assert_eq(bench.wire.output_len, model.len);
    cr_assert_eq(memcmp(bench.wire.output, model.bytes, model.len), 0, "byte for byte");
    files_compare(&bench.wire);
    cr_assert_eq(open_descriptors(), descriptors, "duplicates are closed when they are out");
    cr_assert_gt(released, 0);
    bench_finish(&bench);
    files_close();
    fclose(file);
    free(model.bytes);
    free(forever);
}

Test(queue, owes_one_drain_for_any_number_of_queued_writes_and_none_for_flushed_ones)
{
    struct bench bench;
    open_bench(&bench);
    cr_assert_eq(evf_write(bench.stream, "abc", 3), EVF_FLUSHED);
    bench_settle(&bench);
    cr_assert_eq(seen.drains, 0, "nothing was queued");
    bench.wire.takes = 1;
    cr_assert_eq(evf_write(bench.stream, "def", 3), EVF_QUEUED);
    cr_assert_eq(evf_write(bench.stream, "ghi", 3), EVF_QUEUED);
    cr_assert_eq(evf_queued(bench.stream), 5);
    bench_settle(&bench);
    cr_assert_eq(seen.drains, 0, "the peer takes nothing");
    bench.wire.takes = 100;
    bench_settle(&bench);
    cr_assert_eq(seen.drains, 1);
    cr_assert_eq(memcmp(bench.wire.output, "abcdefghi", 9), 0);
    bench_settle(&bench);
    cr_assert_eq(seen.drains, 1, "a debt is paid once");
    bench_finish(&bench);
}

Test(queue, half_closes_behind_the_last_byte_and_pays_the_drain_before_close)
{
    struct bench bench;
    open_bench(&bench);
    bench.wire.takes = 0;
    cr_assert_eq(evf_write(bench.stream, "bye", 3), EVF_QUEUED);
    cr_assert_eq(evf_end(bench.stream), 0);
    cr_assert_eq(evf_end(bench.stream), 0, "ending twice is harmless");
    cr_assert_eq(evf_write(bench.stream, "more", 4), -EPIPE);
    cr_assert_eq(evf_ready_state(bench.stream), EVF_READ_ONLY);
    bench_settle(&bench);
    cr_assert_not(bench.wire.shut_down, "three bytes wait");
    bench.wire.takes = 3;
    bench_settle(&bench);
    cr_assert(bench.wire.shut_down);
    cr_assert_eq(seen.drains, 1);
    cr_assert_eq(seen.closes, 0, "the peer has not ended");
    bench.wire.input_ended = true;
    bench_receive(&bench);
    bench_settle(&bench);
    cr_assert_eq(seen.closes, 1);
    cr_assert_eq(seen.reason, 0);
    bench_finish(&bench);
}

Test(queue, closes_a_peer_that_is_too_slow_and_takes_nothing_of_the_write)
{
    struct bench bench;
    uint8_t bytes[5000] = { 0 };
    open_bench(&bench);
    evf_set_write_marks(bench.stream, 4000, 10000);
    bench.wire.takes = 0;
    cr_assert_eq(evf_write(bench.stream, bytes, 1000), EVF_QUEUED);
    cr_assert_eq(evf_write(bench.stream, bytes, 4000), EVF_FULL);
    cr_assert_eq(evf_write(bench.stream, bytes, 5000), EVF_ESLOW);
    cr_assert_eq(evf_ready_state(bench.stream), EVF_CLOSED);
    bench_settle(&bench);
    cr_assert_eq(seen.reason, EVF_ESLOW);
    cr_assert_eq(seen.queued_in_close, 5000, "close still tells what was dropped");
    cr_assert_eq(seen.drains, 0, "no drain after a forced close");
    bench_finish(&bench);
}

Test(queue, takes_a_write_to_an_empty_queue_whole_whatever_its_size)
{
    struct bench bench;
    uint8_t *bytes = calloc(1, 3 << 20);
    open_bench(&bench);
    evf_set_write_marks(bench.stream, 1000, 2000);
    bench.wire.takes = 10;
    cr_assert_eq(evf_write(bench.stream, bytes, 3 << 20), EVF_FULL);
    bench.wire.takes = SIZE_MAX;
    bench_settle(&bench);
    cr_assert_eq(bench.wire.output_len, (size_t)3 << 20);
    cr_assert_eq(seen.drains, 1);
    bench_finish(&bench);
    free(bytes);
}

Test(queue, releases_given_memory_once_and_never_inside_the_call)
{
    struct bench bench;
    open_bench(&bench);
    released = 0;
    cr_assert_eq(evf_write_owned(bench.stream, "abc", 3, release, malloc(8)), EVF_FLUSHED);
    cr_assert_eq(released, 0, "not inside the call");
    bench_turn(&bench);
    cr_assert_eq(released, 1);
    bench.wire.takes = 1;
    cr_assert_eq(evf_write_owned(bench.stream, "abc", 3, release, malloc(8)), EVF_QUEUED);
    bench_turn(&bench);
    cr_assert_eq(released, 1, "two bytes wait");
    evf_close(bench.stream);
    cr_assert_eq(evf_write_owned(bench.stream, "abc", 3, release, malloc(8)), -EPIPE);
    cr_assert_eq(released, 1);
    bench_turn(&bench);
    cr_assert_eq(released, 3, "dropped and refused ones too");
    bench_finish(&bench);
}

Test(queue, gathers_under_a_cork_until_the_end_of_the_turn_but_at_most_write_high)
{
    struct bench bench;
    uint8_t bytes[3000] = { 0 };
    open_bench(&bench);
    evf_set_write_marks(bench.stream, 4096, 1 << 20);
    evf_cork(bench.stream);
    evf_cork(bench.stream);
    cr_assert_eq(evf_write(bench.stream, "ab", 2), EVF_QUEUED);
    cr_assert_eq(evf_write(bench.stream, "cd", 2), EVF_QUEUED);
    evf_uncork(bench.stream);
    cr_assert_eq(bench.wire.sends, 0, "corks nest");
    evf_uncork(bench.stream);
    cr_assert_eq(bench.wire.sends, 1, "one send for both");
    evf_uncork(bench.stream);
    bench_settle(&bench);
    evf_cork(bench.stream);
    cr_assert_eq(evf_write(bench.stream, "ef", 2), EVF_QUEUED);
    bench_turn(&bench);
    cr_assert_eq(bench.wire.output_len, 6, "the turn's end flushes");
    bench_settle(&bench);
    evf_cork(bench.stream);
    (void)evf_write(bench.stream, bytes, sizeof bytes);
    cr_assert_eq(bench.wire.output_len, 6);
    (void)evf_write(bench.stream, bytes, sizeof bytes);
    cr_assert_eq(bench.wire.output_len, 6006, "a cork holds back at most write_high");
    bench_settle(&bench);
    cr_assert_eq(seen.drains, 3, "one for each emptied queue");
    bench_finish(&bench);
}

Test(queue, stops_reading_at_full_when_drain_is_empty_and_goes_on_when_all_is_out)
{
    struct bench bench;
    uint8_t bytes[5000] = { 0 };
    bench_open(&bench, &bare);
    bench_settle(&bench);
    evf_set_write_marks(bench.stream, 4096, 1 << 20);
    cr_assert(bench.wire.watched_input);
    bench.wire.takes = 0;
    cr_assert_eq(evf_write(bench.stream, bytes, sizeof bytes), EVF_FULL);
    bench_input(&bench, "x", 1, 0);
    bench_receive(&bench);
    cr_assert_eq(evf_bytes_read(bench.stream), 0, "nothing is read at EVF_FULL");
    cr_assert_not(bench.wire.watched_input);
    bench.wire.takes = SIZE_MAX;
    bench_settle(&bench);
    cr_assert(bench.wire.watched_input);
    bench_receive(&bench);
    cr_assert_eq(evf_bytes_read(bench.stream), 1);
    bench_finish(&bench);
}

Test(queue, closes_with_eio_when_a_file_turns_out_shorter)
{
    struct bench bench;
    FILE *file = tmpfile();
    open_bench(&bench);
    cr_assert_eq(fwrite("12345", 1, 5, file), 5);
    fflush(file);
    bench.wire.takes = 3;
    cr_assert_eq(evf_sendfile(bench.stream, fileno(file), 0, 8), EVF_QUEUED);
    cr_assert_eq(evf_queued(bench.stream), 5);
    fclose(file);
    bench.wire.takes = 100;
    bench_settle(&bench);
    cr_assert_eq(seen.reason, -EIO);
    cr_assert_eq(memcmp(bench.wire.output, "12345", 5), 0);
    bench_finish(&bench);
}

Test(queue, closes_with_the_kernels_error_and_drops_what_waits)
{
    struct bench bench;
    open_bench(&bench);
    bench.wire.takes = 0;
    cr_assert_eq(evf_write(bench.stream, "abc", 3), EVF_QUEUED);
    bench.wire.send_error = -ECONNRESET;
    bench.wire.takes = 1;
    bench_turn(&bench);
    bench_settle(&bench);
    cr_assert_eq(seen.closes, 1);
    cr_assert_eq(seen.reason, -ECONNRESET);
    bench_finish(&bench);
}

Test(queue, flushes_what_a_cork_holds_back_before_it_calls_the_peer_slow)
{
    static const uint8_t bytes[20000];
    struct bench bench;
    open_bench(&bench);
    evf_set_write_marks(bench.stream, 4096, 10000);
    evf_cork(bench.stream);
    cr_assert_eq(evf_write(bench.stream, "head", 4), EVF_QUEUED);
    cr_assert_eq(evf_write(bench.stream, bytes, sizeof bytes), EVF_QUEUED, "the peer reads");
    bench_settle(&bench);
    cr_assert_eq(bench.wire.output_len, 20004);
    cr_assert_eq(seen.closes, 0);
    bench_finish(&bench);
}

Test(queue, bounds_static_pieces_too)
{
    struct bench bench;
    int result = EVF_QUEUED;
    open_bench(&bench);
    evf_set_write_marks(bench.stream, 1000, 10000);
    bench.wire.takes = 0;
    for (int i = 0; i < 1000 && result > 0; i++)
        result = evf_write_static(bench.stream, "x", 1);
    cr_assert_eq(result, EVF_ESLOW);
    bench_finish(&bench);
}

/* ---- Descriptors ---- */

Test(queue, passes_a_descriptor_with_its_first_byte_and_never_twice)
{
    struct bench bench;
    struct random random = random_start();
    open_bench(&bench);
    files_open();
    bench.wire.takes = 2;
    cr_assert_eq(evf_send_fd(bench.stream, file_expected(&random, 0), "abc", 3), EVF_QUEUED);
    files_compare(&bench.wire);
    cr_assert_eq(queued_fds(&bench), 0, "it is out with the first byte");
    cr_assert_eq(evf_send_fd(bench.stream, file_expected(&random, 3), "def", 3), EVF_QUEUED);
    cr_assert_eq(evf_send_fd(bench.stream, file_expected(&random, 6), "ghi", 3), EVF_QUEUED);
    for (unsigned i = 0; i < 8; i++) {
        bench.wire.takes = 1;
        bench_turn(&bench);
    }
    files_compare(&bench.wire);
    cr_assert_eq(memcmp(bench.wire.output, "abcdefghi", 9), 0);
    bench_finish(&bench);
    files_close();
}

Test(queue, closes_descriptors_that_it_drops)
{
    struct bench bench;
    struct random random = random_start();
    open_bench(&bench);
    files_open();
    unsigned descriptors = open_descriptors();
    bench.wire.takes = 0;
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(evf_send_fd(bench.stream, file_expected(&random, 0), "x", 1), EVF_QUEUED);
    cr_assert_eq(open_descriptors(), descriptors + 5);
    evf_close(bench.stream);
    cr_assert_eq(open_descriptors(), descriptors);
    cr_assert_eq(evf_send_fd(bench.stream, files.fds[0], "x", 1), -EPIPE);
    bench_settle(&bench);
    cr_assert_eq(seen.queued_in_close, 5);
    bench_finish(&bench);
    files_close();
}

Test(queue, bounds_the_descriptors_that_wait)
{
    struct bench bench;
    open_bench(&bench);
    files_open();
    unsigned descriptors = open_descriptors();
    bench.wire.takes = 0;
    for (int i = 1; i <= EVF__FDS_QUEUED_MAX; i++)
        cr_assert_eq(evf_send_fd(bench.stream, files.fds[0], "x", 1),
                     i < EVF__FDS_QUEUED_HIGH ? EVF_QUEUED : EVF_FULL, "number %d", i);
    cr_assert_eq(evf_write(bench.stream, "y", 1), EVF_FULL, "bytes are another matter");
    cr_assert_eq(evf_send_fd(bench.stream, files.fds[0], "x", 1), EVF_ESLOW);
    cr_assert_eq(evf_ready_state(bench.stream), EVF_CLOSED);
    cr_assert_eq(open_descriptors(), descriptors);
    bench_finish(&bench);
    files_close();
}

Test(queue, flushes_descriptors_that_a_cork_holds_back_before_they_are_too_many)
{
    struct bench bench;
    open_bench(&bench);
    files_open();
    evf_cork(bench.stream);
    for (int i = 0; i < 3 * EVF__FDS_QUEUED_MAX; i++)
        cr_assert_eq(evf_send_fd(bench.stream, files.fds[0], "x", 1), EVF_QUEUED, "number %d", i);
    cr_assert_lt(queued_fds(&bench), EVF__FDS_QUEUED_HIGH);
    bench_settle(&bench);
    cr_assert_eq(bench.wire.passed_count, 3 * EVF__FDS_QUEUED_MAX);
    cr_assert_eq(seen.closes, 0);
    bench_finish(&bench);
    files_close();
}

Test(queue, leaves_the_stream_unharmed_when_only_the_descriptor_is_at_fault)
{
    static const int errors[] = { -EBADF, -EINVAL, -ETOOMANYREFS };
    struct bench bench;
    open_bench(&bench);
    files_open();
    for (unsigned i = 0; i < 3; i++) {
        bench.wire.fd_error = errors[i];
        cr_assert_eq(evf_send_fd(bench.stream, files.fds[0], "x", 1), errors[i]);
    }
    bench.wire.fd_error = 0;
    cr_assert_eq(evf_send_fd(bench.stream, files.fds[0], "x", 0), -EINVAL);
    cr_assert_eq(evf_send_fd(bench.stream, 9999, "x", 1), -EBADF);
    cr_assert_eq(evf_send_fd(bench.stream, -1, "x", 1), -EBADF);
    evf_cork(bench.stream);
    cr_assert_eq(evf_send_fd(bench.stream, 9999, "x", 1), -EBADF, "queued ones are known at once");
    cr_assert_eq(evf_send_fd(bench.stream, -1, "x", 1), -EBADF);
    cr_assert_eq(evf_queued(bench.stream), 0);
    cr_assert_eq(evf_write(bench.stream, "y", 1), EVF_QUEUED);
    bench_settle(&bench);
    cr_assert_eq(bench.wire.output_len, 1);
    cr_assert_eq(bench.wire.passed_count, 0);
    bench_finish(&bench);
    files_close();
}

Test(queue, closes_with_the_error_that_a_queued_descriptor_meets)
{
    struct bench bench;
    open_bench(&bench);
    files_open();
    unsigned descriptors = open_descriptors();
    bench.wire.takes = 0;
    cr_assert_eq(evf_send_fd(bench.stream, files.fds[0], "x", 1), EVF_QUEUED);
    bench.wire.takes = 10;
    bench.wire.fd_error = -ETOOMANYREFS;
    bench_settle(&bench);
    cr_assert_eq(seen.reason, -ETOOMANYREFS);
    cr_assert_eq(open_descriptors(), descriptors);
    bench_finish(&bench);
    files_close();
}

Test(queue, takes_no_descriptor_when_none_can_be_duplicated)
{
    struct bench bench;
    struct rlimit limit, none;
    open_bench(&bench);
    files_open();
    bench.wire.takes = 0;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){ .rlim_cur = (rlim_t)files.fds[7] + 1, .rlim_max = limit.rlim_max };
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    int fill = dup(files.fds[0]);
    while (fill >= 0)
        fill = dup(files.fds[0]);
    cr_assert_eq(evf_send_fd(bench.stream, files.fds[0], "x", 1), -EMFILE);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_null(bench.stream->queue, "nothing was taken");
    cr_assert_eq(evf_ready_state(bench.stream), EVF_OPEN);
    bench_finish(&bench);
    files_close();
}
