/* SPDX-License-Identifier: MIT
 *
 * One value of one option; see value.h.
 */
#include "plugin/value.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <evframe/address.h>

#include "base/assert.h"
#include "base/parse.h"

static const struct {
    const char *name;
    const char *allowed;
} types[] = {
    [EVF_OPTION_STRING] = { .name = "string", .allowed = "any text" },
    [EVF_OPTION_INT] = { .name = "int", .allowed = "a number" },
    [EVF_OPTION_BOOL] = { .name = "bool", .allowed = "on, yes, true, 1 or off, no, false, 0" },
    [EVF_OPTION_SIZE] = { .name = "size", .allowed = "a size (bytes, or with k, m, g)" },
    [EVF_OPTION_DURATION] = { .name = "duration", .allowed = "a time (with ms, s, m, h)" },
    [EVF_OPTION_PATH] = { .name = "path", .allowed = "a path" },
    [EVF_OPTION_ADDRESS] = { .name = "address",
                             .allowed = "an address: host:port, [v6]:port or unix:/path" },
    [EVF_OPTION_CHOICE] = { .name = "choice", .allowed = "" },
};

const char *evf__option_type_name(unsigned type)
{
    return type < sizeof(types) / sizeof(types[0]) ? types[type].name : NULL;
}

bool evf__option_numeric(const struct evf_option *option)
{
    unsigned type = evf__option_type(option);
    return type == EVF_OPTION_INT || type == EVF_OPTION_SIZE || type == EVF_OPTION_DURATION;
}

struct unit {
    int64_t factor;
    const char *name;
};

static void add_in_units(int64_t number, const struct unit *unit, struct evf__sentence *sentence)
{
    while (number % unit->factor != 0)
        unit++;
    evf__sentence_add(sentence, "%" PRId64 "%s", number / unit->factor, unit->name);
}

void evf__option_number(unsigned type, int64_t number, struct evf__sentence *sentence)
{
    static const struct unit sizes[] = {
        { 1024 * 1024 * 1024, "g" }, { 1024 * 1024, "m" }, { 1024, "k" }, { 1, "" }
    };
    static const struct unit times[] = {
        { 60 * 60 * 1000, "h" }, { 60 * 1000, "m" }, { 1000, "s" }, { 1, "ms" }
    };
    const int64_t day_ms = 24 * times[0].factor;
    if (number == 0 || type == EVF_OPTION_INT) {
        evf__sentence_add(sentence, "%" PRId64, number);
    } else if (type == EVF_OPTION_SIZE) {
        add_in_units(number, sizes, sentence);
    } else {
        add_in_units(number, times, sentence);
        if (number > 2 * day_ms)
            evf__sentence_add(sentence, " (%" PRId64 " days)", number / day_ms);
    }
}

static bool limited(const struct evf_option *option)
{
    return option->min != 0 || option->max != 0;
}

static void add_choices(const struct evf_option *option, struct evf__sentence *sentence)
{
    for (unsigned i = 0; option->choices[i] != NULL; i++) {
        bool last = option->choices[i + 1] == NULL;
        evf__sentence_add(sentence, "%s", i == 0 ? "" : last ? " or " : ", ");
        evf__sentence_clean(sentence, option->choices[i]);
    }
}

void evf__option_range(const struct evf_option *option, const char *before,
                       struct evf__sentence *sentence)
{
    unsigned type = evf__option_type(option);
    if (type == EVF_OPTION_CHOICE)
        add_choices(option, sentence);
    if (!evf__option_numeric(option) || !limited(option))
        return;
    bool below = option->min > (type == EVF_OPTION_INT ? INT64_MIN : 0);
    bool above = option->max < INT64_MAX;
    if (below || above)
        evf__sentence_add(sentence, "%s%s", before, !above ? "at least " : below ? "" : "at most ");
    if (below)
        evf__option_number(type, option->min, sentence);
    if (below && above)
        evf__sentence_add(sentence, " to ");
    if (above)
        evf__option_number(type, option->max, sentence);
}

void evf__option_allowed(const struct evf_option *option, struct evf__sentence *sentence)
{
    unsigned type = evf__option_type(option);
    EVF_ASSERT(evf__option_type_name(type) != NULL);
    evf__sentence_add(sentence, "%s", types[type].allowed);
    evf__option_range(option, ": ", sentence);
}

static int refuse(const struct evf_option *option, const char *text, const char *what,
                  struct evf__sentence *error)
{
    evf__sentence_add(error, "value ");
    evf__sentence_quote(error, text);
    evf__sentence_add(error, " %s; allowed: ", what);
    evf__option_allowed(option, error);
    return EVF_EOPTION;
}

static int read_number(const struct evf_option *option, const char *text, int64_t *ret_number,
                       struct evf__sentence *error)
{
    int64_t number = 0;
    unsigned type = evf__option_type(option);
    int code = type == EVF_OPTION_INT    ? evf__parse_int(text, &number)
               : type == EVF_OPTION_SIZE ? evf__parse_size(text, &number)
                                         : evf__parse_duration(text, &number);
    if (code == -ERANGE)
        return refuse(option, text, text[0] == '-' ? "is too small" : "is too large", error);
    if (code != 0)
        return refuse(option, text, "is malformed", error);
    if (limited(option) && number < option->min)
        return refuse(option, text, "is too small", error);
    if (limited(option) && number > option->max)
        return refuse(option, text, "is too large", error);
    *ret_number = number;
    return 0;
}

static int read_choice(const struct evf_option *option, const char *text,
                       struct evf__sentence *error)
{
    unsigned count = 0;
    for (; option->choices[count] != NULL; count++)
        if (strcmp(option->choices[count], text) == 0)
            return 0;
    int code = refuse(option, text, "is none of the choices", error);
    const char *near = evf__nearest(text, option->choices, count);
    if (near != NULL) {
        evf__sentence_add(error, "; did you mean ");
        evf__sentence_clean(error, near);
        evf__sentence_add(error, "?");
    }
    return code;
}

int evf__option_read(const struct evf_option *option, const char *text, int64_t *ret_number,
                     struct evf__sentence *error)
{
    int64_t number = 0;
    bool truth = false;
    char host[256];
    uint16_t port;
    const char *unix_path;
    int code = 0;
    switch (evf__option_type(option)) {
    case EVF_OPTION_STRING:
        break;
    case EVF_OPTION_INT:
    case EVF_OPTION_SIZE:
    case EVF_OPTION_DURATION:
        code = read_number(option, text, &number, error);
        break;
    case EVF_OPTION_BOOL:
        if (evf__parse_bool(text, &truth) != 0)
            code = refuse(option, text, "is malformed", error);
        number = truth;
        break;
    case EVF_OPTION_PATH:
        if (text[0] == '\0')
            code = refuse(option, text, "is empty", error);
        break;
    case EVF_OPTION_ADDRESS:
        if (evf_address_parse(text, host, sizeof(host), &port, &unix_path) != 0)
            code = refuse(option, text, "is malformed", error);
        break;
    case EVF_OPTION_CHOICE:
        code = read_choice(option, text, error);
        break;
    default:
        EVF_RULE(false, "the type of every option was checked");
    }
    if (code == 0)
        *ret_number = number;
    return code;
}
