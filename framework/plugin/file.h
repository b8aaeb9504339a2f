/* SPDX-License-Identifier: MIT
 *
 * Plugin files: finding one, and copying it into memory. Any thread.
 */
#ifndef EVF_PLUGIN_FILE_H
#define EVF_PLUGIN_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "plugin/sentence.h"

/* Finds a plugin's file and opens it for reading: a path when the name has a slash, else NAME.so in
 * the folders of search_path. Only a regular file that is not empty is opened, and nothing blocks.
 * ret_path is on the heap; ret_status is what fstat said. 0, or EVF_EPLUGIN or -ENOMEM with the
 * reason added to error: for a name, every place that was looked at. */
int evf__file_find(const char *name, const char *search_path, int *ret_fd, char **ret_path,
                   struct stat *ret_status, struct evf__sentence *error);

/* Copies the open file into an unnamed one in memory, which nobody can change any more. ret_fd is
 * close-on-exec and above 2. 0, or EVF_EPLUGIN with the reason added to error. */
int evf__file_copy(int fd, const char *path, const struct stat *status, int *ret_fd,
                   struct evf__sentence *error);

/* True when both tell of the same file in unchanged state. */
bool evf__file_same(const struct stat *one, const struct stat *other);

#endif
