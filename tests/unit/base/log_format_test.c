/* SPDX-License-Identifier: MIT
 *
 * Log lines: what they look like, that they end, and that JSON stays JSON.
 */
#include "base/log_format.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "random.h"

static const struct evf__log_source nobody = { .worker = -1 };
static const struct evf__log_source stream_17 = {
    .worker = 3,
    .plugin = "http",
    .stream_id = 17,
    .peer = "192.0.2.1:80",
};

enum { TIME_MS = 1234 }; /* 1970-01-01T00:00:01.234Z */

__attribute__((format(printf, 4, 5))) static void fill(struct evf__log_record *record,
                                                       enum evf_level level,
                                                       const struct evf__log_source *source,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    evf__log_record_fill(record, level, TIME_MS, source, format, arguments);
    va_end(arguments);
}

static const char *shown(const struct evf__log_record *record, enum evf__log_look look)
{
    static char line[EVF__LOG_LINE_MAX + 1];
    memset(line, '?', sizeof(line));
    size_t len = evf__log_format(line, record, look);
    cr_assert_leq(len, EVF__LOG_LINE_MAX);
    cr_assert_eq(line[EVF__LOG_LINE_MAX], '?', "wrote beyond the line");
    line[len] = '\0';
    cr_assert_eq(strchr(line, '\n'), line + len - 1, "one newline, at the end");
    return line;
}

Test(log_format, shows_time_level_and_message)
{
    struct evf__log_record record;
    fill(&record, EVF_INFO, &nobody, "listening on %s with %s, %d workers", "127.0.0.1:8080",
         "http", 8);

    cr_assert_str_eq(shown(&record, EVF__LOG_LOOK_TEXT),
                     "1970-01-01T00:00:01.234Z info  listening on 127.0.0.1:8080 with http, "
                     "8 workers\n");
    cr_assert_str_eq(shown(&record, EVF__LOG_LOOK_JSON),
                     "{\"time\":\"1970-01-01T00:00:01.234Z\",\"level\":\"info\",\"message\":"
                     "\"listening on 127.0.0.1:8080 with http, 8 workers\"}\n");
}

Test(log_format, shows_where_a_line_comes_from)
{
    struct evf__log_record record;
    fill(&record, EVF_WARN, &stream_17, "bad request");

    cr_assert_str_eq(shown(&record, EVF__LOG_LOOK_TEXT),
                     "1970-01-01T00:00:01.234Z warn  worker 3 http #17 192.0.2.1:80: "
                     "bad request\n");
    cr_assert_str_eq(shown(&record, EVF__LOG_LOOK_JSON),
                     "{\"time\":\"1970-01-01T00:00:01.234Z\",\"level\":\"warn\",\"worker\":3,"
                     "\"plugin\":\"http\",\"stream\":\"17\",\"peer\":\"192.0.2.1:80\","
                     "\"message\":\"bad request\"}\n");
}

Test(log_format, leaves_out_what_is_not_known)
{
    struct evf__log_source source = { .worker = 0, .stream_id = UINT64_MAX };
    struct evf__log_record record;
    fill(&record, EVF_DEBUG, &source, "x");
    cr_assert_str_eq(shown(&record, EVF__LOG_LOOK_TEXT),
                     "1970-01-01T00:00:01.234Z debug worker 0 #18446744073709551615: x\n");

    source = (struct evf__log_source){ .worker = -1, .plugin = "", .peer = "unix:" };
    fill(&record, EVF_ERROR, &source, "x");
    cr_assert_str_eq(shown(&record, EVF__LOG_LOOK_TEXT),
                     "1970-01-01T00:00:01.234Z error unix:: x\n");
    cr_assert_str_eq(shown(&record, EVF__LOG_LOOK_JSON),
                     "{\"time\":\"1970-01-01T00:00:01.234Z\",\"level\":\"error\","
                     "\"peer\":\"unix:\",\"message\":\"x\"}\n");
}

