/* SPDX-License-Identifier: MIT
 *
 * The launcher's command line: what is understood, and that what is refused is named.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cli/arguments.h"

enum { WORDS_MAX = 16 };

static struct evf__cli_arguments arguments;
static char error[1024];

/* Reads a command line whose words are separated by single blanks. */
static int read_line(const char *line)
{
    static char copy[512];
    char *words[WORDS_MAX + 2] = { (char *)"evframe" };
    int count = 1;

    cr_assert_lt(strlen(line), sizeof(copy));
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        cr_assert_lt(count, WORDS_MAX);
        words[count++] = word;
    }
    evf__cli_arguments_fini(&arguments);
    error[0] = '\0';
    return evf__cli_arguments_init(&arguments, count, words, error, sizeof(error));
}

static void understands(const char *line)
{
    cr_assert_eq(read_line(line), 0, "%s: %s", line, error);
}

/* The line is bad usage, and the message contains every one of the texts. */
static void refuses(const char *line, ...)
{
    cr_assert_eq(read_line(line), -EINVAL, "%s was not refused", line);
    va_list texts;
    va_start(texts, line);
    for (const char *text; (text = va_arg(texts, const char *)) != NULL;)
        cr_assert_not_null(strstr(error, text), "%s: '%s' does not say '%s'", line, error, text);
    va_end(texts);
    cr_assert_null(strchr(error, '\n'), "%s: more than one line", line);
}

static void forget(void)
{
    evf__cli_arguments_fini(&arguments);
}

TestSuite(arguments, .fini = forget);

Test(arguments, watch_needs_addresses_that_can_be_opened_again)
{
    understands("--watch --listen 127.0.0.1:0=echo");
    cr_assert(arguments.watch);
    refuses("--watch --listen 8080=http --listen fd:3=echo", "--watch", "fd:3", NULL);
}

Test(arguments, without_any_serve_http_on_8080)
{
    understands("");
    cr_assert_eq(arguments.mode, EVF__CLI_SERVE);
    cr_assert_eq(arguments.grace_ms, 10000);
    cr_assert_eq(arguments.listener_count, 1);
    cr_assert_str_eq(arguments.listeners[0].address, "127.0.0.1:8080");
    cr_assert_str_eq(arguments.listeners[0].plugin, "http");
    cr_assert_null(arguments.listeners[0].options);
    cr_assert_not_null(strstr(arguments.server.plugin_path, "plugins"));
}

Test(arguments, fill_the_servers_options)
{
    understands("--workers 8 --pin --dispatch hash --backlog 100 --max-connections 5000");
    cr_assert_eq(arguments.server.workers, 8);
    cr_assert(arguments.server.pin);
    cr_assert_eq(arguments.server.dispatch, EVF_DISPATCH_HASH);
    cr_assert_eq(arguments.server.backlog, 100);
    cr_assert_eq(arguments.server.max_connections, 5000);

    understands(
        "--idle-timeout 250ms --max-frame 2m --write-high 64k --write-max 1g --page-size 32k");
    cr_assert_eq(arguments.server.idle_timeout_ms, 250);
    cr_assert_eq(arguments.server.max_frame, 2 << 20);
    cr_assert_eq(arguments.server.write_high, 64 << 10);
    cr_assert_eq(arguments.server.write_max, 1 << 30);
    cr_assert_eq(arguments.server.page_size, 32 << 10);

    understands(
        "--mailbox 16 --offload-threads 2 --offload-queue 3 --plugin-path /a:/b --grace 3s");
    cr_assert_eq(arguments.server.mailbox, 16);
    cr_assert_eq(arguments.server.offload_threads, 2);
    cr_assert_eq(arguments.server.offload_queue, 3);
    cr_assert_str_eq(arguments.server.plugin_path, "/a:/b");
    cr_assert_eq(arguments.grace_ms, 3000);

    understands("--log-level warn --log-format json --log-file x.log --accept reuseport");
    cr_assert_eq(arguments.server.log_level, 1 + EVF_WARN);
    cr_assert_eq(arguments.server.log_format, EVF_LOG_JSON);
    cr_assert_str_eq(arguments.server.log_file, "x.log");
    cr_assert_eq(arguments.server.accept, EVF_ACCEPT_REUSEPORT);
    cr_assert_eq(arguments.server.dispatch, EVF_DISPATCH_LEAST);
}

Test(arguments, tell_never_from_the_default)
{
    understands("--workers auto");
    cr_assert_eq(arguments.server.workers, 0);
    understands("--idle-timeout 0");
    cr_assert_eq(arguments.server.idle_timeout_ms, -1);
    understands("--idle-timeout 0s");
    cr_assert_eq(arguments.server.idle_timeout_ms, -1);
}

