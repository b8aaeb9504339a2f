/* SPDX-License-Identifier: MIT
 *
 * evf_connect: whose stream it is to be, then stream/ does the work. The worker's thread.
 */
#include <errno.h>

#include "base/assert.h"
#include "loop/worker.h"
#include "plugin/instance.h"
#include "stream/connect.h"

int evf_connect(evf_worker *worker, const struct evf_connect *to, const struct evf_handler *handler,
                evf_instance *instance, evf_stream **ret)
{
    EVF_DEBUG_RULE(worker == NULL || worker == evf__worker_current,
                   "called on the worker's own thread");
    if (worker == NULL || instance == NULL)
        return -EINVAL;
    const struct evf__connector connector = {
        .instance = instance,
        .plugin = instance->plugin.name,
        .limits = &instance->settings.limits,
    };
    return evf__connect(worker, to, handler, &connector, ret);
}
