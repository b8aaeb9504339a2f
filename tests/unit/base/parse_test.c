/* SPDX-License-Identifier: MIT
 *
 * Numbers, sizes, durations, truth values, and the nearest name.
 */
#include "base/parse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "random.h"

typedef int parse_fn(const char *text, int64_t *ret);

static void accepts(parse_fn *parse, const char *text, int64_t wanted)
{
    int64_t value = 0;
    cr_assert_eq(parse(text, &value), 0, "'%s' is refused", text);
    cr_assert_eq(value, wanted, "'%s' is %" PRId64, text, value);
}

static void refuses(parse_fn *parse, const char *text, int code)
{
    int64_t value = 4711;
    int status = parse(text, &value);
    cr_assert_eq(status, code, "'%s' gives %d", text != NULL ? text : "NULL", status);
    cr_assert_eq(value, 4711, "a refused '%s' changed the value", text);
}

Test(parse, takes_decimal_integers_with_a_sign_or_none)
{
    accepts(evf__parse_int, "0", 0);
    accepts(evf__parse_int, "-0", 0);
    accepts(evf__parse_int, "007", 7);
    accepts(evf__parse_int, "+12", 12);
    accepts(evf__parse_int, "-12", -12);
    accepts(evf__parse_int, "9223372036854775807", INT64_MAX);
    accepts(evf__parse_int, "-9223372036854775808", INT64_MIN);
}

