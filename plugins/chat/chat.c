/* SPDX-License-Identifier: MIT
 *
 * chat: people with names talk in rooms, across all workers. The example for work that crosses
 * workers: docs/chat.md tells the protocol and the design, server.h where to read on.
 *
 * This file is the plugin's descriptor: options, instances, workers. start runs on the main thread,
 * worker_start and worker_stop on each worker.
 */
#include <errno.h>
#include <sys/random.h>

#include "connection.h"
#include "person.h"
#include "server.h"

static const struct evf_option options[] = {
    { .name = "max-line",
      .type = EVF_OPTION_SIZE,
      .default_value = "1k",
      .min = 64,
      .max = 16 * 1024,
      .help = "longest line that people may send" },
    { .name = "max-name",
      .type = EVF_OPTION_SIZE,
      .default_value = "32",
      .min = 1,
      .max = CHAT_LABEL_MAX,
      .help = "longest name of a person or a room, in bytes of UTF-8" },
    { .name = "max-rooms",
      .type = EVF_OPTION_INT,
      .default_value = "10000",
      .min = 1,
      .max = 1000 * 1000,
      .help = "rooms that may exist at the same time" },
    { 0 },
};

static int chat_start(evf_instance *instance)
{
    struct chat_instance *chat = evf_instance_state(instance);
    chat->instance = instance;
    chat->workers = evf_worker_count(instance);
    chat->max_line = (uint32_t)evf_option_int(instance, "max-line");
    chat->max_label = (uint32_t)evf_option_int(instance, "max-name");
    chat->rooms.max = (unsigned)evf_option_int(instance, "max-rooms");
    if (getrandom(&chat->key, sizeof chat->key, GRND_NONBLOCK) != (ssize_t)sizeof chat->key)
        return evf_fail(instance, "the kernel has no random bytes yet: %s", evf_strerror(-errno));
    chat->messages = evf_counter_new(instance, "messages", "messages said in rooms");
    chat->deliveries = evf_counter_new(instance, "deliveries", "messages written to members");
    chat->dropped = evf_counter_new(instance, "dropped", "people who read too slowly");
    chat->members = evf_gauge_new(instance, "members", "people who are in a room");
    if (chat->messages == NULL || chat->deliveries == NULL || chat->dropped == NULL ||
        chat->members == NULL)
        return evf_fail(instance, "no room for another instance's figures");
    return 0;
}

/* Every stream is closed and every letter has come back, unless the stop was cut short: then the
 * persons of lost letters are still here. */
static void chat_worker_stop(evf_instance *instance, evf_worker *evf)
{
    struct chat_worker *worker = evf_worker_state(instance, evf);
    evf_timer_stop(&worker->retry);
    while (!chat_list_empty(&worker->persons))
        chat_person_destroy(CHAT_OWNER(worker->persons.next, struct chat_person, link));
    if (worker->rooms.table.count > 0)
        evf_log(EVF_ERROR, "%zu rooms are held by nobody: a mistake in this plugin",
                worker->rooms.table.count);
    chat_rooms_fini(&worker->rooms);
    chat_homes_fini(&worker->homes);
    chat_names_fini(&worker->names);
}

static int chat_worker_start(evf_instance *instance, evf_worker *evf)
{
    struct chat_worker *worker = evf_worker_state(instance, evf);
    worker->worker = evf;
    worker->chat = evf_instance_state(instance);
    chat_list_init(&worker->persons);
    chat_list_init(&worker->waiting);
    int status = chat_names_init(&worker->names);
    if (status == 0)
        status = chat_homes_init(&worker->homes, &worker->chat->rooms, worker->chat->workers);
    if (status == 0)
        status = chat_rooms_init(&worker->rooms);
    if (status == 0)
        return 0;
    chat_worker_stop(instance, evf);
    return evf_fail(instance, "no memory for the tables of a worker");
}

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "chat",
    .version = EVF_VERSION,
    .summary = "people with names talk in rooms, across all workers",
    .options = options,
    .handler = &chat_handler,
    .instance_state_size = sizeof(struct chat_instance),
    .worker_state_size = sizeof(struct chat_worker),
    .start = chat_start,
    .worker_start = chat_worker_start,
    .worker_stop = chat_worker_stop,
};
