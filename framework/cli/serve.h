/* SPDX-License-Identifier: MIT
 *
 * Serving: from the arguments to the exit status. Main thread.
 */
#ifndef EVF_CLI_SERVE_H
#define EVF_CLI_SERVE_H

#include "cli/arguments.h"

/* Makes the server, serves until it was stopped, and returns the exit status; with --check it loads
 * and checks everything and starts nothing. */
int evf__cli_serve(const struct evf__cli_arguments *arguments);

#endif
