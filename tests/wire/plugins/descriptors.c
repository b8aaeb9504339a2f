/* SPDX-License-Identifier: MIT
 *
 * Test plugin: passes descriptors over unix streams and takes them. For one worker.
 *
 * A stream over TCP is 'the other', the last one that was opened; it echoes. A unix stream gives
 * orders, one a line; the answers go back over it:
 *
 *   creds        "PID UID GID"
 *   pass         the other's descriptor, with the byte "P"
 *   pass+drop    the same, and closes the other in the same call
 *   pass@close   the same in the other's `close`; until then nothing
 *   drop         closes the other: "dropped"
 *   fill         writes to the other until it answers EVF_FULL: "full"
 *   dup          keeps a duplicate of the other's descriptor: "kept"
 *   over tcp     the status of sending a descriptor over the other
 *   status       the statuses of sending nothing, a bad descriptor, and one after evf_end: three
 *                words; the stream ends
 *   credentials  turns SO_PASSCRED on for this stream: "on"
 *   mix N        N bytes of the pattern, written in every way there is; among them descriptors,
 *                each a file of 8 bytes that hold the place of the byte it comes with
 *   hold         descriptors that come are kept from now on: "holding"
 *   release      closes them: "released COUNT"
 *   close        closes this stream at the next descriptor that comes: "closing"
 *   dial PATH    connects to a unix socket and writes to it before it is open: a descriptor of 8
 *                bytes of the pattern with "a", "b" without, one with "c"; the new stream is a boss
 *                like the others: "dialled"
 *   dial+drop PATH   the same, and closes it at once
 *   dial tcp PORT    the statuses of sending a descriptor over TCP before it is open, and of asking
 *                    for its own
 *   ANYTHING     else is sent back
 *
 * A descriptor that comes is answered with "fd INODE" and closed.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../support/pattern.h"
#include "report.h"

enum { TABLE = 256 * 1024, HELD_MAX = 512 };

struct state {
    bool over_unix;
    bool pass_at_close;
    bool close_at_fd;
    uint64_t boss; /* who asked for pass@close */
    uint64_t written, until, random;
};

static uint8_t table[TABLE];
static int table_fd = -1;
static uint64_t other_id;
static int held[HELD_MAX];
static unsigned held_count;
static bool holding;

__attribute__((format(printf, 2, 3))) static void say(evf_stream *stream, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    evf_write(stream, text, (size_t)len);
}

static evf_stream *the_other(evf_stream *stream)
{
    return evf_stream_find(evf_stream_worker(stream), other_id);
}

static void free_bytes(void *bytes)
{
    free(bytes);
}

static int mix_fd(evf_stream *stream, struct state *state, const uint8_t *bytes, size_t len)
{
    int fd = memfd_create("mixed", MFD_CLOEXEC);
    uint64_t place = state->written;
    if (fd < 0 || pwrite(fd, &place, sizeof place, 0) != (ssize_t)sizeof place)
        abort();
    int status = evf_send_fd(stream, fd, bytes, len);
    close(fd);
    return status;
}

static int mix_slice(evf_stream *stream, const uint8_t *bytes, size_t len)
{
    evf_slice slice;
    if (evf_slice_new(evf_stream_worker(stream), bytes, len, &slice) < 0)
        abort();
    int status = evf_write_slice(stream, slice);
    evf_slice_drop(slice);
    return status;
}

static int mix_owned(evf_stream *stream, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, len);
    return evf_write_owned(stream, copy, len, free_bytes, copy);
}

static int mix_one(evf_stream *stream, struct state *state, unsigned kind, const uint8_t *bytes,
                   size_t len)
{
    struct iovec halves[] = { { (void *)(uintptr_t)bytes, len / 2 },
                              { (void *)(uintptr_t)(bytes + len / 2), len - len / 2 } };
    switch (kind) {
    case 0:
        return evf_write(stream, bytes, len);
    case 1:
        return mix_slice(stream, bytes, len);
    case 2:
        return evf_write_static(stream, bytes, len);
    case 3:
        return mix_owned(stream, bytes, len);
    case 4:
        return evf_writev(stream, halves, 2);
    case 5:
        return evf_sendfile(stream, table_fd, bytes - table, len);
    default:
        return mix_fd(stream, state, bytes, len);
    }
}

