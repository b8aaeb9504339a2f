/* SPDX-License-Identifier: MIT
 *
 * The places where the simulator looks in, and where it lets things fail.
 *
 * In the testkit's build of the framework (EVF__SIMULATED) testkit/ answers; in every other build
 * all of this is nothing, and no instruction is left of it.
 */
#ifndef EVF_BASE_SIMULATED_H
#define EVF_BASE_SIMULATED_H

#include <stdbool.h>

#include <evframe/base.h>

enum evf__fault {
    EVF__FAULT_MEMORY,  /* no memory for this */
    EVF__FAULT_MAILBOX, /* the mailbox is full */
    EVF__FAULT_OFFLOAD, /* too much offloaded work waits */
};

#if defined(EVF__SIMULATED)

enum { EVF__IS_SIMULATED = 1 };

/* True when this is to fail now. */
bool evf__sim_fault(enum evf__fault fault);
/* Around every callback. `function` is the plugin's. */
void evf__sim_enter(evf_worker *worker, int callback, void *function, evf_stream *stream);
void evf__sim_leave(void);

#else

enum { EVF__IS_SIMULATED = 0 };

static inline bool evf__sim_fault(enum evf__fault fault)
{
    (void)fault;
    return false;
}

static inline void evf__sim_enter(evf_worker *worker, int callback, void *function,
                                  evf_stream *stream)
{
    (void)worker;
    (void)callback;
    (void)function;
    (void)stream;
}

static inline void evf__sim_leave(void)
{
}

#endif

#endif
