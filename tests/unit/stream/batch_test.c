/* SPDX-License-Identifier: MIT
 *
 * Many readable streams in one turn: their input is received in batches and presented afterwards.
 * Whatever the callbacks do to each other's streams in between, each stream gets its own bytes, all
 * of them, in order, and none after it was closed or while it is paused.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "bench.h"

enum { CROWD = 80, BYTES = 300 * 1000 };

static struct random trouble;

/* What the model knows of one stream. The byte at place n of its input is a function of both. */
static struct person {
    struct bench bench;
    uint8_t *input;
    size_t sent, taken; /* given to the wire; consumed by `data` */
    bool paused, closed, ended;
    unsigned closes, ends;
    evf_slice kept;
    size_t kept_at;
} crowd[CROWD];

static bool meddles; /* callbacks pause, resume and close other streams */
static void (*at_data)(struct person *person, evf_slice input);

static struct person *person_of(evf_stream *stream)
{
    return EVF__OWNER(stream->origin, struct person, bench.origin);
}

static void expect_bytes(const struct person *person, size_t at, const uint8_t *bytes, size_t len)
{
    cr_assert_leq(at + len, person->sent);
    cr_assert_eq(memcmp(bytes, person->input + at, len), 0, "the stream's own bytes, in order");
}

static void drop_kept(struct person *person)
{
    if (person->kept.page == NULL)
        return;
    expect_bytes(person, person->kept_at, person->kept.data, person->kept.len);
    evf_slice_drop(person->kept);
    person->kept = (evf_slice){ 0 };
}

static void set_paused(struct person *person, bool paused)
{
    person->paused = paused;
    if (paused)
        evf_pause(person->bench.stream);
    else
        evf_resume(person->bench.stream);
}

static void close_person(struct person *person)
{
    person->closed = true;
    if (random_below(&trouble, 2) == 0)
        evf_close(person->bench.stream);
    else
        evf_reset(person->bench.stream);
}

static void meddle(void)
{
    struct person *other = &crowd[random_below(&trouble, CROWD)];
    if (other->closed)
        return;
    if (random_below(&trouble, 40) == 0)
        close_person(other);
    else
        set_paused(other, random_below(&trouble, 2) == 0);
}

static size_t crowd_data(evf_stream *stream, evf_slice input)
{
    struct person *person = person_of(stream);
    cr_assert_not(person->closed, "no data after a close");
    cr_assert_not(person->paused, "no data in a pause");
    cr_assert_eq(person->ends, 0, "no data after the end");
    expect_bytes(person, person->taken, input.data, input.len);
    size_t used = input.len;
    if (meddles && random_below(&trouble, 4) == 0)
        used = random_below(&trouble, (uint32_t)input.len + 1);
    if (meddles && random_below(&trouble, 8) == 0 && person->kept.page == NULL && used > 0) {
        person->kept_at = person->taken;
        person->kept = evf_slice_keep(evf_slice_sub(input, 0, used));
    } else if (random_below(&trouble, 4) == 0) {
        drop_kept(person);
    }
    person->taken += used;
    if (at_data != NULL)
        at_data(person, input);
    if (meddles && random_below(&trouble, 5) == 0)
        meddle();
    return used;
}

static void crowd_end(evf_stream *stream)
{
    struct person *person = person_of(stream);
    cr_assert(person->ended, "the peer has ended");
    cr_assert_not(person->closed);
    person->ends++;
    evf_end(stream);
}

static void crowd_close(evf_stream *stream, int reason)
{
    struct person *person = person_of(stream);
    (void)reason;
    person->closes++;
    person->closed = true;
    drop_kept(person);
}

static const struct evf_handler crowd_handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = crowd_data,
    .end = crowd_end,
    .close = crowd_close,
};

static void assemble(void)
{
    at_data = NULL;
    meddles = false;
    for (int i = 0; i < CROWD; i++) {
        struct person *person = &crowd[i];
        *person = (struct person){ .input = malloc(BYTES) };
        cr_assert_not_null(person->input);
        for (size_t n = 0; n < BYTES; n++)
            person->input[n] = (uint8_t)((n * 31 + n / 251) ^ (size_t)i * 7);
        if (i == 0)
            bench_open(&person->bench, &crowd_handler);
        else
            bench_join(&person->bench, &crowd[0].bench, &crowd_handler);
        person->bench.wire.input = person->input;
    }
    bench_turn(&crowd[0].bench); /* all are watched */
    for (int i = 0; i < CROWD; i++)
        crowd[i].bench.wire.receives = 0;
}

