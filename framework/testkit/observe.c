/* SPDX-License-Identifier: MIT
 *
 * What the simulator sees of the framework: its callbacks; and whether the plugin calls the
 * testkit's framework at all.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "stream/state.h"
#include "testkit/sim.h"

void evf__sim_enter(evf_worker *worker, int callback, void *function, evf_stream *stream)
{
    evf_sim *sim = evf__sim_current;
    (void)worker;
    sim->callback = callback;
    sim->function = function;
    if (stream != NULL)
        evf__sim_note(sim, "%s, stream %u", evf__callback_name(callback),
                      (unsigned)(evf_stream_id(stream) & 0xffffff));
    else
        evf__sim_note(sim, "%s", evf__callback_name(callback));
}

void evf__sim_leave(void)
{
    evf_sim *sim = evf__sim_current;
    sim->callback = EVF__CALLBACK_NONE;
    sim->function = NULL;
}

bool evf__sim_bound_here(char *error, size_t size)
{
    void *found = dlsym(RTLD_DEFAULT, "evf_write");
    Dl_info own, other;
    if (found == NULL || dladdr((void *)evf__sim_bound_here, &own) == 0 ||
        dladdr(found, &other) == 0 || own.dli_fbase == other.dli_fbase)
        return true;
    snprintf(error, size,
             "the plugin would call %s, not the simulator: link evframe-testkit, and not evframe "
             "in front of it",
             other.dli_fname);
    return false;
}
