/* SPDX-License-Identifier: MIT
 *
 * The server's options: struct evf_server_options, in which zero means the default, becomes checked
 * settings. The first wrong field is reported by its name in the launcher's spelling, with what it
 * is and what it may be.
 */
#include "server/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/process.h"

enum {
    DEFAULT_BACKLOG = 4096,
    DEFAULT_IDLE_TIMEOUT_MS = 60 * 1000,
    DEFAULT_MAX_FRAME = 1024 * 1024,
    DEFAULT_WRITE_HIGH = 256 * 1024,
    DEFAULT_WRITE_MAX = 8 * 1024 * 1024,
    DEFAULT_PAGE_SIZE = 64 * 1024,
    DEFAULT_MAILBOX = 4096,
    DEFAULT_OFFLOAD_THREADS = 4,
    DEFAULT_OFFLOAD_QUEUE = 1024,
    PAGE_SIZE_MIN = 16 * 1024,
    PAGE_SIZE_MAX = 1024 * 1024
};

/* Where the first error goes. */
struct report {
    char *error;
    size_t size;
    int status;
};

__attribute__((format(printf, 2, 3))) static void complain(struct report *report,
                                                           const char *format, ...)
{
    if (report->status != 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->error, report->size, format, arguments);
    va_end(arguments);
    report->status = EVF_EOPTION;
}

/* The value within [min, max]; the default when it is 0, or wrong. */
static uint64_t number(struct report *report, const char *name, uint64_t value, uint64_t fallback,
                       uint64_t min, uint64_t max)
{
    if (value == 0)
        return fallback;
    if (value >= min && value <= max)
        return value;
    complain(report, "%s is %" PRIu64 ": it must be from %" PRIu64 " to %" PRIu64, name, value, min,
             max);
    return fallback;
}

static char *text(struct report *report, const char *value)
{
    if (value == NULL || *value == '\0')
        return NULL;
    char *copy = strdup(value);
    if (copy == NULL && report->status == 0) {
        snprintf(report->error, report->size, "out of memory");
        report->status = -ENOMEM;
    }
    return copy;
}

/* Takes what the caller's struct has: an older one is shorter, and what it lacks is the default. */
static void copy_known(struct evf_server_options *ret, const struct evf_server_options *options,
                       struct report *report)
{
    *ret = (struct evf_server_options){ .struct_size = sizeof *ret };
    if (options == NULL)
        return;
    size_t size = options->struct_size;
    if (size < offsetof(struct evf_server_options, workers) + sizeof options->workers) {
        complain(report,
                 "struct_size of the server's options is %zu: set it to sizeof(struct "
                 "evf_server_options)",
                 size);
        return;
    }
    if (size > sizeof *ret) {
        complain(report,
                 "the server's options have %zu bytes, %zu are known: they come from a newer "
                 "evframe than this one",
                 size, sizeof *ret);
        size = sizeof *ret;
    }
    memcpy(ret, options, size);
}

static void take_limits(struct evf__server_settings *ret, const struct evf_server_options *options,
                        struct report *report)
{
    struct evf__stream_limits *limits = &ret->defaults.limits;
    ret->defaults.max_connections =
        number(report, "max-connections", options->max_connections, 0, 1, SIZE_MAX);
    limits->max_frame =
        number(report, "max-frame", options->max_frame, DEFAULT_MAX_FRAME, 1, EVF__MAX_FRAME_MAX);
    limits->write_high =
        number(report, "write-high", options->write_high, DEFAULT_WRITE_HIGH, 1, SIZE_MAX / 2);
    limits->write_max =
        number(report, "write-max", options->write_max, DEFAULT_WRITE_MAX, 1, SIZE_MAX / 2);
    if (limits->write_max < limits->write_high) {
        if (options->write_max != 0)
            complain(report, "write-max is %zu: it must not be less than write-high, %zu",
                     limits->write_max, limits->write_high);
        limits->write_max = limits->write_high;
    }
    limits->linger_ms = EVF__LINGER_MS;

    limits->idle_timeout_ms = DEFAULT_IDLE_TIMEOUT_MS;
    if (options->idle_timeout_ms < 0)
        limits->idle_timeout_ms = 0;
    else
        limits->idle_timeout_ms =
            (uint32_t)number(report, "idle-timeout", (uint64_t)options->idle_timeout_ms,
                             DEFAULT_IDLE_TIMEOUT_MS, 1, EVF__TIMEOUT_MAX_MS);
}

