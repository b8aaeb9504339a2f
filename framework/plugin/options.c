/* SPDX-License-Identifier: MIT
 *
 * Options of a listener; see options.h. Also evf_option_*, by which plugins read their own.
 */
#include "plugin/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/log.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/parse.h"
#include "plugin/instance.h"
#include "plugin/value.h"

unsigned evf__options_length(const struct evf_option *schema)
{
    unsigned count = 0;
    while (schema != NULL && schema[count].name != NULL)
        count++;
    return count;
}

const struct evf_option *evf__options_find(const struct evf_option *schema, const char *name)
{
    for (; schema != NULL && schema->name != NULL; schema++)
        if (strcmp(schema->name, name) == 0)
            return schema;
    return NULL;
}

struct evf__options *evf__options_create(const struct evf_option *schema)
{
    struct evf__options *options = calloc(1, sizeof(*options));
    if (options == NULL)
        return NULL;
    options->schema = schema;
    options->count = evf__options_length(schema);
    if (options->count > 0) {
        options->values = calloc(options->count, sizeof(options->values[0]));
        if (options->values == NULL) {
            free(options);
            return NULL;
        }
    }
    return options;
}

void evf__options_destroy(struct evf__options *options)
{
    if (options == NULL)
        return;
    for (unsigned i = 0; i < options->count; i++) {
        for (unsigned k = 0; k < options->values[i].count; k++)
            free(options->values[i].texts[k]);
        free(options->values[i].texts);
    }
    free(options->values);
    free(options);
}

/* Takes the text over when it succeeds. */
static int append(struct evf__option_values *values, char *text, int64_t number)
{
    if (values->count == values->room) {
        unsigned room = values->room == 0 ? 1 : values->room * 2;
        char **texts = realloc(values->texts, room * sizeof(texts[0]));
        if (texts == NULL)
            return -ENOMEM;
        values->texts = texts;
        values->room = room;
    }
    if (values->count == 0)
        values->number = number;
    values->texts[values->count++] = text;
    return 0;
}

/* Takes the text over, whatever happens. */
static int give(struct evf__options *options, const struct evf_option *option, char *text,
                struct evf__sentence *error)
{
    int64_t number = 0;
    struct evf__option_values *values = &options->values[option - options->schema];
    int code;
    if (values->count > 0 && (option->type & EVF_OPTION_REPEATABLE) == 0) {
        evf__sentence_add(error, "option %s: value ", option->name);
        evf__sentence_quote(error, text);
        evf__sentence_add(error, ": the option was given before, and it is allowed once");
        code = EVF_EOPTION;
    } else {
        char reason[512];
        struct evf__sentence why;
        evf__sentence_init(&why, reason, sizeof(reason));
        code = evf__option_read(option, text, &number, &why);
        if (code == 0)
            code = append(values, text, number);
        else
            evf__sentence_add(error, "option %s: %s", option->name, reason);
    }
    if (code != 0)
        free(text);
    return code;
}

static void add_names(const struct evf__options *options, const char *whose,
                      struct evf__sentence *error)
{
    for (unsigned i = 0; i < options->count; i++)
        evf__sentence_add(error, "%s%s", i == 0 ? whose : ", ", options->schema[i].name);
}

static int unknown(const struct evf__options *plugin, const struct evf__options *listener,
                   const char *name, struct evf__sentence *error)
{
    const char *names[2 * EVF__OPTIONS_MAX];
    unsigned count = 0;
    EVF_ASSERT(plugin->count <= EVF__OPTIONS_MAX && listener->count <= EVF__OPTIONS_MAX);
    for (unsigned i = 0; i < plugin->count; i++)
        names[count++] = plugin->schema[i].name;
    for (unsigned i = 0; i < listener->count; i++)
        names[count++] = listener->schema[i].name;
    evf__sentence_add(error, "unknown option ");
    evf__sentence_quote(error, name);
    const char *near = evf__nearest(name, names, count);
    if (near != NULL)
        evf__sentence_add(error, ", did you mean %s?", near);
    if (plugin->count == 0)
        evf__sentence_add(error, "; the plugin has no options");
    add_names(plugin, "; the plugin has ", error);
    add_names(listener, "; every listener has ", error);
    return EVF_EOPTION;
}

static int refuse_backslash(const char *item, size_t len, struct evf__sentence *error)
{
    enum { SHOWN_MAX = 64 };
    size_t name_len = strcspn(item, "=,\\");
    bool named = item[name_len] == '=';
    const char *value = item + name_len + (named ? 1 : 0);
    size_t value_len = len - (size_t)(value - item);
    evf__sentence_add(error, "option ");
    evf__sentence_clean_part(error, item, name_len);
    evf__sentence_add(error, named ? ": value \"" : "\"");
    evf__sentence_clean_part(error, value, value_len < SHOWN_MAX ? value_len : SHOWN_MAX);
    evf__sentence_add(error, value_len > SHOWN_MAX ? "...\"" : "\"");
    evf__sentence_add(error, ": only a comma or a backslash may follow a backslash (\\, and \\\\)");
    return EVF_EOPTION;
}

/* Copies one item up to its comma, in two strings without their backslashes: the name, and the
 * value, which is NULL for an item without '='. Both stand in the block that *ret_name begins.
 * Moves *text behind the item. */
