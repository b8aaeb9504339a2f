/* SPDX-License-Identifier: MIT
 *
 * Accepted: a plugin of ABI 1.0, whose handler ends with `close`. Behind it lies something else.
 */
#include <stddef.h>
#include <stdlib.h>

#include <evframe/evframe.h>

static void on_close(evf_stream *stream, int reason)
{
    (void)stream;
    (void)reason;
}

static void never(evf_stream *stream, int fd)
{
    (void)stream;
    (void)fd;
    abort();
}

static const struct evf_handler handler = {
    .struct_size = offsetof(struct evf_handler, fd),
    .close = on_close,
    .fd = never,
};

EVF_PLUGIN = {
    .magic = EVF_PLUGIN_MAGIC,
    .abi_major = EVF_ABI_MAJOR,
    .abi_minor = 0,
    .struct_size = offsetof(struct evf_plugin, stop) + sizeof(evf_stop_fn *),
    .option_size = sizeof(struct evf_option),
    .name = "earlier_minor",
    .version = "1.0.0",
    .handler = &handler,
};
