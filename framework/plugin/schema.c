/* SPDX-License-Identifier: MIT
 *
 * Checking the options that a plugin declares; see schema.h.
 */
#include "plugin/schema.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "plugin/options.h"
#include "plugin/value.h"

/* Begins a sentence about a field of one option. */
static void begin(unsigned index, const char *name, const char *field, struct evf__sentence *error)
{
    evf__sentence_add(error, "field options[%u].%s", index, field);
    if (name != NULL) {
        evf__sentence_add(error, " (");
        evf__sentence_clean(error, name);
        evf__sentence_add(error, ")");
    }
    evf__sentence_add(error, ": ");
}

/* The length of a text, or -1 when it is longer than max; never reads further. */
static int bounded_length(const char *text, size_t max)
{
    size_t len = text != NULL ? strnlen(text, max + 1) : 0;
    return len > max ? -1 : (int)len;
}

int evf__schema_text(const char *field, const char *text, size_t min, size_t max,
                     struct evf__sentence *error)
{
    int len = bounded_length(text, max);
    bool control = false;
    for (int i = 0; i < len && !control; i++)
        control = (unsigned char)text[i] < 0x20 || text[i] == 0x7f;
    if (len >= (int)min && !control)
        return 0;
    evf__sentence_add(error, "field %s: expected one line of %s%zu bytes, found ", field,
                      min > 0 ? "1 to " : "at most ", max);
    if (text == NULL)
        evf__sentence_add(error, "NULL");
    else if (len == 0)
        evf__sentence_add(error, "an empty text");
    else if (len < 0)
        evf__sentence_add(error, "more");
    else
        evf__sentence_quote(error, text);
    return EVF_EPLUGIN;
}

static int check_name(const struct evf_option *options, unsigned index, struct evf__sentence *error)
{
    const char *name = options[index].name;
    int len = bounded_length(name, EVF__PLUGIN_NAME_MAX);
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (len <= 0 || strspn(name, allowed) != (size_t)len || name[0] == '-') {
        begin(index, NULL, "name", error);
        evf__sentence_add(error, "expected 1 to %d of a-z, 0-9 and '-', the first no '-', found ",
                          EVF__PLUGIN_NAME_MAX);
        evf__sentence_quote(error, name);
        return EVF_EPLUGIN;
    }
    if (evf__listener_option_reserved(name)) {
        begin(index, NULL, "name", error);
        evf__sentence_add(error, "expected no name that every listener has already, found \"%s\"",
                          name);
        return EVF_EPLUGIN;
    }
    for (unsigned i = 0; i < index; i++) {
        if (strcmp(options[i].name, name) == 0) {
            begin(index, NULL, "name", error);
            evf__sentence_add(error, "expected a new name, found \"%s\" as in options[%u]", name,
                              i);
            return EVF_EPLUGIN;
        }
    }
    return 0;
}

static int check_type(const struct evf_option *option, unsigned index, struct evf__sentence *error)
{
    const uint32_t flags = EVF_OPTION_REPEATABLE | EVF_OPTION_REQUIRED;
    if (evf__option_type_name(evf__option_type(option)) == NULL ||
        (option->type & ~(0xffu | flags)) != 0) {
        begin(index, option->name, "type", error);
        evf__sentence_add(error, "expected one of enum evf_option_type and known flags, found 0x%x",
                          option->type);
        return EVF_EPLUGIN;
    }
    if (!evf__option_numeric(option) && (option->min != 0 || option->max != 0)) {
        begin(index, option->name, "max", error);
        evf__sentence_add(error, "expected no range, which only numbers, sizes and times have");
        return EVF_EPLUGIN;
    }
    if (option->min > option->max) {
        begin(index, option->name, "max", error);
        evf__sentence_add(
            error, "expected at least min, which is %lld, found %lld (INT64_MAX is no limit)",
            (long long)option->min, (long long)option->max);
        return EVF_EPLUGIN;
    }
    return 0;
}

