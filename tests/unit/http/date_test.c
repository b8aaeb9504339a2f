/* SPDX-License-Identifier: MIT
 *
 * Dates: against the C library's calendar, and the forms of RFC 9110.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "http/date.h"

static uint64_t seed(void)
{
    const char *given = getenv("EVF_SEED");
    uint64_t value = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    printf("EVF_SEED=%" PRIu64 "\n", value);
    return value;
}

static uint64_t next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = (*state ^ (*state >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

static bool parse(const char *text, int64_t *ret)
{
    /* 2024-01-01 */
    return http_date_parse((struct http_text){ text, strlen(text) }, 1704067200, ret);
}

static void expect_date(const char *text, int64_t expected)
{
    int64_t seconds = -1;
    cr_assert(parse(text, &seconds), "%s", text);
    cr_assert_eq(seconds, expected, "%s gave %" PRId64, text, seconds);
}

Test(date, formats_what_the_rfc_shows)
{
    char text[HTTP_DATE_LEN + 1] = { 0 };
    http_date_format(784111777, text);
    cr_assert_str_eq(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    http_date_format(0, text);
    cr_assert_str_eq(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    http_date_format(951782400, text);
    cr_assert_str_eq(text, "Tue, 29 Feb 2000 00:00:00 GMT");
}

Test(date, moves_what_has_no_four_digits_to_the_nearest_end)
{
    char text[HTTP_DATE_LEN + 1] = { 0 };
    http_date_format(INT64_MAX, text);
    cr_assert_str_eq(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    http_date_format(INT64_MIN, text);
    cr_assert_str_eq(text, "Sat, 01 Jan 0000 00:00:00 GMT");
}

Test(date, agrees_with_the_c_library_and_reads_back_what_it_wrote)
{
    uint64_t state = seed();
    for (int i = 0; i < 20000; i++) {
        /* From 1901 to 9999. */
        time_t seconds = (time_t)(next(&state) % 255549784448u) - 2147483648;
        struct tm parts;
        char expected[64];
        char text[HTTP_DATE_LEN + 1] = { 0 };
        int64_t back = 0;
        gmtime_r(&seconds, &parts);
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        http_date_format(seconds, text);
        cr_assert_str_eq(text, expected);
        cr_assert(parse(text, &back));
        cr_assert_eq(back, (int64_t)seconds);
        strftime(expected, sizeof expected, "%a %b %e %H:%M:%S %Y", &parts);
        cr_assert(parse(expected, &back));
        cr_assert_eq(back, (int64_t)seconds);
    }
}

Test(date, reads_the_three_forms)
{
    expect_date("Sun, 06 Nov 1994 08:49:37 GMT", 784111777);
    expect_date("Sunday, 06-Nov-94 08:49:37 GMT", 784111777);
    expect_date("Sun Nov  6 08:49:37 1994", 784111777);
    expect_date("Sun Nov 16 08:49:37 1994", 784111777 + 864000);
    expect_date(" Sun, 06 Nov 1994 08:49:37 GMT\t", 784111777);
}

Test(date, takes_a_two_digit_year_more_than_fifty_years_ahead_for_the_past)
{
    expect_date("Monday, 01-Jan-74 00:00:00 GMT", 3281990400);
    expect_date("Wednesday, 01-Jan-75 00:00:00 GMT", 157766400);
}

Test(date, refuses_what_is_no_date)
{
    static const char *const wrong[] = {
        "",
        "0",
        "Sun",
        "Sun, ",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT x",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 00:00:00 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "06 Nov 1994 08:49:37 GMT",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t seconds = 7;
        cr_assert_not(parse(wrong[i], &seconds), "%s", wrong[i]);
        cr_assert_eq(seconds, 7);
    }
}
