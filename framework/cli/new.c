/* SPDX-License-Identifier: MIT
 *
 * The command line of `evframe new`; see new.h.
 */
#include "cli/new.h"

#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/base.h>

#include "base/limits.h"
#include "cli/arguments.h"

enum { EXIT_USAGE = 2, PURPOSE_COLUMN = 28 };

static const char *const protocols[] = { "line", "length", "raw", NULL };

static const char help[] =
    "Usage: evframe new NAME [--protocol line|length|raw]\n"
    "\n"
    "Writes a plugin to begin with into a new folder NAME: its source, tests on the simulator, a\n"
    "Makefile and a CMakeLists.txt. It builds, passes its tests and runs as it is.\n"
    "\n"
    "NAME begins with a lower-case letter and goes on with lower-case letters, digits and '_'.\n"
    "\n"
    "  --protocol line    lines of text, each answered with its length (default)\n"
    "  --protocol length  messages with their length in front, each sent back\n"
    "  --protocol raw     bytes as they come, each sent back\n"
    "  --help             says this\n";

EVF_PRINTF(1, 2)
static int refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("evframe new: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs(" (try 'evframe new --help')\n", stderr);
    return EXIT_USAGE;
}

/* The name becomes a folder, a part of functions' names in C, and the plugin's. Says what is wrong
 * with it, or NULL. */
static const char *fault_of(const char *name)
{
    if (name[0] < 'a' || name[0] > 'z')
        return "a name begins with a lower-case letter";
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
        return "a name has lower-case letters, digits and '_' only; the folder is made here";
    if (strncmp(name, "evf", 3) == 0)
        return "names that begin with evf are evframe's own";
    return NULL;
}

static bool is_protocol(const char *text)
{
    for (unsigned i = 0; protocols[i] != NULL; i++) {
        if (strcmp(protocols[i], text) == 0)
            return true;
    }
    return false;
}

static int tell(const char *name)
{
    for (const struct evf__project_file *file = evf__project_files; file->template != NULL;
         file++) {
        char *path = evf__project_file_name(file, name);
        if (path == NULL)
            break;
        int width = printf("wrote %s/%s", name, path);
        printf("%*s%s\n", width < PURPOSE_COLUMN ? PURPOSE_COLUMN - width : 1, "", file->purpose);
        free(path);
    }
    printf("\nNow:\n    cd %s\n    make test\n    make run\n", name);
    return EXIT_SUCCESS;
}

static int make(const char *name, const char *protocol)
{
    char templates[PATH_MAX], error[2 * PATH_MAX];
    evf__cli_beside(EVF__TEMPLATES_FROM_BIN, templates, sizeof(templates));
    if (evf__project_make(templates, protocol, name, error, sizeof(error)) == 0)
        return tell(name);
    fprintf(stderr, "evframe new: %s\n", error);
    return EXIT_FAILURE;
}

int evf__cli_new(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "protocol", required_argument, NULL, 'p' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const char *protocol = protocols[0];
    int option;
    opterr = 0; /* messages are ours */
    optind = 0;
    while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return EXIT_SUCCESS;
        }
        if (option == ':')
            return refuse("--protocol needs a value: line, length or raw");
        if (option != 'p')
            return refuse("'%s' is no option of it", argv[optind - 1]);
        if (!is_protocol(optarg))
            return refuse("--protocol '%s': expected line, length or raw", optarg);
        protocol = optarg;
    }
    if (optind == argc)
        return refuse("a name is missing: evframe new NAME");
    if (optind + 1 < argc)
        return refuse("one name is expected; unexpected argument '%s'", argv[optind + 1]);
    const char *name = argv[optind], *fault = fault_of(name);
    if (fault != NULL)
        return refuse("'%s' cannot be a project's name: %s", name, fault);
    if (strlen(name) > EVF__PROJECT_NAME_MAX)
        return refuse("'%s' cannot be a project's name: a name has at most %d characters", name,
                      EVF__PROJECT_NAME_MAX);
    return make(name, protocol);
}
