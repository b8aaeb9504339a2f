/* SPDX-License-Identifier: MIT
 *
 * Plugins' timers: entries of the worker's wheel inside struct evf_timer. The worker's thread.
 */
#include "base/whose.h"
#include "loop/worker.h"

struct timer {
    struct evf__wheel_entry entry;
    evf_timer_fn *fn;
    void *argument;
    evf_worker *worker;
    struct evf__list link; /* in the worker's list of running timers, in debug builds */
};

_Static_assert(sizeof(struct timer) == sizeof(struct evf_timer), "64 bytes for ever");

#if defined(EVF_DEBUG_CHECKS)
enum { LISTED = 1 };
#else
enum { LISTED = 0 };
#endif

#define TOUCHED "the memory of a running timer is neither freed nor written to"

/* For debug builds: a running timer is on its worker's list, between its neighbours. */
__attribute__((unused)) static bool intact(const struct timer *self)
{
    const struct evf__list *link = &self->link;
    if (!evf__wheel_running(&self->entry))
        return true;
    return link->next != NULL && link->prev != NULL && link->next->prev == link &&
           link->prev->next == link;
}

void evf_timer_start(evf_worker *worker, struct evf_timer *timer, uint32_t ms, evf_timer_fn *fn,
                     void *argument)
{
    struct timer *self = (struct timer *)timer;
    EVF__ON_WORKER(worker);
    EVF_RULE(fn != NULL, "a timer has a callback");
    EVF_RULE(!evf_timer_running(timer) || self->worker == worker,
             "a running timer stays on its worker, and a timer is zeroed before its first use");
    EVF_DEBUG_RULE(intact(self), TOUCHED);
    self->fn = fn;
    self->argument = argument;
    self->worker = worker;
    self->entry.kind = EVF__ENTRY_TIMER;
    evf__wheel_start(&worker->wheel, &self->entry, worker->now_ms + ms);
    if (LISTED && !evf__list_on(&self->link))
        evf__list_append(&worker->timers, &self->link);
}

void evf_timer_stop(struct evf_timer *timer)
{
    struct timer *self = (struct timer *)timer;
    if (!evf_timer_running(timer))
        return;
    EVF__ON_WORKER(self->worker);
    EVF_DEBUG_RULE(intact(self), TOUCHED);
    evf__wheel_stop(&self->worker->wheel, &self->entry);
    if (LISTED)
        evf__list_remove(&self->link);
}

bool evf_timer_running(const struct evf_timer *timer)
{
    return evf__wheel_running(&((const struct timer *)timer)->entry);
}

void evf__timer_fire(evf_worker *worker, struct evf__wheel_entry *entry)
{
    struct timer *self = EVF__OWNER(entry, struct timer, entry);
    if (LISTED)
        evf__list_remove(&self->link);
    evf__enter_alone(worker, EVF__CALLBACK_TIMER, NULL, (void *)self->fn);
    self->fn(worker, (struct evf_timer *)self, self->argument);
    evf__leave(worker);
}

void *evf__timer_of_link(struct evf__list *link)
{
    return EVF__OWNER(link, struct timer, link);
}

/* Names the timer by its function, as the file and the place in it. */
__attribute__((noreturn, cold)) static void complain(const struct timer *timer, const char *what)
{
    struct evf__line line = { .len = 0 };
    struct evf__place place;
    uintptr_t function = (uintptr_t)timer->fn;
    evf__line_add(&line, "no timer runs in memory that is being freed: one in ");
    evf__line_add(&line, what);
    evf__line_add(&line, " would call ");
    if (evf__place_of(function, &place)) {
        evf__line_add_clean(&line, place.shown);
        evf__line_add(&line, "+");
        evf__line_add_hex(&line, function - place.base);
    } else {
        evf__line_add_hex(&line, function);
    }
    line.text[line.len] = '\0';
    evf__assert_failed(line.text, __FILE__, __LINE__, "evf_timer_start");
}

void evf__timers_assert_outside(evf_worker *worker, const void *memory, size_t size,
                                const char *what)
{
    const char *begin = memory;
    if (!LISTED)
        return;
    for (struct evf__list *at = worker->timers.next; at != &worker->timers; at = at->next) {
        const struct timer *timer = EVF__OWNER(at, struct timer, link);
        if ((const char *)timer >= begin && (const char *)timer < begin + size)
            complain(timer, what);
    }
}
