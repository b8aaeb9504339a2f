/* SPDX-License-Identifier: MIT
 *
 * Test plugin: blocks its worker when told to, as a bad plugin would. First it tells its worker's
 * index in a byte.
 *
 *   block MS   keeps the worker for so long, then answers "unblocked"
 *   forever    the callback never returns
 *   offload    work given to a helper thread never returns
 *   ping       answers "pong"
 *
 * Time-outs and closes are reported.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static void never_return(void)
{
    for (;;)
        poll(NULL, 0, 1000);
}

static void work_forever(void *argument)
{
    (void)argument;
    never_return();
}

static void work_done(evf_worker *worker, void *argument)
{
    (void)worker;
    (void)argument;
}

static void run(evf_stream *stream, const char *line)
{
    if (strncmp(line, "block ", 6) == 0) {
        poll(NULL, 0, atoi(line + 6));
        evf_write(stream, "unblocked\n", 10);
    } else if (strcmp(line, "forever") == 0) {
        evf_log(EVF_INFO, "going to hang");
        never_return();
    } else if (strcmp(line, "offload") == 0) {
        evf_offload(evf_stream_worker(stream), work_forever, work_done, NULL);
    } else if (strcmp(line, "ping") == 0) {
        evf_write(stream, "pong\n", 5);
    }
}

static void on_open(evf_stream *stream)
{
    uint8_t index = (uint8_t)evf_worker_index(evf_stream_worker(stream));

    evf_write(stream, &index, 1);
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    size_t taken = 0;
    const uint8_t *end;

    while ((end = memchr(input.data + taken, '\n', input.len - taken)) != NULL) {
        char line[64];

        snprintf(line, sizeof line, "%.*s", (int)(end - input.data - (ptrdiff_t)taken),
                 (const char *)input.data + taken);
        taken = (size_t)(end - input.data) + 1;
        run(stream, line);
    }
    return taken;
}

static bool on_timeout(evf_stream *stream)
{
    report(stream, "timeout");
    return false;
}

static void on_close(evf_stream *stream, int reason)
{
    report(stream, "close %s", report_status(reason));
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = on_open,
    .data = on_data,
    .timeout = on_timeout,
    .close = on_close,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "stall",
    .version = "1.0.0",
    .summary = "blocks its worker when told to",
    .handler = &handler,
};
