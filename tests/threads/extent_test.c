/* SPDX-License-Identifier: MIT
 *
 * Sources of extents made and unmade on many threads at once: no two threads have one arena, and no
 * more arenas are made than threads ran at the same time.
 *
 * The stand-in for jemalloc's functions, which the library refers to weakly, marks the arena that a
 * thread is bound to.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/extent.h"

enum { THREADS = 8, ROUNDS = 2000, ARENAS_MAX = 64, NO_ARENA = ARENAS_MAX };

int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len);
void *mallocx(size_t size, int flags);
void sdallocx(void *memory, size_t size, int flags);

static atomic_uint made, shared, failed;
static atomic_bool used[ARENAS_MAX];
static _Thread_local unsigned bound = NO_ARENA;

int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
{
    (void)old_len;
    (void)new_len;
    if (strcmp(name, "arenas.create") == 0) {
        *(unsigned *)old = atomic_fetch_add(&made, 1) % ARENAS_MAX;
        return 0;
    }
    if (strcmp(name, "thread.arena") != 0)
        return 1;
    unsigned next = *(unsigned *)new;
    if (bound != NO_ARENA)
        atomic_store(&used[bound], false);
    if (next != NO_ARENA && atomic_exchange(&used[next], true))
        atomic_fetch_add(&shared, 1);
    if (old != NULL)
        *(unsigned *)old = bound;
    bound = next;
    return 0;
}

void *mallocx(size_t size, int flags)
{
    size_t alignment = (size_t)1 << (flags & 63);
    return aligned_alloc(alignment < 16 ? 16 : alignment, size);
}

void sdallocx(void *memory, size_t size, int flags)
{
    (void)size;
    (void)flags;
    free(memory);
}

static void *run(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct evf__extents extents;
        evf__extents_init(&extents);
        void *memory = evf__extent_take(&extents, 4096, 4096);
        if (memory == NULL || evf__memory_poisons())
            atomic_fetch_add(&failed, 1);
        else
            evf__extent_give(&extents, memory, 4096, 4096);
        evf__extents_fini(&extents);
    }
    return argument;
}

int main(void)
{
    pthread_t threads[THREADS];
    unsetenv("EVF_DEBUG_MEMORY");
    for (unsigned i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, run, NULL) != 0) {
            fprintf(stderr, "extent: no thread\n");
            return 1;
        }
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    if (shared > 0 || failed > 0 || made > THREADS) {
        fprintf(stderr, "extent: %u arenas made, %u times shared, %u takes failed\n", made, shared,
                failed);
        return 1;
    }
    return 0;
}
