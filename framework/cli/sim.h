/* SPDX-License-Identifier: MIT
 *
 * `evframe sim`. Main thread.
 */
#ifndef EVF_CLI_SIM_H
#define EVF_CLI_SIM_H

/* argv from "sim" on. Returns only when the simulator could not be run: the exit status. */
int evf__cli_sim(int argc, char **argv);

#endif
