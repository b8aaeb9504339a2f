/* SPDX-License-Identifier: MIT
 *
 * Test plugin: keeps what it reads. Lines:
 *
 *   where      answers with the address at which these bytes lie ("at HEX\n"), keeps nothing
 *   hold       keeps this input and answers "held\n"
 *   check      "right\n" when every held byte is still as it came, else "wrong\n"
 *   drop       drops all that is held: "dropped\n"
 *
 * One command per packet; what follows the word on a line is filling, so that a test decides how
 * large a slice is. Holds belong to the worker and outlive the stream.
 */
#include <string.h>

#include "report.h"

enum { HELD_MAX = 4096 };

struct keeper {
    unsigned count;
    evf_slice held[HELD_MAX];
    uint32_t sums[HELD_MAX];
};

static uint32_t sum_of(evf_slice slice)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < slice.len; i++)
        sum = sum * 31 + slice.data[i];
    return sum;
}

static void drop_all(struct keeper *keeper)
{
    while (keeper->count > 0)
        evf_slice_drop(keeper->held[--keeper->count]);
}

static void answer(evf_stream *stream, const char *text)
{
    evf_write(stream, text, strlen(text));
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    struct keeper *keeper =
        evf_worker_state(evf_stream_instance(stream), evf_stream_worker(stream));

    if (input.data[input.len - 1] != '\n')
        return 0; /* the rest of the line has not come */
    if (memcmp(input.data, "where", 5) == 0) {
        char text[40];

        snprintf(text, sizeof text, "at %llx\n", (unsigned long long)(uintptr_t)input.data);
        answer(stream, text);
    } else if (memcmp(input.data, "hold", 4) == 0 && keeper->count < HELD_MAX) {
        keeper->sums[keeper->count] = sum_of(input);
        keeper->held[keeper->count++] = evf_slice_keep(input);
        answer(stream, "held\n");
    } else if (memcmp(input.data, "check", 5) == 0) {
        bool right = true;

        for (unsigned i = 0; i < keeper->count; i++)
            right &= sum_of(keeper->held[i]) == keeper->sums[i];
        answer(stream, right ? "right\n" : "wrong\n");
    } else if (memcmp(input.data, "drop", 4) == 0) {
        drop_all(keeper);
        answer(stream, "dropped\n");
    }
    return input.len;
}

static void worker_stop(evf_instance *instance, evf_worker *worker)
{
    drop_all(evf_worker_state(instance, worker));
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = on_data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "keeper",
    .version = "1.0.0",
    .summary = "keeps what it reads",
    .handler = &handler,
    .worker_state_size = sizeof(struct keeper),
    .worker_stop = worker_stop,
};
