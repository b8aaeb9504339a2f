/* SPDX-License-Identifier: MIT
 *
 * One stall, and telling it in the log. The watching thread.
 */
#ifndef EVF_SERVER_STALL_REPORT_H
#define EVF_SERVER_STALL_REPORT_H

#include "base/backtrace.h"
#include "base/facts.h"
#include "base/symbols.h"
#include "loop/worker.h"

struct evf__stall {
    struct evf__facts facts;
    struct evf__backtrace trace; /* count 0: none could be had */
    uint64_t held_ms, used_ms;   /* how long so far, and how much of it on a processor */
};

/* What of the facts can be read while the worker runs: not the stream's. */
void evf__stall_facts_from_outside(const evf_worker *worker, struct evf__facts *ret);

/* Logs it: a line, and one for each call of the backtrace. */
void evf__stall_report(const struct evf__stall *stall, struct evf__symbols *symbols);

#endif
