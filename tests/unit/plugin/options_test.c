/* SPDX-License-Identifier: MIT
 *
 * Options: `name=value,name=value` into values, and a sentence for everything that is wrong.
 */
#include "plugin/options.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "base/limits.h"
#include "leaks.h"
#include "plugin/instance.h"

static const char *const colours[] = { "red", "green", "blue", NULL };

static const struct evf_option schema[] = {
    { .name = "body", .type = EVF_OPTION_STRING },
    { .name = "depth", .type = EVF_OPTION_INT, .default_value = "3", .min = 1, .max = 10 },
    { .name = "offset", .type = EVF_OPTION_INT },
    { .name = "verbose", .type = EVF_OPTION_BOOL },
    { .name = "buffer", .type = EVF_OPTION_SIZE, .min = 1024, .max = 1 << 20 },
    { .name = "patience", .type = EVF_OPTION_DURATION, .min = 1000, .max = INT64_MAX },
    { .name = "root", .type = EVF_OPTION_PATH },
    { .name = "upstream",
      .type = EVF_OPTION_ADDRESS | EVF_OPTION_REPEATABLE,
      .default_value = "localhost:80" },
    { .name = "colour", .type = EVF_OPTION_CHOICE, .choices = colours },
    { .name = "tag", .type = EVF_OPTION_STRING | EVF_OPTION_REPEATABLE },
    { .name = "level", .type = EVF_OPTION_SIZE | EVF_OPTION_REPEATABLE },
    { 0 },
};

static const struct evf_option strict_schema[] = {
    { .name = "key", .type = EVF_OPTION_PATH | EVF_OPTION_REQUIRED },
    { 0 },
};

static const struct evf__listener_settings defaults = {
    .max_connections = 100,
    .limits = { .max_frame = 1 << 20,
                .write_high = 256 << 10,
                .write_max = 8 << 20,
                .idle_timeout_ms = 60000,
                .linger_ms = 5000 },
};

static struct evf__options *plugin, *listener;
static evf_instance instance;
static char error[4096];

static void close_all(void)
{
    evf__options_destroy(plugin);
    evf__options_destroy(listener);
    plugin = listener = NULL;
}

static void tear_down(void)
{
    close_all();
    expect_no_leaks();
}

TestSuite(options, .fini = tear_down);

static int parse_with(const struct evf_option *options, const char *text)
{
    struct evf__sentence sentence;
    close_all();
    plugin = evf__options_create(options);
    listener = evf__options_create(evf__listener_options);
    cr_assert(plugin != NULL && listener != NULL);
    evf__sentence_init(&sentence, error, sizeof(error));
    instance.options = plugin;
    return evf__options_parse(plugin, listener, text, &sentence);
}

static void accepts(const char *text)
{
    cr_assert_eq(parse_with(schema, text), 0, "'%s' is refused: %s", text, error);
    cr_assert_str_eq(error, "");
}

/* Refused, with this sentence. */
static void refuses(const char *text, const char *sentence)
{
    int code = parse_with(schema, text);
    cr_assert_eq(code, EVF_EOPTION, "'%s' gives %d: %s", text, code, error);
    cr_assert_str_eq(error, sentence);
}

static void refuses_with_words(const char *text, const char *words)
{
    int code = parse_with(schema, text);
    cr_assert_eq(code, EVF_EOPTION, "'%s' gives %d: %s", text, code, error);
    cr_assert_not_null(strstr(error, words), "no '%s' in: %s", words, error);
}

Test(options, without_text_are_absent_or_their_defaults)
{
    accepts(NULL);
    cr_assert_null(evf_option_string(&instance, "body"));
    cr_assert_eq(evf_option_int(&instance, "depth"), 3);
    cr_assert_eq(evf_option_int(&instance, "offset"), 0);
    cr_assert_eq(evf_option_bool(&instance, "verbose"), false);
    cr_assert_eq(evf_option_count(&instance, "body"), 0);
    cr_assert_eq(evf_option_count(&instance, "depth"), 1);
    cr_assert_eq(evf_option_count(&instance, "upstream"), 1);
    cr_assert_str_eq(evf_option_string_at(&instance, "depth", 0), "3");
    cr_assert_null(evf_option_string_at(&instance, "depth", 1));
    accepts("");
    cr_assert_null(evf_option_string(&instance, "colour"));
}