static void mix(evf_stream *stream, struct state *state)
{
    while (state->written < state->until) {
        uint64_t random = state->random = state->random * 6364136223846793005u + 1;
        size_t left = (size_t)(state->until - state->written);
        size_t len = 1 + (random >> 33) % ((random >> 60) == 0 ? 20000 : 700);
        size_t at = (size_t)(state->written % TABLE);
        len = len < left ? len : left;
        len = len < TABLE - at ? len : TABLE - at;
        if ((random >> 20) % 8 == 0)
            evf_cork(stream);
        int status = mix_one(stream, state, (unsigned)((random >> 40) % 9), table + at, len);
        if (status < 0)
            return;
        state->written += len;
        if ((random >> 24) % 8 == 0)
            evf_uncork(stream);
        if (status == EVF_FULL)
            return;
    }
}

static void on_drain(evf_stream *stream)
{
    mix(stream, evf_stream_state(stream));
}

static void pass(evf_stream *stream, evf_stream *other)
{
    int status = evf_send_fd(stream, evf_descriptor(other), "P", 1);
    if (status < 0)
        report(stream, "pass %s", report_status(status));
}

static void order_other(evf_stream *stream, evf_stream *other, const char *order)
{
    struct state *state = evf_stream_state(other);
    if (strncmp(order, "pass", 4) == 0 && strcmp(order, "pass@close") != 0)
        pass(stream, other);
    if (strcmp(order, "pass@close") == 0) {
        state->pass_at_close = true;
        state->boss = evf_stream_id(stream);
    } else if (strcmp(order, "drop") == 0) {
        evf_close(other);
        say(stream, "dropped\n");
    } else if (strcmp(order, "pass+drop") == 0) {
        evf_close(other);
    } else if (strcmp(order, "fill") == 0) {
        while (evf_write_static(other, table, TABLE) != EVF_FULL)
            continue;
        say(stream, "full\n");
    } else if (strcmp(order, "dup") == 0) {
        held[held_count++] = dup(evf_descriptor(other));
        say(stream, "kept\n");
    } else if (strcmp(order, "over tcp") == 0) {
        say(stream, "%s\n", report_status(evf_send_fd(other, 0, "x", 1)));
    }
}

static void creds(evf_stream *stream)
{
    struct evf_credentials peer;
    int status = evf_peer_credentials(stream, &peer);
    if (status == 0)
        say(stream, "%d %u %u\n", (int)peer.pid, peer.uid, peer.gid);
    else
        say(stream, "%s\n", report_status(status));
}

static void statuses(evf_stream *stream)
{
    int nothing = evf_send_fd(stream, 0, "x", 0);
    int bad = evf_send_fd(stream, 10000, "x", 1);
    int minus = evf_send_fd(stream, -1, "x", 1);
    say(stream, "%s %s %s\n", report_status(nothing), evf_strerror(bad), evf_strerror(minus));
    evf_end(stream);
    report(stream, "ended %s", report_status(evf_send_fd(stream, 0, "x", 1)));
}

static void release(evf_stream *stream)
{
    say(stream, "released %u\n", held_count);
    while (held_count > 0)
        close(held[--held_count]);
    holding = false;
}

/* A file that holds the first 8 bytes of the pattern, sent with the text. */
static void send_file_fd(evf_stream *stream, const char *text)
{
    int fd = memfd_create("early", MFD_CLOEXEC);
    if (fd < 0 || pwrite(fd, table, 8, 0) != 8)
        abort();
    int status = evf_send_fd(stream, fd, text, strlen(text));
    close(fd);
    if (status < EVF_QUEUED)
        report(stream, "early %s", report_status(status));
}

static const struct evf_handler handler;

static void dial(evf_stream *stream, const char *order)
{
    evf_worker *worker = evf_stream_worker(stream);
    struct evf_connect to = { .struct_size = sizeof to };
    evf_stream *called;
    if (strncmp(order, "dial tcp ", 9) == 0) {
        to.host = "127.0.0.1";
        to.port = (uint16_t)atoi(order + 9);
    } else {
        to.unix_path = strchr(order, ' ') + 1;
    }
    if (evf_connect(worker, &to, &handler, evf_stream_instance(stream), &called) != 0)
        abort();
    if (to.host != NULL) {
        int sent = evf_send_fd(called, 0, "x", 1);
        say(stream, "%s %s\n", report_status(sent), report_status(evf_descriptor(called)));
        evf_close(called);
        return;
    }
    send_file_fd(called, "a");
    evf_write(called, "b", 1);
    send_file_fd(called, "c");
    if (strncmp(order, "dial+drop", 9) == 0)
        evf_close(called);
    say(stream, "dialled\n");
}

