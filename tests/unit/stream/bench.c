/* SPDX-License-Identifier: MIT
 *
 * A test bench for streams. See bench.h.
 */
#include "bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

static struct wire *wire_of(const evf_stream *stream)
{
    struct bench *bench = EVF__OWNER(stream->origin, struct bench, origin);
    return &bench->wire;
}

static void wire_open(evf_stream *stream, int fd)
{
    (void)stream;
    (void)fd;
}

static ssize_t wire_receive(evf_stream *stream, void *room, size_t len)
{
    struct wire *wire = wire_of(stream);
    size_t left = wire->input_len - wire->input_at;
    wire->receives++;
    if (wire->receive_error != 0)
        return wire->receive_error;
    if (left == 0)
        return wire->input_ended ? 0 : -EAGAIN;
    if (len > left)
        len = left;
    if (wire->receive_most > 0 && len > wire->receive_most)
        len = wire->receive_most;
    memcpy(room, wire->input + wire->input_at, len);
    wire->input_at += len;
    return (ssize_t)len;
}

static ssize_t wire_peek(evf_stream *stream, void *room, size_t len)
{
    struct wire *wire = wire_of(stream);
    size_t before = wire->input_at;
    ssize_t got = wire_receive(stream, room, len);
    wire->receives--;
    wire->input_at = before;
    return got;
}

/* The descriptors come with the bytes of one receive. */
static ssize_t wire_receive_fds(evf_stream *stream, void *room, size_t len,
                                struct evf__received_fds *ret)
{
    struct wire *wire = wire_of(stream);
    ssize_t got = wire_receive(stream, room, len);
    if (got < 0)
        return got;
    *ret = wire->incoming;
    wire->incoming = (struct evf__received_fds){ .count = 0 };
    return got;
}

static size_t wire_waiting(const evf_stream *stream)
{
    const struct wire *wire = wire_of(stream);
    return wire->input_len - wire->input_at;
}

static ssize_t take(struct wire *wire, const void *bytes, size_t len)
{
    if (wire->send_most > 0 && len > wire->send_most)
        len = wire->send_most;
    if (len > wire->takes)
        len = wire->takes;
    if (len == 0)
        return 0;
    if (wire->output_len + len > wire->output_room) {
        wire->output_room = 2 * (wire->output_len + len);
        wire->output = realloc(wire->output, wire->output_room);
        cr_assert_not_null(wire->output);
    }
    memcpy(wire->output + wire->output_len, bytes, len);
    wire->output_len += len;
    wire->takes -= len;
    return (ssize_t)len;
}

static ssize_t wire_send(evf_stream *stream, const struct iovec *pieces, int count, bool more)
{
    struct wire *wire = wire_of(stream);
    ssize_t sent = 0;
    wire->sends++;
    wire->held_sends += more;
    if (wire->send_error != 0)
        return wire->send_error;
    for (int i = 0; i < count; i++) {
        ssize_t part = take(wire, pieces[i].iov_base, pieces[i].iov_len);
        sent += part;
        if ((size_t)part < pieces[i].iov_len)
            break;
    }
    if (sent > 0)
        wire->held = more && wire->takes > 0; /* a kernel that is full holds nothing back */
    return sent > 0 ? sent : -EAGAIN;
}

/* Remembers which file was passed, by its inode, and in front of which byte. */
static ssize_t wire_send_fd(evf_stream *stream, const struct iovec *pieces, int count, bool more,
                            int fd)
{
    struct wire *wire = wire_of(stream);
    size_t at = wire->output_len;
    struct stat file;
    if (wire->fd_error != 0)
        return wire->fd_error;
    if (fstat(fd, &file) < 0)
        return -errno;
    ssize_t sent = wire_send(stream, pieces, count, more);
    if (sent > 0) {
        cr_assert_lt(wire->passed_count, WIRE_PASSED_MAX);
        wire->passed[wire->passed_count++] = (struct passed){ at, file.st_ino };
    }
    return sent;
}

