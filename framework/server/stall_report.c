/* SPDX-License-Identifier: MIT
 *
 * How a stall is told: see stall_report.h. Its lines carry worker, plugin and stream like those
 * that the callback itself would write.
 */
#include "server/stall_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/whose.h"

void evf__stall_facts_from_outside(const evf_worker *worker, struct evf__facts *ret)
{
    struct evf__whose whose;
    *ret = (struct evf__facts){ .source = { .worker = -1 } };
    evf__worker_facts(worker, ret);
    if (evf__whose_name(ret->source.plugin, &whose) || evf__whose_code(ret->function, &whose)) {
        ret->source.plugin = whose.name;
        ret->version = whose.version;
        ret->file = whose.path;
    }
}

static void describe(struct evf__log_source *ret, void *argument)
{
    const struct evf__stall *stall = argument;
    *ret = stall->facts.source;
}

/* Logs each line of a file. */
static void log_lines(int fd)
{
    char line[EVF__LOG_LINE_MAX];
    FILE *file = fdopen(fd, "r");
    if (file == NULL) {
        close(fd);
        return;
    }
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        size_t len = 0;
        while (line[len] != '\0' && line[len] != '\n')
            len++;
        evf_log(EVF_WARN, "stall: %.*s", (int)len, line);
    }
    fclose(file);
}

static void log_trace(const struct evf__backtrace *trace, struct evf__symbols *symbols)
{
    /* A file and no pipe: nobody reads while it is written. */
    int fd = memfd_create("evframe-stall", MFD_CLOEXEC);
    if (fd < 0) {
        evf_log(EVF_WARN, "stall: no backtrace: %m");
        return;
    }
    if (!evf__symbols_write(symbols, trace, "", fd)) {
        if (ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0)
            evf__symbols_write_raw(trace, "", fd);
    }
    log_lines(fd);
}

void evf__stall_report(const struct evf__stall *stall, struct evf__symbols *symbols)
{
    struct evf__line what = { .len = 0 };
    evf__facts_add(&what, &stall->facts);
    (void)evf__log_attach(false, describe, (void *)(uintptr_t)stall);
    evf_log(EVF_WARN, "stall: %.*s, for %" PRIu64 " ms so far, %" PRIu64 " ms of it computing",
            (int)what.len, what.text, stall->held_ms, stall->used_ms);
    if (stall->trace.count > 0)
        log_trace(&stall->trace, symbols);
    evf__log_detach();
}