Test(parse, refuses_integers_with_anything_around_them)
{
    static const char *const texts[] = { "",   " 1",  "1 ",  "+",   "-",   "+-1", "--1",
                                         "1a", "0x1", "1.0", "1e3", "1,0", "\n1", "\xd9\xa1" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refuses(evf__parse_int, texts[i], -EINVAL);
    refuses(evf__parse_int, NULL, -EINVAL);
}

Test(parse, tells_too_large_from_malformed)
{
    refuses(evf__parse_int, "9223372036854775808", -ERANGE);
    refuses(evf__parse_int, "-9223372036854775809", -ERANGE);
    refuses(evf__parse_int, "18446744073709551617", -ERANGE);
    refuses(evf__parse_int, "99999999999999999999999999999999999999999999", -ERANGE);
    refuses(evf__parse_int, "99999999999999999999999999999999999999999999x", -EINVAL);
}

Test(parse, integers_survive_being_written_and_read)
{
    uint64_t seed = random_seed(), state = seed;
    for (int i = 0; i < 10000; i++) {
        uint64_t bits = (uint64_t)random_below(&state, 1u << 31) << 33 ^
                        (uint64_t)random_below(&state, 1u << 31) << 13 ^ state >> 50;
        int64_t value = (int64_t)(bits >> random_below(&state, 64)), read;
        char text[32];
        snprintf(text, sizeof(text), "%" PRId64, value);
        cr_assert_eq(evf__parse_int(text, &read), 0);
        cr_assert_eq(read, value, "seed %" PRIu64, seed);
    }
}

Test(parse, takes_sizes_with_their_units)
{
    accepts(evf__parse_size, "0", 0);
    accepts(evf__parse_size, "512", 512);
    accepts(evf__parse_size, "64k", 65536);
    accepts(evf__parse_size, "64K", 65536);
    accepts(evf__parse_size, "8m", 8 << 20);
    accepts(evf__parse_size, "8M", 8 << 20);
    accepts(evf__parse_size, "3g", INT64_C(3) << 30);
    accepts(evf__parse_size, "3G", INT64_C(3) << 30);
    accepts(evf__parse_size, "9223372036854775807", INT64_MAX);
    accepts(evf__parse_size, "8589934591g", INT64_C(8589934591) << 30);
}

Test(parse, refuses_sizes_that_are_not_quite)
{
    static const char *const texts[] = { "",   "k",   "-1",  "+1",  "1.5k", "1kb", "1KiB",
                                         "1b", "1 k", " 1k", "1k ", "1kk",  "1t",  "1ms" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refuses(evf__parse_size, texts[i], -EINVAL);
    refuses(evf__parse_size, NULL, -EINVAL);
    refuses(evf__parse_size, "9223372036854775808", -ERANGE);
    refuses(evf__parse_size, "8589934592g", -ERANGE);
    refuses(evf__parse_size, "18446744073709551616k", -ERANGE);
    refuses(evf__parse_size, "18446744073709551616kb", -EINVAL);
}

Test(parse, takes_durations_with_their_units)
{
    accepts(evf__parse_duration, "0", 0);
    accepts(evf__parse_duration, "30", 30000);
    accepts(evf__parse_duration, "250ms", 250);
    accepts(evf__parse_duration, "30s", 30000);
    accepts(evf__parse_duration, "2m", 120000);
    accepts(evf__parse_duration, "1h", 3600000);
    accepts(evf__parse_duration, "9223372036854775807ms", INT64_MAX);
}

Test(parse, refuses_durations_that_are_not_quite)
{
    static const char *const texts[] = { "",   "s",  "ms", "-1s", "+1",  "1.5s", "1 s",
                                         "1S", "1M", "1d", "1us", "1sm", "1min", "1h30m" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refuses(evf__parse_duration, texts[i], -EINVAL);
    refuses(evf__parse_duration, NULL, -EINVAL);
    refuses(evf__parse_duration, "9223372036854775807", -ERANGE);
    refuses(evf__parse_duration, "9223372036854775808ms", -ERANGE);
    refuses(evf__parse_duration, "2562047788016h", -ERANGE);
}

Test(parse, takes_eight_words_for_true_and_false)
{
    static const char *const yes[] = { "on", "yes", "true", "1" };
    static const char *const no[] = { "off", "no", "false", "0" };
    static const char *const neither[] = { "", "On", "TRUE", "y", "2", "01", " on", "on " };
    bool value;

    for (size_t i = 0; i < 4; i++) {
        value = false;
        cr_assert_eq(evf__parse_bool(yes[i], &value), 0);
        cr_assert(value);
        cr_assert_eq(evf__parse_bool(no[i], &value), 0);
        cr_assert_not(value);
    }
    for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++) {
        value = true;
        cr_assert_eq(evf__parse_bool(neither[i], &value), -EINVAL, "'%s'", neither[i]);
        cr_assert(value);
    }
    cr_assert_eq(evf__parse_bool(NULL, &value), -EINVAL);
}

static const char *const names[] = { "max-connections", "idle-timeout", "max-frame", "write-high",
                                     "write-max",       "linger",       NULL,        "root" };
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static void suggests(const char *wanted, const char *name)
{
    const char *nearest = evf__nearest(wanted, names, NAMES);
    cr_assert(name == NULL ? nearest == NULL : nearest != NULL && strcmp(nearest, name) == 0,
              "'%s' suggests %s", wanted, nearest != NULL ? nearest : "nothing");
}

Test(parse, suggests_the_name_that_was_probably_meant)
{
    suggests("linger", "linger");
    suggests("lnger", "linger");
    suggests("max_connections", "max-connections");
    suggests("idletimeout", "idle-timeout");
    suggests("write-hgih", "write-high");
    suggests("rot", "root");
    suggests("max-fram", "max-frame");
}

Test(parse, suggests_nothing_beyond_a_third_of_the_length)
{
    suggests("rt", NULL);
    suggests("lxxxer", NULL);
    suggests("something-else", NULL);
    suggests("", NULL);
    cr_assert_null(evf__nearest(NULL, names, NAMES));
    cr_assert_null(evf__nearest("linger", NULL, 0));
    cr_assert_not_null(evf__nearest("lingxx", names, NAMES));
}

Test(parse, prefers_the_first_of_names_that_are_equally_near)
{
    static const char *const near[] = { "coat", "boat", "goat" };
    cr_assert_str_eq(evf__nearest("moat", near, 3), "coat");
    cr_assert_str_eq(evf__nearest("goat", near, 3), "goat");
}

Test(parse, does_not_compare_names_that_are_too_long)
{
    char wanted[66], name[66];
    const char *const one[] = { name };
    memset(wanted, 'a', sizeof(wanted));
    memset(name, 'a', sizeof(name));

    wanted[64] = name[64] = '\0';
    cr_assert_not_null(evf__nearest(wanted, one, 1));
    name[64] = 'a', name[65] = '\0';
    cr_assert_null(evf__nearest(wanted, one, 1));
    wanted[64] = 'a', wanted[65] = '\0', name[64] = '\0';
    cr_assert_null(evf__nearest(wanted, one, 1));
}

/* The definition of Levenshtein's distance, word by word. */
static size_t distance(const char *a, const char *b)
{
    if (*a == '\0' || *b == '\0')
        return strlen(a) + strlen(b);
    if (*a == *b)
        return distance(a + 1, b + 1);
    size_t removed = distance(a + 1, b), added = distance(a, b + 1),
           replaced = distance(a + 1, b + 1);
    size_t least = removed < added ? removed : added;
    return 1 + (least < replaced ? least : replaced);
}

Test(parse, measures_nearness_as_levenshtein_defines_it)
{
    uint64_t seed = random_seed(), state = seed;
    for (int round = 0; round < 2000; round++) {
        char words[4][8];
        const char *known[3] = { words[1], words[2], words[3] };
        for (int w = 0; w < 4; w++) {
            size_t len = 3 + random_below(&state, 4);
            for (size_t i = 0; i < len; i++)
                words[w][i] = (char)('a' + random_below(&state, 3));
            words[w][len] = '\0';
        }

        const char *wanted = NULL;
        size_t best = strlen(words[0]) / 3 + 1;
        for (int i = 0; i < 3; i++) {
            size_t edits = distance(words[0], known[i]);
            if (edits < best) {
                best = edits;
                wanted = known[i];
            }
        }
        cr_assert_eq(evf__nearest(words[0], known, 3), wanted, "seed %" PRIu64, seed);
    }
}
