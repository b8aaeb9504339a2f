/* SPDX-License-Identifier: MIT
 *
 * The table of streams: ids are found, never return, and memory comes back.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "stream/state.h"

enum { MOST = 3000, STEPS = 60000 };

static const size_t state_sizes[] = { 0, 16, 200, 5000, 60000 };

static struct evf__extents source;
static evf_worker *worker;
static struct evf__stream_table table;

static void begin(void)
{
    worker = calloc(1, sizeof *worker);
    worker->index = 7;
    evf__extents_init(&source);
    cr_assert_eq(evf__stream_table_init(&table, worker, &source), 0);
}

static void finish(void)
{
    evf__stream_table_fini(&table);
    evf__extents_fini(&source);
    free(worker);
}

TestSuite(table, .init = begin, .fini = finish);

Test(table, finds_what_exists_and_never_a_stream_that_is_gone)
{
    struct random random = random_start();
    static struct {
        evf_stream *stream;
        uint64_t id;
    } live[MOST];
    static uint64_t gone[STEPS];
    size_t count = 0, gone_count = 0;
    for (int i = 0; i < STEPS; i++) {
        bool grow = random_below(&random, 100) < (i / 10000 % 2 == 0 ? 60u : 40u);
        if (grow && count < MOST) {
            size_t size = state_sizes[random_below(&random, 5)];
            evf_stream *stream = evf__stream_table_take(&table, size);
            cr_assert_not_null(stream);
            cr_assert_eq((uintptr_t)stream % 16, 0);
            memset(stream + 1, 0xff, size);
            live[count].stream = stream;
            live[count].id = evf__stream_table_id(stream);
            cr_assert_neq(live[count].id, 0);
            count++;
        } else if (count > 0) {
            size_t at = random_below(&random, count);
            gone[gone_count++] = live[at].id;
            evf__stream_table_give(&table, live[at].stream);
            live[at] = live[--count];
        }
        if (count > 0) {
            size_t at = random_below(&random, count);
            cr_assert_eq(evf__stream_table_find(&table, live[at].id), live[at].stream);
        }
        if (gone_count > 0) {
            size_t at = random_below(&random, gone_count);
            cr_assert_null(evf__stream_table_find(&table, gone[at]));
        }
        if (i % 1000 == 0)
            evf__stream_table_check(&table);
    }
    for (size_t i = 0; i < count; i++) {
        gone[gone_count++] = live[i].id;
        evf__stream_table_give(&table, live[i].stream);
    }
    for (size_t i = 0; i < gone_count; i++)
        cr_assert_null(evf__stream_table_find(&table, gone[i]));
    evf__stream_table_check(&table);
}

Test(table, gives_zeroed_state_again_and_again)
{
    for (int i = 0; i < 10; i++) {
        evf_stream *stream = evf__stream_table_take(&table, 100);
        const uint8_t *state = (const uint8_t *)(stream + 1);
        for (int at = 0; at < 100; at++)
            cr_assert_eq(state[at], 0);
        memset(stream + 1, 0xee, 100);
        evf__stream_table_give(&table, stream);
    }
}

Test(table, never_uses_a_slot_again_whose_generations_are_used_up)
{
    evf_stream *stream = evf__stream_table_take(&table, 0);
    stream->generation = UINT32_MAX;
    uint64_t id = evf__stream_table_id(stream);
    evf__stream_table_give(&table, stream);
    evf_stream *next = evf__stream_table_take(&table, 0);
    cr_assert_neq(next, stream);
    cr_assert_null(evf__stream_table_find(&table, id));
    evf__stream_table_give(&table, next);
    evf__stream_table_check(&table);
}

Test(table, finds_nothing_under_made_up_ids)
{
    struct random random = random_start();
    evf_stream *stream = evf__stream_table_take(&table, 0);
    uint64_t id = evf__stream_table_id(stream);
    for (int i = 0; i < 100000; i++) {
        uint64_t other = random_next(&random);
        if (other != id)
            cr_assert_null(evf__stream_table_find(&table, other));
        other = id ^ 1ull << random_below(&random, 64);
        cr_assert_null(evf__stream_table_find(&table, other));
    }
    evf__stream_table_give(&table, stream);
}

Test(table, gives_no_id_twice_to_tables_of_one_process)
{
    struct evf__stream_table other;
    cr_assert_eq(evf__stream_table_init(&other, worker, &source), 0);
    evf_stream *here = evf__stream_table_take(&table, 0);
    evf_stream *there = evf__stream_table_take(&other, 0);
    uint64_t id = evf__stream_table_id(there);
    cr_assert_neq(evf__stream_table_id(here), id);
    cr_assert_null(evf__stream_table_find(&table, id));
    evf__stream_table_give(&other, there);
    evf__stream_table_fini(&other);
    cr_assert_eq(evf__stream_table_init(&other, worker, &source), 0);
    there = evf__stream_table_take(&other, 0);
    cr_assert_neq(evf__stream_table_id(there), id, "a table that comes later goes on");
    evf__stream_table_give(&other, there);
    evf__stream_table_give(&table, here);
    evf__stream_table_fini(&other);
}