Test(options, of_every_type_are_read)
{
    accepts("body=a=b c,depth=10,offset=-17,verbose=on,buffer=64k,patience=2m,root=/srv,"
            "upstream=[::1]:80,colour=blue,tag=");
    cr_assert_str_eq(evf_option_string(&instance, "body"), "a=b c");
    cr_assert_eq(evf_option_int(&instance, "depth"), 10);
    cr_assert_eq(evf_option_int(&instance, "offset"), -17);
    cr_assert(evf_option_bool(&instance, "verbose"));
    cr_assert_eq(evf_option_int(&instance, "buffer"), 65536);
    cr_assert_eq(evf_option_int(&instance, "patience"), 120000);
    cr_assert_str_eq(evf_option_string(&instance, "root"), "/srv");
    cr_assert_str_eq(evf_option_string(&instance, "upstream"), "[::1]:80");
    cr_assert_str_eq(evf_option_string(&instance, "colour"), "blue");
    cr_assert_str_eq(evf_option_string(&instance, "tag"), "");
    cr_assert_str_eq(evf_option_string_at(&instance, "buffer", 0), "64k");
}

Test(options, that_are_repeatable_keep_all_values_in_order)
{
    accepts("tag=one,upstream=a:1,tag=two,tag=three,upstream=unix:/b,level=1k,level=2k");
    cr_assert_eq(evf_option_int(&instance, "level"), 1024);
    cr_assert_str_eq(evf_option_string_at(&instance, "level", 1), "2k");
    cr_assert_eq(evf_option_count(&instance, "tag"), 3);
    cr_assert_str_eq(evf_option_string(&instance, "tag"), "one");
    cr_assert_str_eq(evf_option_string_at(&instance, "tag", 1), "two");
    cr_assert_str_eq(evf_option_string_at(&instance, "tag", 2), "three");
    cr_assert_null(evf_option_string_at(&instance, "tag", 3));
    cr_assert_eq(evf_option_count(&instance, "upstream"), 2, "a default is not added to values");
    cr_assert_str_eq(evf_option_string_at(&instance, "upstream", 1), "unix:/b");
}

Test(options, that_are_not_repeatable_are_refused_the_second_time)
{
    refuses("depth=1,body=x,depth=2",
            "option depth: value \"2\": the option was given before, and it is allowed once");
}

Test(options, keep_commas_and_backslashes_behind_a_backslash)
{
    accepts("body=Hello\\, World!,tag=\\\\,tag=\\,,tag=a\\\\\\,b");
    cr_assert_str_eq(evf_option_string(&instance, "body"), "Hello, World!");
    cr_assert_str_eq(evf_option_string_at(&instance, "tag", 0), "\\");
    cr_assert_str_eq(evf_option_string_at(&instance, "tag", 1), ",");
    cr_assert_str_eq(evf_option_string_at(&instance, "tag", 2), "a\\,b");
}

Test(options, refuse_a_backslash_before_anything_else)
{
    static const char rule[] = "only a comma or a backslash may follow a backslash";
    refuses("depth=1,body=a\\nb,tag=x",
            "option body: value \"a\\nb\": only a comma or a backslash may follow a backslash "
            "(\\, and \\\\)");
    refuses_with_words("body=\\", rule);
    refuses_with_words("\\", rule);
    refuses_with_words("bo\\dy=1", rule);
}

