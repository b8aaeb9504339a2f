/* SPDX-License-Identifier: MIT
 *
 * evframe, the launcher: arguments, server, signals, exit status. A thin client of libevframe.
 *
 * Exit status: 0 after an orderly stop, 1 for a failure, 2 for bad usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <evframe/server.h>
#include <evframe/version.h>

#include "cli/arguments.h"
#include "cli/help.h"
#include "cli/new.h"
#include "cli/serve.h"
#include "cli/sim.h"

enum { EXIT_USAGE = 2, ERROR_SIZE = 1024 };

static int inspect(const char *path)
{
    char error[ERROR_SIZE];
    int code = evf_plugin_inspect(path, STDOUT_FILENO, error, sizeof(error));
    if (code == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "evframe: %s\n", error);
    return EXIT_FAILURE;
}

static int run(const struct evf__cli_arguments *arguments)
{
    switch (arguments->mode) {
    case EVF__CLI_HELP:
        evf__cli_print_help();
        return EXIT_SUCCESS;
    case EVF__CLI_VERSION:
        fputs(evf_version_details(), stdout);
        return EXIT_SUCCESS;
    case EVF__CLI_INSPECT:
        return inspect(arguments->inspect);
    case EVF__CLI_CHECK:
    case EVF__CLI_SERVE:
        break;
    }
    return evf__cli_serve(arguments);
}

int main(int argc, char **argv)
{
    static struct evf__cli_arguments arguments;
    char error[ERROR_SIZE];

    if (argc > 1 && strcmp(argv[1], "sim") == 0)
        return evf__cli_sim(argc - 1, argv + 1);
    /* Before any thread is made. Without it a crash is only silent: no reason not to serve. */
    (void)evf_crash_report_install();
    int status = EXIT_USAGE;
    if (argc > 1 && strcmp(argv[1], "new") == 0)
        status = evf__cli_new(argc - 1, argv + 1);
    else if (evf__cli_arguments_init(&arguments, argc, argv, error, sizeof(error)) == 0)
        status = run(&arguments);
    else
        fprintf(stderr, "evframe: %s (try 'evframe --help')\n", error);
    evf__cli_arguments_fini(&arguments);

    if (fflush(stdout) != 0) {
        perror("evframe: standard output");
        return EXIT_FAILURE;
    }
    return status;
}