static int check_choices(const struct evf_option *option, unsigned index,
                         struct evf__sentence *error)
{
    bool wanted = evf__option_type(option) == EVF_OPTION_CHOICE;
    if (wanted != (option->choices != NULL)) {
        begin(index, option->name, "choices", error);
        evf__sentence_add(error, wanted ? "expected an array of names ended by NULL, found NULL"
                                        : "expected NULL for a type that is not EVF_OPTION_CHOICE");
        return EVF_EPLUGIN;
    }
    if (!wanted)
        return 0;
    unsigned count = 0;
    for (; option->choices[count] != NULL && count <= EVF__OPTION_CHOICES_MAX; count++) {
        char field[96];
        snprintf(field, sizeof(field), "options[%u].choices[%u]", index, count);
        int code = evf__schema_text(field, option->choices[count], 1, EVF__PLUGIN_TEXT_MAX, error);
        if (code != 0)
            return code;
    }
    if (count == 0 || count > EVF__OPTION_CHOICES_MAX) {
        begin(index, option->name, "choices", error);
        evf__sentence_add(error, "expected 1 to %d names and then NULL, found %s",
                          EVF__OPTION_CHOICES_MAX, count == 0 ? "none" : "more");
        return EVF_EPLUGIN;
    }
    return 0;
}

static int check_default(const struct evf_option *option, unsigned index,
                         struct evf__sentence *error)
{
    int64_t number;
    char reason[512];
    struct evf__sentence why;
    if (option->default_value == NULL)
        return 0;
    evf__sentence_init(&why, reason, sizeof(reason));
    if (evf__option_read(option, option->default_value, &number, &why) == 0)
        return 0;
    begin(index, option->name, "default_value", error);
    evf__sentence_add(error, "%s", reason);
    return EVF_EPLUGIN;
}

static int check_help(const struct evf_option *option, unsigned index, struct evf__sentence *error)
{
    char field[32];
    if (option->help == NULL)
        return 0;
    snprintf(field, sizeof(field), "options[%u].help", index);
    return evf__schema_text(field, option->help, 0, EVF__PLUGIN_TEXT_MAX, error);
}

static int check_option(const struct evf_option *options, unsigned index,
                        struct evf__sentence *error)
{
    const struct evf_option *option = &options[index];
    int code;
    if ((code = check_name(options, index, error)) != 0 ||
        (code = check_type(option, index, error)) != 0 ||
        (code = check_choices(option, index, error)) != 0 ||
        (code = check_default(option, index, error)) != 0 ||
        (code = check_help(option, index, error)) != 0)
        return code;
    return 0;
}

/* One entry more than the limit is looked at, to tell an array that is full from one without end.
 */
static unsigned count_options(const char *options, uint32_t stride)
{
    unsigned count = 0;
    for (; options != NULL && count <= EVF__OPTIONS_MAX; count++) {
        const char *name;
        memcpy(&name, options + (size_t)count * stride + offsetof(struct evf_option, name),
               sizeof(name));
        if (name == NULL)
            break;
    }
    return count;
}

int evf__schema_copy(const void *options, uint32_t stride, struct evf_option **ret,
                     struct evf__sentence *error)
{
    unsigned count = count_options(options, stride);
    if (count > EVF__OPTIONS_MAX) {
        evf__sentence_add(error,
                          "field options: expected at most %d and then a zero entry, found more",
                          EVF__OPTIONS_MAX);
        return EVF_EPLUGIN;
    }
    struct evf_option *copy = calloc(count + 1, sizeof(*copy));
    if (copy == NULL) {
        evf__sentence_add(error, "no memory is left");
        return -ENOMEM;
    }
    size_t known = stride < sizeof(*copy) ? stride : sizeof(*copy);
    for (unsigned i = 0; i < count; i++) {
        memcpy(&copy[i], (const char *)options + (size_t)i * stride, known);
        int code = check_option(copy, i, error);
        if (code != 0) {
            free(copy);
            return code;
        }
    }
    *ret = copy;
    return 0;
}