Test(options, that_are_bool_are_switched_on_by_their_bare_name)
{
    accepts("verbose");
    cr_assert(evf_option_bool(&instance, "verbose"));
    accepts("verbose=no,depth=2");
    cr_assert_not(evf_option_bool(&instance, "verbose"));
    cr_assert_eq(evf_option_count(&instance, "verbose"), 1);
    refuses("body", "option body: a value is missing (body=...); allowed: any text");
}

Test(options, refuse_missing_names)
{
    refuses_with_words("=1", "an option's name is missing");
    refuses_with_words("depth=1,", "an option's name is missing");
    refuses_with_words(",depth=1", "an option's name is missing");
    refuses_with_words("depth=1,,body=x", "an option's name is missing");
}

Test(options, tell_value_and_what_is_allowed_in_the_units_of_people)
{
    refuses("depth=0", "option depth: value \"0\" is too small; allowed: a number: 1 to 10");
    refuses("depth=11", "option depth: value \"11\" is too large; allowed: a number: 1 to 10");
    refuses("depth=", "option depth: value \"\" is malformed; allowed: a number: 1 to 10");
    refuses("depth=99999999999999999999",
            "option depth: value \"99999999999999999999\" is too large; allowed: a number: 1 to "
            "10");
    refuses("offset=1k", "option offset: value \"1k\" is malformed; allowed: a number");
    refuses("buffer=1", "option buffer: value \"1\" is too small; allowed: a size (bytes, or with "
                        "k, m, g): 1k to 1m");
    refuses("patience=1ms", "option patience: value \"1ms\" is too small; allowed: a time (with "
                            "ms, s, m, h): at least 1s");
    refuses("verbose=maybe", "option verbose: value \"maybe\" is malformed; allowed: on, yes, "
                             "true, 1 or off, no, false, 0");
    refuses("root=", "option root: value \"\" is empty; allowed: a path");
    refuses("upstream=nowhere", "option upstream: value \"nowhere\" is malformed; allowed: an "
                                "address: host:port, [v6]:port or unix:/path");
    refuses("colour=gren", "option colour: value \"gren\" is none of the choices; allowed: red, "
                           "green or blue; did you mean green?");
}

Test(options, that_are_unknown_are_told_with_the_nearest_and_all_known_names)
{
    refuses("deph=1",
            "unknown option \"deph\", did you mean depth?; the plugin has body, depth, offset, "
            "verbose, buffer, patience, root, upstream, colour, tag, level; every listener has "
            "max-connections, idle-timeout, max-frame, write-high, write-max, first-byte, "
            "max-lifetime, min-rate, linger, block, allow, block-file, allow-file, "
            "pause-on-connect, keepalive, keepalive-idle, keepalive-interval, keepalive-count, "
            "tos, defer-accept, v6-only, reuse-port, backlog, mode, owner, group, proxy-protocol, "
            "proxy-trusted, proxy-timeout");
    refuses_with_words("idle-timeuot=1", "did you mean idle-timeout?");
    refuses_with_words("Depth=1", "unknown option \"Depth\"");
    refuses_with_words(" depth=1", "unknown option \" depth\"");
    cr_assert_eq(parse_with(NULL, "anything=1"), EVF_EOPTION);
    cr_assert_not_null(strstr(error, "the plugin has no options; every listener has"));
}

Test(options, that_are_required_must_be_given)
{
    cr_assert_eq(parse_with(strict_schema, "linger=1s"), EVF_EOPTION);
    cr_assert_str_eq(error, "option key: it must be given; allowed: a path");
    cr_assert_eq(parse_with(strict_schema, "key=/k"), 0, "%s", error);
}

Test(options, show_control_characters_escaped_and_long_values_cut)
{
    char text[512] = "depth=";
    memset(text + 6, 'x', 200);
    refuses("depth=\x1b[2J\n", "option depth: value \"\\x1b[2J\\x0a\" is malformed; allowed: a "
                               "number: 1 to 10");
    refuses_with_words(text, "xxx...\" is malformed; allowed: a number: 1 to 10");
    cr_assert_lt(strlen(error), 150);
}

