/* SPDX-License-Identifier: MIT
 *
 * Logs the server's figures.
 */
#include "cli/figures.h"

#include <inttypes.h>

static void log_figure(const struct evf_figure *figure, void *argument)
{
    const enum evf_level *level = argument;
    if (figure->instance == NULL)
        evf_log(*level, "figure %s=%" PRId64, figure->name, figure->value);
    else
        evf_log(*level, "figure %s %s=%" PRId64, figure->instance, figure->name, figure->value);
}

void evf__cli_log_figures(const evf_server *server, enum evf_level level)
{
    evf_server_each_figure(server, log_figure, &level);
}