Test(log_format, colours_leave_nothing_coloured_behind)
{
    struct evf__log_record record;
    fill(&record, EVF_ERROR, &stream_17, "x");
    const char *line = shown(&record, EVF__LOG_LOOK_COLOURS);

    cr_assert_str_eq(line, "\x1b[2m1970-01-01T00:00:01.234Z\x1b[0m \x1b[31merror\x1b[0m\x1b[2m "
                           "worker 3 http #17 192.0.2.1:80: \x1b[0mx\n");
}

Test(log_format, tells_dates_in_utc_as_the_calendar_has_them)
{
    struct evf__log_record record;
    fill(&record, EVF_INFO, &nobody, "x");

    record.wall_ms = INT64_C(951827696789);
    cr_assert_eq(strncmp(shown(&record, EVF__LOG_LOOK_TEXT), "2000-02-29T12:34:56.789Z ", 25), 0);
    record.wall_ms = INT64_C(4102444799999);
    cr_assert_eq(strncmp(shown(&record, EVF__LOG_LOOK_TEXT), "2099-12-31T23:59:59.999Z ", 25), 0);
    record.wall_ms = INT64_MAX;
    shown(&record, EVF__LOG_LOOK_JSON);
    record.wall_ms = INT64_MIN;
    shown(&record, EVF__LOG_LOOK_JSON);
}

Test(log_format, escapes_message_peer_and_plugin_in_both_formats)
{
    struct evf__log_source source = { .worker = -1,
                                      .plugin = "a b",
                                      .peer = "unix:/x: \x1b[2J\xff\"" };
    struct evf__log_record record;
    fill(&record, EVF_INFO, &source, "%s%c|", "\x1b]0;title\x07 \\x1b \xe2\x80\xae \xfe", 0);

    cr_assert_str_eq(shown(&record, EVF__LOG_LOOK_TEXT),
                     "1970-01-01T00:00:01.234Z info  a\\x20b unix:/x:\\x20\\x1b[2J\\xff\": "
                     "\\x1b]0;title\\x07 \\\\x1b \\u202e \\xfe\\x00|\n");
    cr_assert_str_eq(shown(&record, EVF__LOG_LOOK_JSON),
                     "{\"time\":\"1970-01-01T00:00:01.234Z\",\"level\":\"info\","
                     "\"plugin\":\"a b\",\"peer\":\"unix:/x: \\u001b[2J\\\\xff\\\"\","
                     "\"message\":\"\\u001b]0;title\\u0007 \\\\x1b \\u202e \\\\xfe\\u0000|\"}\n");
}

Test(log_format, cuts_a_long_message_between_characters_and_says_so)
{
    char text[3000];
    struct evf__log_record record;

    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4);
        fill(&record, EVF_INFO, &nobody, "%s", text);

        const char *line = shown(&record, EVF__LOG_LOOK_TEXT);
        cr_assert_gt(strlen(line), EVF__LOG_LINE_MAX - 8, "room was left unused");
        cr_assert_not_null(strstr(line, "\xe2\x82\xac [cut]\n"));
        cr_assert_null(strchr(line, '\\'));

        line = shown(&record, EVF__LOG_LOOK_JSON);
        cr_assert_not_null(strstr(line, "\xe2\x82\xac\",\"cut\":true}\n"));
        cr_assert_null(strchr(line, '\\'));
    }
}

