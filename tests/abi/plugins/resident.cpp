/* SPDX-License-Identifier: MIT
 *
 * Accepted: with GCC this plugin has a unique symbol, because of which dlclose leaves it mapped for
 * ever.
 */
#include <evframe/evframe.h>

namespace
{
const evf_handler handler = {
    .struct_size = sizeof(evf_handler),
    .stream_state_size = 0,
    .open = nullptr,
    .data = nullptr,
    .end = nullptr,
    .drain = nullptr,
    .timeout = nullptr,
    .quiesce = nullptr,
    .close = nullptr,
    .fd = nullptr,
};
} // namespace

template <typename type> struct __attribute__((visibility("default"))) unique {
    static int starts;
};
template <typename type> int unique<type>::starts = 0;

static int on_start(evf_instance *instance)
{
    return evf_fail(instance, "start number %d", ++unique<int>::starts);
}

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "resident",
    .version = "1.0.0",
    .summary = nullptr,
    .options = nullptr,
    .handler = &handler,
    .instance_state_size = 0,
    .worker_state_size = 0,
    .start = on_start,
    .worker_start = nullptr,
    .worker_stop = nullptr,
    .stop = nullptr,
};
