/* SPDX-License-Identifier: MIT
 *
 * A program of somebody else with a server inside: one worker, a port of the system's choice, and a
 * stop at once.
 */
#include <evframe/evframe.h>
#include <stdio.h>
#include <string.h>

static size_t discard(evf_stream *stream, evf_slice input)
{
    (void)stream;
    return input.len;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = discard,
};

static const struct evf_plugin plugin = {
    EVF_PLUGIN_HEADER,
    .name = "embedded",
    .version = "1.0.0",
    .handler = &handler,
};

int main(void)
{
    const struct evf_server_options options = {
        .struct_size = sizeof(options),
        .workers = 1,
    };
    evf_server *server = evf_server_new(&options);
    int code = evf_server_listen(server, "127.0.0.1:0", &plugin, NULL, NULL);
    if (code == 0)
        code = evf_server_start(server);
    if (code != 0) {
        fprintf(stderr, "%s\n", evf_server_error(server));
        evf_server_free(server);
        return 1;
    }
    evf_server_stop(server, 0);
    code = evf_server_wait(server);
    evf_server_free(server);
    return code == 0 && strcmp(evf_version(), EVF_VERSION) == 0 ? 0 : 1;
}