static void obey(evf_stream *stream, const char *order)
{
    struct state *state = evf_stream_state(stream);
    evf_stream *other = the_other(stream);
    int on = 1;
    if (other != NULL && (strncmp(order, "pass", 4) == 0 || strcmp(order, "drop") == 0 ||
                          strcmp(order, "fill") == 0 || strcmp(order, "dup") == 0 ||
                          strcmp(order, "over tcp") == 0)) {
        order_other(stream, other, order);
    } else if (strcmp(order, "creds") == 0) {
        creds(stream);
    } else if (strcmp(order, "status") == 0) {
        statuses(stream);
    } else if (strcmp(order, "credentials") == 0) {
        if (setsockopt(evf_descriptor(stream), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0)
            say(stream, "on\n");
    } else if (strncmp(order, "mix ", 4) == 0) {
        state->until = strtoull(order + 4, NULL, 10);
        state->random = state->until;
        mix(stream, state);
    } else if (strcmp(order, "hold") == 0) {
        holding = true;
        say(stream, "holding\n");
    } else if (strcmp(order, "release") == 0) {
        release(stream);
    } else if (strncmp(order, "dial", 4) == 0) {
        dial(stream, order);
    } else if (strcmp(order, "close") == 0) {
        state->close_at_fd = true;
        say(stream, "closing\n");
    } else {
        say(stream, "%s\n", order);
    }
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    const struct state *state = evf_stream_state(stream);
    size_t taken = 0;
    const uint8_t *end;
    if (!state->over_unix) {
        evf_write_slice(stream, input);
        return input.len;
    }
    while ((end = memchr(input.data + taken, '\n', input.len - taken)) != NULL) {
        char order[128];
        size_t len = (size_t)(end - input.data) - taken;
        snprintf(order, sizeof order, "%.*s", (int)len, (const char *)input.data + taken);
        taken += len + 1;
        obey(stream, order);
    }
    return taken;
}

static void on_fd(evf_stream *stream, int fd)
{
    const struct state *state = evf_stream_state(stream);
    struct stat file;
    if (fstat(fd, &file) < 0 || (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
        abort();
    if (holding && held_count < HELD_MAX)
        held[held_count++] = fd;
    else
        close(fd);
    if (!holding)
        say(stream, "fd %llu\n", (unsigned long long)file.st_ino);
    if (state->close_at_fd)
        evf_close(stream);
}

static void on_open(evf_stream *stream)
{
    struct state *state = evf_stream_state(stream);
    struct evf_credentials peer;
    state->over_unix = evf_peer_credentials(stream, &peer) == 0;
    if (!state->over_unix)
        other_id = evf_stream_id(stream);
}

static void on_close(evf_stream *stream, int reason)
{
    const struct state *state = evf_stream_state(stream);
    if (state->pass_at_close) {
        evf_stream *boss = evf_stream_find(evf_stream_worker(stream), state->boss);
        if (boss != NULL)
            pass(boss, stream);
    }
    if (evf_descriptor(stream) < 0)
        report(stream, "without %s", report_status(evf_descriptor(stream)));
    report(stream, "close %s", report_status(reason));
}

static int on_start(evf_instance *instance)
{
    pattern_fill(table, 0, TABLE);
    if (table_fd < 0)
        table_fd = memfd_create("table", MFD_CLOEXEC);
    if (table_fd < 0 || pwrite(table_fd, table, TABLE, 0) != TABLE)
        return evf_fail(instance, "no file: %s", strerror(errno));
    return 0;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .open = on_open,
    .data = on_data,
    .drain = on_drain,
    .close = on_close,
    .fd = on_fd,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "descriptors",
    .version = "1.0.0",
    .summary = "passes descriptors and takes them",
    .handler = &handler,
    .start = on_start,
};