static void take_threads(struct evf__server_settings *ret, const struct evf_server_options *options,
                         struct report *report)
{
    ret->workers = options->workers;
    if (ret->workers == 0)
        ret->workers = evf__process_cpus();
    ret->workers = (unsigned)number(report, "workers", ret->workers, 1, 1, EVF__WORKERS_MAX);
    ret->pin = options->pin;
    ret->mailbox = (unsigned)number(report, "mailbox", options->mailbox, DEFAULT_MAILBOX, 1,
                                    EVF__MAILBOX_CAPACITY_MAX);
    ret->offload_threads = (unsigned)number(report, "offload-threads", options->offload_threads,
                                            DEFAULT_OFFLOAD_THREADS, 1, EVF__OFFLOAD_THREADS_MAX);
    ret->offload_queue = (unsigned)number(report, "offload-queue", options->offload_queue,
                                          DEFAULT_OFFLOAD_QUEUE, 1, EVF__OFFLOAD_QUEUE_MAX);
    ret->page_size = (size_t)number(report, "page-size", options->page_size, DEFAULT_PAGE_SIZE,
                                    PAGE_SIZE_MIN, PAGE_SIZE_MAX);
    if ((ret->page_size & (ret->page_size - 1)) != 0) {
        complain(report, "page-size is %zu: it must be a power of two from %d to %d",
                 ret->page_size, PAGE_SIZE_MIN, PAGE_SIZE_MAX);
        ret->page_size = DEFAULT_PAGE_SIZE;
    }
}

static void take_accepting(struct evf__server_settings *ret,
                           const struct evf_server_options *options, struct report *report)
{
    ret->backlog = (int)number(report, "backlog", options->backlog, DEFAULT_BACKLOG, 1, INT32_MAX);
    if (options->dispatch <= EVF_DISPATCH_HASH)
        ret->dispatch = (enum evf_dispatch)options->dispatch;
    else
        complain(report, "dispatch is %" PRIu32 ", which is no policy", options->dispatch);
    if (options->accept <= EVF_ACCEPT_REUSEPORT)
        ret->accept = (enum evf_accept)options->accept;
    else
        complain(report, "accept is %" PRIu32 ": it must be shared or reuseport", options->accept);
    if (ret->accept == EVF_ACCEPT_REUSEPORT && ret->dispatch != EVF_DISPATCH_LEAST)
        complain(report, "dispatch cannot be chosen together with accept reuseport, where the "
                         "kernel spreads the connections");
}

static void take_stall_warn(struct evf__server_settings *ret,
                            const struct evf_server_options *options, struct report *report)
{
    if (options->stall_warn_ms < 0)
        return;
    ret->stall_warn_ms =
        (uint32_t)number(report, "stall-warn", (uint64_t)options->stall_warn_ms, EVF__STALL_WARN_MS,
                         EVF__STALL_WARN_MIN_MS, EVF__TIMEOUT_MAX_MS);
}

static void take_log(struct evf__server_settings *ret, const struct evf_server_options *options,
                     struct report *report)
{
    ret->log.level = EVF_INFO;
    if (options->log_level > 1 + EVF_ERROR)
        complain(report, "log_level is %" PRIu32 ": it must be 1 plus a level, or 0",
                 options->log_level);
    else if (options->log_level > 0)
        ret->log.level = (enum evf_level)(options->log_level - 1);
    if (options->log_format > EVF_LOG_JSON)
        complain(report, "log_format is %" PRIu32 ": it must be text or json", options->log_format);
    ret->log.json = options->log_format == EVF_LOG_JSON;
    ret->log.file = text(report, options->log_file);
}

static void take_resolver(struct evf__server_settings *ret,
                          const struct evf_server_options *options, struct report *report)
{
    char reason[256];
    ret->resolver.timeout_ms = (uint32_t)number(report, "dns-timeout", options->dns_timeout_ms,
                                                EVF__DNS_TIMEOUT_MS, 1, EVF__TIMEOUT_MAX_MS);
    if (options->dns_server == NULL)
        return;
    if (evf__resolver_check_servers(options->dns_server, reason, sizeof reason) < 0)
        complain(report, "dns-server: %s", reason);
    else
        ret->resolver.servers = text(report, options->dns_server);
}

int evf__server_settings_init(struct evf__server_settings *ret,
                              const struct evf_server_options *options, char *error,
                              size_t error_size)
{
    struct report report = { .error = error, .size = error_size };
    struct evf_server_options known;
    *ret = (struct evf__server_settings){ 0 };
    copy_known(&known, options, &report);
    take_threads(ret, &known, &report);
    take_accepting(ret, &known, &report);
    take_limits(ret, &known, &report);
    take_stall_warn(ret, &known, &report);
    take_log(ret, &known, &report);
    take_resolver(ret, &known, &report);
    ret->plugin_path = text(&report, known.plugin_path);
    return report.status;
}

void evf__server_settings_fini(struct evf__server_settings *settings)
{
    free(settings->plugin_path);
    free((char *)settings->log.file);
    free((char *)settings->resolver.servers);
    *settings = (struct evf__server_settings){ 0 };
}
