/* SPDX-License-Identifier: MIT
 *
 * Opening files beneath root. Any thread: these are bare system calls.
 */
#ifndef HTTP_FILE_H
#define HTTP_FILE_H

#include "condition.h"

/* An open regular file. */
struct http_file {
    int fd;
    struct http_facts facts;
};

/* Opens the folder. With kernel_knows_cached the kernel can open without ever waiting for a disk
 * (RESOLVE_CACHED, Linux 5.12). A descriptor or a negated errno; -ENOSYS when the kernel has no
 * openat2 (Linux 5.6). */
int http_root_open(const char *path, bool *kernel_knows_cached);

/* Opens path, as http_path_resolve gives it, beneath root: neither `..` nor a link leads out of it,
 * and a pipe does not make it wait. With cached_only, what the kernel would have to read from a
 * disk gives -EAGAIN.
 *
 * 0; -EISDIR for a folder, -EACCES for what is neither file nor folder; else the negated errno. */
int http_file_open(int root, const char *path, bool cached_only, struct http_file *ret);

/* The status for a negative result of http_file_open. */
uint16_t http_file_status(int error);

/* Reads a part of the file if it can be had without waiting. False when not all of it can. */
bool http_file_read_cached(const struct http_file *file, uint64_t first, char *ret, size_t len);

#endif
