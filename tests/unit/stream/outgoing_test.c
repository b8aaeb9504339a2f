/* SPDX-License-Identifier: MIT
 *
 * Pairs of origins: outgoing streams of one instance and handler share one, whatever memory the
 * handler lies in; and nothing is called from inside evf_connect. With a real loop; the target is
 * an abstract unix name that nobody has.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream/connecting.h"
#include "stream/turn.h"

static evf_worker *worker;
static struct evf__stream_limits limits = { .max_frame = 4096,
                                            .write_high = 100,
                                            .write_max = 200 };
static struct evf__connector connector = { .plugin = "outgoing", .limits = &limits };
static unsigned closed, closed_too;

static void on_close(evf_stream *stream, int reason)
{
    (void)stream;
    cr_assert_eq(reason, -ECONNREFUSED);
    closed++;
}

static void on_close_too(evf_stream *stream, int reason)
{
    on_close(stream, reason);
    closed_too++;
}

static void begin(void)
{
    struct evf__worker_settings settings = { .mailbox = 16, .page_size = 64 * 1024 };
    worker = aligned_alloc(64, (sizeof(evf_worker) + 63) & ~(size_t)63);
    memset(worker, 0, sizeof *worker);
    cr_assert_eq(evf__worker_init(worker, &settings), 0);
    cr_assert_eq(evf__streams_init(worker), 0);
}

static void finish(void)
{
    cr_assert_eq(evf__streams_count(worker), 0, "no stream is left");
    cr_assert_eq(worker->streams->openings.in_use, 0, "no opening is left");
    cr_assert_eq(worker->streams->attempts.in_use, 0, "no attempt is left");
    cr_assert_eq(worker->wheel.count, 0, "no timer is left");
    evf__streams_fini(worker);
    evf__worker_fini(worker);
    free(worker);
}

TestSuite(outgoing, .init = begin, .fini = finish);

static evf_stream *dial(const struct evf_handler *handler)
{
    const struct evf_connect to = { .struct_size = sizeof to, .unix_path = "@evf-nobody-has-this" };
    evf_stream *stream;
    cr_assert_eq(evf__connect(worker, &to, handler, &connector, &stream), 0);
    return stream;
}

static void turn_until_closed(unsigned count)
{
    for (unsigned i = 0; i < 10 && closed < count; i++)
        evf__turn(worker);
    cr_assert_eq(closed, count);
}

Test(outgoing, nothing_is_called_from_inside_the_call)
{
    const struct evf_handler handler = { .struct_size = sizeof handler, .close = on_close };
    evf_stream *stream = dial(&handler);
    cr_assert_eq(closed, 0);
    cr_assert_eq(evf_ready_state(stream), EVF_OPENING);
    cr_assert_eq(evf__figure_get(&worker->figures, EVF__FIGURE_CONNECT_ATTEMPTS), 0);
    turn_until_closed(1);
}

Test(outgoing, streams_of_one_handler_share_a_pair)
{
    const struct evf_handler handler = { .struct_size = sizeof handler, .close = on_close };
    const struct evf_handler like_it = handler;
    evf_stream *one = dial(&handler), *two = dial(&handler), *other = dial(&like_it);
    cr_assert_eq(one->origin, two->origin);
    cr_assert_neq(one->origin, other->origin);
    cr_assert_eq(evf_stream_handler(two), &handler);
    cr_assert_eq(evf_stream_handler(other), &like_it, "the plugin knows it by its address");
    turn_until_closed(3);
    evf_stream *again = dial(&handler);
    cr_assert_eq(evf_stream_handler(again), &handler);
    turn_until_closed(4);
}

Test(outgoing, a_handler_that_was_filled_anew_is_another_one)
{
    struct evf_handler handler = { .struct_size = sizeof handler, .close = on_close };
    (void)dial(&handler);
    turn_until_closed(1);
    handler.close = on_close_too;
    (void)dial(&handler);
    turn_until_closed(2);
    cr_assert_eq(closed_too, 1, "the new content counts");
}

Test(outgoing, an_older_handler_is_read_no_further_than_it_goes)
{
    struct evf_handler handler = { .struct_size = EVF__HANDLER_SIZE_1_0, .close = on_close };
    handler.fd = (evf_fd_fn *)on_close; /* what lies behind it is not its own */
    evf_stream *stream = dial(&handler);
    cr_assert_null(stream->origin->handler->fd);
    turn_until_closed(1);
}

Test(outgoing, takes_its_limits_from_the_instance_but_no_times)
{
    const struct evf_handler handler = { .struct_size = sizeof handler, .close = on_close };
    limits.idle_timeout_ms = limits.first_byte_ms = limits.max_lifetime_ms = 1;
    limits.min_rate = 1;
    limits.linger_ms = 77;
    evf_stream *stream = dial(&handler);
    const struct evf__stream_limits *own = &stream->origin->limits;
    cr_assert_eq(own->max_frame, 4096);
    cr_assert_eq(own->write_high, 100);
    cr_assert_eq(own->write_max, 200);
    cr_assert_eq(own->linger_ms, 77);
    cr_assert(own->idle_timeout_ms == 0 && own->first_byte_ms == 0 && own->max_lifetime_ms == 0 &&
              own->min_rate == 0);
    turn_until_closed(1);
}

/* A plugin that makes a handler for each stream costs no more memory than streams. */
Test(outgoing, pairs_without_a_stream_are_few)
{
    enum { MANY = 200 };
    static struct evf_handler handlers[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        handlers[i] = (struct evf_handler){ .struct_size = sizeof handlers[i], .close = on_close };
        (void)dial(&handlers[i]);
    }
    cr_assert_eq(worker->streams->outgoing_idle_count, 0);
    turn_until_closed(MANY);
    cr_assert_eq(worker->streams->outgoing_idle_count, EVF__OUTGOING_IDLE_MAX);
    unsigned kept = 0;
    for (const struct evf__list *at = worker->streams->outgoing.next;
         at != &worker->streams->outgoing; at = at->next)
        kept++;
    cr_assert_eq(kept, EVF__OUTGOING_IDLE_MAX);
    evf_stream *stream = dial(&handlers[MANY - 1]);
    cr_assert_eq(worker->streams->outgoing_idle_count, EVF__OUTGOING_IDLE_MAX - 1,
                 "one of those used last is used again");
    cr_assert_eq(evf_stream_handler(stream), &handlers[MANY - 1]);
    turn_until_closed(MANY + 1);
}

Test(outgoing, options_are_checked_as_the_kernel_would)
{
    const struct evf_handler handler = { .struct_size = sizeof handler, .close = on_close };
    const struct evf_connect to = { .struct_size = sizeof to, .host = "127.0.0.1", .port = 1 };
    evf_stream *stream;
    cr_assert_eq(evf__connect(worker, &to, &handler, &connector, &stream), 0);
    cr_expect_eq(evf_set_keepalive(stream, true, 32767, 32767, 127), 0);
    cr_expect_eq(evf_set_keepalive(stream, true, 32768, 0, 0), -EINVAL);
    cr_expect_eq(evf_set_keepalive(stream, true, 0, 32768, 0), -EINVAL);
    cr_expect_eq(evf_set_keepalive(stream, true, 0, 0, 128), -EINVAL);
    cr_expect_eq(evf_set_tos(stream, 255), 0);
    cr_expect_eq(evf_set_tos(stream, 256), -EINVAL);
    cr_expect_eq(evf_set_tos(stream, -1), -EINVAL);
    evf_close_with(stream, -ECONNREFUSED);
    turn_until_closed(1);
}
