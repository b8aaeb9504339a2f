/* SPDX-License-Identifier: MIT
 *
 * Test plugin: talk between workers, and work off the loop. Lines:
 *
 *   spread N     N numbered posts to every worker, itself included; each checks their order and
 *                answers with evf_post_message when it has them all. Then "spread ok" or "disorder"
 *   full         posts to its own worker until refused: "full N", N having been taken; and all of
 *                them run: "ran N"
 *   offload MS   blocking work on a helper: "offloaded" on the way out, "done" when it came back
 *   crowd N      offloads N pieces of 50 ms and tells "crowd TAKEN REFUSED"
 *   ping         "pong"
 *   self         "self" when evf_worker_self is the worker of the stream
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

/* One order for one receiving worker; freed when its reply has arrived. */
struct order {
    struct evf_message reply;
    evf_worker *from;
    uint64_t stream_id;
    uint64_t wanted, received;
    bool wrong;
    struct order_group *group;
};

struct order_group {
    unsigned open;
    bool wrong;
    struct order orders[256];
};

struct numbered {
    struct order *order;
    uint64_t number;
};

static void say(evf_worker *worker, uint64_t id, const char *text)
{
    evf_stream *stream = evf_stream_find(worker, id);

    if (stream != NULL)
        evf_write(stream, text, strlen(text));
}

static void reply_arrived(evf_worker *worker, void *argument)
{
    struct order *order = argument;
    struct order_group *group = order->group;

    group->wrong |= order->wrong;
    if (--group->open > 0)
        return;
    say(worker, order->stream_id, group->wrong ? "disorder\n" : "spread ok\n");
    free(group);
}

static void number_arrived(evf_worker *worker, void *argument)
{
    struct numbered *item = argument;
    struct order *order = item->order;

    if (item->number != order->received || worker != evf_worker_self())
        order->wrong = true;
    free(item);
    if (++order->received == order->wanted)
        evf_post_message(order->from, &order->reply, reply_arrived, order);
}

static void spread(evf_stream *stream, unsigned long count)
{
    evf_instance *instance = evf_stream_instance(stream);
    struct order_group *group = calloc(1, sizeof *group);
    unsigned workers = evf_worker_count(instance);

    if (group == NULL)
        return;
    group->open = workers;
    for (unsigned i = 0; i < workers; i++) {
        struct order *order = &group->orders[i];

        order->from = evf_stream_worker(stream);
        order->stream_id = evf_stream_id(stream);
        order->wanted = count;
        order->group = group;
    }
    for (unsigned long number = 0; number < count; number++) {
        for (unsigned i = 0; i < workers; i++) {
            struct numbered *item = malloc(sizeof *item);

            if (item == NULL)
                abort();
            *item = (struct numbered){ &group->orders[i], number };
            if (evf_post(evf_worker_at(instance, i), number_arrived, item) != 0) {
                group->orders[i].wrong = true;
                free(item);
            }
        }
    }
}

static void full_arrived(evf_worker *worker, void *argument)
{
    uint64_t *left = argument; /* stream id, then what is still to come, then all */
    char text[64];

    if (--left[1] > 0)
        return;
    snprintf(text, sizeof text, "ran %llu\n", (unsigned long long)left[2]);
    say(worker, left[0], text);
    free(left);
}

static void full(evf_stream *stream)
{
    uint64_t *left = calloc(3, sizeof *left);
    char text[64];
    int status;

    if (left == NULL)
        return;
    left[0] = evf_stream_id(stream);
    while ((status = evf_post(evf_stream_worker(stream), full_arrived, left)) == 0)
        left[2]++;
    left[1] = left[2];
    evf_write(stream, text,
              (size_t)snprintf(text, sizeof text, "full %s %llu\n", report_status(status),
                               (unsigned long long)left[2]));
}

struct work {
    uint64_t stream_id;
    int ms;
    bool tell;
    bool self_was_null;
};

static void do_work(void *argument)
{
    struct work *work = argument;

    work->self_was_null = evf_worker_self() == NULL;
    poll(NULL, 0, work->ms);
}

static void work_done(evf_worker *worker, void *argument)
{
    struct work *work = argument;

    if (work->tell)
        say(worker, work->stream_id, work->self_was_null ? "done\n" : "not on a helper\n");
    free(work);
}

static int offload(evf_stream *stream, int ms, bool tell)
{
    struct work *work = malloc(sizeof *work);
    int status;

    if (work == NULL)
        return -ENOMEM;
    *work = (struct work){ evf_stream_id(stream), ms, tell, false };
    status = evf_offload(evf_stream_worker(stream), do_work, work_done, work);
    if (status != 0)
        free(work);
    return status;
}

static void crowd(evf_stream *stream, unsigned long count)
{
    unsigned taken = 0, refused = 0, other = 0;
    char text[64];

    while (count-- > 0) {
        int status = offload(stream, 50, false);

        taken += status == 0;
        refused += status == -EAGAIN;
        other += status != 0 && status != -EAGAIN;
    }
    evf_write(stream, text,
              (size_t)snprintf(text, sizeof text, "crowd %u %u %u\n", taken, refused, other));
}

static void run(evf_stream *stream, const char *line)
{
    unsigned long number = strtoul(line + strcspn(line, " "), NULL, 10);

    if (strncmp(line, "spread", 6) == 0)
        spread(stream, number);
    else if (strcmp(line, "full") == 0)
        full(stream);
    else if (strncmp(line, "offload", 7) == 0)
        evf_write(stream, offload(stream, (int)number, true) == 0 ? "offloaded\n" : "refused\n",
                  10);
    else if (strncmp(line, "crowd", 5) == 0)
        crowd(stream, number);
    else if (strcmp(line, "ping") == 0)
        evf_write(stream, "pong\n", 5);
    else if (strcmp(line, "self") == 0)
        evf_write(stream, evf_worker_self() == evf_stream_worker(stream) ? "self\n" : "other\n", 5);
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

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = on_data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "posts",
    .version = "1.0.0",
    .summary = "talks between workers",
    .handler = &handler,
};