static void dismiss(void)
{
    evf__streams_close_all(crowd[0].bench.worker, 0);
    bench_finish(&crowd[0].bench);
    for (int i = 0; i < CROWD; i++) {
        cr_assert_eq(crowd[i].closes, 1);
        if (i > 0)
            bench_leave(&crowd[i].bench);
        free(crowd[i].input);
    }
}

static void send_more(struct person *person, size_t len)
{
    person->sent += len;
    person->bench.wire.input_len = person->sent;
}

/* True when the stream waits for input and its wire has some, or the end. */
static bool readable(const struct person *person)
{
    const struct wire *wire = &person->bench.wire;
    return !person->closed && wire->watched_input &&
           (wire->input_at < wire->input_len || wire->input_ended || wire->receive_error != 0);
}

/* As a level-triggered event would: again and again while something is there. */
static void turn(void)
{
    for (int i = 0; i < CROWD; i++)
        if (readable(&crowd[i]))
            evf__stream_ready(crowd[i].bench.stream, EVF__READABLE);
    bench_turn(&crowd[0].bench);
}

static void settle(void)
{
    for (int i = 0; i < 1000; i++)
        turn();
}

TestSuite(batch, .init = assemble, .fini = dismiss);

Test(batch, takes_one_receive_for_each_stream_and_presents_every_byte)
{
    for (int i = 0; i < CROWD; i++)
        send_more(&crowd[i], 1 + (size_t)i);
    turn();
    for (int i = 0; i < CROWD; i++) {
        cr_assert_eq(crowd[i].taken, crowd[i].sent);
        cr_assert_eq(crowd[i].bench.wire.receives, 1);
    }
}

Test(batch, reads_on_where_a_page_was_filled_within_the_budget_of_a_turn)
{
    send_more(&crowd[0], BYTES);
    turn();
    cr_assert_eq(crowd[0].taken, EVF__READ_BUDGET);
    settle();
    cr_assert_eq(crowd[0].taken, BYTES);
}

static unsigned received_before_first_data;

static void count_receives(struct person *person, evf_slice input)
{
    (void)person;
    (void)input;
    if (received_before_first_data > 0)
        return;
    for (int i = 0; i < CROWD; i++)
        received_before_first_data += crowd[i].bench.wire.receives;
}

Test(batch, receives_small_inputs_in_a_row_up_to_its_bounds)
{
    received_before_first_data = 0;
    at_data = count_receives;
    for (int i = 0; i < CROWD; i++)
        send_more(&crowd[i], 40);
    turn();
    cr_assert_eq(received_before_first_data, EVF__RECEIVE_BATCH);

    received_before_first_data = 0;
    for (int i = 0; i < CROWD; i++) {
        crowd[i].bench.wire.receives = 0;
        send_more(&crowd[i], EVF__RECEIVE_BATCH_BYTES / 2);
    }
    turn();
    cr_assert_eq(received_before_first_data, 2);
}

static void close_all_others(struct person *person, evf_slice input)
{
    (void)input;
    for (int i = 0; i < CROWD; i++)
        if (&crowd[i] != person && !crowd[i].closed)
            close_person(&crowd[i]);
}

Test(batch, presents_nothing_to_a_stream_that_an_earlier_callback_closed)
{
    at_data = close_all_others;
    for (int i = 0; i < CROWD; i++)
        send_more(&crowd[i], 100);
    turn();
    cr_assert_eq(crowd[0].taken, 100);
    for (int i = 1; i < CROWD; i++)
        cr_assert_eq(crowd[i].taken, 0);
}

static void pause_all_others(struct person *person, evf_slice input)
{
    (void)input;
    for (int i = 0; i < CROWD; i++)
        if (&crowd[i] != person)
            set_paused(&crowd[i], true);
    at_data = NULL;
}

Test(batch, keeps_what_a_stream_received_before_an_earlier_callback_paused_it)
{
    at_data = pause_all_others;
    for (int i = 0; i < CROWD; i++)
        send_more(&crowd[i], 100);
    turn();
    for (int i = 1; i < CROWD; i++) {
        cr_assert_eq(crowd[i].taken, 0);
        set_paused(&crowd[i], false);
    }
    settle();
    for (int i = 1; i < CROWD; i++)
        cr_assert_eq(crowd[i].taken, 100);
}

