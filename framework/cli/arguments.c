/* SPDX-License-Identifier: MIT
 *
 * Reads the launcher's argv by the table of options.
 *
 * Everything that can be told wrong by its form alone is bad usage and refused here: unknown
 * options, malformed and impossible values, addresses that are none. What depends on files, plugins
 * and the machine is found by the server.
 */
#include "cli/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/parse.h"
#include "cli/options.h"

enum {
    OPTIONS_MAX = 64,                /* rows of the table; asserted */
    WRITE_HIGH_DEFAULT = 256 * 1024, /* the library's, as --help says it */
    FIRST_VALUE = 256,               /* getopt's number for the first row: beyond every character */
    GRACE_DEFAULT_MS = 10000
};

/* Tells `--dispatch least` from its absence until all was read. */
#define DISPATCH_NOT_GIVEN UINT32_MAX

struct failure {
    char *text;
    size_t size;
};

EVF_PRINTF(2, 3)
static int fail(const struct failure *failure, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, failure->size, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static void store(struct evf__cli_arguments *arguments, const struct evf__cli_option *option,
                  int64_t value)
{
    char *field = (char *)arguments + option->offset;
    if (option->width == sizeof(bool))
        *(bool *)(void *)field = value != 0;
    else if (option->width == sizeof(uint32_t))
        *(uint32_t *)(void *)field = (uint32_t)value;
    else
        *(int64_t *)(void *)field = value;
}

/* The number that the text stands for, by the option's kind and limits. */
static int parse_number(const struct evf__cli_option *option, const char *text, int64_t *ret)
{
    int64_t value;
    int code;
    if (option->kind == EVF__CLI_SIZE)
        code = evf__parse_size(text, &value);
    else if (option->kind == EVF__CLI_DURATION)
        code = evf__parse_duration(text, &value);
    else
        code = evf__parse_int(text, &value);

    /* A word may be a number that means something special, also when written as 0s. */
    if (option->word != NULL) {
        bool zero = strcmp(option->word, "0") == 0 && code == 0 && value == 0;
        if (zero || strcmp(option->word, text) == 0) {
            *ret = option->word_value;
            return 0;
        }
    }
    if (code != 0)
        return code;
    if (value < option->min || value > option->max)
        return -ERANGE;
    if (option->power_of_two && (value & (value - 1)) != 0)
        return -ERANGE;
    *ret = value;
    return 0;
}

static int parse_choice(const struct evf__cli_option *option, const char *text, int64_t *ret)
{
    for (unsigned i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *ret = (int64_t)option->first_choice + i;
            return 0;
        }
    }
    return -EINVAL;
}

static int read_option(struct evf__cli_arguments *arguments, const struct evf__cli_option *option,
                       const char *text, const struct failure *failure)
{
    int64_t value = 1;
    int code = 0;
    switch (option->kind) {
    case EVF__CLI_MODE:
        /* --help wins over all others, wherever it stands. */
        if (arguments->mode != EVF__CLI_HELP)
            arguments->mode = (enum evf__cli_mode)option->first_choice;
        return 0;
    case EVF__CLI_LISTEN:
        return evf__cli_listener_add(arguments, text, failure->text, failure->size);
    case EVF__CLI_TEXT:
        if (text[0] == '\0')
            return fail(failure, "--%s: expected %s, not an empty text", option->name,
                        option->allowed);
        memcpy((char *)arguments + option->offset, &text, sizeof(text));
        return 0;
    case EVF__CLI_FLAG:
        break;
    case EVF__CLI_CHOICE:
        code = parse_choice(option, text, &value);
        break;
    case EVF__CLI_NUMBER:
    case EVF__CLI_SIZE:
    case EVF__CLI_DURATION:
        code = parse_number(option, text, &value);
        break;
    }
    if (code != 0)
        return fail(failure, "--%s '%s': expected %s", option->name, text, option->allowed);
    store(arguments, option, value);
    return 0;
}

/* What getopt_long could not read: an unknown option, an abbreviation of several, or a value where
 * none is taken. */
static int refuse_unknown(const char *text, const struct failure *failure)
{
    const char *names[OPTIONS_MAX];
    size_t count = 0, matches = 0;
    char list[256] = "";

    size_t len = strcspn(text + 2, "=");
    for (const struct evf__cli_option *option = evf__cli_options; option->name != NULL; option++) {
        if (option->name[0] == '\0')
            continue;
        names[count++] = option->name;
        if (strncmp(option->name, text + 2, len) == 0) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof(list) - used, "%s--%s", matches++ == 0 ? "" : ", ",
                     option->name);
        }
    }
    if (matches > 1)
        return fail(failure, "option '%.*s' may mean any of %s", (int)len + 2, text, list);

    char wanted[64];
    snprintf(wanted, sizeof(wanted), "%.*s", (int)len, text + 2);
    const char *nearest = evf__nearest(wanted, names, count);
    if (nearest == NULL)
        return fail(failure, "unknown option '--%s'", wanted);
    return fail(failure, "unknown option '--%s': did you mean --%s?", wanted, nearest);
}

