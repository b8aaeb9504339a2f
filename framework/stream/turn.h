/* SPDX-License-Identifier: MIT
 *
 * One turn of a worker: the order of its steps is a contract that plugins rely on.
 */
#ifndef EVF_STREAM_TURN_H
#define EVF_STREAM_TURN_H

#include "loop/worker.h"

/* Runs one whole turn: wait, mailbox, input and output, timers, flush and close. It sleeps only
 * when nothing waits. The worker's thread. */
void evf__turn(evf_worker *worker);

#endif