Test(options, of_any_length_are_answered)
{
    static char text[EVF__OPTIONS_TEXT_MAX + 2];
    memset(text, 'a', sizeof(text) - 1);
    refuses_with_words(text, "the options are longer than 131072 bytes");
    text[EVF__OPTIONS_TEXT_MAX] = '\0';
    refuses_with_words(text, "unknown option \"aaa");
    memcpy(text, "body=", 5);
    accepts(text);
    cr_assert_eq(strlen(evf_option_string(&instance, "body")), EVF__OPTIONS_TEXT_MAX - 5);
}

Test(options, write_no_sentence_longer_than_its_buffer)
{
    for (size_t size = 0; size < 80; size++) {
        char small[80];
        struct evf__sentence sentence;
        memset(small, '#', sizeof(small));
        close_all();
        plugin = evf__options_create(schema);
        listener = evf__options_create(evf__listener_options);
        evf__sentence_init(&sentence, small, size);
        cr_assert_eq(evf__options_parse(plugin, listener, "dpeth=\xc3\xa4", &sentence),
                     EVF_EOPTION);
        cr_assert_eq(small[size], '#');
        if (size > 0)
            cr_assert_eq(strlen(small), size - 1);
        if (size > 3)
            cr_assert_str_eq(small + size - 4, "...");
    }
}

/* ---- The listener's own ---- */

Test(options, of_a_plugin_win_over_those_that_listeners_got_later)
{
    static const struct evf_option with_mode[] = {
        { .name = "mode", .type = EVF_OPTION_CHOICE, .choices = colours },
        { 0 },
    };
    cr_assert_not(evf__listener_option_reserved("mode"));
    cr_assert(evf__listener_option_reserved("max-connections"));
    cr_assert(evf__listener_option_reserved("linger"));
    cr_assert_eq(parse_with(with_mode, "mode=green,tos=1"), 0, "%s", error);
    const struct evf_option *option;
    cr_assert_eq(evf__options_values(listener, "mode", &option)->count, 0);
    cr_assert_eq(parse_with(with_mode, "mode=0660"), EVF_EOPTION);
}

static int settings_of(const char *text, struct evf__listener_settings *ret)
{
    struct evf__sentence sentence;
    accepts(text);
    evf__sentence_init(&sentence, error, sizeof(error));
    return evf__listener_settings_read(listener, &defaults, ret, &sentence);
}

Test(options, of_the_listener_not_given_are_the_servers)
{
    struct evf__listener_settings settings;
    cr_assert_eq(settings_of("depth=1", &settings), 0);
    cr_assert_eq(settings.max_connections, 100);
    cr_assert_eq(settings.limits.max_frame, 1 << 20);
    cr_assert_eq(settings.limits.write_high, 256 << 10);
    cr_assert_eq(settings.limits.write_max, 8 << 20);
    cr_assert_eq(settings.limits.idle_timeout_ms, 60000);
    cr_assert_eq(settings.limits.linger_ms, 5000);
    cr_assert_eq(settings.limits.first_byte_ms, 0);
}

Test(options, of_the_listener_become_its_settings)
{
    struct evf__listener_settings settings;
    cr_assert_eq(settings_of("max-connections=7,idle-timeout=0,max-frame=1g,write-high=1,"
                             "write-max=2k,first-byte=250ms,max-lifetime=1h,min-rate=1k,linger=0,"
                             "depth=4",
                             &settings),
                 0, "%s", error);
    cr_assert_eq(settings.max_connections, 7);
    cr_assert_eq(settings.limits.idle_timeout_ms, 0);
    cr_assert_eq(settings.limits.max_frame, 1 << 30);
    cr_assert_eq(settings.limits.write_high, 1);
    cr_assert_eq(settings.limits.write_max, 2048);
    cr_assert_eq(settings.limits.first_byte_ms, 250);
    cr_assert_eq(settings.limits.max_lifetime_ms, 3600000);
    cr_assert_eq(settings.limits.min_rate, 1024);
    cr_assert_eq(settings.limits.linger_ms, 0);
    cr_assert_eq(evf_option_int(&instance, "depth"), 4);
}

