/* SPDX-License-Identifier: MIT
 *
 * In place of base/log.c: lines of the log go into the trace, and with a failure into its report.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "testkit/sim.h"

enum { KEPT = 8 * 1024 }; /* of the last lines */

bool evf__log_wants(enum evf_level level)
{
    const evf_sim *sim = evf__sim_current;
    return sim != NULL && ((uint32_t)level + 1 >= sim->options.log_level || sim->trace_fd > 0);
}

void evf_log(enum evf_level level, const char *format, ...)
{
    static const char *const names[] = { "debug", "info", "warning", "error" };
    char text[EVF__LOG_LINE_MAX];
    evf_sim *sim = evf__sim_current;
    if (sim == NULL || !evf__log_wants(level))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    evf__sim_trace_line(sim, "log: ", text);
    if ((uint32_t)level + 1 < sim->options.log_level)
        return;
    if (sim->log.len > KEPT)
        evf__sim_bytes_take(&sim->log, sim->log.len - KEPT / 2);
    evf__sim_append(&sim->log, "  %s: %s\n", names[level], text);
}

int evf__log_open(const struct evf__log_settings *settings)
{
    (void)settings;
    return 0;
}

void evf__log_close(void)
{
}

void evf__log_reopen(void)
{
}

int evf__log_attach(bool ring, evf__log_describe_fn *describe, void *argument)
{
    (void)ring;
    (void)describe;
    (void)argument;
    return 0;
}

void evf__log_detach(void)
{
}

uint64_t evf__log_dropped(void)
{
    return 0;
}

int evf__log_descriptor(void)
{
    return STDERR_FILENO;
}
