/* SPDX-License-Identifier: MIT
 *
 * The log, and figures: numbers that an operator watches.
 */
#ifndef EVFRAME_LOG_H
#define EVFRAME_LOG_H

#include <evframe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum evf_level { EVF_DEBUG, EVF_INFO, EVF_WARN, EVF_ERROR };

/* Writes one line to the log; printf's format, no newline. Inside a callback the line carries
 * worker, plugin and stream by itself. Control characters and ill-formed UTF-8 are escaped, so text
 * that came from a peer may be logged as it is. Lines longer than 1 KiB are cut. It never blocks a
 * worker: when the worker's ring is full the line is dropped and counted. */
EVF_ANY_THREAD void evf_log(enum evf_level level, const char *format, ...) EVF_PRINTF(2, 3);

/* Makes a counter of this instance; in start only. The name consists of a-z, 0-9 and '_', at most
 * 63 characters; name and help are copied. The counter lives as long as the instance. NULL when
 * there are too many (256 in a server) or no memory is left. */
EVF_API evf_counter *evf_counter_new(evf_instance *instance, const char *name, const char *help);

/* Adds to this worker's share of the counter. Anywhere on a worker; NULL is fine. */
EVF_API void evf_counter_add(evf_counter *counter, uint64_t amount);

/* As evf_counter_new, for a figure that goes up and down. */
EVF_API evf_gauge *evf_gauge_new(evf_instance *instance, const char *name, const char *help);

/* Sets or changes this worker's share of the gauge; what is shown is the sum over all workers.
 * Anywhere on a worker; NULL is fine. */
EVF_API void evf_gauge_set(evf_gauge *gauge, int64_t value);
EVF_API void evf_gauge_add(evf_gauge *gauge, int64_t amount);

#ifdef __cplusplus
}
#endif

#endif