Test(options, of_the_listener_have_limits)
{
    refuses_with_words("max-frame=0", "option max-frame: value \"0\" is too small; allowed: a size "
                                      "(bytes, or with k, m, g): 1 to 1g");
    refuses_with_words("max-frame=1025m", "is too large");
    refuses_with_words("idle-timeout=600h", "is too large; allowed: a time (with ms, s, m, h): at "
                                            "most 2147483647ms (24 days)");
    refuses_with_words("linger=2147483648ms", "is too large");
    accepts("linger=2147483647ms,max-connections=4294967295,write-high=1024g,min-rate=1g");
}

Test(options, refuse_a_write_max_below_write_high_naming_both)
{
    struct evf__listener_settings settings = { .max_connections = 4711 };
    cr_assert_eq(settings_of("write-high=16m", &settings), EVF_EOPTION);
    cr_assert_str_eq(error, "option write-max: write-max=8m (the default) is below write-high=16m: "
                            "it must be at least as large");
    cr_assert_eq(settings_of("write-max=1k,write-high=2k", &settings), EVF_EOPTION);
    cr_assert_str_eq(error, "option write-max: write-max=1k is below write-high=2k: it must be at "
                            "least as large");
    cr_assert_eq(settings.max_connections, 4711);
    cr_assert_eq(settings_of("write-max=2k,write-high=2k", &settings), 0);
}

/* ---- Random input ---- */

/* Appends a value as a person would have to write it. */
static size_t escape(char *to, const char *value)
{
    size_t len = 0;
    for (; *value != '\0'; value++) {
        if (*value == ',' || *value == '\\')
            to[len++] = '\\';
        to[len++] = *value;
    }
    return len;
}

Test(options, come_back_from_any_escaped_text)
{
    struct random random = random_start();
    for (unsigned round = 0; round < random_rounds(20000); round++) {
        char values[4][24], text[512];
        size_t len = 0, count = random_below(&random, 5);
        for (size_t i = 0; i < count; i++) {
            size_t value_len = random_below(&random, sizeof(values[i]));
            for (size_t k = 0; k < value_len; k++) {
                uint64_t byte = random_below(&random, 3) == 0
                                    ? (uint8_t) ",\\=a"[random_below(&random, 4)]
                                    : 1 + random_below(&random, 255);
                values[i][k] = (char)byte;
            }
            values[i][value_len] = '\0';
            len += (size_t)sprintf(text + len, "%stag=", i == 0 ? "" : ",");
            len += escape(text + len, values[i]);
        }
        text[len] = '\0';
        accepts(text);
        cr_assert_eq(evf_option_count(&instance, "tag"), count);
        for (unsigned i = 0; i < count; i++)
            cr_assert_str_eq(evf_option_string_at(&instance, "tag", i), values[i]);
    }
}

Test(options, of_any_text_are_taken_or_refused_with_a_sentence)
{
    static const char *const pieces[] = { "depth", "tag", "verbose", "buffer", "linger", "=",   ",",
                                          "\\",    "1",   "k",       "-",      "on",     "\x1b" };
    struct random random = random_start();
    unsigned taken = 0;
    for (unsigned round = 0; round < random_rounds(50000); round++) {
        char text[256] = "";
        for (uint64_t n = random_below(&random, 10); n > 0; n--)
            strcat(text, pieces[random_below(&random, sizeof(pieces) / sizeof(pieces[0]))]);
        int code = parse_with(schema, text);
        cr_assert(code == 0 || code == EVF_EOPTION, "'%s' gives %d", text, code);
        cr_assert_eq(code == 0, error[0] == '\0', "'%s': %s", text, error);
        for (const char *at = error; *at != '\0'; at++)
            cr_assert((unsigned char)*at >= 0x20, "a control character in: %s", error);
        taken += code == 0;
    }
    cr_assert_gt(taken, 0);
}

