/* SPDX-License-Identifier: MIT
 *
 * How the main thread waits for the others, and finds out who does not return.
 *
 * It sleeps in poll on the server's eventfd. During a stop it also looks, after the deadline, at
 * what every worker is doing: one that is inside a callback, and was inside one in the same turn a
 * second before, is held up by it. Then a warning names it; after a second stop request it is
 * given up. Helpers with offloaded work are looked at in the same way.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "server/process.h"
#include "server/server.h"

enum { LOOK_EVERY_MS = EVF__STUCK_MS / 4 };

/* "name of symbol (file)", as far as the dynamic linker knows it. */
static void describe_function(void *function, char *ret, size_t size)
{
    Dl_info info;
    if (function == NULL || dladdr(function, &info) == 0)
        snprintf(ret, size, "%p", function);
    else
        snprintf(ret, size, "%s in %s", info.dli_sname != NULL ? info.dli_sname : "a function",
                 info.dli_fname);
}

static void look_at(const evf_server *server, unsigned index, uint64_t now_ms)
{
    const evf_worker *worker = server->worker_list[index];
    struct evf__watch *watch = &server->watches[index];
    int callback = atomic_load_explicit(&worker->callback, memory_order_relaxed);
    uint64_t turns = evf__figure_get(&worker->figures, EVF__FIGURE_TURNS);
    if (callback == EVF__CALLBACK_NONE) {
        watch->inside = false;
    } else if (!watch->inside || watch->turns != turns) {
        watch->inside = true;
        watch->turns = turns;
        watch->since_ms = now_ms;
    }
}

static bool held_up(const evf_server *server, unsigned index, uint64_t now_ms)
{
    const struct evf__watch *watch = &server->watches[index];
    return watch->inside && now_ms - watch->since_ms >= EVF__STUCK_MS;
}

static void name_callback(const evf_server *server, unsigned index, enum evf_level level)
{
    const evf_worker *worker = server->worker_list[index];
    int callback = atomic_load_explicit(&worker->callback, memory_order_relaxed);
    const char *plugin = atomic_load_explicit(&worker->callback_plugin, memory_order_relaxed);
    void *function = atomic_load_explicit(&worker->callback_function, memory_order_relaxed);
    char described[300];
    describe_function(function, described, sizeof described);
    if (plugin != NULL)
        evf_log(level, "worker %u: `%s` of plugin %s does not return", index,
                evf__callback_name(callback), plugin);
    else
        evf_log(level, "worker %u: a %s callback does not return: %s", index,
                evf__callback_name(callback), described);
}

/* Names everything that does not return; how many there are. */
static unsigned name_all(const evf_server *server, uint64_t now_ms, enum evf_level level)
{
    unsigned found = 0;
    for (unsigned i = 0; i < server->worker_count; i++) {
        if (!held_up(server, i, now_ms))
            continue;
        name_callback(server, i, level);
        found++;
    }
    evf_work_fn *work = server->offload != NULL
                            ? evf__offload_stuck(server->offload, now_ms - EVF__STUCK_MS)
                            : NULL;
    if (work != NULL) {
        char described[300];
        describe_function((void *)work, described, sizeof described);
        evf_log(level, "offloaded work does not return: %s", described);
        found++;
    }
    return found;
}

/* 0, with the time of the next look brought forward, or EVF_ESTUCK. */
static int look_for_stuck(evf_server *server, uint64_t now_ms, uint64_t *next_ms)
{
    unsigned requests = atomic_load(&server->stop_requests);
    uint64_t deadline_ms = atomic_load(&server->stop_deadline_ms);
    if (requests == 0 || server->watches == NULL)
        return 0;
    if (now_ms < deadline_ms) {
        *next_ms = deadline_ms < *next_ms ? deadline_ms : *next_ms;
        return 0;
    }
    for (unsigned i = 0; i < server->worker_count; i++)
        look_at(server, i, now_ms);
    *next_ms = now_ms + LOOK_EVERY_MS < *next_ms ? now_ms + LOOK_EVERY_MS : *next_ms;
    if (requests >= 2 && now_ms >= deadline_ms + EVF__STUCK_MS) {
        if (name_all(server, now_ms, EVF_ERROR) > 0)
            return EVF_ESTUCK;
    } else if (!server->stuck_warned && now_ms >= deadline_ms + EVF__SLOW_STOP_MS) {
        server->stuck_warned = name_all(server, now_ms, EVF_WARN) > 0;
    }
    return 0;
}

int evf__server_await(evf_server *server, bool (*done)(const evf_server *server), bool to_deadline)
{
    for (;;) {
        uint64_t count, now_ms = evf__process_clock_ms(), next_ms = UINT64_MAX;
        /* Read first, look then: whatever changes after the look writes again. */
        ssize_t got = read(server->event_fd, &count, sizeof count);
        EVF_ASSERT(got == (ssize_t)sizeof count || errno == EAGAIN);
        if (done(server))
            return 1;
        uint64_t deadline_ms = atomic_load(&server->stop_deadline_ms);
        if (to_deadline && now_ms >= deadline_ms)
            return 0;
        if (to_deadline)
            next_ms = deadline_ms;
        int status = look_for_stuck(server, now_ms, &next_ms);
        if (status < 0) {
            server->state = EVF__SERVER_STUCK;
            return evf__server_fail(server, status,
                                    "the server did not stop: a callback or "
                                    "offloaded work does not return");
        }
        struct pollfd wait = { .fd = server->event_fd, .events = POLLIN };
        uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
        int timeout = next_ms == UINT64_MAX ? -1 : wait_ms > 60000 ? 60000 : (int)wait_ms;
        int ready = poll(&wait, 1, timeout);
        EVF_ASSERT(ready >= 0 || errno == EINTR || errno == ENOMEM);
    }
}

bool evf__server_at_step(const evf_server *server, enum evf__worker_step step)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        if (server->workers[i]->running && atomic_load(&server->workers[i]->step) < step)
            return false;
    return true;
}

static bool ready(const evf_server *server)
{
    return evf__server_at_step(server, EVF__WORKER_READY);
}

static bool started(const evf_server *server)
{
    return evf__server_at_step(server, EVF__WORKER_STARTED);
}

static bool finished(const evf_server *server)
{
    return evf__server_at_step(server, EVF__WORKER_FINISHED);
}

static bool stopped(const evf_server *server)
{
    return evf__server_at_step(server, EVF__WORKER_STOPPED);
}

static bool gone(const evf_server *server)
{
    return evf__server_at_step(server, EVF__WORKER_GONE);
}

int evf__server_await_step(evf_server *server, enum evf__worker_step step)
{
    static bool (*const reached[])(const evf_server *) = {
        [EVF__WORKER_READY] = ready,       [EVF__WORKER_STARTED] = started,
        [EVF__WORKER_FINISHED] = finished, [EVF__WORKER_STOPPED] = stopped,
        [EVF__WORKER_GONE] = gone,
    };
    EVF_ASSERT(step > EVF__WORKER_BORN);
    int status = evf__server_await(server, reached[step], false);
    return status < 0 ? status : 0;
}
