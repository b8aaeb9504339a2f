/* SPDX-License-Identifier: MIT
 *
 * The order of a turn's steps, observed from callbacks: mailbox, input and output, timers, flush of
 * what was corked, close. With a real loop and a pair of sockets.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream/state.h"
#include "stream/turn.h"

static char order[256];
static evf_worker *worker;
static struct evf__origin origin;
static int peer;
static evf_stream *stream;
static struct evf_timer timer, late;

static void note(const char *what)
{
    strcat(order, what);
    strcat(order, " ");
}

static bool peer_has(size_t len)
{
    char bytes[64];
    return recv(peer, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT) == (ssize_t)len;
}

static void on_timer(evf_worker *w, struct evf_timer *t, void *argument)
{
    (void)w;
    (void)t;
    note(argument);
    cr_assert(strcmp(argument, "timer") != 0 || !peer_has(2),
              "what is corked goes out after the timers");
}

static void on_post(evf_worker *w, void *argument)
{
    (void)w;
    note(argument);
}

static size_t on_data(evf_stream *s, evf_slice input)
{
    note("data");
    evf_cork(s);
    evf_write(s, "ok", 2);
    evf_timer_start(worker, &late, 0, on_timer, (void *)"late");
    cr_assert_eq(evf_post(worker, on_post, (void *)"next"), 0);
    if (input.data[0] == 'c')
        evf_close(s);
    return input.len;
}

static void on_open(evf_stream *s)
{
    stream = s;
    note("open");
}

static void on_close(evf_stream *s, int reason)
{
    (void)s;
    (void)reason;
    note("close");
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler), .open = on_open, .data = on_data, .close = on_close
};

static void begin(void)
{
    int pair[2];
    struct evf__worker_settings settings = { .mailbox = 16, .page_size = 64 * 1024 };
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    worker = aligned_alloc(64, (sizeof *worker + 63) & ~(size_t)63);
    memset(worker, 0, sizeof *worker);
    cr_assert_eq(evf__worker_init(worker, &settings), 0);
    cr_assert_eq(evf__streams_init(worker), 0);
    origin = (struct evf__origin){
        .handler = &handler,
        .plugin = "turn",
        .transport = &evf__socket_transport,
        .accepted = true,
        .open_streams = 1,
        .limits = { .max_frame = 4096, .write_high = 4096, .write_max = 8192 },
    };
    peer = pair[0];
    cr_assert_eq(evf__stream_accept(worker, pair[1], &origin, NULL, 0), 0);
}

static void finish(void)
{
    evf_timer_stop(&timer);
    evf_timer_stop(&late);
    evf__streams_close_all(worker, 0);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(evf_post(worker, on_post, (void *)"end"), 0);
        evf__turn(worker);
    }
    cr_assert_eq(evf__streams_count(worker), 0);
    evf__streams_fini(worker);
    evf__worker_fini(worker);
    free(worker);
    close(peer);
}

TestSuite(turn, .init = begin, .fini = finish);

Test(turn, goes_mailbox_then_streams_then_timers_then_flush_then_close)
{
    evf__turn(worker); /* the first look for bytes: none are there */
    order[0] = '\0';
    evf_timer_start(worker, &timer, 0, on_timer, (void *)"timer");
    cr_assert_eq(evf_post(worker, on_post, (void *)"post"), 0);
    cr_assert_eq(send(peer, "x", 1, 0), 1);
    evf__turn(worker);
    cr_assert_str_eq(order, "post data timer ");
    cr_assert(peer_has(2), "the turn's end flushed the cork");
    order[0] = '\0';
    evf__turn(worker);
    cr_assert_str_eq(order, "next late ",
                     "what was posted and started meanwhile is the next turn's");
}

Test(turn, calls_close_at_its_end_and_gives_the_memory_back_there)
{
    evf__turn(worker);
    order[0] = '\0';
    uint64_t id = evf_stream_id(stream);
    evf_timer_start(worker, &timer, 0, on_timer, (void *)"timer");
    cr_assert_eq(evf_post(worker, on_post, (void *)"post"), 0);
    cr_assert_eq(send(peer, "c", 1, 0), 1);
    cr_assert_eq(evf_stream_find(worker, id), stream);
    evf__turn(worker);
    cr_assert_str_eq(order, "post data timer close ");
    cr_assert_null(evf_stream_find(worker, id));
    cr_assert_eq(evf__streams_count(worker), 0);
}

Test(turn, does_not_sleep_while_something_waits_for_no_event)
{
    evf__turn(worker);
    evf_close(stream);
    order[0] = '\0';
    evf__turn(worker); /* would hang if it slept */
    cr_assert_str_eq(order, "close ");
    evf_timer_start(worker, &timer, 0, on_timer, (void *)"zero");
    evf__turn(worker);
    cr_assert_str_eq(order, "close zero ");
}

Test(turn, wakes_for_a_timer_never_early)
{
    evf__turn(worker);
    order[0] = '\0';
    uint64_t started_ms = evf_now(worker);
    evf_timer_start(worker, &timer, 30, on_timer, (void *)"thirty");
    for (int i = 0; i < 100 && order[0] == '\0'; i++)
        evf__turn(worker);
    cr_assert_str_eq(order, "thirty ");
    cr_assert_geq(evf_now(worker) - started_ms, 30);
}