Test(log_format, does_not_cut_what_fits)
{
    char text[960];
    struct evf__log_record record;
    memset(text, 'm', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    fill(&record, EVF_INFO, &nobody, "%s", text);

    cr_assert_null(strstr(shown(&record, EVF__LOG_LOOK_TEXT), "cut"));
}

Test(log_format, a_peer_cannot_crowd_the_message_out)
{
    struct evf__log_source source = { .worker = 255, .stream_id = UINT64_MAX };
    char plugin[200];
    struct evf__log_record record;
    memset(source.peer, '\x01', sizeof(source.peer) - 1);
    memset(plugin, '\x02', sizeof(plugin) - 1);
    plugin[sizeof(plugin) - 1] = '\0';
    source.plugin = plugin;
    fill(&record, EVF_INFO, &source, "the message");

    cr_assert_not_null(strstr(shown(&record, EVF__LOG_LOOK_TEXT), ": the message\n"));
    cr_assert_not_null(strstr(shown(&record, EVF__LOG_LOOK_COLOURS), "the message\n"));
    cr_assert_not_null(strstr(shown(&record, EVF__LOG_LOOK_JSON), "\"message\":\"the message\"}"));
}

Test(log_format, says_so_when_printf_cannot_format)
{
    static const wchar_t beyond[] = { 0x20ac, 0 }; /* not in the C locale */
    struct evf__log_record record;
    fill(&record, EVF_INFO, &nobody, "odd %ls", beyond);
    cr_assert_not_null(strstr(shown(&record, EVF__LOG_LOOK_TEXT),
                              " info  a message that printf cannot format: odd %ls\n"));
}

Test(log_format, takes_a_level_that_does_not_exist_for_an_error)
{
    struct evf__log_record record;
    fill(&record, (enum evf_level)99, &nobody, "x");
    cr_assert_not_null(strstr(shown(&record, EVF__LOG_LOOK_TEXT), " error x\n"));
}

/* ---- A strict reader of what JSON lines consist of: one object of strings, numbers, true ---- */

static bool read_string(const char **at)
{
    const char *p = *at;
    if (*p++ != '"')
        return false;
    for (; *p != '"'; p++) {
        if ((unsigned char)*p < 0x20)
            return false;
        if (*p != '\\')
            continue;
        p++;
        if (*p == 'u') {
            if (strspn(p + 1, "0123456789abcdef") < 4)
                return false;
            p += 4;
        } else if (*p != '"' && *p != '\\') {
            return false;
        }
    }
    *at = p + 1;
    return true;
}

static bool is_json_line(const char *line)
{
    const char *at = line;
    if (*at++ != '{')
        return false;
    for (;;) {
        if (!read_string(&at) || *at++ != ':')
            return false;
        if (*at == '"') {
            if (!read_string(&at))
                return false;
        } else if (strncmp(at, "true", 4) == 0) {
            at += 4;
        } else {
            size_t digits = strspn(at, "0123456789");
            if (digits == 0 || (digits > 1 && *at == '0'))
                return false;
            at += digits;
        }
        if (*at == ',')
            at++;
        else
            return strcmp(at, "}\n") == 0;
    }
}

static void random_text(uint64_t *state, char *text, size_t size)
{
    size_t len = random_below(state, size), below = random_below(state, 2) == 0 ? 256 : 0x30;
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(1 + random_below(state, below - 1));
    text[len] = '\0';
}

Test(log_format, json_stays_json_and_one_line_whatever_is_logged)
{
    uint64_t seed = random_seed(), state = seed;
    struct evf__log_record record;
    char plugin[100], message[2000];

    for (int round = 0; round < 5000; round++) {
        struct evf__log_source source = {
            .worker = (int)random_below(&state, 300) - 20,
            .plugin = plugin,
            .stream_id = random_below(&state, 3),
        };
        random_text(&state, plugin, sizeof(plugin));
        random_text(&state, source.peer, sizeof(source.peer));
        random_text(&state, message, random_below(&state, 2) == 0 ? 60 : sizeof(message));
        fill(&record, (enum evf_level)random_below(&state, 4), &source, "%s", message);

        cr_assert(is_json_line(shown(&record, EVF__LOG_LOOK_JSON)), "seed %" PRIu64, seed);
        const char *line = shown(&record, EVF__LOG_LOOK_TEXT);
        for (const char *at = line; *at != '\n'; at++)
            cr_assert((unsigned char)*at >= 0x20 && *at != 0x7f, "seed %" PRIu64, seed);
    }
}
