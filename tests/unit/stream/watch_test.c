/* SPDX-License-Identifier: MIT
 *
 * Which streams the transport watches for input: one that is served among others is looked at once
 * more before that, and no stream is ever forgotten. A transport of many streams, played here.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "bench.h"

enum { LINKS = 24 };

/* The other side of one stream. */
struct link {
    evf_stream *stream; /* NULL: gone */
    size_t waiting;     /* bytes that have come and were not received */
    size_t sent;        /* bytes that have come at all */
    bool ended, watched, shut_down;
    unsigned watches, receives;
};

static struct link links[LINKS];
static unsigned closes;
static evf_worker *worker;

static struct link *link_of(const evf_stream *stream)
{
    unsigned at = 0;
    while (at < LINKS && links[at].stream != stream)
        at++;
    cr_assert_lt(at, LINKS, "a stream without a link");
    return &links[at];
}

static void link_open(evf_stream *stream, int fd)
{
    cr_assert_null(links[fd].stream);
    links[fd].stream = stream;
}

static ssize_t link_receive(evf_stream *stream, void *room, size_t len)
{
    struct link *link = link_of(stream);
    size_t got = link->waiting < len ? link->waiting : len;
    link->receives++;
    if (got == 0)
        return link->ended ? 0 : -EAGAIN;
    memset(room, 'x', got);
    link->waiting -= got;
    return (ssize_t)got;
}

static int link_watch(evf_stream *stream, bool on)
{
    struct link *link = link_of(stream);
    cr_assert_neq(link->watched, on);
    link->watched = on;
    link->watches += on;
    return 0;
}

static int link_shut_down(evf_stream *stream)
{
    link_of(stream)->shut_down = true;
    return 0;
}

static void link_close(evf_stream *stream, bool reset)
{
    struct link *link = link_of(stream);
    cr_assert_not(link->watched || reset);
    link->stream = NULL;
    closes++;
}

static bool link_is_unix(const evf_stream *stream)
{
    (void)stream;
    return true;
}

static const struct evf__transport transport = {
    .name = "links",
    .open = link_open,
    .receive = link_receive,
    .watch_input = link_watch,
    .shut_down = link_shut_down,
    .close = link_close,
    .is_unix = link_is_unix,
};

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };
static struct evf__origin origin;

static void begin(void)
{
    struct evf__worker_settings settings = { .mailbox = 16, .page_size = 64 * 1024 };
    memset(links, 0, sizeof links);
    closes = 0;
    origin = (struct evf__origin){
        .handler = &handler,
        .plugin = "links",
        .transport = &transport,
        .accepted = true,
        .limits = { .max_frame = 1 << 20, .write_high = 1 << 20, .write_max = 8 << 20 },
    };
    worker = aligned_alloc(64, (sizeof *worker + 63) & ~(size_t)63);
    cr_assert_not_null(worker);
    memset(worker, 0, sizeof *worker);
    cr_assert_eq(evf__worker_init(worker, &settings), 0);
    cr_assert_eq(evf__streams_init(worker), 0);
}

/* As the end of a turn: every stream that is to be read is watched, or has its turn coming. */
static void check_none_forgotten(void)
{
    for (unsigned i = 0; i < LINKS; i++) {
        const evf_stream *stream = links[i].stream;
        if (stream == NULL)
            continue;
        bool listed = (stream->flags & EVF__ON_READY) != 0;
        if (evf__stream_reads(stream))
            cr_assert(links[i].watched || listed, "stream %u is forgotten", i);
        else
            cr_assert(!links[i].watched || listed);
    }
}

static void turn(void)
{
    for (unsigned i = 0; i < LINKS; i++)
        if (links[i].watched && (links[i].waiting > 0 || links[i].ended))
            evf__stream_ready(links[i].stream, EVF__READABLE);
    evf__streams_input_output(worker);
    evf__streams_flush_and_close(worker);
    check_none_forgotten();
}

static bool event_waits(void)
{
    for (unsigned i = 0; i < LINKS; i++)
        if (links[i].watched && (links[i].waiting > 0 || links[i].ended))
            return true;
    return false;
}

