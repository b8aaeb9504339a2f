/* SPDX-License-Identifier: MIT
 *
 * `evframe new NAME`: a project to begin with. new.c reads the command line and tells what was
 * done, project.c makes it from templates/. Main thread.
 */
#ifndef EVF_CLI_NEW_H
#define EVF_CLI_NEW_H

#include <stddef.h>

/* The whole command; argv[0] is "new". Returns the exit status. */
int evf__cli_new(int argc, char **argv);

/* One file of a project. */
struct evf__project_file {
    const char *template; /* its name in templates/ */
    const char *purpose;
};

/* Ended by a NULL template. */
extern const struct evf__project_file evf__project_files[];

/* The name of a template's file in the project `name`. To be freed; NULL for lack of memory. */
char *evf__project_file_name(const struct evf__project_file *file, const char *name);

/* Makes the folder `name` with all of the project's files. 0; or a negated errno and one line in
 * error, and nothing of it is left. */
int evf__project_make(const char *templates, const char *protocol, const char *name, char *error,
                      size_t error_size);

#endif
