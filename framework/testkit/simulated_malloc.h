/* SPDX-License-Identifier: MIT
 *
 * Read in front of every file of the framework in the testkit's build (-include): its allocations
 * come to testkit/memory.c, where they can be made to fail.
 */
#ifndef EVF_TESTKIT_SIMULATED_MALLOC_H
#define EVF_TESTKIT_SIMULATED_MALLOC_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *evf__sim_malloc(size_t size);
void *evf__sim_calloc(size_t count, size_t size);
void *evf__sim_realloc(void *memory, size_t size);
char *evf__sim_strdup(const char *text);
int evf__sim_posix_memalign(void **ret, size_t alignment, size_t size);

#define malloc(size) evf__sim_malloc(size)
#define calloc(count, size) evf__sim_calloc(count, size)
#define realloc(memory, size) evf__sim_realloc(memory, size)
#define strdup(text) evf__sim_strdup(text)
#define posix_memalign(ret, alignment, size) evf__sim_posix_memalign(ret, alignment, size)

#endif
