/* SPDX-License-Identifier: MIT
 *
 * What the launcher says about itself. Main thread.
 */
#ifndef EVF_CLI_HELP_H
#define EVF_CLI_HELP_H

/* Prints --help to standard output. */
void evf__cli_print_help(void);

#endif
