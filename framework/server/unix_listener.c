/* SPDX-License-Identifier: MIT
 *
 * The file of a unix listener: locked, cleared of a dead socket, bound, removed at the end. The
 * rules stand in listener.h. Main thread, and whoever accepts at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "server/listener.h"

enum { DEFAULT_MODE = 0660, LOCK_MODE = 0600 };

struct lock_path {
    char text[sizeof(((struct evf__socket_file *)0)->path) + sizeof ".lock"];
};

static struct lock_path lock_path(const struct evf__socket_file *file)
{
    struct lock_path ret;
    snprintf(ret.text, sizeof ret.text, "%s.lock", file->path);
    return ret;
}

__attribute__((format(printf, 4, 5))) static int fail(int status, char *error, size_t size,
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return status;
}

/* Opens and locks the file beside the socket; sets *ret_gone when it was removed in between, by a
 * server that was just ending. The descriptor or a negated errno. */
static int try_lock(const char *path, bool *ret_gone, char *error, size_t size)
{
    struct stat opened, named;
    int fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, LOCK_MODE);
    if (fd < 0) {
        int status = -errno;
        return fail(status, error, size, "its lock %s cannot be opened: %s", path,
                    status == -ENOENT ? "the folder does not exist" : evf_strerror(status));
    }
    int status = 0;
    if (fstat(fd, &opened) < 0)
        status = fail(-errno, error, size, "its lock %s: %s", path, strerror(errno));
    else if (!S_ISREG(opened.st_mode))
        status = fail(-EEXIST, error, size, "its lock %s is not a regular file; remove it", path);
    else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        status = errno == EWOULDBLOCK
                     ? fail(-EADDRINUSE, error, size,
                            "another server is listening there: it holds %s", path)
                     : fail(-errno, error, size, "its lock %s: %s", path, strerror(errno));
    else
        *ret_gone = stat(path, &named) < 0 || named.st_dev != opened.st_dev ||
                    named.st_ino != opened.st_ino;
    if (status == 0 && !*ret_gone)
        return fd;
    close(fd);
    return status;
}

static int lock(struct evf__socket_file *file, char *error, size_t size)
{
    struct lock_path path = lock_path(file);
    for (unsigned i = 0; i < EVF__LOCK_ATTEMPTS; i++) {
        bool gone = false;
        int fd = try_lock(path.text, &gone, error, size);
        if (fd < 0)
            return fd;
        if (!gone) {
            file->lock_fd = fd;
            return 0;
        }
    }
    return fail(-EAGAIN, error, size, "its lock %s is removed again and again", path.text);
}

/* Removes the lock, too, when it is empty: what somebody wrote there is not ours. Under the lock;
 * who opened the file just before finds that it has no name any more. */
static void unlock(struct evf__socket_file *file)
{
    struct lock_path path = lock_path(file);
    struct stat opened;
    if (file->lock_fd < 0)
        return;
    if (fstat(file->lock_fd, &opened) == 0 && opened.st_size == 0)
        unlink(path.text);
    close(file->lock_fd);
    file->lock_fd = -1;
}

/* What a connect says about who listens at the path: 0 somebody, or a negated errno. */
static int probe(const struct sockaddr_un *address, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int status = connect(fd, (const struct sockaddr *)address, len) < 0 ? -errno : 0;
    close(fd);
    return status == -EAGAIN ? 0 : status; /* its backlog is full */
}

/* Removes a socket on which nobody listens; everything else at the path is an error. Under the
 * lock. */
static int clear(const struct evf__socket_file *file, const struct sockaddr_un *address,
                 socklen_t len, char *error, size_t size)
{
    struct stat before, after;
    if (lstat(file->path, &before) < 0)
        return errno == ENOENT ? 0 : fail(-errno, error, size, "%s", strerror(errno));
    if (!S_ISSOCK(before.st_mode))
        return fail(-EEXIST, error, size,
                    "there is a file that is not a socket; remove it or choose another path");
    int status = probe(address, len);
    if (status == 0)
        return fail(-EADDRINUSE, error, size, "another process is listening there");
    if (status == -ENOENT)
        return 0; /* just removed by its owner */
    if (status != -ECONNREFUSED)
        return fail(status, error, size,
                    "there is a socket, and whether it is in use cannot be told: %s; remove it or "
                    "choose another path",
                    evf_strerror(status));
    if (lstat(file->path, &after) < 0 || after.st_dev != before.st_dev ||
        after.st_ino != before.st_ino)
        return fail(-EADDRINUSE, error, size, "somebody else puts a file there at this moment");
    if (unlink(file->path) < 0)
        return fail(-errno, error, size, "the socket of a dead server cannot be removed: %s",
                    strerror(errno));
    return 0;
}

/* The owner first: a change of it may take rights away. */
static int set_rights(const struct evf__socket_file *file, mode_t mode,
                      const struct evf__socket_settings *settings, char *error, size_t size)
{
    uid_t owner = settings->owner_given ? settings->owner : (uid_t)-1;
    gid_t group = settings->group_given ? settings->group : (gid_t)-1;
    const char *more = "; only root, or a process with CAP_CHOWN, may give a file to somebody else";
    if (settings->owner_given && lchown(file->path, owner, (gid_t)-1) < 0)
        return fail(-errno, error, size, "its owner cannot be set to %u: %s%s", owner,
                    strerror(errno), errno == EPERM ? more : "");
    if (settings->group_given && lchown(file->path, (uid_t)-1, group) < 0)
        return fail(-errno, error, size, "its group cannot be set to %u: %s%s", group,
                    strerror(errno), errno == EPERM ? "; this user is not in that group" : "");
    if (chmod(file->path, mode) < 0)
        return fail(-errno, error, size, "its mode cannot be set: %s", strerror(errno));
    return 0;
}

int evf__socket_file_bind(struct evf__socket_file *file, int fd, const struct sockaddr_un *address,
                          socklen_t address_len, const struct evf__socket_settings *settings,
                          char *error, size_t error_size)
{
    struct stat named;
    mode_t mode = settings->mode != 0 ? settings->mode : DEFAULT_MODE;
    EVF_ASSERT(file->lock_fd < 0 && !file->bound);
    memcpy(file->path, address->sun_path, sizeof file->path);
    file->path[sizeof file->path - 1] = '\0';
    int status = lock(file, error, error_size);
    if (status < 0)
        return status;
    status = clear(file, address, address_len, error, error_size);
    if (status < 0)
        goto fail;
    /* Linux makes the file with the socket's own mode, less the umask: it never has more than
     * this, and chmod then adds what the umask took. */
    if (fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *)address, address_len) < 0) {
        status = fail(-errno, error, error_size, "%s", strerror(errno));
        goto fail;
    }
    if (lstat(file->path, &named) < 0) {
        status = fail(-errno, error, error_size, "its file is gone at once: %s", strerror(errno));
        goto fail;
    }
    file->bound = true;
    file->device = named.st_dev;
    file->inode = named.st_ino;
    status = set_rights(file, mode, settings, error, error_size);
    if (status < 0)
        goto fail;
    return 0;
fail:
    evf__socket_file_release(file);
    return status;
}

void evf__socket_file_remove(struct evf__socket_file *file)
{
    struct stat named;
    if (file->bound && lstat(file->path, &named) == 0 && named.st_dev == file->device &&
        named.st_ino == file->inode)
        unlink(file->path);
    file->bound = false;
}

void evf__socket_file_release(struct evf__socket_file *file)
{
    evf__socket_file_remove(file);
    unlock(file);
}
