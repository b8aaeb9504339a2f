/* SPDX-License-Identifier: MIT
 *
 * Numbers, sizes and durations as people write them, and the name they may have meant.
 *
 * The grammar is exact: no blanks, no second sign, no unit that is not listed, so that a slip is
 * reported rather than guessed at. A text that is malformed is -EINVAL even when its digits alone
 * would not fit. Pure functions, any thread.
 */
#include "base/parse.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

/* Reads decimal digits and moves *text behind them. Sums in the negative, which reaches one further
 * than the positive: INT64_MIN is a number too. -EINVAL without a digit; *ret_fits tells whether
 * the value is right. */
static int read_negated(const char **text, int64_t *ret, bool *ret_fits)
{
    const char *at = *text;
    int64_t sum = 0;
    bool fits = true;

    if (!is_digit(*at))
        return -EINVAL;
    for (; is_digit(*at); at++) {
        fits = fits && !__builtin_mul_overflow(sum, 10, &sum) &&
               !__builtin_sub_overflow(sum, *at - '0', &sum);
    }
    *text = at;
    *ret = sum;
    *ret_fits = fits;
    return 0;
}

int evf__parse_int(const char *text, int64_t *ret)
{
    if (text == NULL)
        return -EINVAL;

    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;

    int64_t sum;
    bool fits;
    if (read_negated(&text, &sum, &fits) < 0 || *text != '\0')
        return -EINVAL;
    if (!fits || (!negative && sum == INT64_MIN))
        return -ERANGE;
    *ret = negative ? sum : -sum;
    return 0;
}

struct unit {
    const char *name;
    int64_t factor;
};

/* A number without a sign and one of the units; the empty name stands for a bare number. */
static int parse_with_unit(const char *text, const struct unit *units, size_t count, int64_t *ret)
{
    int64_t sum;
    bool fits;
    if (text == NULL || read_negated(&text, &sum, &fits) < 0)
        return -EINVAL;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, units[i].name) != 0)
            continue;
        if (!fits || sum == INT64_MIN || __builtin_mul_overflow(-sum, units[i].factor, &sum))
            return -ERANGE;
        *ret = sum;
        return 0;
    }
    return -EINVAL;
}

int evf__parse_size(const char *text, int64_t *ret_bytes)
{
    static const struct unit units[] = {
        { "", 1 },        { "k", 1 << 10 }, { "K", 1 << 10 }, { "m", 1 << 20 },
        { "M", 1 << 20 }, { "g", 1 << 30 }, { "G", 1 << 30 },
    };
    return parse_with_unit(text, units, sizeof(units) / sizeof(units[0]), ret_bytes);
}

int evf__parse_duration(const char *text, int64_t *ret_ms)
{
    static const struct unit units[] = {
        { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 60 * 60 * 1000 },
    };
    return parse_with_unit(text, units, sizeof(units) / sizeof(units[0]), ret_ms);
}

int evf__parse_bool(const char *text, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        { "on", true },   { "yes", true }, { "true", true },   { "1", true },
        { "off", false }, { "no", false }, { "false", false }, { "0", false },
    };

    for (size_t i = 0; text != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i].word) == 0) {
            *ret = words[i].value;
            return 0;
        }
    }
    return -EINVAL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance: insertions, deletions and replacements of one letter. row[i] holds the
 * distance between the first i letters of a and those letters of b that were gone through. */
static size_t edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[EVF__NAME_COMPARED_MAX + 1];

    for (size_t i = 0; i <= a_len; i++)
        row[i] = i;
    for (size_t j = 0; j < b_len; j++) {
        size_t diagonal = row[0];
        row[0] = j + 1;
        for (size_t i = 0; i < a_len; i++) {
            size_t replaced = diagonal + (a[i] != b[j]);
            diagonal = row[i + 1];
            row[i + 1] = least(replaced, 1 + least(row[i], row[i + 1]));
        }
    }
    return row[a_len];
}

const char *evf__nearest(const char *wanted, const char *const *names, size_t count)
{
    size_t wanted_len = wanted != NULL ? strlen(wanted) : 0;
    if (wanted_len == 0 || wanted_len > EVF__NAME_COMPARED_MAX)
        return NULL;

    const char *nearest = NULL;
    size_t allowed = wanted_len / 3;
    for (size_t i = 0; i < count; i++) {
        size_t len = names[i] != NULL ? strlen(names[i]) : 0;
        if (len == 0 || len > EVF__NAME_COMPARED_MAX)
            continue;
        size_t distance = edits(wanted, wanted_len, names[i], len);
        /* Of equally near names the first one stays. */
        if (distance < allowed || (distance == allowed && nearest == NULL)) {
            nearest = names[i];
            allowed = distance;
        }
    }
    return nearest;
}
