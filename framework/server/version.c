/* SPDX-License-Identifier: MIT
 *
 * Versions of the library and of what it stands on. Any thread.
 */
#include <ares.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>

#include <evframe/version.h>

#include "memory/extent.h"

static char details[512];
static pthread_once_t details_once = PTHREAD_ONCE_INIT;

const char *evf_version(void)
{
    return EVF_VERSION;
}

static void write_details(void)
{
    const char *jemalloc = evf__memory_jemalloc_version();
    snprintf(details, sizeof details,
             "evframe %s\n"
             "ABI %d.%d\n"
             "libevent %s\n"
             "c-ares %s\n"
             "jemalloc %s\n",
             EVF_VERSION, EVF_ABI_MAJOR, EVF_ABI_MINOR, event_get_version(), ares_version(NULL),
             jemalloc != NULL ? jemalloc : "not in use");
}

const char *evf_version_details(void)
{
    pthread_once(&details_once, write_details);
    return details;
}
