/* SPDX-License-Identifier: MIT
 *
 * Checking a plugin's descriptor before anything in it is used; see check.h. Its options are
 * checked in schema.c.
 */
#include "plugin/check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "plugin/schema.h"
#include "stream/stream.h"

/* The sizes of 1.0, below which nothing of major 1 can be. They stay when fields are added. */
enum {
    HEADER_SIZE = offsetof(struct evf_plugin, name),
    PLUGIN_SIZE_1_0 = offsetof(struct evf_plugin, stop) + sizeof(evf_stop_fn *),
    OPTION_SIZE_1_0 = offsetof(struct evf_option, choices) + sizeof(const char *const *),
};

static int refuse_size(const char *field, unsigned least, unsigned found,
                       struct evf__sentence *error)
{
    evf__sentence_add(error, "field %s: expected at least %u, found %u", field, least, found);
    return EVF_EPLUGIN;
}

/* The fields that protect the rest, in the order in which they may be trusted. */
static int check_header(const void *descriptor, size_t size, struct evf__sentence *error)
{
    struct evf_plugin header;
    if (size < HEADER_SIZE) {
        evf__sentence_add(error, "the symbol evf_plugin has %zu bytes, its header alone needs %d",
                          size, HEADER_SIZE);
        return EVF_EPLUGIN;
    }
    memcpy(&header, descriptor, HEADER_SIZE);
    if (header.magic != EVF_PLUGIN_MAGIC) {
        evf__sentence_add(error,
                          "field magic: expected 0x%08x, found 0x%08x: a descriptor begins with "
                          "EVF_PLUGIN_HEADER",
                          EVF_PLUGIN_MAGIC, header.magic);
        return EVF_EPLUGIN;
    }
    if (header.abi_major != EVF_ABI_MAJOR) {
        evf__sentence_add(error,
                          "field abi_major: expected %d, found %d: the plugin was built for an "
                          "evframe of another ABI; build it again",
                          EVF_ABI_MAJOR, header.abi_major);
        return EVF_EPLUGIN;
    }
    if (header.abi_minor > EVF_ABI_MINOR) {
        evf__sentence_add(
            error,
            "field abi_minor: expected at most %d, found %d: the plugin needs a newer "
            "evframe, with ABI %d.%d",
            EVF_ABI_MINOR, header.abi_minor, header.abi_major, header.abi_minor);
        return EVF_EPLUGIN;
    }
    if (header.struct_size < PLUGIN_SIZE_1_0)
        return refuse_size("struct_size", PLUGIN_SIZE_1_0, header.struct_size, error);
    if (header.struct_size > size) {
        evf__sentence_add(error,
                          "field struct_size: found %u, but the symbol evf_plugin has %zu bytes",
                          header.struct_size, size);
        return EVF_EPLUGIN;
    }
    if (header.option_size < OPTION_SIZE_1_0)
        return refuse_size("option_size", OPTION_SIZE_1_0, header.option_size, error);
    if (header.option_size > EVF__OPTION_SIZE_MAX ||
        header.option_size % _Alignof(struct evf_option) != 0) {
        evf__sentence_add(error, "field option_size: expected a multiple of %zu up to %d, found %u",
                          _Alignof(struct evf_option), EVF__OPTION_SIZE_MAX, header.option_size);
        return EVF_EPLUGIN;
    }
    return 0;
}

static int check_texts(const struct evf_plugin *plugin, struct evf__sentence *error)
{
    int code = evf__schema_text("name", plugin->name, 1, EVF__PLUGIN_NAME_MAX, error);
    if (code == 0)
        code = evf__schema_text("version", plugin->version, 1, EVF__PLUGIN_NAME_MAX, error);
    if (code == 0 && plugin->summary != NULL)
        code = evf__schema_text("summary", plugin->summary, 0, EVF__PLUGIN_TEXT_MAX, error);
    return code;
}

static int check_handler(const void *handler, struct evf_handler *ret, struct evf__sentence *error)
{
    struct evf_handler copy = { 0 };
    uint32_t size;
    if (handler == NULL) {
        evf__sentence_add(error, "field handler: expected a struct evf_handler, found NULL");
        return EVF_EPLUGIN;
    }
    memcpy(&size, handler, sizeof(size));
    if (size < EVF__HANDLER_SIZE_1_0) {
        (void)refuse_size("handler.struct_size", EVF__HANDLER_SIZE_1_0, size, error);
        evf__sentence_add(error, ": set it to sizeof(struct evf_handler)");
        return EVF_EPLUGIN;
    }
    if (size % _Alignof(struct evf_handler) != 0) { /* a slot would be cut in two */
        evf__sentence_add(error, "field handler.struct_size: expected a multiple of %zu, found %u",
                          _Alignof(struct evf_handler), size);
        return EVF_EPLUGIN;
    }
    memcpy(&copy, handler, size < sizeof(copy) ? size : sizeof(copy));
    if (copy.stream_state_size > EVF__STREAM_STATE_MAX) {
        evf__sentence_add(error, "field handler.stream_state_size: expected at most %d, found %u",
                          EVF__STREAM_STATE_MAX, copy.stream_state_size);
        return EVF_EPLUGIN;
    }
    *ret = copy;
    return 0;
}

static int check_state_size(const char *field, uint32_t size, struct evf__sentence *error)
{
    if (size <= EVF__PLUGIN_STATE_MAX)
        return 0;
    evf__sentence_add(error, "field %s: expected at most %d, found %u", field,
                      EVF__PLUGIN_STATE_MAX, size);
    return EVF_EPLUGIN;
}

int evf__plugin_check(const void *descriptor, size_t size, struct evf__checked_plugin *ret,
                      struct evf__sentence *error)
{
    struct evf_plugin plugin = { 0 };
    struct evf_handler handler;
    struct evf_option *options;
    uint32_t struct_size;
    int code = check_header(descriptor, size, error);
    if (code != 0)
        return code;
    memcpy(&struct_size, (const char *)descriptor + offsetof(struct evf_plugin, struct_size),
           sizeof(struct_size));
    memcpy(&plugin, descriptor, struct_size < sizeof(plugin) ? struct_size : sizeof(plugin));
    if ((code = check_texts(&plugin, error)) != 0 ||
        (code = check_handler(plugin.handler, &handler, error)) != 0 ||
        (code = check_state_size("instance_state_size", plugin.instance_state_size, error)) != 0 ||
        (code = check_state_size("worker_state_size", plugin.worker_state_size, error)) != 0 ||
        (code = evf__schema_copy(plugin.options, plugin.option_size, &options, error)) != 0)
        return code;
    *ret = (struct evf__checked_plugin){ .plugin = plugin, .handler = handler, .options = options };
    return 0;
}
