/* SPDX-License-Identifier: MIT
 *
 * The launcher's signals: one thread that waits for them and passes them on.
 */
#include "cli/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/figures.h"
#include "cli/watch.h"

static sigset_t taken_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    return set;
}

/* The first request stops gracefully, every further one at once. Before the server serves there is
 * nobody to carry the second one out: a plugin's start hangs, and only the end of the process
 * helps. */
static void request_stop(struct evf__cli_signals *signals)
{
    if (++signals->stop_requests == 1) {
        evf_server_stop(signals->server, signals->grace_ms);
        if (signals->watch != NULL)
            evf__cli_watch_end(signals->watch);
        return;
    }
    if (!atomic_load(&signals->serving)) {
        evf_log(EVF_ERROR, "stopped by a second signal before the start was complete");
        _exit(EXIT_FAILURE);
    }
    evf_server_stop(signals->server, 0);
}

static void *take_signals(void *argument)
{
    struct evf__cli_signals *signals = argument;
    sigset_t set = taken_signals();
    int number;
    while (sigwait(&set, &number) == 0) {
        if (atomic_load(&signals->ending))
            break;
        if (number == SIGHUP)
            evf_server_reopen_log(signals->server);
        else if (number != SIGUSR1)
            request_stop(signals);
        else if (atomic_load(&signals->serving))
            evf__cli_log_figures(signals->server, EVF_INFO);
    }
    return NULL;
}

void evf__cli_signals_block(void)
{
    sigset_t set = taken_signals();
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int evf__cli_signals_start(struct evf__cli_signals *signals, evf_server *server, uint32_t grace_ms,
                           struct evf__cli_watch *watch_or_null)
{
    signals->server = server;
    signals->grace_ms = grace_ms;
    signals->watch = watch_or_null;
    signals->stop_requests = 0;
    atomic_init(&signals->serving, false);
    atomic_init(&signals->ending, false);
    return -pthread_create(&signals->thread, NULL, take_signals, signals);
}

void evf__cli_signals_serving(struct evf__cli_signals *signals)
{
    atomic_store(&signals->serving, true);
}

bool evf__cli_signals_stop(struct evf__cli_signals *signals)
{
    /* A signal for this thread alone ends its wait; it looks at `ending` before all else. */
    atomic_store(&signals->ending, true);
    pthread_kill(signals->thread, SIGUSR1);
    pthread_join(signals->thread, NULL);
    return signals->stop_requests > 0;
}
