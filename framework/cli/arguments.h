/* SPDX-License-Identifier: MIT
 *
 * The launcher's command line: what was asked for.
 *
 * options.c holds the table of options, arguments.c reads argv by it, help.c shows it. Main thread.
 */
#ifndef EVF_CLI_ARGUMENTS_H
#define EVF_CLI_ARGUMENTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <evframe/server.h>

#include "base/limits.h"

enum evf__cli_mode {
    EVF__CLI_SERVE,
    EVF__CLI_CHECK,
    EVF__CLI_INSPECT,
    EVF__CLI_HELP,
    EVF__CLI_VERSION
};

/* One --listen, cut into its parts. All three point into one block that starts at address. */
struct evf__cli_listener {
    char *address;
    const char *plugin;
    const char *options; /* NULL for none */
};

struct evf__cli_arguments {
    enum evf__cli_mode mode;
    struct evf_server_options server;
    uint32_t grace_ms;
    bool watch;
    const char *inspect; /* the file, in EVF__CLI_INSPECT */
    unsigned listener_count;
    struct evf__cli_listener listeners[EVF__LISTENERS_MAX];
    char plugin_path[PATH_MAX]; /* the default; server.plugin_path may point here */
};

/* Reads argv. 0; -EINVAL for bad usage or -ENOMEM, with one line in error that names the option,
 * the value and what is allowed. What ret holds is freed by evf__cli_arguments_fini, also then. */
int evf__cli_arguments_init(struct evf__cli_arguments *ret, int argc, char **argv, char *error,
                            size_t error_size);
void evf__cli_arguments_fini(struct evf__cli_arguments *arguments);

/* Cuts ADDRESS=PLUGIN[,option=value…] at the first '=' that no backslash precedes, and adds it.
 * The same codes. */
int evf__cli_listener_add(struct evf__cli_arguments *arguments, const char *text, char *error,
                          size_t error_size);

/* What a path relative to the launcher's own folder leads to. Writes "" when the launcher cannot
 * tell where it is. */
void evf__cli_beside(const char *relative, char *ret, size_t size);

/* Where plugins lie beside this launcher, in an installation as in a build tree. Writes "" when the
 * launcher cannot tell where it is. */
void evf__cli_plugin_path(char *ret, size_t size);

/* The file that a --listen's PLUGIN means: itself when it is a path, else the first of its name in
 * the folders of search_path; where there is none, the first that would do. To be freed; NULL for
 * lack of memory. */
char *evf__cli_plugin_file(const char *plugin, const char *search_path);

#endif
