/* SPDX-License-Identifier: MIT
 *
 * What the kernel knows of a running server; see server.h.
 */
#define SUPPORT_INSIDE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"
#include "server_inside.h"

unsigned server_open_files(const struct server *server)
{
    char path[64];
    DIR *folder;
    unsigned count = 0;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)server->pid);
    folder = opendir(path);
    if (folder == NULL)
        support_fail("%s: %m", path);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.')
            count++;
    closedir(folder);
    return count;
}

static void read_proc(const struct server *server, const char *name, char *ret, size_t size)
{
    char path[64];
    FILE *file;
    size_t len;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)server->pid, name);
    file = fopen(path, "r");
    if (file == NULL)
        support_fail("%s: %m", path);
    len = fread(ret, 1, size - 1, file);
    ret[len] = '\0';
    fclose(file);
}

uint64_t server_cpu_ms(const struct server *server)
{
    char text[1024];
    unsigned long user = 0, system = 0;
    const char *at;

    read_proc(server, "stat", text, sizeof text);
    at = strrchr(text, ')'); /* the name before it may contain anything */
    if (at == NULL ||
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        support_fail("/proc/%d/stat makes no sense", (int)server->pid);
    return (uint64_t)(user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

uint64_t server_memory(const struct server *server)
{
    char text[256];
    unsigned long resident = 0;

    read_proc(server, "statm", text, sizeof text);
    if (sscanf(text, "%*u %lu", &resident) != 1)
        support_fail("/proc/%d/statm makes no sense", (int)server->pid);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

unsigned server_worker_count(struct server *server)
{
    const char *log = server_log(server);
    const char *at = strstr(log, "listening on ");
    unsigned count = 0;

    at = at == NULL ? NULL : strstr(at, " with ");
    at = at == NULL ? NULL : strrchr(strndup(at, strcspn(at, "\n")), ',');
    if (at == NULL || sscanf(at, ", %u worker", &count) != 1)
        support_fail("the log does not tell how many workers there are");
    return count;
}

static bool all_threads_stopped(void *argument)
{
    const struct server *server = argument;
    char path[300], text[1024];
    DIR *folder;
    bool stopped = true;

    snprintf(path, sizeof path, "/proc/%d/task", (int)server->pid);
    folder = opendir(path);
    if (folder == NULL)
        support_fail("%s: %m", path);
    for (struct dirent *entry; stopped && (entry = readdir(folder)) != NULL;) {
        const char *at;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "task/%.20s/stat", entry->d_name);
        read_proc(server, path, text, sizeof text);
        at = strrchr(text, ')');
        stopped = at != NULL && strncmp(at, ") T", 3) == 0;
    }
    closedir(folder);
    return stopped;
}

void(server_wait_stopped)(struct server *server)
{
    if (!wait_until(deadline_usual(), all_threads_stopped, server))
        support_fail("the server's threads do not stop");
}
