/* SPDX-License-Identifier: MIT
 *
 * The dice, and what they decide.
 *
 * Each seed has its own mixture: some of the troubles that were asked for, each as often as this
 * seed has it. A run in which everything goes wrong all the time gets nowhere; one with two kinds
 * of trouble, often, finds what a little of everything does not.
 *
 *   seed 0           none
 *   even seeds       mild ones
 *   odd seeds        mild and harsh ones
 *
 * Every decision takes its numbers from one generator, in the order in which they are needed: so
 * the same seed decides the same.
 */
#include "testkit/sim.h"

enum cut {
    CUT_ONCE,  /* at one position of all that peers send; what follows comes when all is at rest */
    CUT_BYTES, /* byte by byte */
    CUT_SMALL, /* a few bytes at a time */
    CUT_ANY,   /* anywhere */
    CUT_KINDS
};

/* splitmix64: makes a good state of any number. */
static uint64_t mix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void evf__sim_dice_seed(struct evf__sim_dice *dice, uint64_t seed)
{
    dice->state[0] = mix(&seed);
    dice->state[1] = mix(&seed) | 1;
}

/* xorshift128+ */
uint64_t evf__sim_roll(struct evf__sim_dice *dice)
{
    uint64_t a = dice->state[0], b = dice->state[1];
    dice->state[0] = b;
    a ^= a << 23;
    dice->state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return dice->state[1] + b;
}

size_t evf__sim_below(evf_sim *sim, size_t below)
{
    return (size_t)((evf__sim_roll(&sim->dice) >> 11) % below);
}

/* Each of those in `of`, with one chance in `in`. */
static uint32_t some(evf_sim *sim, uint32_t of, size_t in)
{
    uint32_t chosen = 0;
    for (uint32_t bit = 1; bit <= EVF_SIM_TIME; bit <<= 1)
        if ((of & bit) != 0 && evf__sim_below(sim, in) == 0)
            chosen |= bit;
    return chosen;
}

void evf__sim_plan_make(evf_sim *sim)
{
    static const unsigned rates[] = { 1, 2, 2, 3, 4, 8, 16, 32 };
    struct evf__sim_plan *plan = &sim->plan;
    evf__sim_dice_seed(&sim->dice, sim->seed);
    evf__sim_dice_seed(&sim->play_dice, ~sim->seed);
    uint32_t asked = sim->options.troubles;
    if (sim->seed == 0)
        asked = 0;
    plan->on = some(sim, asked & EVF_SIM_MILD, 2);
    if (sim->seed % 2 == 1)
        plan->on |= some(sim, asked & ~(uint32_t)EVF_SIM_MILD, 3);
    plan->cuts = (unsigned)evf__sim_below(sim, CUT_KINDS);
    /* Small numbers more often than large ones: conversations are short. */
    plan->cut_at = 1 + evf__sim_below(sim, (size_t)8 << evf__sim_below(sim, 10));
    plan->one_in = rates[evf__sim_below(sim, sizeof rates / sizeof *rates)];
    plan->harsh_in = (unsigned)1 << evf__sim_below(sim, 8);
    plan->harsh_max = evf__sim_below(sim, 2) == 0 ? 1 : 1 + (unsigned)evf__sim_below(sim, 16);
    plan->window = 1 + evf__sim_below(sim, (size_t)1 << evf__sim_below(sim, 17));
    sim->cut_left = plan->cut_at;
}

bool evf__sim_mild(evf_sim *sim, enum evf_sim_trouble trouble)
{
    return (sim->plan.on & trouble) != 0 && evf__sim_below(sim, sim->plan.one_in) == 0;
}

bool evf__sim_late(evf_sim *sim, enum evf_sim_trouble trouble)
{
    return evf__sim_mild(sim, trouble) && evf__sim_below(sim, 2) == 0;
}

static unsigned index_of(enum evf_sim_trouble trouble)
{
    return (unsigned)__builtin_ctz((unsigned)trouble);
}

bool evf__sim_harsh(evf_sim *sim, enum evf_sim_trouble trouble, const char *what)
{
    if ((sim->plan.on & trouble) == 0 || sim->quiet ||
        sim->harsh_done[index_of(trouble)] >= sim->plan.harsh_max ||
        evf__sim_below(sim, sim->plan.harsh_in) != 0)
        return false;
    sim->harsh_done[index_of(trouble)]++;
    sim->harmed = true;
    evf__sim_note(sim, "trouble: %s", what);
    return true;
}

/* How much of what a peer has sent becomes visible in this turn. */
size_t evf__sim_cut(evf_sim *sim, size_t hidden, bool at_rest)
{
    size_t len = hidden;
    if ((sim->plan.on & EVF_SIM_CUTS) == 0)
        return hidden;
    switch (sim->plan.cuts) {
    case CUT_ONCE:
        if (sim->cut_left == 0)
            return hidden;
        if (sim->cut_left == SIZE_MAX) { /* the cut was made: the rest, when all is at rest */
            if (!at_rest)
                return 0;
            sim->cut_left = 0;
            return hidden;
        }
        if (hidden < sim->cut_left) {
            sim->cut_left -= hidden;
            return hidden;
        }
        len = sim->cut_left;
        sim->cut_left = len < hidden ? SIZE_MAX : 0;
        return len;
    case CUT_BYTES:
        len = 1;
        break;
    case CUT_SMALL:
        len = 1 + evf__sim_below(sim, 8);
        break;
    default:
        len = 1 + evf__sim_below(sim, hidden);
        break;
    }
    /* Long input would take as many turns as it has bytes. */
    if (len < hidden / 256)
        len = hidden / 256;
    if (!at_rest && evf__sim_below(sim, 4) == 0)
        return 0;
    return len < hidden ? len : hidden;
}
