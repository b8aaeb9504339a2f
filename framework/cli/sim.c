/* SPDX-License-Identifier: MIT
 *
 * `evframe sim`: hands over to evframe-sim, which is a program of its own because the simulator's
 * framework takes the place of the launcher's in a process.
 */
#include "cli/sim.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/arguments.h"

int evf__cli_sim(int argc, char **argv)
{
    static char path_option[] = "--plugin-path";
    char program[PATH_MAX], folder[PATH_MAX];
    evf__cli_beside(EVF__SIM_FROM_BIN, program, sizeof program);
    evf__cli_plugin_path(folder, sizeof folder);
    char **handed = calloc((size_t)argc + 3, sizeof *handed);
    if (handed == NULL) {
        fprintf(stderr, "evframe: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    /* In front, so that one that is given holds. */
    handed[0] = program;
    handed[1] = path_option;
    handed[2] = folder;
    memcpy(&handed[3], argv + 1, (size_t)argc * sizeof *handed - sizeof *handed);
    execv(program, handed);
    fprintf(stderr, "evframe: 'evframe sim' runs %s: %s%s\n", program, strerror(errno),
            errno == ENOENT ? "; it comes with evframe's testkit" : "");
    free(handed);
    return EXIT_FAILURE;
}
