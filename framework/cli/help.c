/* SPDX-License-Identifier: MIT
 *
 * The launcher's --help, printed from the table of options.
 */
#include "cli/help.h"

#include <stdio.h>

#include "cli/options.h"

enum { OPTION_COLUMN = 33 };

static const char introduction[] =
    "Usage: evframe [options]\n"
    "       evframe inspect FILE.so      say what a plugin is and which options it takes\n"
    "       evframe new NAME             write a plugin to begin with (evframe new --help)\n"
    "       evframe sim PLUGIN SCRIPT    try a plugin in the simulator (evframe sim --help)\n"
    "\n"
    "Serves every listener with its plugin, on one event loop per worker.\n";

static const char details[] =
    "\n"
    "ADDRESS is 8080 or :8080 (all addresses), 127.0.0.1:8080, [::1]:8080, name:8080, unix:/path,\n"
    "unix:@abstract or fd:3; write \\= for a '=' in a path. PLUGIN is a name looked for in\n"
    "--plugin-path, or a path with a slash. A backslash keeps a comma or a backslash in an "
    "option's\n"
    "value: body=Hello\\, World!. Beside the plugin's own options every listener takes\n"
    "max-connections, idle-timeout, max-frame, write-high, write-max, and first-byte=TIME,\n"
    "max-lifetime=TIME, min-rate=SIZE (bytes a second) and linger=TIME; block=PREFIX, "
    "allow=PREFIX,\n"
    "block-file=FILE and allow-file=FILE (who may come, repeatable), pause-on-connect and "
    "backlog=N;\n"
    "for TCP keepalive, keepalive-idle=TIME, keepalive-interval=TIME, keepalive-count=N, tos=N,\n"
    "defer-accept=TIME, v6-only and reuse-port; for unix:/path mode=OCTAL, owner=USER and "
    "group=GROUP;\n"
    "behind a balancer proxy-protocol=required, proxy-trusted=ADDRESS[/BITS] and\n"
    "proxy-timeout=TIME.\n"
    "`evframe inspect FILE.so` explains them.\n"
    "\n"
    "A name is looked up at the start, and every address that it has is listened on.\n"
    "\n"
    "TIME is a number of seconds, or with ms, s, m or h; SIZE a number of bytes, or with k, m or "
    "g.\n"
    "\n"
    "Signals: SIGTERM and SIGINT stop gracefully, a second one at once. SIGHUP opens the log file\n"
    "anew. SIGUSR1 logs all figures.\n"
    "Exit status: 0 after an orderly stop, 1 for a failure, 2 for bad usage.\n"
    "\n"
    "Examples\n"
    "  evframe --workers 8\n"
    "  evframe --listen 8080=http,root=/srv/www --max-connections 10000\n"
    "  evframe --listen 127.0.0.1:7000=./myproto.so,idle-timeout=5m --listen unix:/run/echo=echo\n";

static void print_option(const struct evf__cli_option *option)
{
    int width = printf("  --%s", option->name);
    if (option->value != NULL)
        width += printf(" %s", option->value);
    if (width >= OPTION_COLUMN) {
        printf("\n");
        width = 0;
    }
    printf("%*s%s\n", OPTION_COLUMN - width, "", option->help);
}

void evf__cli_print_help(void)
{
    fputs(introduction, stdout);
    for (const struct evf__cli_option *option = evf__cli_options; option->name != NULL; option++) {
        if (option->name[0] == '\0')
            printf("\n%s\n", option->help);
        else
            print_option(option);
    }
    fputs(details, stdout);
}