static void settle(void)
{
    for (unsigned i = 0; i < 100 && (evf__streams_pending(worker) || event_waits()); i++)
        turn();
    cr_assert_not(evf__streams_pending(worker), "the worker may sleep");
}

static void finish(void)
{
    evf__streams_close_all(worker, 0);
    settle();
    cr_assert_eq(evf__streams_count(worker), 0);
    evf__streams_fini(worker);
    evf__worker_fini(worker);
    free(worker);
}

static void accept_link(unsigned at, size_t bytes)
{
    links[at] = (struct link){ .waiting = bytes, .sent = bytes };
    origin.open_streams++;
    cr_assert_eq(evf__stream_accept(worker, (int)at, &origin, NULL, 0), 0);
}

static void come(unsigned at, size_t bytes)
{
    links[at].waiting += bytes;
    links[at].sent += bytes;
}

TestSuite(watch, .init = begin, .fini = finish);

Test(watch, of_a_connection_that_is_soon_over_is_never_begun)
{
    for (unsigned i = 0; i < 4; i++)
        accept_link(i, 10);
    turn();
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_not(links[i].watched, "others were served behind it");
        links[i].ended = true;
    }
    cr_assert(links[3].watched, "the last one had no time to go on");
    settle();
    cr_assert_eq(closes, 3);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(links[i].watches, 0);
        cr_assert_eq(links[i].receives, 2);
    }
}

Test(watch, begins_at_the_second_look)
{
    for (unsigned i = 0; i < 4; i++)
        accept_link(i, 10);
    turn();
    cr_assert(evf__streams_pending(worker), "a look is due: no sleep");
    turn();
    cr_assert_not(evf__streams_pending(worker));
    for (unsigned i = 0; i < 4; i++)
        cr_assert(links[i].watched);
}

Test(watch, begins_at_once_when_nothing_has_come)
{
    for (unsigned i = 0; i < 4; i++)
        accept_link(i, 0);
    turn();
    for (unsigned i = 0; i < 4; i++)
        cr_assert(links[i].watched && links[i].receives == 1);
    cr_assert_not(evf__streams_pending(worker));
}

Test(watch, once_begun_goes_on)
{
    for (unsigned i = 0; i < 4; i++)
        accept_link(i, 0);
    settle();
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 4; i++)
            come(i, 10);
        turn();
        cr_assert_not(evf__streams_pending(worker));
    }
    for (unsigned i = 0; i < 4; i++)
        cr_assert(links[i].watches == 1 && links[i].receives == 6);
}

static void act(struct random *random)
{
    unsigned at = (unsigned)random_below(random, LINKS);
    struct link *link = &links[at];
    if (link->stream == NULL) {
        accept_link(at, random_below(random, 3) * 100);
        return;
    }
    switch (random_below(random, 6)) {
    case 0:
        link->ended = true;
        break;
    case 1:
        evf_pause(link->stream);
        evf__stream_ready(link->stream, 0); /* as from its own callback: its step follows */
        break;
    case 2:
        evf_resume(link->stream);
        break;
    case 3:
        (void)evf_end(link->stream);
        break;
    default:
        if (!link->ended)
            come(at, 1 + random_below(random, 1000));
        break;
    }
}

/* Streams that come, send, pause, go on and end in any order. */
Test(watch, forgets_no_stream)
{
    struct random random = random_start();
    for (unsigned round = 0; round < random_rounds(20000); round++) {
        for (uint64_t i = random_below(&random, 2 * LINKS); i > 0; i--)
            act(&random);
        turn();
        if (random_below(&random, 8) > 0)
            continue;
        for (unsigned i = 0; i < LINKS; i++)
            if (links[i].stream != NULL)
                evf_resume(links[i].stream);
        turn();
        settle();
        for (unsigned i = 0; i < LINKS; i++) {
            if (links[i].stream == NULL)
                continue;
            cr_assert_eq(evf_bytes_read(links[i].stream), links[i].sent, "all was received");
            cr_assert_not(links[i].ended, "its end was not seen");
        }
    }
}