static ssize_t wire_send_file(evf_stream *stream, int fd, off_t *offset, size_t len)
{
    struct wire *wire = wire_of(stream);
    uint8_t bytes[4096];
    wire->sends++;
    wire->held = false;
    if (wire->takes == 0)
        return -EAGAIN;
    ssize_t got = pread(fd, bytes, len < sizeof bytes ? len : sizeof bytes, *offset);
    if (got <= 0)
        return got;
    ssize_t sent = take(wire, bytes, (size_t)got);
    *offset += sent;
    return sent;
}

static int wire_shut_down(evf_stream *stream)
{
    struct wire *wire = wire_of(stream);
    cr_assert_not(wire->shut_down, "the half-close goes out once");
    wire->shut_down = true;
    wire->held = false;
    return 0;
}

static int wire_watch_input(evf_stream *stream, bool on)
{
    struct wire *wire = wire_of(stream);
    cr_assert_neq(wire->watched_input, on);
    wire->watched_input = on;
    return 0;
}

static int wire_watch_output(evf_stream *stream, bool on)
{
    struct wire *wire = wire_of(stream);
    cr_assert_neq(wire->watched_output, on);
    wire->watched_output = on;
    return 0;
}

static void wire_close(evf_stream *stream, bool reset)
{
    struct wire *wire = wire_of(stream);
    cr_assert_not(wire->closed);
    cr_assert_not(wire->watched_input || wire->watched_output, "watching ends before the close");
    wire->closed = true;
    wire->reset = reset;
}

static int wire_local_address(const evf_stream *stream, struct sockaddr_storage *ret,
                              socklen_t *ret_len)
{
    (void)stream;
    memset(ret, 0, sizeof *ret);
    ret->ss_family = AF_UNIX;
    *ret_len = sizeof(sa_family_t);
    return 0;
}

static int wire_set_option(evf_stream *stream, int level, int name, int value)
{
    (void)stream;
    (void)level;
    (void)name;
    (void)value;
    return 0;
}

static int wire_descriptor(const evf_stream *stream)
{
    (void)stream;
    return -EOPNOTSUPP;
}

static bool wire_is_unix(const evf_stream *stream)
{
    (void)stream;
    return true;
}

const struct evf__transport wire_transport = {
    .name = "wire",
    .open = wire_open,
    .receive = wire_receive,
    .peek = wire_peek,
    .receive_fds = wire_receive_fds,
    .waiting = wire_waiting,
    .send = wire_send,
    .send_fd = wire_send_fd,
    .send_file = wire_send_file,
    .shut_down = wire_shut_down,
    .watch_input = wire_watch_input,
    .watch_output = wire_watch_output,
    .close = wire_close,
    .local_address = wire_local_address,
    .set_option = wire_set_option,
    .descriptor = wire_descriptor,
    .is_unix = wire_is_unix,
};

static evf_stream *stream_of(const evf_worker *worker, const struct evf__origin *origin)
{
    const struct evf__stream_table *table = &worker->streams->table;
    for (uint32_t chunk = 0; chunk < table->chunk_count; chunk++)
        for (uint32_t index = 0; index < EVF__CHUNK_STREAMS_MAX; index++) {
            evf_stream *stream = evf__stream_table_at(table, chunk, index);
            if (stream != NULL && stream->origin == origin)
                return stream;
        }
    return NULL;
}

static void accept_on(struct bench *bench, evf_worker *worker, const struct evf_handler *handler,
                      const struct evf__proxy_rules *proxy, const struct sockaddr *peer,
                      socklen_t peer_len)
{
    *bench = (struct bench){ .worker = worker, .wire = { .takes = SIZE_MAX } };
    bench->origin = (struct evf__origin){
        .handler = handler,
        .plugin = "bench",
        .transport = &wire_transport,
        .accepted = true,
        .proxy = proxy,
        .open_streams = 1,
        .limits = { .max_frame = 1 << 20,
                    .write_high = 256 << 10,
                    .write_max = 8 << 20,
                    .linger_ms = 5000 },
    };
    cr_assert_eq(evf__stream_accept(worker, -1, &bench->origin, peer, peer_len), 0);
    bench->stream = stream_of(worker, &bench->origin);
    cr_assert_not_null(bench->stream);
}

