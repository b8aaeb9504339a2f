/* SPDX-License-Identifier: MIT
 *
 * The write queue, over a transport that takes as many bytes as it is told to and copies none.
 *
 *   copy           evf_write of `size` bytes while the peer takes nothing
 *   slice          evf_write_slice of the same: held by reference from 1 KiB on, copied below
 *   flush          all that was queued goes out in one send; per write that was queued
 *   flush-partial  it goes out in sends of 1000 bytes, which end inside pieces; per send
 *   direct         nothing is queued, and the peer takes all at once: the usual write
 *
 * Usage: queue [--repetitions N]
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "stream/queue.h"
#include "stream/state.h"

enum { WRITES = 48, ROUNDS = 4000, PARTIAL = 1000 };

static size_t takes, takes_most; /* what the peer takes: in all, and in one send */
static unsigned repetitions = 5;
static evf_worker *worker;
static evf_stream *stream;
static uint64_t sends;

static void peer_open(evf_stream *opened, int fd)
{
    (void)fd;
    stream = opened;
}

static ssize_t peer_send(evf_stream *sender, const struct iovec *pieces, int count, bool more)
{
    size_t room = takes < takes_most ? takes : takes_most, sent = 0;
    (void)sender;
    (void)more;
    for (int i = 0; i < count; i++)
        sent += pieces[i].iov_len;
    sent = sent < room ? sent : room;
    takes -= sent;
    sends++;
    return sent > 0 ? (ssize_t)sent : -EAGAIN;
}

static int peer_watch(evf_stream *watched, bool on)
{
    (void)watched;
    (void)on;
    return 0;
}

static void peer_close(evf_stream *closed, bool reset)
{
    (void)closed;
    (void)reset;
}

static const struct evf__transport peer = {
    .name = "peer",
    .open = peer_open,
    .send = peer_send,
    .watch_input = peer_watch,
    .watch_output = peer_watch,
    .close = peer_close,
};

static const struct evf_handler handler = { .struct_size = sizeof handler };
static struct evf__origin origin = {
    .handler = &handler,
    .plugin = "measured",
    .transport = &peer,
    .accepted = true,
    .open_streams = 1,
    .limits = { .max_frame = 1 << 20, .write_high = 1 << 20, .write_max = 8 << 20 },
};

static void write_all(evf_slice slice, bool by_reference)
{
    for (unsigned i = 0; i < WRITES; i++) {
        int code = by_reference ? evf_write_slice(stream, slice)
                                : evf_write(stream, slice.data, slice.len);
        if (code < 0)
            abort();
    }
}

/* Lets everything out, `most` bytes per send. */
static void flush(size_t most)
{
    takes = SIZE_MAX;
    takes_most = most;
    for (unsigned i = 0; i < WRITES * 64 && evf_queued(stream) > 0; i++) {
        takes = most;
        evf__stream_flush(stream, false);
    }
    takes = 0;
    if (evf_queued(stream) != 0)
        abort();
}

static void measure_writes(evf_slice slice, bool by_reference)
{
    for (unsigned r = 0; r < repetitions; r++) {
        for (unsigned i = 0; i < ROUNDS; i++) {
            measure_begin();
            write_all(slice, by_reference);
            measure_end(WRITES);
            flush(SIZE_MAX);
        }
        measure_repeat();
    }
    measure_print("queue", NULL, by_reference ? "slice" : "copy", slice.len);
}

static void measure_flushes(evf_slice slice, bool partial)
{
    for (unsigned r = 0; r < repetitions; r++) {
        for (unsigned i = 0; i < ROUNDS / 4; i++) {
            write_all(slice, false);
            sends = 0;
            measure_begin();
            flush(partial ? PARTIAL : SIZE_MAX);
            measure_end(partial ? sends : WRITES);
        }
        measure_repeat();
    }
    measure_print("queue", NULL, partial ? "flush-partial" : "flush", slice.len);
}

static void measure_direct(evf_slice slice)
{
    for (unsigned r = 0; r < repetitions; r++) {
        takes = takes_most = SIZE_MAX;
        measure_begin();
        for (unsigned i = 0; i < ROUNDS; i++)
            write_all(slice, false);
        measure_end((uint64_t)ROUNDS * WRITES);
        measure_repeat();
        takes = 0;
    }
    measure_print("queue", NULL, "direct", slice.len);
}

static void measure_size(size_t size)
{
    static uint8_t bytes[4096];
    evf_slice slice;
    if (evf_slice_new(worker, bytes, size, &slice) != 0)
        abort();
    measure_writes(slice, false);
    measure_writes(slice, true);
    measure_flushes(slice, false);
    measure_flushes(slice, true);
    measure_direct(slice);
    evf_slice_drop(slice);
}

int main(int argc, char **argv)
{
    struct evf__worker_settings settings = { .mailbox = 16, .page_size = 64 * 1024 };
    repetitions = measure_arguments(argc, argv, repetitions);
    measure_init();
    worker = aligned_alloc(64, (sizeof *worker + 63) & ~(size_t)63);
    if (worker == NULL)
        return 1;
    memset(worker, 0, sizeof *worker);
    if (evf__worker_init(worker, &settings) != 0 || evf__streams_init(worker) != 0 ||
        evf__stream_accept(worker, -1, &origin, NULL, 0) != 0)
        return 1;
    measure_size(64);
    measure_size(4096);
    evf__streams_close_all(worker, 0);
    for (unsigned i = 0; i < 4 && evf__streams_count(worker) > 0; i++) {
        evf__streams_input_output(worker);
        evf__streams_flush_and_close(worker);
    }
    evf__streams_fini(worker);
    evf__worker_fini(worker);
    free(worker);
    return 0;
}
