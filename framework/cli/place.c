/* SPDX-License-Identifier: MIT
 *
 * Where the launcher lies, and so where its plugins are: the same relative path leads there in an
 * installation and in a build tree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/arguments.h"

void evf__cli_plugin_path(char *ret, size_t size)
{
    char path[2 * PATH_MAX], *real;
    ret[0] = '\0';
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (len < 0)
        return;
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return;
    size_t room = sizeof(path) - (size_t)(slash - path);
    snprintf(slash, room, "/%s", EVF__PLUGINS_FROM_BIN);
    real = realpath(path, NULL);
    snprintf(ret, size, "%s", real != NULL ? real : path);
    free(real);
}
