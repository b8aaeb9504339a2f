/* SPDX-License-Identifier: MIT
 *
 * Where the launcher lies, and so where what belongs to it is: the same relative path leads there
 * in an installation and in a build tree. And which file a plugin's name means.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/arguments.h"

void evf__cli_beside(const char *relative, char *ret, size_t size)
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
    snprintf(slash, room, "/%s", relative);
    real = realpath(path, NULL);
    snprintf(ret, size, "%s", real != NULL ? real : path);
    free(real);
}

void evf__cli_plugin_path(char *ret, size_t size)
{
    evf__cli_beside(EVF__PLUGINS_FROM_BIN, ret, size);
}

char *evf__cli_plugin_file(const char *plugin, const char *search_path)
{
    char *first = NULL;
    if (strchr(plugin, '/') != NULL)
        return strdup(plugin);
    for (const char *folder = search_path; *folder != '\0';) {
        size_t len = strcspn(folder, ":");
        char *path = NULL;
        if (len > 0 && asprintf(&path, "%.*s/%s.so", (int)len, folder, plugin) < 0) {
            free(first);
            return NULL;
        }
        if (path != NULL && access(path, F_OK) == 0) {
            free(first);
            return path;
        }
        if (first == NULL)
            first = path;
        else
            free(path);
        folder += len + (folder[len] == ':');
    }
    return first != NULL ? first : strdup(plugin);
}
