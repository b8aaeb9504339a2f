/* SPDX-License-Identifier: MIT
 *
 * How a simulation moves on: turns until nothing moves, and time from deadline to deadline.
 */
#include <errno.h>

#include "stream/stream.h"
#include "stream/turn.h"
#include "testkit/sim.h"

enum {
    /* Turns in which time stands still: a conversation that needs more does not come to rest. */
    TURNS_MAX = 200 * 1000,
    DEADLINES_MAX = 1000 * 1000,
};

bool evf__sim_guard(evf_sim *sim, void (*fn)(evf_sim *sim, void *argument), void *argument)
{
    EVF_RULE(!sim->guarded, "the simulator's functions are not called in a callback");
    if (sim->failed)
        return false;
    if (sigsetjmp(sim->escape, 1) == 0) {
        sim->guarded = true;
        sim->inside = true;
        fn(sim, argument);
    } else {
        sim->broken = true;
        evf__sim_tell_crash(sim);
    }
    sim->guarded = false;
    sim->inside = false;
    return !sim->failed;
}

bool evf__sim_moves(const evf_sim *sim)
{
    evf_worker *worker = sim->worker;
    return evf__streams_pending(worker) || !evf__mailbox_empty_sc(&worker->mailbox) ||
           evf__resolver_pending(worker) || !evf__list_empty(&sim->offloads) ||
           evf__sim_network_moves(sim) || evf__wheel_next(&worker->wheel) <= sim->now_ms;
}

static void turn(evf_sim *sim)
{
    evf__turn(sim->worker);
    if (sim->stopping)
        evf__streams_quiesce_outgoing(sim->worker);
}

struct settling {
    bool (*done)(evf_sim *sim, void *argument);
    void *argument;
};

static void settle(evf_sim *sim, void *argument)
{
    const struct settling *settling = argument;
    uint64_t since_ms = sim->now_ms;
    for (unsigned turns = 0; evf__sim_moves(sim); turns++) {
        if (settling->done != NULL && settling->done(sim, settling->argument))
            return;
        turn(sim);
        if (sim->now_ms != since_ms) {
            since_ms = sim->now_ms;
            turns = 0;
        }
        if (turns == TURNS_MAX) {
            evf__sim_fail(sim,
                          "it does not come to rest: %u turns, and there is still work to do "
                          "(a timer of 0 ms that starts itself anew, posts that post?)",
                          turns);
            return;
        }
    }
}

bool evf__sim_settle(evf_sim *sim, bool (*done)(evf_sim *sim, void *argument), void *argument)
{
    struct settling settling = { done, argument };
    return sim->state == EVF__SIM_RUNS && evf__sim_guard(sim, settle, &settling);
}

static void pass(evf_sim *sim, void *argument)
{
    uint64_t until_ms = sim->now_ms + *(uint64_t *)argument;
    struct settling settling = { NULL, NULL };
    settle(sim, &settling);
    for (unsigned i = 0; !sim->failed; i++) {
        uint64_t next_ms = evf__wheel_next(&sim->worker->wheel);
        if (next_ms > until_ms)
            break;
        if (next_ms > sim->now_ms)
            sim->now_ms = next_ms;
        turn(sim);
        settle(sim, &settling);
        if (i == DEADLINES_MAX)
            evf__sim_fail(sim, "too many deadlines in a single advance");
    }
    if (sim->now_ms < until_ms)
        sim->now_ms = until_ms;
    turn(sim);
    settle(sim, &settling);
}

bool evf__sim_pass(evf_sim *sim, uint64_t ms)
{
    return sim->state == EVF__SIM_RUNS && evf__sim_guard(sim, pass, &ms);
}

void evf_sim_run(evf_sim *sim)
{
    evf__sim_settle(sim, NULL, NULL);
}

void evf_sim_advance(evf_sim *sim, uint64_t ms)
{
    evf__sim_pass(sim, ms);
}

uint64_t evf_sim_now(const evf_sim *sim)
{
    return sim->now_ms - sim->begun_ms;
}
