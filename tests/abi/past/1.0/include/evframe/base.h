/* SPDX-License-Identifier: MIT
 *
 * What every public header needs: linkage, the names of the public types, and the status codes.
 *
 * Threads. Everything belongs to one worker: a stream, its slices, its timers. A function may be
 * called on that worker's own thread only, unless its declaration starts with EVF_ANY_THREAD.
 * Debug builds assert this.
 *
 * Callbacks never nest. No evf_ function calls a callback before it returns; evf_each_stream is
 * the one exception.
 *
 * Status. Functions that return a status give 0 or a positive value on success, and on failure a
 * negated errno value or one of the codes in EVF_ERRORS. Outputs are untouched on failure.
 *
 * Units. Times are milliseconds and sizes are bytes wherever nothing else is said.
 */
#ifndef EVFRAME_BASE_H
#define EVFRAME_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define EVF_API __attribute__((visibility("default")))
#define EVF_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#else
#define EVF_API
#define EVF_PRINTF(format_at, first_at)
#endif

/* Marks a function that any thread may call; all others belong to one worker's thread. */
#define EVF_ANY_THREAD EVF_API

#ifdef __cplusplus
extern "C" {
#endif

typedef struct evf_stream evf_stream;     /* one connection */
typedef struct evf_worker evf_worker;     /* one event loop and its thread */
typedef struct evf_instance evf_instance; /* a plugin as used by one listener */
typedef struct evf_server evf_server;     /* listeners, workers and their threads */
typedef struct evf_counter evf_counter;   /* a figure that only grows */
typedef struct evf_gauge evf_gauge;       /* a figure that goes up and down */
struct evf_page;                          /* memory behind slices */

/* evframe's own status codes, all below -4095 so that they never meet a negated errno:
 * name, value, text. */
#define EVF_ERRORS(X)                                                                              \
    X(EVF_ESLOW, -4096, "the peer reads too slowly: its queue would exceed write_max")             \
    X(EVF_ELIFETIME, -4097, "the stream reached its max-lifetime")                                 \
    X(EVF_ERATE, -4098, "the peer stayed below min-rate")                                          \
    X(EVF_EADDRESS, -4099, "the address is malformed")                                             \
    X(EVF_EPLUGIN, -4100, "the plugin cannot be used")                                             \
    X(EVF_EOPTION, -4101, "an option is unknown, malformed or out of range")                       \
    X(EVF_EFAILED, -4102, "the plugin's start failed")                                             \
    X(EVF_ESTUCK, -4103, "a callback or offloaded work did not return")

enum evf_error {
#define EVF_ERROR_VALUE(name, value, text) name = value,
    EVF_ERRORS(EVF_ERROR_VALUE)
#undef EVF_ERROR_VALUE
};

/* What a write answers when it did not fail. */
enum evf_write_result {
    EVF_FLUSHED = 1, /* the kernel has it all and nothing is queued */
    EVF_QUEUED = 2,  /* some waits; a drain is owed; go on writing if you like */
    EVF_FULL = 3     /* the queue is at or above write_high; wait for drain */
};

/* The text for a status code: evframe's own, or the system's for a negated errno. 0 and positive
 * codes give "success". Never NULL; valid for ever. */
EVF_ANY_THREAD const char *evf_strerror(int code);

#ifdef __cplusplus
}
#endif

#endif
