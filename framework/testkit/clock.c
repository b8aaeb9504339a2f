/* SPDX-License-Identifier: MIT
 *
 * In place of loop/wait.c: a worker that never waits. The clocks stand but for evf_sim_advance and
 * the trouble EVF_SIM_TIME, and the random numbers are the seed's.
 */
#include "testkit/sim.h"

int evf__wait_init(evf_worker *worker)
{
    (void)worker;
    return 0;
}

void evf__wait_fini(evf_worker *worker)
{
    (void)worker;
}

uint64_t evf__clock_ms(void)
{
    return evf__sim_current->now_ms;
}

uint64_t evf__clock_wall_ms(void)
{
    const evf_sim *sim = evf__sim_current;
    return sim->options.wall_ms + (sim->now_ms - sim->begun_ms);
}

void evf__random_seed(evf_worker *worker)
{
    struct evf__sim_dice dice;
    evf__sim_dice_seed(&dice, evf__sim_current->seed ^ 0x5deece66du);
    worker->random[0] = evf__sim_roll(&dice) | 1;
    worker->random[1] = evf__sim_roll(&dice);
}

/* The end of a turn: later than its beginning when the trouble with time has it so. */
uint64_t evf__worker_clock_coarse_ms(void)
{
    evf_sim *sim = evf__sim_current;
    if (evf__sim_harsh(sim, EVF_SIM_TIME, "the turn takes long"))
        sim->now_ms += 1 + evf__sim_below(sim, 5000);
    return sim->now_ms;
}

void evf__worker_wait(evf_worker *worker, bool may_sleep)
{
    evf_sim *sim = evf__sim_current;
    (void)may_sleep;
    if (evf__sim_harsh(sim, EVF_SIM_TIME, "the clock jumps"))
        sim->now_ms += 1 + evf__sim_below(sim, (size_t)1 << (4 + evf__sim_below(sim, 14)));
    worker->now_ms = sim->now_ms;
    worker->wall_ms = 0;
    evf__sim_offload_turn(sim);
    evf__sim_network_turn(sim);
    evf__wheel_collect(&worker->wheel, worker->now_ms);
}
