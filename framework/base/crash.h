/* SPDX-License-Identifier: MIT
 *
 * What a process says when it crashes. See <evframe/server.h>, evf_crash_report_install.
 *
 * Signal handlers for the process, and for each thread that calls into plugins a stack of its own
 * to run them on, so that the end of a stack can be told as well.
 */
#ifndef EVF_BASE_CRASH_H
#define EVF_BASE_CRASH_H

#include <stdbool.h>

/* Installs the handlers, and prepares the calling thread. 0, again 0 when repeated, or a negated
 * errno. Main thread. */
int evf__crash_install(void);
bool evf__crash_installed(void);

/* The signal by which a thread is asked where it is, 0 when none is free or nothing is installed.
 * Its handler is evf__crash_set_asked's. */
int evf__crash_asking_signal(void);
/* Called on the asked thread, with pthread_sigqueue's pointer and the handler's context. */
typedef void evf__crash_asked_fn(void *pointer, void *context);
void evf__crash_set_asked(evf__crash_asked_fn *fn);

/* The calling thread's own part: its stack for handlers, and the signals unblocked that would else
 * end the process without a word. Each begin has an end, on the same thread. Without an installed
 * report they do nothing. */
void evf__crash_thread_begin(void);
void evf__crash_thread_end(void);

/* Remembers why the process is about to abort, for the report. */
void evf__crash_reason(const char *text);

#endif
