/* SPDX-License-Identifier: MIT
 *
 * A program with a server inside, driven by embed_test.c as if it were the launcher.
 *
 * It checks what an embedding program may rely on before, between and after serving, and serves an
 * echo of its own (a descriptor, no file) on a port and a plugin file on an abstract unix name,
 * twice in a row: SIGTERM ends one serving. Exit status 0 when everything was right.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/evframe.h>

static evf_server *serving;
static unsigned starts, stops;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s; the server says: %s\n", __LINE__, #condition,            \
                    serving != NULL ? evf_server_error(serving) : "");                             \
            exit(3);                                                                               \
        }                                                                                          \
    } while (0)

static size_t on_data(evf_stream *stream, evf_slice input)
{
    evf_write_slice(stream, input);
    return input.len;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = on_data,
};

static int start(evf_instance *instance)
{
    starts++;
    return strcmp(evf_option_string(instance, "mood"), "bad") == 0
               ? evf_fail(instance, "in a bad mood")
               : 0;
}

static void stop(evf_instance *instance)
{
    (void)instance;
    stops++;
}

static const struct evf_option options[] = {
    { .name = "mood", .type = EVF_OPTION_STRING, .default_value = "good", .help = "how it feels" },
    { 0 },
};

static const struct evf_plugin descriptor = {
    EVF_PLUGIN_HEADER,
    .name = "inside",
    .version = "1.0.0",
    .summary = "echoes, inside a program",
    .options = options,
    .handler = &handler,
    .start = start,
    .stop = stop,
};

static const struct evf_server_options server_options = {
    .struct_size = sizeof(struct evf_server_options),
    .workers = 2,
};

static void on_signal(int number)
{
    (void)number;
    evf_server_stop(serving, 5000);
}

struct seen {
    int64_t accepted, streams;
    unsigned of_instances;
};

static void see(const struct evf_figure *figure, void *argument)
{
    struct seen *seen = argument;

    if (figure->instance != NULL)
        seen->of_instances++;
    else if (strcmp(figure->name, "connections_accepted") == 0)
        seen->accepted = figure->value;
    else if (strcmp(figure->name, "streams") == 0)
        seen->streams = figure->value;
}

static void check_refusals(void)
{
    struct sockaddr_storage address;

    serving = evf_server_new(&server_options);
    EXPECT(serving != NULL);
    EXPECT(evf_server_address(serving, 0, &address) < 0);
    EXPECT(evf_server_wait(serving) == -EINVAL);
    EXPECT(evf_server_listen(serving, "nonsense:at:all", &descriptor, NULL, NULL) == EVF_EADDRESS);
    EXPECT(strstr(evf_server_error(serving), "nonsense:at:all") != NULL);
    EXPECT(evf_server_listen(serving, "127.0.0.1:0", NULL, "./nothing.so", NULL) == EVF_EPLUGIN);
    EXPECT(evf_server_listen(serving, "127.0.0.1:0", &descriptor, NULL, "mod=x") == EVF_EOPTION);
    EXPECT(strstr(evf_server_error(serving), "mood") != NULL);
    evf_server_free(serving); /* never started */

    serving = evf_server_new(&server_options);
    EXPECT(evf_server_listen(serving, "127.0.0.1:0", &descriptor, NULL, NULL) == 0);
    EXPECT(evf_server_listen(serving, "127.0.0.1:0", &descriptor, NULL, "mood=bad") == 0);
    EXPECT(evf_server_start(serving) < 0);
    EXPECT(strstr(evf_server_error(serving), "in a bad mood") != NULL);
    EXPECT(starts == 2 && stops == 1);
    evf_server_free(serving);

    serving = evf_server_new(&(struct evf_server_options){
        .struct_size = sizeof(struct evf_server_options), .workers = 100000 });
    EXPECT(evf_server_listen(serving, "127.0.0.1:0", &descriptor, NULL, NULL) == 0);
    EXPECT(evf_server_check(serving) < 0);
    EXPECT(evf_server_start(serving) < 0);
    EXPECT(evf_server_error(serving)[0] != '\0');
    evf_server_free(serving);
    evf_server_free(NULL);
    starts = stops = 0;
}

static void serve(const char *file)
{
    struct sockaddr_storage address;
    struct seen seen = { 0 };

    serving = evf_server_new(&server_options);
    EXPECT(evf_server_listen(serving, "127.0.0.1:0", &descriptor, NULL, "mood=fine") == 0);
    EXPECT(evf_server_listen(serving, "unix:@evf-embedded", NULL, file, NULL) == 0);
    EXPECT(evf_server_check(serving) == 0);
    EXPECT(evf_server_start(serving) == 0);
    EXPECT(evf_server_start(serving) == -EBUSY);
    EXPECT(evf_server_listen(serving, "127.0.0.1:0", &descriptor, NULL, NULL) == -EBUSY);
    EXPECT(evf_server_address(serving, 0, &address) == 0 && address.ss_family == AF_INET &&
           ((struct sockaddr_in *)&address)->sin_port != 0);
    EXPECT(evf_server_address(serving, 1, &address) == 0 && address.ss_family == AF_UNIX);
    EXPECT(evf_server_address(serving, 2, &address) == -EINVAL);
    EXPECT(evf_server_wait(serving) == 0);
    EXPECT(evf_server_wait(serving) == 0);
    evf_server_each_figure(serving, see, &seen);
    EXPECT(seen.accepted == 2 && seen.streams == 0);
    evf_server_free(serving);
    serving = NULL;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_signal };

    EXPECT(argc == 2);
    check_refusals();
    sigaction(SIGTERM, &action, NULL);
    for (unsigned round = 1; round <= 2; round++) {
        serve(argv[1]);
        EXPECT(starts == round && stops == round);
    }
    EXPECT(strcmp(evf_version(), EVF_VERSION) == 0);
    fprintf(stderr, "all was right\n");
    return 0;
}
