/* SPDX-License-Identifier: MIT
 *
 * What a server needs of its process: CPUs, descriptors, threads without signals. Main thread.
 */
#ifndef EVF_SERVER_PROCESS_H
#define EVF_SERVER_PROCESS_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

/* How many CPUs this thread may run on; at least 1, at most EVF__WORKERS_MAX. */
unsigned evf__process_cpus(void);
/* The number of the index-th of them, going round; -1 when they cannot be told. */
int evf__process_cpu(unsigned index);

/* Opens /dev/null for those of the descriptors 0 to 2 that are closed, so that no socket gets a
 * number that somebody prints to. */
void evf__process_fill_standard_descriptors(void);

/* Raises the soft limit of open files to the hard one and logs what was got. */
void evf__process_raise_descriptors(void);

/* What the kernel cuts every backlog to. */
int evf__process_somaxconn(void);

/* CLOCK_MONOTONIC, in ms. Any thread, also a signal handler. */
uint64_t evf__process_clock_ms(void);

/* The state of a thread of this process as proc(5) has it: 'R' runs or wants to, 'S' and 'D' wait,
 * 'T' and 't' are stopped; '?' when it cannot be told. Any thread. */
char evf__process_thread_state(pid_t tid);

/* As pthread_create, but the thread starts with all signals blocked. 0 or a negated errno. */
int evf__process_start_thread(pthread_t *ret, void *(*run)(void *argument), void *argument);

#endif
