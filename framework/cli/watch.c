/* SPDX-License-Identifier: MIT
 *
 * Looking at plugin files: see watch.h.
 */
#include "cli/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"

/* Between two looks. A change is told after one to two of them; four looks a second cost nothing.
 */
enum { LOOK_MS = 250 };

/* Zero when there is no such file. */
static struct stat look(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        memset(&status, 0, sizeof status);
    return status;
}

static bool same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

static bool watches(const struct evf__cli_watch *watch, const char *path)
{
    for (unsigned i = 0; i < watch->count; i++)
        if (strcmp(watch->files[i].path, path) == 0)
            return true;
    return false;
}

int evf__cli_watch_init(struct evf__cli_watch *ret, const struct evf__cli_arguments *arguments)
{
    ret->count = 0;
    ret->end_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (ret->end_fd < 0)
        return -errno;
    for (unsigned i = 0; i < arguments->listener_count; i++) {
        char *path =
            evf__cli_plugin_file(arguments->listeners[i].plugin, arguments->server.plugin_path);
        if (path == NULL) {
            evf__cli_watch_fini(ret);
            return -ENOMEM;
        }
        if (watches(ret, path)) {
            free(path);
            continue;
        }
        struct evf__cli_watched *file = &ret->files[ret->count++];
        file->path = path;
        file->known = file->last = look(path);
    }
    return 0;
}

void evf__cli_watch_fini(struct evf__cli_watch *watch)
{
    for (unsigned i = 0; i < watch->count; i++)
        free(watch->files[i].path);
    close(watch->end_fd);
}

/* A look at every file; the path of one that is new and has come to rest, else NULL. */
static const char *changed(struct evf__cli_watch *watch)
{
    const char *found = NULL;
    for (unsigned i = 0; i < watch->count; i++) {
        struct evf__cli_watched *file = &watch->files[i];
        struct stat now = look(file->path);
        bool rests = now.st_nlink > 0 && same(&now, &file->last);
        file->last = now;
        if (!rests || same(&now, &file->known))
            continue;
        file->known = now;
        found = file->path;
    }
    return found;
}

enum evf__cli_watch_result evf__cli_watch_wait(struct evf__cli_watch *watch, const char **ret_path)
{
    struct pollfd end = { .fd = watch->end_fd, .events = POLLIN };
    for (;;) {
        int ready = poll(&end, 1, LOOK_MS);
        EVF_ASSERT(ready >= 0 || errno == EINTR);
        if (ready > 0)
            return EVF__CLI_WATCH_END;
        const char *path = changed(watch);
        if (path != NULL) {
            *ret_path = path;
            return EVF__CLI_WATCH_CHANGED;
        }
    }
}

void evf__cli_watch_end(struct evf__cli_watch *watch)
{
    uint64_t one = 1;
    ssize_t written = write(watch->end_fd, &one, sizeof one);
    EVF_ASSERT(written == (ssize_t)sizeof one || errno == EAGAIN);
}
