/* SPDX-License-Identifier: MIT
 *
 * One play with many seeds, up to the first that fails.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "testkit/sim.h"

/* False when the variable is not set; what is no number ends the program. */
static bool from_environment(const char *name, uint64_t *ret)
{
    const char *text = getenv(name);
    if (text == NULL || *text == '\0')
        return false;
    char *end;
    errno = 0;
    *ret = strtoull(text, &end, 0);
    if (errno != 0 || *end != '\0' || *text == '-') {
        fprintf(stderr, "evframe: %s is '%s': it must be a number\n", name, text);
        exit(2);
    }
    return true;
}

/* True when it passed. */
static bool play_one(const struct evf_sim_options *options, evf_sim_play_fn *play, void *argument)
{
    evf_sim *sim = evf_sim_new(options);
    if (sim == NULL)
        abort();
    if (!sim->failed)
        play(sim, argument);
    bool passed = evf_sim_end(sim);
    if (!passed)
        fprintf(stderr, "seed %" PRIu64 " fails: %s", options->seed, evf_sim_report(sim));
    evf_sim_free(sim);
    return passed;
}

int evf_sim_seeds(const struct evf_sim_options *options, uint64_t count, evf_sim_play_fn *play,
                  void *argument, uint64_t *ret_seed)
{
    char error[1024];
    struct evf_sim_options one = { .struct_size = 0 };
    uint64_t first = options->seed;
    __builtin_memcpy(&one, options,
                     options->struct_size < sizeof one ? options->struct_size : sizeof one);
    (void)from_environment("EVF_SIM_SEEDS", &count);
    if (from_environment("EVF_SIM_SEED", &first)) {
        count = 1;
        one.trace_fd = STDERR_FILENO;
    }
    /* Held over all of them, so that it is loaded once. */
    struct evf__sim_subject *subject = evf__sim_subject_take(&one, error, sizeof error);
    if (subject == NULL) {
        fprintf(stderr, "evframe: %s\n", error);
        return -1;
    }
    int status = 0;
    for (uint64_t i = 0; i < count && status == 0; i++) {
        one.seed = first + i;
        if (play_one(&one, play, argument))
            continue;
        status = -1;
        if (ret_seed != NULL)
            *ret_seed = one.seed;
    }
    evf__sim_subject_drop(subject);
    return status;
}
