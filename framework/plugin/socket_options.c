/* SPDX-License-Identifier: MIT
 *
 * What a listener's options ask of its sockets: keep-alive, type of service, deferred accepting,
 * sharing, and owner and mode of a unix socket's file. Users and groups are looked up here, so the
 * main thread only.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/parse.h"
#include "plugin/instance.h"
#include "plugin/options.h"

static const struct evf__option_values *given(const struct evf__options *listener, const char *name)
{
    const struct evf_option *option;
    const struct evf__option_values *values = evf__options_values(listener, name, &option);
    return values->count > 0 ? values : NULL;
}

static int64_t number_of(const struct evf__options *listener, const char *name)
{
    const struct evf__option_values *values = given(listener, name);
    return values != NULL ? values->number : 0;
}

static int refuse(const char *name, const char *value, const char *why, struct evf__sentence *error)
{
    evf__sentence_add(error, "option %s: value ", name);
    evf__sentence_quote(error, value);
    evf__sentence_add(error, " %s", why);
    return EVF_EOPTION;
}

/* -- keep-alive -- */

static int read_seconds(const struct evf__options *listener, const char *name, unsigned *ret,
                        struct evf__sentence *error)
{
    const struct evf__option_values *values = given(listener, name);
    if (values == NULL)
        return 0;
    if (values->number % 1000 != 0)
        return refuse(name, values->texts[0],
                      "is no whole number of seconds, which is what the "
                      "system counts in",
                      error);
    *ret = (unsigned)(values->number / 1000);
    return 0;
}

static int read_keepalive(const struct evf__options *listener, struct evf__socket_settings *ret,
                          struct evf__sentence *error)
{
    static const char *const times[] = { "keepalive-idle", "keepalive-interval",
                                         "keepalive-count" };
    ret->keepalive = number_of(listener, "keepalive") != 0;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (!ret->keepalive && given(listener, times[i]) != NULL)
            return refuse(times[i], given(listener, times[i])->texts[0],
                          "has no effect without keepalive=on; give that too", error);
    int code = read_seconds(listener, "keepalive-idle", &ret->keepalive_idle_s, error);
    if (code == 0)
        code = read_seconds(listener, "keepalive-interval", &ret->keepalive_interval_s, error);
    ret->keepalive_count = (unsigned)number_of(listener, "keepalive-count");
    return code;
}

/* -- the file of a unix socket -- */

/* Three or four octal digits: 660 or 0660. */
static int read_mode(const struct evf__options *listener, mode_t *ret, struct evf__sentence *error)
{
    const struct evf__option_values *values = given(listener, "mode");
    if (values == NULL)
        return 0;
    const char *text = values->texts[0];
    size_t len = strlen(text);
    unsigned mode = 0;
    bool octal = (len == 3 || (len == 4 && text[0] == '0')) && strspn(text, "01234567") == len;
    for (size_t i = 0; octal && i < len; i++)
        mode = mode * 8 + (unsigned)(text[i] - '0');
    if (mode == 0)
        return refuse("mode", text,
                      "gives no permissions; allowed: three octal digits, as in "
                      "0660 (owner and group) or 0666 (everybody)",
                      error);
    *ret = mode;
    return 0;
}

/* 0 with *ret, -ENOENT for a name that nobody has, or another negated errno. */
typedef int find_fn(const char *name, char *buffer, size_t size, unsigned *ret);

static int find_user(const char *name, char *buffer, size_t size, unsigned *ret)
{
    struct passwd entry, *found = NULL;
    int status = getpwnam_r(name, &entry, buffer, size, &found);
    if (found != NULL)
        *ret = found->pw_uid;
    return found != NULL ? 0 : status != 0 ? -status : -ENOENT;
}

static int find_group(const char *name, char *buffer, size_t size, unsigned *ret)
{
    struct group entry, *found = NULL;
    int status = getgrnam_r(name, &entry, buffer, size, &found);
    if (found != NULL)
        *ret = found->gr_gid;
    return found != NULL ? 0 : status != 0 ? -status : -ENOENT;
}

/* Asks with more and more room for the entry. */
static int find(find_fn *find_it, const char *name, unsigned *ret)
{
    int status = -ERANGE;
    for (size_t size = 4096; status == -ERANGE && size <= EVF__USER_ENTRY_MAX; size *= 4) {
        char *buffer = malloc(size);
        if (buffer == NULL)
            return -ENOMEM;
        status = find_it(name, buffer, size, ret);
        free(buffer);
    }
    return status;
}

/* A name, else a number. The last number means 'unchanged' to the system. */
static int read_who(const struct evf__options *listener, const char *name, find_fn *find_it,
                    bool *ret_given, unsigned *ret, struct evf__sentence *error)
{
    const struct evf__option_values *values = given(listener, name);
    int64_t number;
    if (values == NULL)
        return 0;
    const char *text = values->texts[0];
    int status = find(find_it, text, ret);
    if (status < 0 && strspn(text, "0123456789") == strlen(text) &&
        evf__parse_int(text, &number) == 0 && number < UINT32_MAX) {
        *ret = (unsigned)number;
        status = 0;
    }
    if (status == -ENOMEM) {
        evf__sentence_add(error, "option %s: no memory is left", name);
        return status;
    }
    if (status < 0) {
        refuse(name, text, "is neither a name that this system knows nor a number", error);
        if (status != -ENOENT)
            evf__sentence_add(error, " (%s)", evf_strerror(status));
        return EVF_EOPTION;
    }
    *ret_given = true;
    return 0;
}

int evf__socket_settings_read(const struct evf__options *listener, struct evf__socket_settings *ret,
                              struct evf__sentence *error)
{
    struct evf__socket_settings settings = {
        .tos_given = given(listener, "tos") != NULL,
        .tos = (int)number_of(listener, "tos"),
        .v6_only = number_of(listener, "v6-only") != 0,
        .reuse_port = number_of(listener, "reuse-port") != 0,
        .backlog = (int)number_of(listener, "backlog"),
    };
    int code = read_keepalive(listener, &settings, error);
    if (code == 0)
        code = read_seconds(listener, "defer-accept", &settings.defer_accept_s, error);
    if (code == 0)
        code = read_mode(listener, &settings.mode, error);
    if (code == 0)
        code =
            read_who(listener, "owner", find_user, &settings.owner_given, &settings.owner, error);
    if (code == 0)
        code =
            read_who(listener, "group", find_group, &settings.group_given, &settings.group, error);
    if (code == 0)
        *ret = settings;
    return code;
}
