/* SPDX-License-Identifier: MIT
 *
 * Telling what a plugin file is and which options it takes, without starting it.
 *
 * The file is loaded and checked as for a listener, so its constructors run; none of the callbacks
 * in its descriptor does. The text is made whole before any of it is written. Any thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <evframe/server.h>

#include "base/limits.h"
#include "plugin/check.h"
#include "plugin/library.h"
#include "plugin/options.h"
#include "plugin/sentence.h"
#include "plugin/value.h"

enum column { NAME, TYPE, DEFAULT, ALLOWED, HELP, COLUMNS };
enum { CELL_SIZE = 128 };

/* The text of one cell. Texts that do not fit are cut; `help` is the last column and is not. */
static const char *cell(const struct evf_option *option, enum column column, char buffer[CELL_SIZE])
{
    struct evf__sentence text;
    evf__sentence_init(&text, buffer, CELL_SIZE);
    switch (column) {
    case NAME:
        return option->name;
    case TYPE:
        evf__sentence_add(&text, "%s%s%s", evf__option_type_name(evf__option_type(option)),
                          option->type & EVF_OPTION_REPEATABLE ? ", repeatable" : "",
                          option->type & EVF_OPTION_REQUIRED ? ", required" : "");
        return buffer;
    case DEFAULT:
        if (option->default_value == NULL)
            return "-";
        if (option->default_value[0] == '\0')
            return "\"\"";
        evf__sentence_clean(&text, option->default_value);
        return buffer;
    case ALLOWED:
        evf__option_range(option, "", &text);
        return buffer[0] != '\0' ? buffer : "-";
    default:
        return option->help != NULL ? option->help : "";
    }
}

static void write_row(FILE *out, const char *const cells[COLUMNS], const int widths[COLUMNS])
{
    bool help = cells[HELP][0] != '\0';
    fprintf(out, "  %-*s  %-*s  %-*s  %-*s%s%s\n", widths[NAME], cells[NAME], widths[TYPE],
            cells[TYPE], widths[DEFAULT], cells[DEFAULT], help ? widths[ALLOWED] : 0,
            cells[ALLOWED], help ? "  " : "", cells[HELP]);
}

static void write_options(FILE *out, const struct evf_option *options)
{
    static const char *const titles[COLUMNS] = { "NAME", "TYPE", "DEFAULT", "ALLOWED", "HELP" };
    int widths[COLUMNS];
    char buffers[COLUMNS][CELL_SIZE];
    const char *cells[COLUMNS];
    for (unsigned column = 0; column < COLUMNS; column++) {
        widths[column] = (int)strlen(titles[column]);
        for (unsigned i = 0; options[i].name != NULL; i++) {
            int len = (int)strlen(cell(&options[i], column, buffers[0]));
            widths[column] = len > widths[column] ? len : widths[column];
        }
    }
    write_row(out, titles, widths);
    for (unsigned i = 0; options[i].name != NULL; i++) {
        for (unsigned column = 0; column < COLUMNS; column++)
            cells[column] = cell(&options[i], column, buffers[column]);
        write_row(out, cells, widths);
    }
}

/* Those that the plugin has itself are left out: they are the plugin's. */
static void write_listener_options(FILE *out, const struct evf_option *plugins)
{
    struct evf_option shown[EVF__OPTIONS_MAX + 1];
    unsigned count = 0;
    for (const struct evf_option *option = evf__listener_options; option->name != NULL; option++)
        if (evf__options_find(plugins, option->name) == NULL && count < EVF__OPTIONS_MAX)
            shown[count++] = *option;
    shown[count] = (struct evf_option){ 0 };
    write_options(out, shown);
}

struct slot {
    const char *name;
    bool present;
};

static void write_slots(FILE *out, const char *title, const struct slot *slots, size_t count)
{
    bool any = false;
    fprintf(out, "%-10s", title);
    for (size_t i = 0; i < count; i++) {
        if (!slots[i].present)
            continue;
        fprintf(out, "%s%s", any ? ", " : "", slots[i].name);
        any = true;
    }
    fprintf(out, "%s\n", any ? "" : "none");
}

