/* SPDX-License-Identifier: MIT
 *
 * Test plugin: holds its worker until another worker's stream lets it go.
 *
 *   data busy|sleep    in `data`, computing or sleeping; then answers "held"
 *   timer busy         the same in a timer's callback
 *   many               a hundred timers that are due in one turn and take a few milliseconds each
 *   for MS             computes for so long by the clock
 *   go                 lets all go that are held, and answers "gone"
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <evframe/evframe.h>

/* The names are looked for in backtraces. */
#define CALL_OF_ITS_OWN __attribute__((noinline))

enum { MANY = 100, EACH_MS = 3 };

static _Atomic bool released;
static struct evf_timer timers[MANY];
static unsigned left;
static _Atomic int sink;

static uint64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static CALL_OF_ITS_OWN void compute_for_long(void)
{
    while (!atomic_load(&released))
        sink = (int)clock_ms();
}

static CALL_OF_ITS_OWN void sleep_for_long(void)
{
    while (!atomic_load(&released))
        poll(NULL, 0, 20);
    sink = 1;
}

static CALL_OF_ITS_OWN void compute_for(uint64_t ms)
{
    for (uint64_t begin = clock_ms(); clock_ms() < begin + ms;)
        sink = 2;
}

static void answer(evf_worker *worker, uint64_t id, const char *text)
{
    evf_stream *stream = evf_stream_find(worker, id);

    if (stream != NULL)
        evf_write(stream, text, strlen(text));
}

static void on_long_timer(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    (void)timer;
    compute_for_long();
    answer(worker, (uint64_t)(uintptr_t)argument, "held\n");
}

static void on_short_timer(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    (void)timer;
    compute_for(EACH_MS);
    if (--left == 0)
        answer(worker, (uint64_t)(uintptr_t)argument, "held\n");
}

static void run(evf_stream *stream, const char *line)
{
    evf_worker *worker = evf_stream_worker(stream);
    void *id = (void *)(uintptr_t)evf_stream_id(stream);

    if (strcmp(line, "data busy") == 0) {
        compute_for_long();
        evf_write(stream, "held\n", 5);
    } else if (strcmp(line, "data sleep") == 0) {
        sleep_for_long();
        evf_write(stream, "held\n", 5);
    } else if (strcmp(line, "timer busy") == 0) {
        evf_timer_start(worker, &timers[0], 1, on_long_timer, id);
    } else if (strcmp(line, "many") == 0) {
        left = MANY;
        for (unsigned i = 0; i < MANY; i++)
            evf_timer_start(worker, &timers[i], 1, on_short_timer, id);
    } else if (strncmp(line, "for ", 4) == 0) {
        evf_log(EVF_INFO, "computing");
        compute_for(strtoul(line + 4, NULL, 10));
        evf_write(stream, "held\n", 5);
    } else if (strcmp(line, "go") == 0) {
        atomic_store(&released, true);
        evf_write(stream, "gone\n", 5);
    }
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    char line[64];
    const uint8_t *end = memchr(input.data, '\n', input.len);

    if (end == NULL)
        return 0;
    snprintf(line, sizeof line, "%.*s", (int)(end - input.data), (const char *)input.data);
    run(stream, line);
    return (size_t)(end - input.data) + 1;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = on_data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "hold",
    .version = "2.0.1",
    .summary = "holds its worker until told otherwise",
    .handler = &handler,
};
