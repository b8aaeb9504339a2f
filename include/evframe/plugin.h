/* SPDX-License-Identifier: MIT
 *
 * What a plugin exports, its options, and its instances.
 *
 * A plugin is a shared object with one exported symbol, evf_plugin, declared by EVF_PLUGIN:
 *
 *     EVF_PLUGIN = {
 *         EVF_PLUGIN_HEADER,
 *         .name = "echo",
 *         .version = "1.0.0",
 *         .summary = "sends every byte back",
 *         .handler = &echo_handler,
 *     };
 *
 * The header fields protect the rest: nothing behind them is read before they were found right. New
 * fields go at the end, marked with the minor version of the ABI that brought them.
 *
 * Used for two listeners, a plugin has two instances. Order of calls: every `start` (main thread),
 * every `worker_start` on every worker, then streams and posts; at the end every `worker_stop`,
 * then every `stop`. What succeeded in starting is stopped, nothing else.
 */
#ifndef EVFRAME_PLUGIN_H
#define EVFRAME_PLUGIN_H

#include <evframe/stream.h>
#include <evframe/version.h>

#ifdef __cplusplus
extern "C" {
#endif

enum evf_option_type {
    EVF_OPTION_STRING = 1,
    EVF_OPTION_INT = 2,      /* decimal, with a sign if need be */
    EVF_OPTION_BOOL = 3,     /* on, yes, true, 1; off, no, false, 0 */
    EVF_OPTION_SIZE = 4,     /* bytes, or with k, m, g: 64k is 65536 */
    EVF_OPTION_DURATION = 5, /* with ms, s, m, h; a bare number is seconds */
    EVF_OPTION_PATH = 6,     /* text that is not empty */
    EVF_OPTION_ADDRESS = 7,  /* what evf_address_parse takes */
    EVF_OPTION_CHOICE = 8    /* one of choices */
};

/* Added to a type with |. */
#define EVF_OPTION_REPEATABLE 0x100u /* may be given several times; else twice is an error */
#define EVF_OPTION_REQUIRED 0x200u   /* must be given */

struct evf_option {
    const char *name;           /* a-z, 0-9 and '-'; NULL ends the array */
    uint32_t type;              /* enum evf_option_type, | EVF_OPTION_… */
    const char *default_value;  /* as it would be given; NULL for none */
    const char *help;           /* one line */
    int64_t min, max;           /* of numbers, in bytes or ms; both 0: no limit */
    const char *const *choices; /* of EVF_OPTION_CHOICE, ended by NULL */
};

/* Main thread, before any worker exists. 0, or a negative code, best through evf_fail. */
typedef int evf_start_fn(evf_instance *instance);
/* On each worker, before its first stream. May post, connect, start timers. 0 or a negative code.
 */
typedef int evf_worker_start_fn(evf_instance *instance, evf_worker *worker);
/* On each worker whose worker_start succeeded (or is empty), after its last stream. Where it
 * failed, streams that it made are closed, without having been open, and the state goes then. */
typedef void evf_worker_stop_fn(evf_instance *instance, evf_worker *worker);
/* Main thread, after all workers. */
typedef void evf_stop_fn(evf_instance *instance);

#define EVF_PLUGIN_MAGIC 0x31465645u /* "EVF1" in memory */

struct evf_plugin {
    /* These protect the rest; EVF_PLUGIN_HEADER fills them. */
    uint32_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t struct_size; /* sizeof(struct evf_plugin) */
    uint32_t option_size; /* sizeof(struct evf_option) */

    /* Since 1.0. */
    const char *name;                  /* shown in logs and by `evframe inspect`; required */
    const char *version;               /* likewise; required */
    const char *summary;               /* one line; may be NULL */
    const struct evf_option *options;  /* ended by a zero entry; may be NULL */
    const struct evf_handler *handler; /* for accepted streams; required */
    uint32_t instance_state_size;      /* bytes of evf_instance_state */
    uint32_t worker_state_size;        /* bytes of evf_worker_state */
    evf_start_fn *start;               /* any of the four may be NULL */
    evf_worker_start_fn *worker_start;
    evf_worker_stop_fn *worker_stop;
    evf_stop_fn *stop;
};

#define EVF_PLUGIN_HEADER                                                                          \
    .magic = EVF_PLUGIN_MAGIC, .abi_major = EVF_ABI_MAJOR, .abi_minor = EVF_ABI_MINOR,             \
    .struct_size = (uint32_t)sizeof(struct evf_plugin),                                            \
    .option_size = (uint32_t)sizeof(struct evf_option)

/* The one symbol that a plugin exports, with C linkage. */
extern EVF_API const struct evf_plugin evf_plugin;
#define EVF_PLUGIN const struct evf_plugin evf_plugin

/* Zeroed state, aligned to 16; NULL when the plugin asks for none. The instance's lives from before
 * `start` until after `stop`; a worker's from before `worker_start` until after `worker_stop`. */
EVF_ANY_THREAD void *evf_instance_state(evf_instance *instance);
EVF_API void *evf_worker_state(evf_instance *instance, evf_worker *worker);

/* In start and worker_start: says why, for the operator; returns a negative code to return. */
EVF_API int evf_fail(evf_instance *instance, const char *format, ...) EVF_PRINTF(2, 3);

/* The values of the instance's options; strings live until `stop` returns. A name that the schema
 * lacks, or a type that it does not have, is asserted.
 *
 *   evf_option_string     any type but the numeric ones and BOOL; NULL when absent; of a repeatable
 *                         one the first
 *   evf_option_int        INT; SIZE in bytes; DURATION in ms; absent 0
 *   evf_option_bool       BOOL; absent false
 *   evf_option_count      how many values there are; a default counts
 *   evf_option_string_at  the value of that index, as text, of any type; NULL beyond the last
 */
EVF_ANY_THREAD const char *evf_option_string(const evf_instance *instance, const char *name);
EVF_ANY_THREAD int64_t evf_option_int(const evf_instance *instance, const char *name);
EVF_ANY_THREAD bool evf_option_bool(const evf_instance *instance, const char *name);
EVF_ANY_THREAD unsigned evf_option_count(const evf_instance *instance, const char *name);
EVF_ANY_THREAD const char *evf_option_string_at(const evf_instance *instance, const char *name,
                                                unsigned index);

#ifdef __cplusplus
}
#endif

#endif
