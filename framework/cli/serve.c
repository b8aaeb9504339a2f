/* SPDX-License-Identifier: MIT
 *
 * Serving: makes the server by the arguments, starts it, waits for its stop.
 */
#include "cli/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/figures.h"
#include "cli/signals.h"

static int report(const evf_server *server, int code)
{
    const char *error = evf_server_error(server);
    fprintf(stderr, "evframe: %s\n", error[0] != '\0' ? error : evf_strerror(code));
    return EXIT_FAILURE;
}

static int add_listeners(evf_server *server, const struct evf__cli_arguments *arguments)
{
    for (unsigned i = 0; i < arguments->listener_count; i++) {
        const struct evf__cli_listener *listener = &arguments->listeners[i];
        int code =
            evf_server_listen(server, listener->address, NULL, listener->plugin, listener->options);
        if (code != 0)
            return code;
    }
    return 0;
}

static int check(evf_server *server)
{
    int code = evf_server_check(server);
    if (code != 0)
        return report(server, code);
    puts("configuration is fine");
    return EXIT_SUCCESS;
}

static int run(evf_server *server, struct evf__cli_signals *signals)
{
    int code = evf_server_start(server);
    if (code != 0)
        return report(server, code);
    evf__cli_signals_serving(signals);
    code = evf_server_wait(server);
    if (code != 0) {
        /* What did not return still runs and may use anything: nothing can be freed. */
        report(server, code);
        fflush(NULL);
        _exit(EXIT_FAILURE);
    }
    evf__cli_log_figures(server, EVF_DEBUG);
    return EXIT_SUCCESS;
}

static int serve(evf_server *server, uint32_t grace_ms)
{
    struct evf__cli_signals signals;
    int code = evf__cli_signals_start(&signals, server, grace_ms);
    if (code != 0)
        return report(server, code);
    int status = run(server, &signals);
    evf__cli_signals_stop(&signals);
    return status;
}

int evf__cli_serve(const struct evf__cli_arguments *arguments)
{
    bool check_only = arguments->mode == EVF__CLI_CHECK;
    if (!check_only)
        evf__cli_signals_block(); /* before the server makes its first thread */
    evf_server *server = evf_server_new(&arguments->server);
    if (server == NULL) {
        fputs("evframe: out of memory\n", stderr);
        return EXIT_FAILURE;
    }

    int status;
    int code = add_listeners(server, arguments);
    if (code != 0)
        status = report(server, code);
    else
        status = check_only ? check(server) : serve(server, arguments->grace_ms);
    evf_server_free(server);
    return status;
}
