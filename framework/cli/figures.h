/* SPDX-License-Identifier: MIT
 *
 * The server's figures as lines of the log.
 */
#ifndef EVF_CLI_FIGURES_H
#define EVF_CLI_FIGURES_H

#include <evframe/server.h>

/* One line for each: `figure name=value`, and `figure label name=value` for those of a plugin's
 * instance, whose label is its listener and plugin (127.0.0.1:8080=http). Any thread, while the
 * server is started. */
void evf__cli_log_figures(const evf_server *server, enum evf_level level);

#endif
