/* SPDX-License-Identifier: MIT
 *
 * --watch: sees when the file of a plugin that serves was replaced, or written anew.
 *
 * The files are looked at every so often, by what stat(2) says of them. That sees every way in
 * which a build leaves a new file (written in place, moved there, its whole folder made anew,
 * behind a symbolic link, on a network's file system), of which notifications miss some. Main
 * thread, but for evf__cli_watch_end.
 */
#ifndef EVF_CLI_WATCH_H
#define EVF_CLI_WATCH_H

#include <sys/stat.h>

#include "cli/arguments.h"

/* One plugin's file. */
struct evf__cli_watched {
    char *path;
    struct stat known; /* as it was when it was last told of; zero: it was not there */
    struct stat last;  /* as it was at the last look */
};

struct evf__cli_watch {
    int end_fd; /* an eventfd */
    unsigned count;
    struct evf__cli_watched files[EVF__LISTENERS_MAX];
};

enum evf__cli_watch_result { EVF__CLI_WATCH_CHANGED, EVF__CLI_WATCH_END };

/* Begins with the files as they are now. 0, or a negated errno with nothing left behind. */
int evf__cli_watch_init(struct evf__cli_watch *ret, const struct evf__cli_arguments *arguments);
void evf__cli_watch_fini(struct evf__cli_watch *watch);

/* Waits until a file is another than it was and has been left alone since the look before, or until
 * evf__cli_watch_end. *ret_path is the file's, valid until the fini. A file that is gone is waited
 * for. */
enum evf__cli_watch_result evf__cli_watch_wait(struct evf__cli_watch *watch, const char **ret_path);

/* Ends this wait and all later ones. Any thread. */
void evf__cli_watch_end(struct evf__cli_watch *watch);

#endif