static int read_options(struct evf__cli_arguments *arguments, int argc, char **argv,
                        const struct failure *failure)
{
    struct option long_options[OPTIONS_MAX + 1] = { 0 };
    const struct evf__cli_option *rows[OPTIONS_MAX];
    int count = 0;
    for (const struct evf__cli_option *row = evf__cli_options; row->name != NULL; row++) {
        if (row->name[0] == '\0')
            continue;
        EVF_ASSERT(count < OPTIONS_MAX);
        rows[count] = row;
        long_options[count] = (struct option){
            .name = row->name,
            .has_arg = row->kind == EVF__CLI_FLAG || row->kind == EVF__CLI_MODE ? no_argument
                                                                                : required_argument,
            .val = FIRST_VALUE + count,
        };
        count++;
    }
    EVF_ASSERT(count > 0);

    opterr = 0; /* messages are ours */
    optind = 0; /* to GNU getopt: forget all of an earlier line */
    int value;
    /* "+": stop at the first argument that is no option; ":": tell a missing value apart; "h": the
     * one short option, because everyone tries it. */
    while ((value = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1) {
        int code = 0;
        if (value == 'h')
            arguments->mode = EVF__CLI_HELP;
        else if (value >= FIRST_VALUE)
            code = read_option(arguments, rows[value - FIRST_VALUE], optarg, failure);
        else if (value == ':') {
            EVF_ASSERT(optopt >= FIRST_VALUE && optopt < FIRST_VALUE + count);
            code = fail(failure, "--%s needs a value: %s", rows[optopt - FIRST_VALUE]->name,
                        rows[optopt - FIRST_VALUE]->value);
        } else if (optopt >= FIRST_VALUE)
            code = fail(failure, "--%s takes no value", rows[optopt - FIRST_VALUE]->name);
        else
            code = optopt != 0 ? fail(failure, "unknown option '-%c'", optopt)
                               : refuse_unknown(argv[optind - 1], failure);
        if (code != 0)
            return code;
    }
    if (optind < argc)
        return fail(failure, "unexpected argument '%s'", argv[optind]);
    return 0;
}

static int read_inspect(struct evf__cli_arguments *arguments, int argc, char **argv,
                        const struct failure *failure)
{
    if (argc < 3)
        return fail(failure, "inspect needs a plugin file: evframe inspect FILE.so");
    if (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0) {
        arguments->mode = EVF__CLI_HELP;
        return 0;
    }
    if (argc > 3)
        return fail(failure, "inspect takes one file; unexpected argument '%s'", argv[3]);
    arguments->mode = EVF__CLI_INSPECT;
    arguments->inspect = argv[2];
    return 0;
}

/* The socket of fd:N ends with the server that took it. */
static int check_watch(const struct evf__cli_arguments *arguments, const struct failure *failure)
{
    for (unsigned i = 0; arguments->watch && i < arguments->listener_count; i++) {
        const char *address = arguments->listeners[i].address;
        if (strncmp(address, "fd:", 3) == 0)
            return fail(failure,
                        "--watch cannot open '%s' a second time, as a restart has to: give "
                        "the address itself, or leave --watch out",
                        address);
    }
    return 0;
}

/* What is wrong only in combination. */
static int check_together(const struct evf__cli_arguments *arguments, const struct failure *failure)
{
    const struct evf_server_options *server = &arguments->server;
    if (server->dispatch != DISPATCH_NOT_GIVEN && server->accept == EVF_ACCEPT_REUSEPORT)
        return fail(failure, "--dispatch has no meaning with --accept reuseport, where the kernel "
                             "chooses the worker: leave one of them out");
    unsigned long long high = server->write_high != 0 ? server->write_high : WRITE_HIGH_DEFAULT;
    if (server->write_max != 0 && server->write_max < high)
        return fail(failure,
                    "--write-max '%llu': expected at least what --write-high says, %llu bytes",
                    (unsigned long long)server->write_max, high);
    return check_watch(arguments, failure);
}

int evf__cli_arguments_init(struct evf__cli_arguments *ret, int argc, char **argv, char *error,
                            size_t error_size)
{
    const struct failure failure = { error, error_size };
    memset(ret, 0, sizeof(*ret));
    ret->mode = EVF__CLI_SERVE;
    ret->grace_ms = GRACE_DEFAULT_MS;
    ret->server.struct_size = sizeof(ret->server);
    ret->server.dispatch = DISPATCH_NOT_GIVEN;

    if (argc > 1 && strcmp(argv[1], "inspect") == 0)
        return read_inspect(ret, argc, argv, &failure);
    int code = read_options(ret, argc, argv, &failure);
    if (code != 0)
        return code;
    code = check_together(ret, &failure);
    if (code != 0)
        return code;

    if (ret->server.dispatch == DISPATCH_NOT_GIVEN)
        ret->server.dispatch = EVF_DISPATCH_LEAST;
    if (ret->server.plugin_path == NULL) {
        evf__cli_plugin_path(ret->plugin_path, sizeof(ret->plugin_path));
        ret->server.plugin_path = ret->plugin_path;
    }
    if (ret->listener_count == 0)
        return evf__cli_listener_add(ret, "127.0.0.1:8080=http", error, error_size);
    return 0;
}

void evf__cli_arguments_fini(struct evf__cli_arguments *arguments)
{
    for (unsigned i = 0; i < arguments->listener_count; i++)
        free(arguments->listeners[i].address);
    arguments->listener_count = 0;
}
