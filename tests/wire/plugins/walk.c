/* SPDX-License-Identifier: MIT
 *
 * Test plugin: walks over a worker's streams, and finding them by id. Lines:
 *
 *   count       "count N": streams that evf_each_stream visits
 *   nested      "nested N M": a walk in which each visit walks again; M visits in all
 *   close       closes all others inside a walk, and walks again: "close CLOSED LEFT"
 *   find        remembers the id of this stream; answers "find 1" when it finds itself by it
 *   close-last  closes the stream that said `find` last, and looks for it: "found 0"
 *   look        looks for the id that `find` remembered: "found 0" or "found 1"
 */
#include <string.h>

#include "report.h"

struct walk {
    uint64_t remembered;
};

struct visit {
    evf_stream *self;
    unsigned visits, inner_visits, closed;
};

__attribute__((format(printf, 2, 3))) static void say(evf_stream *stream, const char *format, ...)
{
    char text[64];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    evf_write(stream, text, (size_t)len);
}

static void count_one(evf_stream *stream, void *argument)
{
    struct visit *visit = argument;

    (void)stream;
    visit->visits++;
}

static unsigned count(evf_stream *stream)
{
    struct visit visit = { .self = stream };

    evf_each_stream(evf_stream_worker(stream), evf_stream_instance(stream), count_one, &visit);
    return visit.visits;
}

static void walk_inside(evf_stream *stream, void *argument)
{
    struct visit *visit = argument;

    visit->visits++;
    visit->inner_visits += count(stream);
}

static void close_other(evf_stream *stream, void *argument)
{
    struct visit *visit = argument;

    if (stream == visit->self)
        return;
    evf_close(stream);
    visit->closed++;
}

static void run(evf_stream *stream, const char *line)
{
    evf_instance *instance = evf_stream_instance(stream);
    evf_worker *worker = evf_stream_worker(stream);
    struct walk *walk = evf_worker_state(instance, worker);
    struct visit visit = { .self = stream };

    if (strcmp(line, "count") == 0) {
        say(stream, "count %u\n", count(stream));
    } else if (strcmp(line, "nested") == 0) {
        evf_each_stream(worker, instance, walk_inside, &visit);
        say(stream, "nested %u %u\n", visit.visits, visit.inner_visits);
    } else if (strcmp(line, "close") == 0) {
        evf_each_stream(worker, instance, close_other, &visit);
        say(stream, "close %u %u\n", visit.closed, count(stream));
    } else if (strcmp(line, "find") == 0) {
        walk->remembered = evf_stream_id(stream);
        say(stream, "find %u\n", evf_stream_find(worker, walk->remembered) == stream);
    } else if (strcmp(line, "close-last") == 0) {
        evf_stream *last = evf_stream_find(worker, walk->remembered);

        if (last != NULL)
            evf_close(last);
        say(stream, "found %u\n", evf_stream_find(worker, walk->remembered) != NULL);
    } else if (strcmp(line, "look") == 0) {
        say(stream, "found %u\n", evf_stream_find(worker, walk->remembered) != NULL);
    }
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    const uint8_t *end = memchr(input.data, '\n', input.len);
    char line[64];

    if (end == NULL)
        return 0;
    snprintf(line, sizeof line, "%.*s", (int)(end - input.data), (const char *)input.data);
    run(stream, line);
    return input.len;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = on_data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "walk",
    .version = "1.0.0",
    .summary = "walks over streams",
    .handler = &handler,
    .worker_state_size = sizeof(struct walk),
};
