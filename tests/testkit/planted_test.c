/* SPDX-License-Identifier: MIT
 *
 * `evframe sim` against plugins with a planted bug each: it is found within 10 000 seeds and ten
 * seconds, and the seed that is told shows it again.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "shell.h"

struct planted {
    char plugin[32], script[32], told[96];
};

static struct planted all[] = {
    { "loses_bytes", "lines", "expected \"one\\ntwo\\n\"" },
    { "forgets_drain", "long", "bytes of it came" },
    { "leaks_slice", "greet", "a slice is left" },
    { "keeps_stream", "last", "no stream is used after its `close`" },
    { "never_ends", "lines", "expected that the connection is closed" },
    { "page_end", "ping", "page_end.c:" },
    { "keeps_address", "two", "expected \"first\"" },
    { "leaks_memory", "lines", "memory is left" },
    { "leaves_timer", "lines", "a timer runs" },
};

ParameterizedTestParameters(planted, is_found_within_ten_thousand_seeds_and_ten_seconds)
{
    return cr_make_param_array(struct planted, all, sizeof all / sizeof *all);
}

/* The seed that a report names. */
static unsigned long seed_in(const char *text)
{
    const char *at = strstr(text, "seed ");
    const char *asan = strstr(text, "simulation's seed is ");
    if (asan != NULL)
        at = asan + strlen("simulation's ");
    cr_assert_not_null(at, "no seed is told: %s", text);
    at += strcspn(at, "0123456789");
    return strtoul(at, NULL, 10);
}

ParameterizedTest(struct planted *bug, planted, is_found_within_ten_thousand_seeds_and_ten_seconds)
{
    char first[OUTPUT_MAX], again[OUTPUT_MAX];
    int status = shell(first, "timeout %d '%s' sim '%s/%s.so' '%s/%s.conv' --seeds 10000 2>&1",
                       10 * slowness(), LAUNCHER, PLUGINS, bug->plugin, SCRIPTS, bug->script);
    cr_assert_neq(status, 0, "%s was not found: %s", bug->plugin, first);
    cr_assert_neq(status, 124, "%s was not found in time", bug->plugin);
    cr_assert_not_null(strstr(first, bug->told), "%s: %s", bug->plugin, first);

    status = shell(again, "'%s' sim '%s/%s.so' '%s/%s.conv' --seed %lu 2>&1", LAUNCHER, PLUGINS,
                   bug->plugin, SCRIPTS, bug->script, seed_in(first));
    cr_assert_neq(status, 0, "the seed does not show it again: %s", first);
    cr_assert_not_null(strstr(again, bug->told), "%s: %s", bug->plugin, again);
}

struct own {
    char plugin[16];
};

static struct own own[] = { { "echo" }, { "http" }, { "proxy" }, { "chat" } };

ParameterizedTestParameters(own, passes_with_all_troubles)
{
    return cr_make_param_array(struct own, own, sizeof own / sizeof *own);
}

/* The long run is 100 000 seeds: docs/internals/testkit.md. */
ParameterizedTest(struct own *own_plugin, own, passes_with_all_troubles)
{
    char output[OUTPUT_MAX];
    const char *name = own_plugin->plugin;
    int status = shell(output, "'%s' sim %s '%s/%s.conv' --seeds %d 2>&1", LAUNCHER, name, SCRIPTS,
                       name, 2000 / scale());
    cr_assert_eq(status, 0, "%s: %s", name, output);
}

static void expect_usage(const char *arguments, int wanted, const char *told)
{
    char output[OUTPUT_MAX];
    int status = shell(output, "'%s' sim %s 2>&1", LAUNCHER, arguments);
    cr_assert_eq(status, wanted, "%s: %d: %s", arguments, status, output);
    cr_assert_not_null(strstr(output, told), "%s: %s", arguments, output);
}

Test(sim, says_what_is_wrong_with_its_arguments)
{
    expect_usage("", 2, "a plugin and a script are wanted");
    expect_usage("echo x.conv --seeds none", 2, "--seeds 'none': expected a number from 1 on");
    expect_usage("echo x.conv --troubles reset", 2, "did you mean 'resets'?");
    expect_usage("echo missing.conv", 1, "missing.conv: No such file or directory");
    expect_usage("nobody " SCRIPTS "/echo.conv", 1, "nobody");
    expect_usage("echo,max-frame=x " SCRIPTS "/echo.conv", 1, "max-frame");
    expect_usage("--help", 0, "Exit status");
}

Test(sim, tells_every_event_when_it_is_asked_to)
{
    char output[OUTPUT_MAX];
    int status =
        shell(output, "'%s' sim echo '%s/lines.conv' --seed 0 --trace 2>&1", LAUNCHER, SCRIPTS);
    cr_assert_eq(status, 0);
    cr_assert_not_null(strstr(output, "a: sends 8: \"one\\ntwo\\n\""), "%s", output);
    cr_assert_not_null(strstr(output, "data, stream"), "%s", output);
}
