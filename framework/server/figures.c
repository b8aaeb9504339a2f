/* SPDX-License-Identifier: MIT
 *
 * A server's figures, summed over its workers and its acceptor. Any thread, from the start until
 * the server is freed: the blocks stay where they are when their threads have ended.
 */
#include "server/server.h"

#include "base/log.h"

static int64_t sum(const evf_server *server, unsigned slot)
{
    uint64_t total = evf__figure_get(&server->acceptor.figures, slot);
    for (unsigned i = 0; i < server->worker_count; i++)
        total += evf__figure_get(&server->worker_list[i]->figures, slot);
    return (int64_t)total; /* gauges may be negative: two's complement */
}

/* Figures of a listener that evframe itself counts. */
static void each_of_listener(const struct evf__listener *listener, evf_figure_fn *fn,
                             void *argument)
{
    const struct evf__origin *origin = &listener->origin;
    const struct evf_figure figures[] = {
        { .instance = listener->instance->label,
          .name = "refused_limit",
          .help = "closed at once: max-connections",
          .value = (int64_t)atomic_load_explicit(&origin->refused_limit, memory_order_relaxed) },
        { .instance = listener->instance->label,
          .name = "refused_blocked",
          .help = "closed at once: the peer's address is blocked or not allowed",
          .value = (int64_t)atomic_load_explicit(&origin->refused_blocked, memory_order_relaxed) },
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        fn(&figures[i], argument);
}

void evf_server_each_figure(const evf_server *server, evf_figure_fn *fn, void *argument)
{
    if (server->state == EVF__SERVER_NEW)
        return;
    for (unsigned i = 0; i < EVF__FIGURES_OWN; i++) {
        const struct evf__figure_text *text = &evf__figure_texts[i];
        struct evf_figure figure = { .name = text->name, .help = text->help, .gauge = text->gauge };
        figure.value = sum(server, i);
        fn(&figure, argument);
    }
    struct evf_figure lost = { .name = "log_lines_dropped",
                               .help = "log lines dropped for want of room, of the whole process",
                               .value = (int64_t)evf__log_dropped() };
    fn(&lost, argument);
    struct evf_figure stalls = { .name = "stalls",
                                 .help = "callbacks that held their worker longer than stall-warn",
                                 .value = (int64_t)evf__stalls_count(server) };
    fn(&stalls, argument);
    for (unsigned i = 0; i < server->listener_count; i++)
        each_of_listener(server->listeners[i], fn, argument);
    for (unsigned i = 0; i < server->figures->count; i++) {
        const struct evf__plugin_figure *entry = &server->figures->entries[i];
        struct evf_figure figure = { .instance = entry->instance->label,
                                     .name = entry->name,
                                     .help = entry->help,
                                     .gauge = entry->gauge,
                                     .value = sum(server, EVF__FIGURES_OWN + i) };
        fn(&figure, argument);
    }
}
