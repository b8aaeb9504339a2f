/* SPDX-License-Identifier: MIT
 *
 * Playing a script: each step by the calls that a test in C has.
 */
#include <stdio.h>
#include <stdlib.h>

#include "testkit/script.h"

/* Who the names stand for in this run. */
struct cast {
    union {
        evf_sim_peer *peer;
        evf_sim_upstream *upstream;
    } actors[EVF__ACTORS_MAX];
};

/* Texts one behind the other, with gaps in which anything may come. */
static void expect(evf_sim_peer *peer, const struct evf__step *step)
{
    bool gap = false;
    for (unsigned i = 0; i < step->piece_count; i++) {
        const struct evf__word *piece = &step->pieces[i];
        bool met = true;
        if (piece->kind == EVF__WORD_GAP) {
            gap = true;
            continue;
        }
        met = gap ? evf_sim_expect_until(peer, piece->bytes, piece->len)
                  : evf_sim_expect(peer, piece->bytes, piece->len);
        if (!met)
            return;
        gap = false;
    }
}

static void call(evf_sim_peer *peer, const char *name)
{
    snprintf(peer->name, sizeof peer->name, "%s", name);
}

static void play_peer(const struct evf__step *step, evf_sim_peer *peer)
{
    switch (step->kind) {
    case EVF__STEP_SEND:
        evf_sim_send(peer, step->pieces[0].bytes, step->pieces[0].len);
        break;
    case EVF__STEP_EXPECT:
        expect(peer, step);
        break;
    case EVF__STEP_EXPECT_NOTHING:
        evf_sim_expect_nothing(peer);
        break;
    case EVF__STEP_EXPECT_END:
        evf_sim_expect_end(peer);
        break;
    case EVF__STEP_EXPECT_CLOSED:
        evf_sim_expect_closed(peer);
        break;
    case EVF__STEP_EXPECT_RESET:
        evf_sim_expect_reset(peer);
        break;
    case EVF__STEP_END:
        evf_sim_close_write(peer);
        break;
    case EVF__STEP_RESET:
        evf_sim_reset(peer);
        break;
    case EVF__STEP_STOP_READING:
        evf_sim_stop_reading(peer);
        break;
    case EVF__STEP_READ:
        evf_sim_read(peer);
        break;
    case EVF__STEP_IGNORE:
        evf_sim_ignore(peer);
        break;
    default:
        abort();
    }
}

static void play_step(evf_sim *sim, const evf_sim_script *script, const struct evf__step *step,
                      struct cast *cast)
{
    const struct evf__actor *actor = &script->actors[step->actor];
    switch (step->kind) {
    case EVF__STEP_CONNECT:
        cast->actors[step->actor].peer =
            step->text != NULL ? evf_sim_connect_from(sim, step->text) : evf_sim_connect(sim);
        call(cast->actors[step->actor].peer, actor->name);
        break;
    case EVF__STEP_LISTEN:
        cast->actors[step->actor].upstream = evf_sim_listen(sim, step->text);
        break;
    case EVF__STEP_NAME:
        evf_sim_name(sim, step->text, step->second);
        break;
    case EVF__STEP_ACCEPT:
        cast->actors[step->other].peer = evf_sim_accept(cast->actors[step->actor].upstream);
        call(cast->actors[step->other].peer, script->actors[step->other].name);
        break;
    case EVF__STEP_REFUSE:
        evf_sim_set_answer(cast->actors[step->actor].upstream, EVF_SIM_REFUSES);
        break;
    case EVF__STEP_HANG:
        evf_sim_set_answer(cast->actors[step->actor].upstream, EVF_SIM_HANGS);
        break;
    case EVF__STEP_ANSWER:
        evf_sim_set_answer(cast->actors[step->actor].upstream, EVF_SIM_ACCEPTS);
        break;
    case EVF__STEP_ADVANCE:
        evf_sim_advance(sim, step->ms);
        break;
    case EVF__STEP_RUN:
        evf_sim_run(sim);
        break;
    case EVF__STEP_STOP:
        evf_sim_stop(sim, (uint32_t)step->ms);
        break;
    default:
        play_peer(step, cast->actors[step->actor].peer);
        break;
    }
}

void evf_sim_script_play(evf_sim *sim, void *argument)
{
    const evf_sim_script *script = argument;
    struct cast *cast = calloc(1, sizeof *cast);
    if (cast == NULL)
        abort();
    for (unsigned i = 0; i < script->step_count && !sim->failed; i++) {
        const struct evf__step *step = &script->steps[i];
        evf_sim_here(sim, script->name, step->line, step->shown);
        play_step(sim, script, step, cast);
    }
    free(cast);
}
