/* SPDX-License-Identifier: MIT
 *
 * evframe-sim, which is what `evframe sim` runs: a plugin, scripts, and many seeds. It uses the
 * public header alone; its main thread is all that there is.
 *
 * Exit status: 0 when every seed passed, 1 when one failed or the plugin or a script is not usable,
 * 2 for bad usage.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <evframe/testkit.h>

#include "base/parse.h"

enum { EXIT_USAGE = 2, DEFAULT_SEEDS = 1000, OPTIONS_MAX = 128 * 1024 };

static const char help[] =
    "Usage: evframe sim [options] PLUGIN[,option=value...] SCRIPT...\n"
    "\n"
    "Plays each script with a plugin on a simulated network and a virtual clock, with many seeds,\n"
    "each of which has its own troubles. The first seed that fails is told, and repeats the run.\n"
    "PLUGIN is a name looked for in --plugin-path, or a path with a slash.\n"
    "\n"
    "  --seeds N          how many seeds are played (1000)\n"
    "  --seed N           the first of them; without --seeds the only one\n"
    "  --troubles LIST    all (the default), mild, none, or some of: cuts, short-writes,\n"
    "                     slow-readers, order, page-ends; resets, stalls, memory, full, connects,\n"
    "                     lookups, time\n"
    "  --trace            write every event to standard error\n"
    "  --settle TIME      how long after its peer's end a stream may live (30s)\n"
    "  --page-size SIZE   as the launcher's (64k)\n"
    "  --log-level LEVEL  lines of the log that a report shows: debug, info, warn, error (warn)\n"
    "  --plugin-path DIR  folders for plugin names, separated by ':'\n"
    "  --help             this text\n"
    "\n"
    "Exit status: 0 when all seeds passed, 1 when one failed, 2 for bad usage.\n";

static const struct {
    const char *name;
    uint32_t bits;
} troubles[] = {
    { "all", EVF_SIM_ALL },
    { "mild", EVF_SIM_MILD },
    { "none", 0 },
    { "cuts", EVF_SIM_CUTS },
    { "short-writes", EVF_SIM_SHORT_WRITES },
    { "slow-readers", EVF_SIM_SLOW_READERS },
    { "order", EVF_SIM_ORDER },
    { "page-ends", EVF_SIM_PAGE_ENDS },
    { "resets", EVF_SIM_RESETS },
    { "stalls", EVF_SIM_STALLS },
    { "memory", EVF_SIM_MEMORY },
    { "full", EVF_SIM_FULL },
    { "connects", EVF_SIM_CONNECTS },
    { "lookups", EVF_SIM_LOOKUPS },
    { "time", EVF_SIM_TIME },
};
enum { TROUBLES = sizeof troubles / sizeof *troubles };

struct arguments {
    struct evf_sim_options options;
    uint64_t seeds;
    bool seed_given, seeds_given;
    const char *troubles;
    const char *plugin; /* as it was given */
    char *own_options;
};

