/* SPDX-License-Identifier: MIT
 *
 * The public side of crash reports, and what a worker was doing, for them. Any thread, also in a
 * signal handler, but for the installing.
 */
#include "server/crash.h"

#include <evframe/server.h>

#include "base/crash.h"
#include "loop/worker.h"
#include "stream/stream.h"

static void describe_worker(struct evf__facts *ret, bool stream)
{
    const evf_worker *worker = evf__worker_current;
    if (worker == NULL)
        return;
    evf__worker_facts(worker, ret);
    const evf_stream *present = atomic_load_explicit(&worker->in_stream, memory_order_relaxed);
    if (stream && ret->callback != NULL && present != NULL)
        evf__stream_describe(present, &ret->source);
}

void evf__server_know_facts(void)
{
    evf__facts_set(describe_worker);
}

int evf_crash_report_install(void)
{
    evf__server_know_facts();
    return evf__crash_install();
}
