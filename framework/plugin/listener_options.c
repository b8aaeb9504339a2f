/* SPDX-License-Identifier: MIT
 *
 * The listener's own options, which every plugin's listener takes, and what they become. What is
 * for its sockets: socket_options.c; who may come: access_options.c. Main thread.
 */
#include "plugin/options.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "plugin/instance.h"
#include "plugin/value.h"

/* Where a process has room for it: a terabyte, which no queue will see. */
#define MARK_MAX (SIZE_MAX > UINT32_MAX ? (int64_t)1 << 40 : (int64_t)1 << 30)

const struct evf_option evf__listener_options[] = {
    { .name = "max-connections",
      .type = EVF_OPTION_INT,
      .help = "connections at a time; 0: as many as descriptors allow",
      .max = UINT32_MAX },
    { .name = "idle-timeout",
      .type = EVF_OPTION_DURATION,
      .help = "time without a byte moved; 0: off",
      .max = EVF__TIMEOUT_MAX_MS },
    { .name = "max-frame",
      .type = EVF_OPTION_SIZE,
      .help = "unconsumed input held per connection",
      .min = 1,
      .max = EVF__MAX_FRAME_MAX },
    { .name = "write-high",
      .type = EVF_OPTION_SIZE,
      .help = "queued output at which the plugin is told to wait",
      .min = 1,
      .max = MARK_MAX },
    { .name = "write-max",
      .type = EVF_OPTION_SIZE,
      .help = "queued output above which a slow reader is closed",
      .min = 1,
      .max = MARK_MAX },
    { .name = "first-byte",
      .type = EVF_OPTION_DURATION,
      .help = "time for the first byte; 0: off",
      .max = EVF__TIMEOUT_MAX_MS },
    { .name = "max-lifetime",
      .type = EVF_OPTION_DURATION,
      .help = "how long a connection may live; 0: off",
      .max = EVF__TIMEOUT_MAX_MS },
    { .name = "min-rate",
      .type = EVF_OPTION_SIZE,
      .help = "bytes a second a peer must move while it owes us some; 0: off",
      .max = 1024 * 1024 * 1024 },
    { .name = "linger",
      .type = EVF_OPTION_DURATION,
      .help = "time for the peer to end its side after ours; 0: no bound",
      .max = EVF__TIMEOUT_MAX_MS },
    { .name = "block",
      .type = EVF_OPTION_STRING | EVF_OPTION_REPEATABLE,
      .help = "an IP address or prefix whose connections are closed at once" },
    { .name = "allow",
      .type = EVF_OPTION_STRING | EVF_OPTION_REPEATABLE,
      .help = "where any is given, addresses outside are closed at once; block wins" },
    { .name = "block-file",
      .type = EVF_OPTION_PATH | EVF_OPTION_REPEATABLE,
      .help = "a file of them, one a line; # begins a comment" },
    { .name = "allow-file",
      .type = EVF_OPTION_PATH | EVF_OPTION_REPEATABLE,
      .help = "a file of them, one a line; # begins a comment" },
    { .name = "pause-on-connect",
      .type = EVF_OPTION_BOOL,
      .help = "connections start paused, until the plugin resumes them" },
    { .name = "keepalive",
      .type = EVF_OPTION_BOOL,
      .help = "TCP keep-alive, by the system's times or these:" },
    { .name = "keepalive-idle",
      .type = EVF_OPTION_DURATION,
      .help = "whole seconds without a byte before the first probe",
      .min = 1000,
      .max = EVF__KEEPALIVE_MAX_S * 1000 },
    { .name = "keepalive-interval",
      .type = EVF_OPTION_DURATION,
      .help = "whole seconds between probes",
      .min = 1000,
      .max = EVF__KEEPALIVE_MAX_S * 1000 },
    { .name = "keepalive-count",
      .type = EVF_OPTION_INT,
      .help = "unanswered probes after which the connection is given up",
      .min = 1,
      .max = EVF__KEEPALIVE_PROBES_MAX },
    { .name = "tos",
      .type = EVF_OPTION_INT,
      .help = "type of service (the IPv6 traffic class) of what is sent",
      .max = 255 },
    { .name = "defer-accept",
      .type = EVF_OPTION_DURATION,
      .help = "connections are taken up with their first bytes, or after about so many seconds",
      .min = 1000,
      .max = EVF__DEFER_ACCEPT_MAX_S * 1000 },
    { .name = "v6-only", .type = EVF_OPTION_BOOL, .help = "[::]:PORT leaves IPv4 to others" },
    { .name = "reuse-port",
      .type = EVF_OPTION_BOOL,
      .help = "other processes of this user that ask for it too may share the port" },
    { .name = "backlog",
      .type = EVF_OPTION_INT,
      .help = "connections that may wait in the kernel",
      .min = 1,
      .max = INT32_MAX },
    { .name = "mode",
      .type = EVF_OPTION_STRING,
      .help = "a unix socket's permissions in octal; 0660 when not given" },
    { .name = "owner",
      .type = EVF_OPTION_STRING,
      .help = "a unix socket's owner: a user's name or number" },
    { .name = "group",
      .type = EVF_OPTION_STRING,
      .help = "a unix socket's group: a name or number" },
    { .name = "proxy-protocol",
      .type = EVF_OPTION_CHOICE,
      .help = "whether PROXY headers are read, which tell who the client behind a balancer is",
      .choices = evf__proxy_modes },
    { .name = "proxy-trusted",
      .type = EVF_OPTION_STRING | EVF_OPTION_REPEATABLE,
      .help = "an IP address or prefix that may send them; required without any: all may" },
    { .name = "proxy-timeout",
      .type = EVF_OPTION_DURATION,
      .help = "time for the whole header",
      .min = 1,
      .max = EVF__PROXY_TIMEOUT_MAX_MS },
    { 0 },
};

