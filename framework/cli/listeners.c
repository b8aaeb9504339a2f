/* SPDX-License-Identifier: MIT
 *
 * The launcher's --listen: cuts one into address, plugin and options, and checks the address's
 * form.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/address.h>

#include "base/parse.h"
#include "cli/arguments.h"

static const char *const expected_address =
    "8080, 127.0.0.1:8080, [::1]:8080, name:8080, unix:/path, unix:@name or fd:3";

/* Cuts at the first '=' that no backslash precedes, and takes that backslash away. Returns what
 * follows, or NULL when there is none. */
static char *cut_address(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (from[0] == '\\' && from[1] == '=')
            from++;
        else if (*from == '=') {
            char *rest = text + (from - text) + 1;
            *to = '\0';
            return rest;
        }
        *to++ = *from;
    }
    *to = '\0';
    return NULL;
}

/* 0, EVF_EADDRESS or -ENAMETOOLONG. */
static int check_address(const char *text)
{
    char host[NI_MAXHOST];
    uint16_t port;
    const char *unix_path;
    if (strncmp(text, "fd:", 3) != 0)
        return evf_address_parse(text, host, sizeof(host), &port, &unix_path);
    int64_t fd;
    if (evf__parse_int(text + 3, &fd) != 0 || fd < 0 || fd > INT_MAX)
        return EVF_EADDRESS;
    return 0;
}

int evf__cli_listener_add(struct evf__cli_arguments *arguments, const char *text, char *error,
                          size_t error_size)
{
    if (arguments->listener_count == EVF__LISTENERS_MAX) {
        snprintf(error, error_size, "--listen '%s': there can be at most %d listeners", text,
                 EVF__LISTENERS_MAX);
        return -EINVAL;
    }
    char *address = strdup(text);
    if (address == NULL) {
        snprintf(error, error_size, "--listen '%s': %s", text, evf_strerror(-ENOMEM));
        return -ENOMEM;
    }

    char *plugin = cut_address(address);
    int code = check_address(address);
    if (plugin == NULL || plugin[0] == '\0' || plugin[0] == ',') {
        snprintf(error, error_size,
                 "--listen '%s': names no plugin; expected ADDRESS=PLUGIN, "
                 "such as 127.0.0.1:8080=http",
                 text);
        goto refused;
    }
    if (code != 0) {
        snprintf(error, error_size,
                 "--listen '%s': the address '%s' cannot be used (%s); expected "
                 "%s",
                 text, address, evf_strerror(code), expected_address);
        goto refused;
    }

    char *options = strchr(plugin, ',');
    if (options != NULL)
        *options++ = '\0';
    arguments->listeners[arguments->listener_count++] = (struct evf__cli_listener){
        .address = address,
        .plugin = plugin,
        .options = options,
    };
    return 0;

refused:
    free(address);
    return -EINVAL;
}
