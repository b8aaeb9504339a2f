/* SPDX-License-Identifier: MIT
 *
 * Serving: makes the server by the arguments, starts it, waits for its stop. With --watch, when a
 * plugin's file was built anew, the next server is made while the present one serves: what cannot
 * be loaded replaces nothing. Only then the present one is stopped and the next one started.
 */
#include "cli/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/figures.h"
#include "cli/signals.h"
#include "cli/watch.h"

enum { ERROR_SIZE = 1024 };

static void tell(char *ret, const evf_server *server, int code)
{
    const char *error = server != NULL ? evf_server_error(server) : "";
    snprintf(ret, ERROR_SIZE, "%s", error[0] != '\0' ? error : evf_strerror(code));
}

static int fail(const evf_server *server, int code)
{
    char error[ERROR_SIZE];
    tell(error, server, code);
    fprintf(stderr, "evframe: %s\n", error);
    return EXIT_FAILURE;
}

/* A server with its listeners, whose plugins are loaded and options checked. NULL: error says why
 * not. */
static evf_server *make(const struct evf__cli_arguments *arguments, char *ret_error)
{
    evf_server *server = evf_server_new(&arguments->server);
    int code = server != NULL ? 0 : -ENOMEM;
    for (unsigned i = 0; code == 0 && i < arguments->listener_count; i++) {
        const struct evf__cli_listener *listener = &arguments->listeners[i];
        code =
            evf_server_listen(server, listener->address, NULL, listener->plugin, listener->options);
    }
    if (code == 0)
        return server;
    tell(ret_error, server, code);
    evf_server_free(server);
    return NULL;
}

static int check(evf_server *server)
{
    int code = evf_server_check(server);
    if (code != 0)
        return fail(server, code);
    puts("configuration is fine");
    return EXIT_SUCCESS;
}

/* Waits until a changed plugin can be loaded: returns the server that has it. NULL: a stop was
 * asked for. */
static evf_server *next(struct evf__cli_watch *watch, const struct evf__cli_arguments *arguments)
{
    char error[ERROR_SIZE];
    const char *path;
    while (evf__cli_watch_wait(watch, &path) == EVF__CLI_WATCH_CHANGED) {
        evf_server *server = make(arguments, error);
        if (server != NULL) {
            evf_log(EVF_INFO, "%s has changed: restarting", path);
            return server;
        }
        evf_log(EVF_ERROR, "%s has changed, but cannot be used: %s", path, error);
    }
    return NULL;
}

/* Carries out a stop that was asked for. */
static void wait_for_stop(evf_server *server)
{
    int code = evf_server_wait(server);
    if (code != 0) {
        /* What did not return still runs and may use anything: nothing can be freed. */
        fail(server, code);
        fflush(NULL);
        _exit(EXIT_FAILURE);
    }
    evf__cli_log_figures(server, EVF_DEBUG);
}

/* Serves with this server until a stop, or a changed plugin: *ret_next then is the server that has
 * it, not started yet. One that cannot be started waits for the next change, unless it is the
 * first. Returns the exit status. */
static int serve_with(evf_server *server, bool first, const struct evf__cli_arguments *arguments,
                      struct evf__cli_watch *watch, evf_server **ret_next)
{
    struct evf__cli_signals signals;
    int code = evf__cli_signals_start(&signals, server, arguments->grace_ms, watch);
    if (code != 0)
        return fail(NULL, code);
    int status = EXIT_SUCCESS;
    code = evf_server_start(server);
    if (code != 0)
        status = fail(server, code);
    else
        evf__cli_signals_serving(&signals);
    if (watch != NULL && (code == 0 || !first))
        *ret_next = next(watch, arguments);
    if (*ret_next != NULL)
        evf_server_stop(server, arguments->grace_ms);
    if (code == 0)
        wait_for_stop(server);
    if (evf__cli_signals_stop(&signals)) {
        evf_server_free(*ret_next); /* a stop that was asked for during the restart */
        *ret_next = NULL;
    }
    return status;
}

static int serve(evf_server *server, const struct evf__cli_arguments *arguments,
                 struct evf__cli_watch *watch)
{
    int status = EXIT_SUCCESS;
    for (bool first = true; server != NULL; first = false) {
        evf_server *following = NULL;
        status = serve_with(server, first, arguments, watch, &following);
        evf_server_free(server);
        server = following;
    }
    return status;
}

static int serve_watching(evf_server *server, const struct evf__cli_arguments *arguments)
{
    static struct evf__cli_watch watch;
    int code = evf__cli_watch_init(&watch, arguments);
    if (code != 0) {
        evf_server_free(server);
        return fail(NULL, code);
    }
    int status = serve(server, arguments, &watch);
    evf__cli_watch_fini(&watch);
    return status;
}

int evf__cli_serve(const struct evf__cli_arguments *arguments)
{
    bool check_only = arguments->mode == EVF__CLI_CHECK;
    char error[ERROR_SIZE];
    if (!check_only)
        evf__cli_signals_block(); /* before the server makes its first thread */
    evf_server *server = make(arguments, error);
    if (server == NULL) {
        fprintf(stderr, "evframe: %s\n", error);
        return EXIT_FAILURE;
    }
    if (!check_only)
        return arguments->watch ? serve_watching(server, arguments)
                                : serve(server, arguments, NULL);
    int status = check(server);
    evf_server_free(server);
    return status;
}
