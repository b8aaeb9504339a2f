/* SPDX-License-Identifier: MIT
 *
 * The hosts file (hosts(5)) as a table.
 *
 * A table does not change once it is made, so it may be made on one thread and used on another.
 * Reading blocks.
 */
#ifndef EVF_LOOP_HOSTS_H
#define EVF_LOOP_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

struct evf__hosts;

/* What tells one state of the file from another. All zero: never looked at. */
struct evf__hosts_stamp {
    bool looked, exists;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

/* Makes a table of the text. Lines that make no sense are skipped; *ret_cut
 * tells that there were more than EVF__HOSTS_NAMES_MAX names. NULL without memory. */
struct evf__hosts *evf__hosts_parse(const char *text, size_t len, bool *ret_cut);
void evf__hosts_free(struct evf__hosts *hosts);

/* Reads the file anew if it is not as the stamp says; a file that is not there is an empty one. 1:
 * *ret is a new table; 0: nothing has changed; -E2BIG: as 1, but only the beginning of the file is
 * in it; another negated errno: it could not be read. The stamp is of what was found. */
int evf__hosts_read(const char *path, struct evf__hosts_stamp *stamp, struct evf__hosts **ret);

/* The addresses of a name as evf__dns_name gives it, of one family, in the order of the file, at
 * most `room`; returns how many. -1: the file does not know the name. NULL is an empty table. */
int evf__hosts_find(const struct evf__hosts *hosts, const char *name, int family,
                    struct sockaddr_storage *ret, size_t room);

#endif
