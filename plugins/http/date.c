/* SPDX-License-Identifier: MIT
 *
 * Dates: the calendar by arithmetic on days, with years that begin in March so that the leap day is
 * the last one.
 */
#include "date.h"

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

enum { DAY_SECONDS = 86400, ERA_DAYS = 146097 /* 400 years */ };

/* Days from 1970-01-01 to 0000-03-01, backwards. */
enum { EPOCH_SHIFT = 719468 };

struct moment {
    int year, month, day, hour, minute, second; /* month and day from 1 */
};

static int64_t days_from_date(int year, int month, int day)
{
    int64_t march_year = year - (month <= 2);
    int64_t era = (march_year >= 0 ? march_year : march_year - 399) / 400;
    int64_t of_era = march_year - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_SHIFT;
}

static struct moment date_from_days(int64_t days)
{
    days += EPOCH_SHIFT;
    int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t of_era = days - era * ERA_DAYS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    struct moment moment = { 0 };
    moment.day = (int)(of_year - (153 * month + 2) / 5 + 1);
    moment.month = (int)(month < 10 ? month + 3 : month - 9);
    moment.year = (int)(year + era * 400 + (moment.month <= 2));
    return moment;
}

static void put_two(char *ret, int number)
{
    ret[0] = (char)('0' + number / 10 % 10);
    ret[1] = (char)('0' + number % 10);
}

void http_date_format(int64_t seconds, char *ret)
{
    int64_t first = days_from_date(0, 1, 1) * DAY_SECONDS;
    int64_t last = days_from_date(10000, 1, 1) * DAY_SECONDS - 1;
    if (seconds < first)
        seconds = first;
    if (seconds > last)
        seconds = last;

    int64_t days = (seconds - first) / DAY_SECONDS + first / DAY_SECONDS;
    int of_day = (int)(seconds - days * DAY_SECONDS);
    struct moment date = date_from_days(days);
    int weekday = (int)(((days + 4) % 7 + 7) % 7);

    memcpy(ret, day_names + 3 * weekday, 3);
    memcpy(ret + 3, ", ", 2);
    put_two(ret + 5, date.day);
    ret[7] = ' ';
    memcpy(ret + 8, month_names + 3 * (date.month - 1), 3);
    ret[11] = ' ';
    put_two(ret + 12, date.year / 100);
    put_two(ret + 14, date.year);
    ret[16] = ' ';
    put_two(ret + 17, of_day / 3600);
    ret[19] = ':';
    put_two(ret + 20, of_day / 60 % 60);
    ret[22] = ':';
    put_two(ret + 23, of_day % 60);
    memcpy(ret + 25, " GMT", 4);
}

/* Takes exactly `digits` digits. */
static bool take_number(struct http_text *text, size_t digits, int *ret)
{
    uint64_t number;
    if (text->len < digits || !http_number((struct http_text){ text->at, digits }, &number))
        return false;
    text->at += digits;
    text->len -= digits;
    *ret = (int)number;
    return true;
}

static bool take(struct http_text *text, const char *expected)
{
    size_t len = strlen(expected);
    if (text->len < len || memcmp(text->at, expected, len) != 0)
        return false;
    text->at += len;
    text->len -= len;
    return true;
}

static bool take_month(struct http_text *text, int *ret)
{
    for (int i = 0; text->len >= 3 && i < 12; i++)
        if (memcmp(text->at, month_names + 3 * i, 3) == 0) {
            text->at += 3;
            text->len -= 3;
            *ret = i + 1;
            return true;
        }
    return false;
}

static bool take_time(struct http_text *text, struct moment *moment)
{
    return take_number(text, 2, &moment->hour) && take(text, ":") &&
           take_number(text, 2, &moment->minute) && take(text, ":") &&
           take_number(text, 2, &moment->second);
}

/* Skips a day's name; which day it names is of no use and not checked. */
static bool take_day_name(struct http_text *text)
{
    size_t len = 0;
    while (len < text->len && http_lower(text->at[len]) >= 'a' && http_lower(text->at[len]) <= 'z')
        len++;
    text->at += len;
    text->len -= len;
    return len >= 3 && len <= 9;
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool parse_fixed(struct http_text text, struct moment *ret)
{
    return take_number(&text, 2, &ret->day) && take(&text, " ") && take_month(&text, &ret->month) &&
           take(&text, " ") && take_number(&text, 4, &ret->year) && take(&text, " ") &&
           take_time(&text, ret) && take(&text, " GMT") && text.len == 0;
}

/* "06-Nov-94 08:49:37 GMT": more than 50 years ahead means the century before. */
static bool parse_rfc850(struct http_text text, int64_t now, struct moment *ret)
{
    if (!(take_number(&text, 2, &ret->day) && take(&text, "-") && take_month(&text, &ret->month) &&
          take(&text, "-") && take_number(&text, 2, &ret->year) && take(&text, " ") &&
          take_time(&text, ret) && take(&text, " GMT") && text.len == 0))
        return false;
    int this_year = date_from_days(now / DAY_SECONDS).year;
    ret->year += this_year / 100 * 100;
    if (ret->year > this_year + 50)
        ret->year -= 100;
    return true;
}

/* "Nov  6 08:49:37 1994" */
static bool parse_asctime(struct http_text text, struct moment *ret)
{
    if (!take_month(&text, &ret->month) || !take(&text, " "))
        return false;
    bool day =
        take(&text, " ") ? take_number(&text, 1, &ret->day) : take_number(&text, 2, &ret->day);
    return day && take(&text, " ") && take_time(&text, ret) && take(&text, " ") &&
           take_number(&text, 4, &ret->year) && text.len == 0;
}

static bool is_real(const struct moment *moment)
{
    /* A leap second is written as :60. */
    if (moment->hour > 23 || moment->minute > 59 || moment->second > 60)
        return false;
    struct moment same = date_from_days(days_from_date(moment->year, moment->month, moment->day));
    return same.month == moment->month && same.day == moment->day;
}

bool http_date_parse(struct http_text text, int64_t now, int64_t *ret)
{
    struct moment moment = { 0 };
    text = http_trim(text);
    if (!take_day_name(&text))
        return false;
    bool found;
    if (take(&text, ", "))
        found = text.len > 2 && text.at[2] == '-' ? parse_rfc850(text, now, &moment)
                                                  : parse_fixed(text, &moment);
    else
        found = take(&text, " ") && parse_asctime(text, &moment);
    if (!found || !is_real(&moment))
        return false;
    *ret = days_from_date(moment.year, moment.month, moment.day) * DAY_SECONDS +
           moment.hour * 3600 + moment.minute * 60 + moment.second;
    return true;
}
