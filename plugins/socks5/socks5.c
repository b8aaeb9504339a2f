/* SPDX-License-Identifier: MIT
 *
 * socks5: connects clients to where they ask to go, by SOCKS version 5 (RFC 1928), with or without
 * user and password (RFC 1929).
 *
 * This file is the plugin's descriptor: options, start and stop, on the main thread.
 */
#include <sys/stat.h>

#include "session.h"

static const char *const auths[] = { "none", "password", NULL };

#define DAY_MS (24 * 3600 * 1000)

static const struct evf_option options[] = {
    { .name = "auth",
      .type = EVF_OPTION_CHOICE,
      .default_value = "none",
      .choices = auths,
      .help = "what clients must show" },
    { .name = "users",
      .type = EVF_OPTION_PATH,
      .help = "file with a line NAME:PASSWORD for each user; auth=password needs it" },
    { .name = "handshake-timeout",
      .type = EVF_OPTION_DURATION,
      .default_value = "10s",
      .min = 1,
      .max = DAY_MS,
      .help = "time for everything up to the request" },
    { .name = "connect-timeout",
      .type = EVF_OPTION_DURATION,
      .default_value = "10s",
      .min = 1,
      .max = DAY_MS,
      .help = "time for the connection that a client asked for" },
    { 0 },
};

static int start_users(evf_instance *instance, struct socks5_instance *socks5)
{
    const char *path = evf_option_string(instance, "users");
    struct socks5_complaint complaint;
    struct stat status;
    socks5->needs_login = evf_option_string(instance, "auth")[0] == 'p';
    if (!socks5->needs_login && path != NULL)
        return evf_fail(instance, "users=%s has no effect without auth=password", path);
    if (!socks5->needs_login)
        return 0;
    if (path == NULL)
        return evf_fail(instance, "auth=password needs users=FILE with a line NAME:PASSWORD for "
                                  "each user");
    int error = socks5_users_read(&socks5->users, path, &complaint);
    if (error < 0 && complaint.line == 0)
        return evf_fail(instance, "users=%s: %s", path, complaint.what);
    if (error < 0)
        return evf_fail(instance, "users=%s, line %u: %s", path, complaint.line, complaint.what);
    if (stat(path, &status) == 0 && (status.st_mode & S_IROTH) != 0)
        evf_log(EVF_WARN, "users=%s holds passwords and everybody may read it: chmod o-r", path);
    return 0;
}

static void socks5_stop(evf_instance *instance)
{
    struct socks5_instance *socks5 = evf_instance_state(instance);
    socks5_users_free(&socks5->users);
}

static int start_figures(evf_instance *instance, struct socks5_instance *socks5)
{
    socks5->connected = evf_counter_new(instance, "connected", "requests that were carried out");
    socks5->failed = evf_counter_new(instance, "failed", "requests that failed");
    socks5->denied = evf_counter_new(instance, "denied", "clients that could not log in");
    socks5->malformed = evf_counter_new(instance, "malformed", "clients that do not speak SOCKS 5");
    socks5->sessions = evf_gauge_new(instance, "sessions", "clients and their servers");
    if (socks5->connected == NULL || socks5->failed == NULL || socks5->denied == NULL ||
        socks5->malformed == NULL || socks5->sessions == NULL)
        return evf_fail(instance, "no room for another instance's figures");
    return 0;
}

static int socks5_start(evf_instance *instance)
{
    struct socks5_instance *socks5 = evf_instance_state(instance);
    socks5->handshake_timeout_ms = (uint32_t)evf_option_int(instance, "handshake-timeout");
    socks5->connect_timeout_ms = (uint32_t)evf_option_int(instance, "connect-timeout");
    int error = start_users(instance, socks5);
    if (error == 0)
        error = start_figures(instance, socks5);
    if (error < 0)
        socks5_stop(instance);
    return error;
}

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "socks5",
    .version = EVF_VERSION,
    .summary = "connects clients to where they ask to go, by SOCKS 5",
    .options = options,
    .handler = &socks5_client_handler,
    .instance_state_size = sizeof(struct socks5_instance),
    .start = socks5_start,
    .stop = socks5_stop,
};
