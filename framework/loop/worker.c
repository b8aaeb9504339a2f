/* SPDX-License-Identifier: MIT
 *
 * The worker: making it, and its public facts. How it waits is in wait.c. The worker's thread.
 */
#include "loop/worker.h"

_Thread_local evf_worker *evf__worker_current;

int evf__worker_init(evf_worker *worker, const struct evf__worker_settings *settings)
{
    int status;
    EVF_ASSERT(evf__worker_current == NULL);
    worker->index = settings->index;
    worker->offload = settings->offload;
    worker->now_ms = evf__clock_ms();
    evf__list_init(&worker->timers);
    evf__random_seed(worker);
    evf__wheel_init(&worker->wheel, worker->now_ms);
    evf__extents_init(&worker->extents);
    evf__pages_init(&worker->pages, &worker->extents, settings->page_size);
    status = evf__mailbox_init(&worker->mailbox, settings->mailbox);
    if (status < 0)
        goto no_mailbox;
    status = evf__wait_init(worker);
    if (status < 0)
        goto no_wait;
    status = evf__resolver_init(worker, &settings->resolver);
    if (status < 0)
        goto no_resolver;
    evf__worker_current = worker;
    return 0;
no_resolver:
    evf__wait_fini(worker);
no_wait:
    evf__mailbox_fini(&worker->mailbox);
no_mailbox:
    evf__pages_fini(&worker->pages);
    evf__extents_fini(&worker->extents);
    return status;
}

void evf__worker_fini(evf_worker *worker)
{
    EVF_ASSERT(worker == evf__worker_current);
    evf__resolver_fini(worker);
    size_t dropped = evf__wheel_clear(&worker->wheel);
    if (dropped > 0)
        evf_log(EVF_DEBUG, "%zu running timers dropped at the stop", dropped);
    evf__wait_fini(worker);
    evf__mailbox_fini(&worker->mailbox);
    evf__pages_fini(&worker->pages);
    evf__extents_fini(&worker->extents);
    evf__worker_current = NULL;
}

void evf__worker_publish(evf_worker *worker)
{
    struct evf__figures *figures = &worker->figures;
    evf__figure_add(figures, EVF__FIGURE_TURNS, 1);
    evf__figure_set(figures, EVF__FIGURE_TIMERS, worker->wheel.count);
    evf__figure_set(figures, EVF__FIGURE_PAGES, worker->pages.pages_in_use);
    evf__figure_set(figures, EVF__FIGURE_BLOCKS, worker->pages.blocks_in_use);
}

const char *evf__callback_name(int callback)
{
    static const char *const names[] = {
#define EVF__CALLBACK_TEXT(id, text) text,
        EVF__CALLBACKS(EVF__CALLBACK_TEXT)
#undef EVF__CALLBACK_TEXT
    };
    EVF_ASSERT(callback >= 0 && (size_t)callback < sizeof names / sizeof *names);
    return names[callback];
}

void evf__worker_facts(const evf_worker *worker, struct evf__facts *ret)
{
    int callback = atomic_load_explicit(&worker->callback, memory_order_relaxed);
    ret->source.worker = (int)worker->index;
    if (callback == EVF__CALLBACK_NONE)
        return;
    ret->callback = evf__callback_name(callback);
    ret->source.plugin = atomic_load_explicit(&worker->callback_plugin, memory_order_relaxed);
    ret->function = atomic_load_explicit(&worker->callback_function, memory_order_relaxed);
}

evf_worker *evf_worker_self(void)
{
    return evf__worker_current;
}

unsigned evf_worker_index(const evf_worker *worker)
{
    return worker->index;
}

bool evf_stopping(const evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    return worker->stop_deadline_ms != 0;
}

uint64_t evf_stop_deadline(const evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    return worker->stop_deadline_ms;
}

uint64_t evf_now(const evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    return worker->now_ms;
}

uint64_t evf_wall_ms(const evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    evf_worker *mine = (evf_worker *)worker; /* only what was already asked for is remembered */
    if (mine->wall_ms == 0)
        mine->wall_ms = evf__clock_wall_ms();
    return mine->wall_ms;
}

/* xorshift128+ */
uint64_t evf_random(evf_worker *worker)
{
    EVF__ON_WORKER(worker);
    uint64_t a = worker->random[0], b = worker->random[1];
    worker->random[0] = b;
    a ^= a << 23;
    worker->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return worker->random[1] + b;
}

int evf_slice_new(evf_worker *worker, const void *data, size_t len, evf_slice *ret)
{
    EVF__ON_WORKER(worker);
    return evf__slice_new(&worker->pages, data, len, ret);
}