Test(batch, gives_an_end_and_an_error_to_the_stream_they_belong_to)
{
    send_more(&crowd[0], 10);
    crowd[1].ended = crowd[1].bench.wire.input_ended = true;
    send_more(&crowd[1], 0);
    crowd[2].bench.wire.receive_error = -ECONNRESET;
    send_more(&crowd[2], 0);
    send_more(&crowd[3], 10);
    turn();
    turn();
    cr_assert_eq(crowd[0].taken, 10);
    cr_assert_eq(crowd[1].ends, 1);
    cr_assert_eq(crowd[2].closes, 1);
    cr_assert_eq(crowd[3].taken, 10);
}

static void ask_others_for_ten(struct person *person, evf_slice input)
{
    (void)input;
    for (int i = 0; i < CROWD; i++)
        if (&crowd[i] != person)
            evf_need(crowd[i].bench.stream, 10);
    at_data = NULL;
}

Test(batch, holds_to_a_need_that_came_behind_the_bytes_and_keeps_nothing_of_it)
{
    at_data = ask_others_for_ten;
    send_more(&crowd[0], 100);
    send_more(&crowd[1], 100);
    send_more(&crowd[2], 9);
    turn();
    cr_assert_eq(crowd[1].taken, 100);
    cr_assert_eq(crowd[2].taken, 0, "one byte is missing");
    for (int i = 2; i < CROWD; i++)
        send_more(&crowd[i], 10);
    settle();
    for (int i = 0; i < CROWD; i++)
        cr_assert_eq(crowd[i].taken, crowd[i].sent);
    cr_assert_eq(crowd[0].bench.worker->streams->inputs.in_use, 0);
}

static void fill_the_second(struct person *person, evf_slice input)
{
    static const uint8_t much[2 << 20];
    (void)input;
    if (person == &crowd[0])
        cr_assert_eq(evf_write(crowd[1].bench.stream, much, sizeof much), EVF_FULL);
    else
        cr_assert_eq(evf_ready_state(person->bench.stream), EVF_OPEN, "it can still be answered");
}

Test(batch, presents_before_the_quiesce_what_was_received_before_another_filled_the_queue)
{
    evf_worker *worker = crowd[0].bench.worker;
    at_data = fill_the_second;
    send_more(&crowd[0], 100);
    send_more(&crowd[1], 100);
    crowd[1].bench.wire.takes = 0;
    worker->stop_deadline_ms = worker->now_ms + 10000;
    evf__streams_quiesce(worker);
    turn();
    cr_assert_eq(crowd[0].taken, 100);
    cr_assert_eq(evf_ready_state(crowd[0].bench.stream), EVF_READ_ONLY);
    cr_assert_eq(crowd[1].taken, 0, "held back: its queue is full");

    crowd[1].bench.wire.takes = SIZE_MAX;
    evf__stream_ready(crowd[1].bench.stream, EVF__WRITABLE);
    settle();
    cr_assert_eq(crowd[1].taken, 100);
    cr_assert_eq(evf_ready_state(crowd[1].bench.stream), EVF_READ_ONLY);
}

Test(batch, loses_and_mixes_nothing_whatever_callbacks_do_to_each_other)
{
    meddles = true;
    trouble = random_start();
    for (int round = 0; round < (int)random_rounds(400); round++) {
        for (int i = 0; i < CROWD; i++) {
            size_t most = random_below(&trouble, 10) == 0 ? 100 * 1000 : 700;
            size_t len = random_below(&trouble, (uint32_t)most);
            if (crowd[i].sent + len <= BYTES && random_below(&trouble, 3) > 0)
                send_more(&crowd[i], len);
        }
        if (random_below(&trouble, 4) == 0)
            meddle();
        turn();
    }
    meddles = false;
    for (int i = 0; i < CROWD; i++) {
        if (crowd[i].closed)
            continue;
        set_paused(&crowd[i], false);
        crowd[i].ended = crowd[i].bench.wire.input_ended = true;
        send_more(&crowd[i], 0);
    }
    settle();
    for (int i = 0; i < CROWD; i++)
        if (crowd[i].ends > 0)
            cr_assert_eq(crowd[i].taken, crowd[i].sent, "all that was sent arrives");
        else
            cr_assert(crowd[i].closed);
}