bool evf__listener_option_reserved(const char *name)
{
    static const char *const names[] = { "max-connections", "idle-timeout", "max-frame",
                                         "write-high",      "write-max",    "first-byte",
                                         "max-lifetime",    "min-rate",     "linger" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static size_t size_of(const struct evf__options *listener, const char *name, size_t otherwise)
{
    const struct evf_option *option;
    const struct evf__option_values *values = evf__options_values(listener, name, &option);
    return values->count > 0 ? (size_t)values->number : otherwise;
}

static uint32_t small_of(const struct evf__options *listener, const char *name, uint32_t otherwise)
{
    size_t value = size_of(listener, name, otherwise);
    EVF_ASSERT(value <= UINT32_MAX);
    return (uint32_t)value;
}

static void add_mark(const struct evf__options *listener, const char *name, size_t value,
                     struct evf__sentence *error)
{
    const struct evf_option *option;
    evf__sentence_add(error, "%s=", name);
    evf__option_number(EVF_OPTION_SIZE, (int64_t)value, error);
    if (evf__options_values(listener, name, &option)->count == 0)
        evf__sentence_add(error, " (the default)");
}

int evf__listener_settings_read(const struct evf__options *listener,
                                const struct evf__listener_settings *defaults,
                                struct evf__listener_settings *ret, struct evf__sentence *error)
{
    const struct evf__stream_limits *before = &defaults->limits;
    struct evf__listener_settings settings = {
        .max_connections = size_of(listener, "max-connections", defaults->max_connections),
        .limits = {
            .max_frame = size_of(listener, "max-frame", before->max_frame),
            .write_high = size_of(listener, "write-high", before->write_high),
            .write_max = size_of(listener, "write-max", before->write_max),
            .idle_timeout_ms = small_of(listener, "idle-timeout", before->idle_timeout_ms),
            .linger_ms = small_of(listener, "linger", before->linger_ms),
            .first_byte_ms = small_of(listener, "first-byte", before->first_byte_ms),
            .max_lifetime_ms = small_of(listener, "max-lifetime", before->max_lifetime_ms),
            .min_rate = small_of(listener, "min-rate", before->min_rate),
        },
        .pause_on_connect = size_of(listener, "pause-on-connect", false) != 0,
    };
    const struct evf__stream_limits *limits = &settings.limits;
    if (limits->write_max < limits->write_high) {
        evf__sentence_add(error, "option write-max: ");
        add_mark(listener, "write-max", limits->write_max, error);
        evf__sentence_add(error, " is below ");
        add_mark(listener, "write-high", limits->write_high, error);
        evf__sentence_add(error, ": it must be at least as large");
        return EVF_EOPTION;
    }
    int code = evf__socket_settings_read(listener, &settings.socket, error);
    if (code == 0)
        *ret = settings;
    return code;
}