void bench_open(struct bench *bench, const struct evf_handler *handler)
{
    bench_accept(bench, handler, NULL, NULL, 0);
}

void bench_accept(struct bench *bench, const struct evf_handler *handler,
                  const struct evf__proxy_rules *proxy, const struct sockaddr *peer,
                  socklen_t peer_len)
{
    struct evf__worker_settings settings = { .mailbox = 16, .page_size = 64 * 1024 };
    evf_worker *worker = aligned_alloc(64, (sizeof(evf_worker) + 63) & ~(size_t)63);
    cr_assert_not_null(worker);
    memset(worker, 0, sizeof(evf_worker));
    cr_assert_eq(evf__worker_init(worker, &settings), 0);
    cr_assert_eq(evf__streams_init(worker), 0);
    accept_on(bench, worker, handler, proxy, peer, peer_len);
}

void bench_join(struct bench *bench, const struct bench *host, const struct evf_handler *handler)
{
    accept_on(bench, host->worker, handler, NULL, NULL, 0);
}

void bench_leave(struct bench *bench)
{
    cr_assert_eq(bench->origin.open_streams, 0);
    free(bench->wire.output);
}
void bench_turn(struct bench *bench)
{
    struct evf__wheel_entry *entry;
    evf_worker *worker = bench->worker;
    if (bench->wire.watched_output && bench->wire.takes > 0)
        evf__stream_ready(bench->stream, EVF__WRITABLE);
    evf__wheel_collect(&worker->wheel, worker->now_ms);
    evf__streams_input_output(worker);
    while ((entry = evf__wheel_take(&worker->wheel)) != NULL) {
        if (entry->kind == EVF__ENTRY_TIMER)
            evf__timer_fire(worker, entry);
        else
            evf__streams_deadline(worker, entry);
    }
    evf__streams_flush_and_close(worker);
    evf__stream_table_check(&worker->streams->table);
    evf__pages_check(&worker->pages);
    evf__wheel_check(&worker->wheel);
}

void bench_settle(struct bench *bench)
{
    for (int i = 0; i < 1000000; i++) {
        if (!evf__streams_pending(bench->worker) &&
            !(bench->wire.watched_output && bench->wire.takes > 0))
            return;
        bench_turn(bench);
    }
    cr_assert_fail("the stream does not come to rest");
}

void bench_advance_ms(struct bench *bench, uint64_t ms)
{
    bench->worker->now_ms += ms;
    bench_turn(bench);
}

void bench_receive(struct bench *bench)
{
    evf__stream_ready(bench->stream, EVF__READABLE);
    bench_turn(bench);
}

void bench_input(struct bench *bench, const void *bytes, size_t len, size_t most)
{
    struct wire *wire = &bench->wire;
    wire->input = bytes;
    wire->input_len = len;
    wire->input_at = 0;
    wire->receive_most = most;
}

void bench_finish(struct bench *bench)
{
    evf_worker *worker = bench->worker;
    evf__streams_close_all(worker, 0);
    for (int i = 0; i < 4; i++) {
        evf__streams_input_output(worker);
        evf__streams_flush_and_close(worker);
    }
    cr_assert_eq(evf__streams_count(worker), 0, "no stream is left");
    cr_assert_eq(worker->streams->pieces.in_use, 0, "no piece is left");
    cr_assert_eq(worker->pages.blocks_in_use, 0, "no block is left");
    cr_assert_leq(worker->pages.pages_in_use, 1, "no page is left but the current one");
    cr_assert_eq(worker->wheel.count, 0, "no timer is left");
    cr_assert_eq(bench->origin.open_streams, 0);
    evf__streams_fini(worker);
    evf__worker_fini(worker);
    free(worker);
    free(bench->wire.output);
#if defined(__SANITIZE_ADDRESS__)
    cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "no memory is left");
#endif
}