static int split(const char **text, char **ret_name, char **ret_value, struct evf__sentence *error)
{
    const char *from = *text;
    size_t len = 0;
    for (; from[len] != '\0' && from[len] != ','; len++)
        if (from[len] == '\\' && from[len + 1] != '\0')
            len++;
    char *name = malloc(len + 1);
    if (name == NULL)
        return -ENOMEM;
    char *to = name, *value = NULL;
    for (size_t i = 0; i < len; i++) {
        char byte = from[i];
        if (byte == '\\' && i + 1 < len && (from[i + 1] == ',' || from[i + 1] == '\\')) {
            byte = from[++i];
        } else if (byte == '\\') {
            free(name);
            return refuse_backslash(from, len, error);
        } else if (byte == '=' && value == NULL) {
            byte = '\0';
            value = to + 1;
        }
        *to++ = byte;
    }
    *to = '\0';
    *ret_name = name;
    *ret_value = value;
    *text = from + len;
    return 0;
}

static int parse_item(struct evf__options *plugin, struct evf__options *listener, const char *name,
                      const char *value, struct evf__sentence *error)
{
    struct evf__options *options = plugin;
    const struct evf_option *option = evf__options_find(plugin->schema, name);
    if (option == NULL) {
        options = listener;
        option = evf__options_find(listener->schema, name);
    }
    if (name[0] == '\0') {
        evf__sentence_add(error, "an option's name is missing: give name=value,name=value");
        return EVF_EOPTION;
    }
    if (option == NULL)
        return unknown(plugin, listener, name, error);
    if (value == NULL && evf__option_type(option) != EVF_OPTION_BOOL) {
        evf__sentence_add(error, "option %s: a value is missing (%s=...); allowed: ", name, name);
        evf__option_allowed(option, error);
        return EVF_EOPTION;
    }
    char *copy = strdup(value != NULL ? value : "true");
    return copy == NULL ? -ENOMEM : give(options, option, copy, error);
}

/* Defaults were checked with the schema. */
static int complete(struct evf__options *options, struct evf__sentence *error)
{
    for (unsigned i = 0; i < options->count; i++) {
        const struct evf_option *option = &options->schema[i];
        if (options->values[i].count > 0)
            continue;
        if ((option->type & EVF_OPTION_REQUIRED) != 0) {
            evf__sentence_add(error, "option %s: it must be given; allowed: ", option->name);
            evf__option_allowed(option, error);
            return EVF_EOPTION;
        }
        if (option->default_value == NULL)
            continue;
        char *copy = strdup(option->default_value);
        int code = copy == NULL ? -ENOMEM : give(options, option, copy, error);
        if (code != 0)
            return code;
    }
    return 0;
}

int evf__options_parse(struct evf__options *plugin, struct evf__options *listener, const char *text,
                       struct evf__sentence *error)
{
    int code = 0;
    if (text != NULL && strnlen(text, EVF__OPTIONS_TEXT_MAX + 1) > EVF__OPTIONS_TEXT_MAX) {
        evf__sentence_add(error, "the options are longer than %d bytes", EVF__OPTIONS_TEXT_MAX);
        return EVF_EOPTION;
    }
    for (bool more = text != NULL && text[0] != '\0'; more && code == 0;) {
        char *name = NULL, *value = NULL;
        code = split(&text, &name, &value, error);
        if (code == 0) {
            code = parse_item(plugin, listener, name, value, error);
            free(name);
            more = *text == ',';
            text += more;
        }
    }
    if (code == 0)
        code = complete(plugin, error);
    if (code == 0)
        code = complete(listener, error);
    if (code == -ENOMEM)
        evf__sentence_add(error, "no memory is left");
    return code;
}

const struct evf__option_values *evf__options_values(const struct evf__options *options,
                                                     const char *name,
                                                     const struct evf_option **ret_option)
{
    const struct evf_option *option = evf__options_find(options->schema, name);
    if (option == NULL)
        evf_log(EVF_ERROR, "a plugin asks for an option that its schema lacks: %s", name);
    EVF_RULE(option != NULL, "only options of the plugin's schema are asked for");
    *ret_option = option;
    return &options->values[option - options->schema];
}

#define KNOWN(instance, name)                                                                      \
    EVF_DEBUG_RULE(evf__options_find((instance)->options->schema, name) != NULL,                   \
                   "only options of the plugin's schema are asked for")

const char *evf_option_string(const evf_instance *instance, const char *name)
{
    KNOWN(instance, name);
    const struct evf_option *option;
    const struct evf__option_values *values = evf__options_values(instance->options, name, &option);
    EVF_RULE(!evf__option_numeric(option) && evf__option_type(option) != EVF_OPTION_BOOL,
             "it is for options that are text");
    return values->count > 0 ? values->texts[0] : NULL;
}

int64_t evf_option_int(const evf_instance *instance, const char *name)
{
    KNOWN(instance, name);
    const struct evf_option *option;
    const struct evf__option_values *values = evf__options_values(instance->options, name, &option);
    EVF_RULE(evf__option_numeric(option), "it is for INT, SIZE and DURATION");
    return values->number;
}

bool evf_option_bool(const evf_instance *instance, const char *name)
{
    KNOWN(instance, name);
    const struct evf_option *option;
    const struct evf__option_values *values = evf__options_values(instance->options, name, &option);
    EVF_RULE(evf__option_type(option) == EVF_OPTION_BOOL, "it is for BOOL");
    return values->number != 0;
}

unsigned evf_option_count(const evf_instance *instance, const char *name)
{
    KNOWN(instance, name);
    const struct evf_option *option;
    return evf__options_values(instance->options, name, &option)->count;
}

const char *evf_option_string_at(const evf_instance *instance, const char *name, unsigned index)
{
    KNOWN(instance, name);
    const struct evf_option *option;
    const struct evf__option_values *values = evf__options_values(instance->options, name, &option);
    return index < values->count ? values->texts[index] : NULL;
}