static void write_callbacks(FILE *out, const struct evf__checked_plugin *checked)
{
    const struct evf_handler *handler = &checked->handler;
    const struct evf_plugin *plugin = &checked->plugin;
    const struct slot streams[] = {
        { "open", handler->open != NULL },       { "data", handler->data != NULL },
        { "end", handler->end != NULL },         { "drain", handler->drain != NULL },
        { "timeout", handler->timeout != NULL }, { "quiesce", handler->quiesce != NULL },
        { "close", handler->close != NULL },     { "fd", handler->fd != NULL },
    };
    const struct slot others[] = {
        { "start", plugin->start != NULL },
        { "worker_start", plugin->worker_start != NULL },
        { "worker_stop", plugin->worker_stop != NULL },
        { "stop", plugin->stop != NULL },
    };
    write_slots(out, "handler", streams, sizeof(streams) / sizeof(streams[0]));
    write_slots(out, "callbacks", others, sizeof(others) / sizeof(others[0]));
}

static void write_all(FILE *out, const char *path, const struct evf__checked_plugin *checked)
{
    const struct evf_plugin *plugin = &checked->plugin;
    char shown[512];
    struct evf__sentence file;
    evf__sentence_init(&file, shown, sizeof(shown));
    evf__sentence_clean(&file, path);
    fprintf(out, "%-10s%s\n", "file", shown);
    fprintf(out, "%-10s%s\n", "name", plugin->name);
    fprintf(out, "%-10s%s\n", "version", plugin->version);
    fprintf(out, "%-10s%s\n", "summary", plugin->summary != NULL ? plugin->summary : "none");
    fprintf(out, "%-10s%d.%d (this evframe has %d.%d)\n", "ABI", plugin->abi_major,
            plugin->abi_minor, EVF_ABI_MAJOR, EVF_ABI_MINOR);
    write_callbacks(out, checked);
    fprintf(out, "%-10s%u bytes per stream, %u per worker, %u per instance\n", "state",
            checked->handler.stream_state_size, plugin->worker_state_size,
            plugin->instance_state_size);
    if (checked->options[0].name == NULL) {
        fprintf(out, "\nThe plugin has no options of its own.\n");
    } else {
        fprintf(out, "\nOptions of the plugin:\n");
        write_options(out, checked->options);
    }
    fprintf(out, "\nOptions of every listener (defaults are the server's):\n");
    write_listener_options(out, checked->options);
}

static int send_text(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        text += written;
        len -= (size_t)written;
    }
    return 0;
}

static int tell(int out_fd, const char *path, const struct evf__checked_plugin *checked,
                struct evf__sentence *error)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        evf__sentence_add(error, "no memory is left");
        return -ENOMEM;
    }
    write_all(out, path, checked);
    int code = fclose(out) != 0 ? -ENOMEM : send_text(out_fd, text, len);
    if (code != 0)
        evf__sentence_add(error, "what the plugin is cannot be written: %s", strerror(-code));
    free(text);
    return code;
}

int evf_plugin_inspect(const char *path, int out_fd, char *error, size_t size)
{
    struct evf__library *library = NULL;
    struct evf__checked_plugin checked;
    struct evf__sentence sentence;
    char *file = NULL;
    evf__sentence_init(&sentence, error, size);
    /* A file in the present folder: nothing is searched for here. */
    if (asprintf(&file, "%s%s", strchr(path, '/') != NULL ? "" : "./", path) < 0) {
        evf__sentence_add(&sentence, "no memory is left");
        return -ENOMEM;
    }
    int code = evf__library_open(file, NULL, &library, &sentence);
    if (code == 0) {
        size_t descriptor_size;
        const void *descriptor = evf__library_descriptor(library, &descriptor_size);
        evf__sentence_clean(&sentence, file);
        evf__sentence_add(&sentence, ": ");
        code = evf__plugin_check(descriptor, descriptor_size, &checked, &sentence);
    }
    if (code == 0) {
        evf__sentence_init(&sentence, error, size);
        code = tell(out_fd, file, &checked, &sentence);
        free(checked.options);
    }
    evf__library_drop(library);
    free(file);
    return code;
}
