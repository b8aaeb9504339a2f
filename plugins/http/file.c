/* SPDX-License-Identifier: MIT
 *
 * Opening files beneath root.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "limits.h"

static int open_beneath(int root, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve,
    };
    long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
    return fd < 0 ? -errno : (int)fd;
}

int http_root_open(const char *path, bool *kernel_knows_cached)
{
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    int error = open_beneath(root, ".", O_PATH, 0);
    if (error < 0) {
        close(root);
        return error;
    }
    close(error);
    /* -EAGAIN would be an answer too: the kernel knew what it was asked. */
    int cached = open_beneath(root, ".", O_RDONLY | O_DIRECTORY, RESOLVE_CACHED);
    if (cached >= 0)
        close(cached);
    *kernel_knows_cached = cached != -EINVAL;
    return root;
}

int http_file_open(int root, const char *path, bool cached_only, struct http_file *ret)
{
    const uint64_t flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
    int fd = open_beneath(root, path[0] == 0 ? "." : path, flags, cached_only ? RESOLVE_CACHED : 0);
    for (int i = 0; fd == -EAGAIN && !cached_only && i < HTTP_OPEN_RETRIES; i++)
        fd = open_beneath(root, path[0] == 0 ? "." : path, flags, 0);
    if (fd < 0)
        return fd;

    struct stat facts;
    int error = 0;
    if (fstat(fd, &facts) < 0)
        error = -errno;
    else if (S_ISDIR(facts.st_mode))
        error = -EISDIR;
    else if (!S_ISREG(facts.st_mode))
        error = -EACCES;
    if (error < 0) {
        close(fd);
        return error;
    }
    ret->fd = fd;
    ret->facts = (struct http_facts){
        .size = (uint64_t)facts.st_size,
        .inode = (uint64_t)facts.st_ino,
        .modified_s = (int64_t)facts.st_mtim.tv_sec,
        .modified_ns = (uint32_t)facts.st_mtim.tv_nsec,
    };
    return 0;
}

uint16_t http_file_status(int error)
{
    switch (error) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ELOOP:
    case -EXDEV: /* a link or `..` that leads out of root */
    case -ENXIO: /* a socket, or a device without a driver */
    case -ENODEV:
        return 404;
    case -EACCES:
    case -EPERM:
        return 403;
    case -EMFILE:
    case -ENFILE:
    case -EAGAIN:
    case -ENOMEM:
        return 503;
    default:
        return 500;
    }
}

bool http_file_read_cached(const struct http_file *file, uint64_t first, char *ret, size_t len)
{
    struct iovec piece = { .iov_base = ret, .iov_len = len };
    return preadv2(file->fd, &piece, 1, (off_t)first, RWF_NOWAIT) == (ssize_t)len;
}