/* ---- The listener's own: of its sockets ---- */

static void settings_refused(const char *text, const char *because)
{
    struct evf__listener_settings settings = { .max_connections = 4711 };
    cr_assert_eq(settings_of(text, &settings), EVF_EOPTION, "%s", text);
    cr_assert(strstr(error, because) != NULL, "%s: '%s' lacks '%s'", text, error, because);
    cr_assert_eq(settings.max_connections, 4711);
}

Test(options, of_sockets_not_given_ask_for_nothing)
{
    static const struct evf__socket_settings nothing;
    struct evf__listener_settings settings;
    cr_assert_eq(settings_of("depth=1", &settings), 0);
    cr_assert_not(settings.pause_on_connect);
    cr_assert_not(settings.socket.keepalive || settings.socket.tos_given ||
                  settings.socket.v6_only || settings.socket.reuse_port ||
                  settings.socket.owner_given || settings.socket.group_given);
    cr_assert_eq(settings.socket.mode, nothing.mode);
    cr_assert_eq(settings.socket.backlog, 0);
    cr_assert_eq(settings.socket.defer_accept_s, 0);
    cr_assert_eq(
        settings_of("keepalive=off,v6-only=no,reuse-port=0,pause-on-connect=false", &settings), 0);
    cr_assert_not(settings.socket.keepalive || settings.socket.v6_only ||
                  settings.socket.reuse_port || settings.pause_on_connect);
}

Test(options, of_sockets_become_settings)
{
    struct evf__listener_settings settings;
    cr_assert_eq(settings_of("keepalive,keepalive-idle=2m,keepalive-interval=5000ms,"
                             "keepalive-count=3,tos=184,v6-only,reuse-port=on,backlog=77,"
                             "defer-accept=3s,pause-on-connect,mode=0606,owner=root,group=7654321",
                             &settings),
                 0, "%s", error);
    const struct evf__socket_settings *socket = &settings.socket;
    cr_assert(socket->keepalive && socket->v6_only && socket->reuse_port);
    cr_assert(settings.pause_on_connect);
    cr_assert_eq(socket->keepalive_idle_s, 120);
    cr_assert_eq(socket->keepalive_interval_s, 5);
    cr_assert_eq(socket->keepalive_count, 3);
    cr_assert(socket->tos_given);
    cr_assert_eq(socket->tos, 184);
    cr_assert_eq(socket->backlog, 77);
    cr_assert_eq(socket->defer_accept_s, 3);
    cr_assert_eq(socket->mode, 0606);
    cr_assert(socket->owner_given && socket->group_given);
    cr_assert_eq(socket->owner, 0);
    cr_assert_eq(socket->group, 7654321);
}

Test(options, of_sockets_have_limits)
{
    refuses_with_words("tos=256", "allowed: a number: 0 to 255");
    refuses_with_words("tos=-1", "is too small");
    refuses_with_words("keepalive-count=128", "1 to 127");
    refuses_with_words("keepalive-count=0", "1 to 127");
    refuses_with_words("keepalive-idle=0", "1s to 32767s");
    refuses_with_words("keepalive-idle=32768", "1s to 32767s");
    refuses_with_words("backlog=0", "is too small");
    refuses_with_words("defer-accept=0", "1s to 1m");
    refuses_with_words("defer-accept=61", "1s to 1m");
    settings_refused("defer-accept=1500ms", "no whole number of seconds");
    accepts("tos=0,keepalive-count=127,keepalive-idle=32767,keepalive-interval=1");
}

Test(options, of_keepalive_need_it_and_whole_seconds)
{
    settings_refused("keepalive-idle=5", "option keepalive-idle: value \"5\" has no effect without "
                                         "keepalive=on");
    settings_refused("keepalive=off,keepalive-count=5", "option keepalive-count");
    settings_refused("keepalive-interval=5", "option keepalive-interval");
    settings_refused("keepalive,keepalive-idle=1500ms",
                     "option keepalive-idle: value \"1500ms\" is no whole number of seconds");
    settings_refused("keepalive,keepalive-interval=1001ms", "no whole number of seconds");
}