Test(arguments, cut_a_listener_at_its_first_equals_sign)
{
    understands("--listen [::1]:80=./x.so,a=b,c=d --listen unix:/p\\=q=echo --listen fd:3=http");
    cr_assert_eq(arguments.listener_count, 3);
    cr_assert_str_eq(arguments.listeners[0].address, "[::1]:80");
    cr_assert_str_eq(arguments.listeners[0].plugin, "./x.so");
    cr_assert_str_eq(arguments.listeners[0].options, "a=b,c=d");
    cr_assert_str_eq(arguments.listeners[1].address, "unix:/p=q");
    cr_assert_str_eq(arguments.listeners[1].plugin, "echo");
    cr_assert_str_eq(arguments.listeners[2].address, "fd:3");
}

Test(arguments, name_the_option_the_value_and_what_is_allowed)
{
    refuses("--workers 0", "--workers '0'", "from 1 to 256, or auto", NULL);
    refuses("--workers=many", "--workers 'many'", "from 1 to 256, or auto", NULL);
    refuses("--workers", "--workers needs a value", "N|auto", NULL);
    refuses("--dispatch leats", "--dispatch 'leats'", "least, round-robin or hash", NULL);
    refuses("--page-size 17k", "--page-size '17k'", "power of two", NULL);
    refuses("--grace soon", "--grace 'soon'", "10s", NULL);
    refuses("--max-frame 0", "--max-frame '0'", "from 1 to 1g", NULL);
    refuses("--mailbox 99999999", "--mailbox '99999999'", "16777216", NULL);
    refuses("--log-file=", "--log-file", "empty", NULL);
    refuses("--pin=3", "--pin takes no value", NULL);
    refuses("serve", "unexpected argument 'serve'", NULL);
}

Test(arguments, suggest_the_nearest_option)
{
    refuses("--wrokers 3", "'--wrokers'", "did you mean --workers?", NULL);
    refuses("--lisen=8080=http", "'--lisen'", "did you mean --listen?", NULL);
    refuses("--log-formt json", "did you mean --log-format?", NULL);
    refuses("--nothing-like-it", "unknown option '--nothing-like-it'", NULL);
    refuses("--write 3", "--write-high", "--write-max", NULL);
    refuses("-x", "unknown option '-x'", NULL);
}

Test(arguments, refuse_listeners_that_can_never_be)
{
    refuses("--listen 8080", "'8080'", "names no plugin", NULL);
    refuses("--listen 8080=", "names no plugin", NULL);
    refuses("--listen 8080=,a=b", "names no plugin", NULL);
    refuses("--listen 80800=http", "'80800'", "127.0.0.1:8080", NULL);
    refuses("--listen fd:x=http", "'fd:x'", NULL);
    refuses("--listen fd:-1=http", "'fd:-1'", NULL);
}

Test(arguments, refuse_what_contradicts_itself)
{
    refuses("--dispatch least --accept reuseport", "--dispatch", "--accept reuseport", NULL);
    refuses("--write-high 1m --write-max 4k", "--write-max '4096'", "--write-high", NULL);
}

Test(arguments, know_what_is_asked_instead_of_serving)
{
    understands("--check --workers 2");
    cr_assert_eq(arguments.mode, EVF__CLI_CHECK);
    understands("--help --check");
    cr_assert_eq(arguments.mode, EVF__CLI_HELP);
    understands("-h");
    cr_assert_eq(arguments.mode, EVF__CLI_HELP);
    understands("--version");
    cr_assert_eq(arguments.mode, EVF__CLI_VERSION);
    understands("inspect ./x.so");
    cr_assert_eq(arguments.mode, EVF__CLI_INSPECT);
    cr_assert_str_eq(arguments.inspect, "./x.so");
    refuses("inspect", "inspect needs a plugin file", NULL);
    refuses("inspect a.so b.so", "'b.so'", NULL);
}

Test(arguments, take_no_more_listeners_than_a_server_has)
{
    understands("");
    while (arguments.listener_count < EVF__LISTENERS_MAX)
        cr_assert_eq(evf__cli_listener_add(&arguments, "0=echo", error, sizeof(error)), 0);
    cr_assert_eq(evf__cli_listener_add(&arguments, "0=echo", error, sizeof(error)), -EINVAL);
    cr_assert_not_null(strstr(error, "256"));
}

/* In a cluster getopt stays at the same word; what is refused is the letter, not the word. */
Test(arguments, in_clusters_of_short_options_are_refused_by_their_letter)
{
    understands("-h");
    cr_assert_eq(arguments.mode, EVF__CLI_HELP);
    understands("-hh");
    cr_assert_eq(arguments.mode, EVF__CLI_HELP);
    refuses("-x", "unknown option '-x'", NULL);
    refuses("-hx", "unknown option '-x'", NULL);
    refuses("-xh", "unknown option '-x'", NULL);
    refuses("-hxyz --workers 2", "unknown option '-x'", NULL);
    refuses("-w2", "unknown option '-w'", NULL);
    refuses("--workers 2 -", "unexpected argument '-'", NULL);
}
