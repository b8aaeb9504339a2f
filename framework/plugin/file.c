/* SPDX-License-Identifier: MIT
 *
 * Plugin files: finding one, and copying it into memory; see file.h.
 */
#include "plugin/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <evframe/base.h>

#include "base/limits.h"

bool evf__file_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

/* What a file is that cannot be a plugin; NULL for one that may be. */
static const char *wrong_kind(const struct stat *status)
{
    switch (status->st_mode & S_IFMT) {
    case S_IFREG:
        return status->st_size == 0                     ? "is an empty file"
               : status->st_size > EVF__PLUGIN_FILE_MAX ? "is larger than 256m, no plugin file"
                                                        : NULL;
    case S_IFDIR:
        return "is a directory, not a plugin file";
    case S_IFIFO:
        return "is a FIFO, not a plugin file";
    case S_IFSOCK:
        return "is a socket, not a plugin file";
    default:
        return "is a device, not a plugin file";
    }
}

/* Opens the file at path when it is of the right kind. 0; a negated errno when it cannot be
 * reached; EVF_EPLUGIN with *ret_wrong set when it is of the wrong kind. What a path leads to is
 * asked before it is opened, because opening a device may do something; and asked again of the open
 * file, because it may have changed between. */
static int open_regular(const char *path, int *ret_fd, struct stat *ret_status,
                        const char **ret_wrong)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return -errno;
    *ret_wrong = wrong_kind(&status);
    if (*ret_wrong != NULL)
        return EVF_EPLUGIN;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = fstat(fd, &status) != 0 ? -errno : 0;
    if (code == 0 && (*ret_wrong = wrong_kind(&status)) != NULL)
        code = EVF_EPLUGIN;
    if (code != 0) {
        close(fd);
        return code;
    }
    *ret_fd = fd;
    *ret_status = status;
    return 0;
}

static int find_path(const char *path, int *ret_fd, char **ret_path, struct stat *ret_status,
                     struct evf__sentence *error)
{
    const char *wrong = NULL;
    char *copy = strdup(path);
    if (copy == NULL)
        return -ENOMEM;
    int code = open_regular(path, ret_fd, ret_status, &wrong);
    if (code == 0) {
        *ret_path = copy;
        return 0;
    }
    free(copy);
    evf__sentence_clean(error, path);
    if (wrong != NULL) {
        evf__sentence_add(error, " %s", wrong);
    } else if (code == -ENOENT || code == -ENOTDIR) {
        evf__sentence_add(error, " was not found");
        char *folder = path[0] == '/' ? NULL : getcwd(NULL, 0);
        if (folder != NULL) {
            evf__sentence_add(error, "; looked in ");
            evf__sentence_clean(error, folder);
            free(folder);
        }
    } else {
        evf__sentence_add(error, " cannot be read: %s", strerror(-code));
    }
    return EVF_EPLUGIN;
}

/* Adds one place that was looked at, and why nothing was found there. */
static void add_place(struct evf__sentence *places, const char *path, int code)
{
    evf__sentence_add(places, places->len == 0 ? "" : ", ");
    evf__sentence_clean(places, path);
    if (code != -ENOENT && code != -ENOTDIR)
        evf__sentence_add(places, " (%s)", strerror(-code));
}

static int find_name(const char *name, const char *search_path, int *ret_fd, char **ret_path,
                     struct stat *ret_status, struct evf__sentence *error)
{
    char looked_at[1024];
    struct evf__sentence places;
    evf__sentence_init(&places, looked_at, sizeof(looked_at));
    const char *folder = search_path != NULL ? search_path : "";
    while (*folder != '\0') {
        size_t len = strcspn(folder, ":");
        char *path = NULL;
        if (len > 0 && asprintf(&path, "%.*s/%s.so", (int)len, folder, name) < 0)
            return -ENOMEM;
        if (len > 0) {
            const char *wrong = NULL;
            int code = open_regular(path, ret_fd, ret_status, &wrong);
            if (code == 0) {
                *ret_path = path;
                return 0;
            }
            if (wrong != NULL) {
                evf__sentence_clean(error, path);
                evf__sentence_add(error, " %s", wrong);
                free(path);
                return EVF_EPLUGIN;
            }
            add_place(&places, path, code);
            free(path);
        }
        folder += len + (folder[len] == ':');
    }
    if (places.len == 0)
        evf__sentence_add(error, "was not found: there is no folder to look in (--plugin-path)");
    else
        evf__sentence_add(error, "was not found; looked at %s", looked_at);
    size_t len = strlen(name);
    if (len > 3 && strcmp(name + len - 3, ".so") == 0) {
        evf__sentence_add(error, "; a file is named with a slash: ./");
        evf__sentence_clean(error, name);
    }
    return EVF_EPLUGIN;
}

int evf__file_find(const char *name, const char *search_path, int *ret_fd, char **ret_path,
                   struct stat *ret_status, struct evf__sentence *error)
{
    int code;
    if (name[0] == '\0') {
        evf__sentence_add(error, "no plugin is named");
        return EVF_EPLUGIN;
    }
    if (strchr(name, '/') != NULL)
        code = find_path(name, ret_fd, ret_path, ret_status, error);
    else
        code = find_name(name, search_path, ret_fd, ret_path, ret_status, error);
    if (code == -ENOMEM)
        evf__sentence_add(error, "no memory is left");
    return code;
}

/* An unnamed file in memory; where the kernel has none of that kind, in a folder for temporary
 * files. Negated errno on failure. */
static int unnamed_file(const char *path)
{
    char name[200]; /* memfd_create(2) allows 249 */
    const char *base = strrchr(path, '/');
    snprintf(name, sizeof(name), "%s", base != NULL ? base + 1 : path);
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (fd > STDERR_FILENO)
        return fd;
    /* In a program that closed its standard streams, what is printed must not land in the copy. */
    int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int code = above < 0 ? -errno : above;
    close(fd);
    return code;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        len -= (size_t)written;
    }
    return 0;
}

/* Copies size bytes. ret_done tells how many there were: fewer when the file ended before. */
static int copy_bytes(int from, int to, off_t size, off_t *ret_done)
{
    char buffer[32 * 1024];
    off_t done = 0;
    while (done < size) {
        off_t rest = size - done;
        size_t want = rest < (off_t)sizeof(buffer) ? (size_t)rest : sizeof(buffer);
        ssize_t got = pread(from, buffer, want, done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        int code = write_all(to, buffer, (size_t)got);
        if (code != 0)
            return code;
        done += got;
    }
    *ret_done = done;
    return 0;
}

int evf__file_copy(int fd, const char *path, const struct stat *status, int *ret_fd,
                   struct evf__sentence *error)
{
    off_t done = 0;
    struct stat after;
    int copy = unnamed_file(path);
    int code = copy < 0 ? copy : copy_bytes(fd, copy, status->st_size, &done);
    if (code == 0 && fstat(fd, &after) != 0)
        code = -errno;
    if (code != 0) {
        evf__sentence_clean(error, path);
        evf__sentence_add(error, " cannot be copied into memory: %s", strerror(-code));
        goto fail;
    }
    if (done != status->st_size || !evf__file_same(status, &after)) {
        evf__sentence_clean(error, path);
        evf__sentence_add(error, " changed while it was read: try again when it is complete");
        goto fail;
    }
    /* Where the copy cannot be sealed (see above), it is merely unnamed: nobody else has it. */
    (void)fcntl(copy, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    *ret_fd = copy;
    return 0;

fail:
    if (copy >= 0)
        close(copy);
    return EVF_EPLUGIN;
}