Test(options, of_a_modes_form_are_octal_and_some_permission)
{
    static const char *const bad[] = { "mode=",     "mode=rw",    "mode=0888", "mode=0",
                                       "mode=66",   "mode=00660", "mode=1777", "mode=0000",
                                       "mode=-660", "mode=0x660", "mode=06 0" };
    struct evf__listener_settings settings;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        settings_refused(bad[i], "three octal digits");
    cr_assert_eq(settings_of("mode=777", &settings), 0);
    cr_assert_eq(settings.socket.mode, 0777);
}

Test(options, of_users_and_groups_are_names_or_numbers)
{
    struct evf__listener_settings settings;
    settings_refused("owner=no-such-user-here", "option owner: value \"no-such-user-here\" is "
                                                "neither a name that this system knows");
    settings_refused("group=no-such-group-here", "option group");
    settings_refused("owner=", "option owner");
    settings_refused("owner=-1", "option owner");
    settings_refused("owner=4294967295", "option owner");
    cr_assert_eq(settings_of("owner=4294967294,group=root", &settings), 0, "%s", error);
    cr_assert_eq(settings.socket.owner, 4294967294u);
    cr_assert_eq(settings.socket.group, 0);
}

/* ---- The listener's own: who may come ---- */

static int access_of(const char *text, struct evf__access *ret)
{
    struct evf__sentence sentence;
    accepts(text);
    evf__sentence_init(&sentence, error, sizeof(error));
    *ret = (struct evf__access){ 0 };
    return evf__listener_access_read(listener, ret, &sentence);
}

Test(options, of_access_not_given_let_everybody_in)
{
    struct evf__access access;
    cr_assert_eq(access_of("depth=1", &access), 0);
    cr_assert_not(access.listed_only);
    cr_assert_eq(access.allow.count + access.block.count, 0);
    evf__access_free(&access);
}

Test(options, of_access_become_lists)
{
    struct evf__access access;
    cr_assert_eq(access_of("block=192.0.2.2,block=10.0.0.0/8", &access), 0, "%s", error);
    cr_assert_not(access.listed_only);
    cr_assert_eq(access.block.count, 2);
    evf__access_free(&access);
    cr_assert_eq(access_of("allow=192.0.2.0/24,allow=::1,allow-file=/dev/../etc/../dev/null,"
                           "block=192.0.2.7",
                           &access),
                 EVF_EOPTION);
    cr_assert(strstr(error, "option allow-file: /dev/../etc/../dev/null: is not a regular file"),
              "%s", error);
    evf__access_free(&access);
    cr_assert_eq(access_of("allow=192.0.2.0/24,allow=::1,block=192.0.2.7", &access), 0);
    cr_assert(access.listed_only);
    cr_assert_eq(access.allow.count, 2);
    cr_assert_eq(access.block.count, 1);
    evf__access_free(&access);
}

Test(options, of_access_name_what_is_wrong)
{
    struct evf__access access;
    cr_assert_eq(access_of("block=10.0.0.1,block=10.0.0.1/8", &access), EVF_EOPTION);
    cr_assert(strstr(error, "option block: '10.0.0.1/8' has bits set behind its first 8") != NULL,
              "%s", error);
    evf__access_free(&access);
    cr_assert_eq(access_of("allow=localhost", &access), EVF_EOPTION);
    cr_assert(strstr(error, "option allow: 'localhost' is no IP address") != NULL, "%s", error);
    evf__access_free(&access);
    cr_assert_eq(access_of("block-file=/nowhere/list", &access), EVF_EOPTION);
    cr_assert(strstr(error, "option block-file: /nowhere/list: cannot be opened") != NULL, "%s",
              error);
    evf__access_free(&access);
}