__attribute__((format(printf, 1, 2), noreturn)) static void usage(const char *format, ...)
{
    va_list arguments;
    fputs("evframe sim: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs(" (try 'evframe sim --help')\n", stderr);
    exit(EXIT_USAGE);
}

static uint64_t read_number(const char *option, const char *text, uint64_t min)
{
    int64_t value;
    if (evf__parse_int(text, &value) < 0 || value < 0 || (uint64_t)value < min)
        usage("%s '%s': expected a number from %" PRIu64 " on", option, text, min);
    return (uint64_t)value;
}

static uint32_t read_troubles(const char *text)
{
    uint32_t chosen = 0;
    char *copy = strdup(text), *rest = copy;
    if (copy == NULL)
        abort();
    for (char *word; (word = strsep(&rest, ",")) != NULL;) {
        const char *names[TROUBLES];
        unsigned i = 0;
        for (unsigned j = 0; j < TROUBLES; j++)
            names[j] = troubles[j].name;
        while (i < TROUBLES && strcmp(troubles[i].name, word) != 0)
            i++;
        if (i == TROUBLES) {
            const char *near = evf__nearest(word, names, TROUBLES);
            usage("--troubles '%s': there is no such trouble%s%s%s", word,
                  near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                  near != NULL ? "'?" : "");
        }
        chosen |= troubles[i].bits;
    }
    free(copy);
    return chosen;
}

static uint32_t read_level(const char *text)
{
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    for (uint32_t i = 0; i < 4; i++)
        if (strcmp(levels[i], text) == 0)
            return i + 1;
    usage("--log-level '%s': expected debug, info, warn or error", text);
}

static void take(struct arguments *arguments, int option, const char *value)
{
    int64_t number;
    switch (option) {
    case 's':
        arguments->options.seed = read_number("--seed", value, 0);
        arguments->seed_given = true;
        break;
    case 'n':
        arguments->seeds = read_number("--seeds", value, 1);
        arguments->seeds_given = true;
        break;
    case 't':
        arguments->troubles = value;
        arguments->options.troubles = read_troubles(value);
        break;
    case 'T':
        arguments->options.trace_fd = STDERR_FILENO;
        break;
    case 'e':
        if (evf__parse_duration(value, &number) < 0 || number <= 0 || number > INT32_MAX)
            usage("--settle '%s': expected a time, as in 30s", value);
        arguments->options.settle_ms = (uint32_t)number;
        break;
    case 'z':
        if (evf__parse_size(value, &number) < 0 || number <= 0 || number > INT32_MAX)
            usage("--page-size '%s': expected a size, as in 64k", value);
        arguments->options.page_size = (uint32_t)number;
        break;
    case 'l':
        arguments->options.log_level = read_level(value);
        break;
    case 'p':
        arguments->options.plugin_path = value;
        break;
    case 'h':
        fputs(help, stdout);
        exit(EXIT_SUCCESS);
    default:
        fputs("evframe sim: try 'evframe sim --help'\n", stderr);
        exit(EXIT_USAGE);
    }
}

static void read_arguments(struct arguments *ret, int argc, char **argv)
{
    static const struct option options[] = {
        { "seed", required_argument, NULL, 's' },
        { "seeds", required_argument, NULL, 'n' },
        { "troubles", required_argument, NULL, 't' },
        { "trace", no_argument, NULL, 'T' },
        { "settle", required_argument, NULL, 'e' },
        { "page-size", required_argument, NULL, 'z' },
        { "log-level", required_argument, NULL, 'l' },
        { "plugin-path", required_argument, NULL, 'p' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    *ret = (struct arguments){
        .options = { .struct_size = sizeof ret->options, .troubles = EVF_SIM_ALL },
        .seeds = DEFAULT_SEEDS,
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        take(ret, option, optarg);
    if (argc - optind < 2)
        usage("a plugin and a script are wanted");
    ret->plugin = argv[optind];
    char *plugin = strdup(argv[optind]);
    if (plugin == NULL)
        abort();
    ret->own_options = strchr(plugin, ',');
    if (ret->own_options != NULL)
        *ret->own_options++ = '\0';
    ret->options.plugin_file = plugin;
    if (ret->seed_given && !ret->seeds_given)
        ret->seeds = 1;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The script's options, then those of the command line. */
static const char *join(const char *of_script, const char *own, char *ret, size_t size)
{
    snprintf(ret, size, "%s%s%s", of_script != NULL ? of_script : "",
             of_script != NULL && own != NULL ? "," : "", own != NULL ? own : "");
    return ret;
}

static int play(const struct arguments *arguments, const char *path)
{
    static char all_options[OPTIONS_MAX];
    char error[1024];
    uint64_t failing = 0;
    evf_sim_script *script = evf_sim_script_read(path, error, sizeof error);
    if (script == NULL) {
        fprintf(stderr, "evframe sim: %s\n", error);
        return EXIT_FAILURE;
    }
    struct evf_sim_options options = arguments->options;
    options.options = join(evf_sim_script_options(script), arguments->own_options, all_options,
                           sizeof all_options);
    double begin = seconds();
    int status = evf_sim_seeds(&options, arguments->seeds, evf_sim_script_play, script, &failing);
    double took = seconds() - begin;
    evf_sim_script_free(script);
    if (status == 0) {
        printf("%s: %" PRIu64 " seed%s passed in %.2f s\n", path, arguments->seeds,
               arguments->seeds == 1 ? "" : "s", took);
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "again, with every event: evframe sim %s %s --seed %" PRIu64 "%s%s --trace\n",
            arguments->plugin, path, failing, arguments->troubles != NULL ? " --troubles " : "",
            arguments->troubles != NULL ? arguments->troubles : "");
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int status = EXIT_SUCCESS;
    read_arguments(&arguments, argc, argv);
    for (int i = optind + 1; i < argc && status == EXIT_SUCCESS; i++)
        status = play(&arguments, argv[i]);
    free((char *)arguments.options.plugin_file);
    if (fflush(stdout) != 0) {
        perror("evframe sim: standard output");
        return EXIT_FAILURE;
    }
    return status;
}
