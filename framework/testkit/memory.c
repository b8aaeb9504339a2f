/* SPDX-License-Identifier: MIT
 *
 * In place of memory/extent.c: where the pools' memory comes from; and the framework's own
 * allocations, which can be made to fail.
 *
 * A read page ends where readable memory ends: behind it lies a page that may not be touched. Such
 * pages are kept from one simulation to the next. All memory is filled with 0xa5 when it is given
 * out, and the pools scribble over what they keep free: what is read too late or too far is wrong,
 * and the same with every run.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/poison.h"
#include "memory/extent.h"
#include "stream/state.h"
#include "testkit/sim.h"
#include "testkit/simulated_malloc.h"
#undef malloc
#undef calloc
#undef realloc
#undef strdup
#undef posix_memalign

enum { GUARD = 4096, PAGES_KEPT = 8, PAGE_MIN = 16 * 1024, FILL = 0xa5 };

/* -- faults -- */

bool evf__sim_fault(enum evf__fault fault)
{
    evf_sim *sim = evf__sim_current;
    if (sim == NULL || !sim->guarded)
        return false;
    switch (fault) {
    case EVF__FAULT_MEMORY:
        return (sim->plan.on & EVF_SIM_MEMORY) != 0 &&
               evf__sim_harsh(sim, EVF_SIM_MEMORY, "no memory for the framework");
    case EVF__FAULT_MAILBOX:
        return evf__sim_harsh(sim, EVF_SIM_FULL, "the mailbox is full");
    case EVF__FAULT_OFFLOAD:
        return evf__sim_harsh(sim, EVF_SIM_FULL, "too much offloaded work waits");
    }
    return false;
}

void *evf__sim_malloc(size_t size)
{
    return evf__sim_fault(EVF__FAULT_MEMORY) ? NULL : malloc(size);
}

void *evf__sim_calloc(size_t count, size_t size)
{
    return evf__sim_fault(EVF__FAULT_MEMORY) ? NULL : calloc(count, size);
}

void *evf__sim_realloc(void *memory, size_t size)
{
    return evf__sim_fault(EVF__FAULT_MEMORY) ? NULL : realloc(memory, size);
}

char *evf__sim_strdup(const char *text)
{
    return evf__sim_fault(EVF__FAULT_MEMORY) ? NULL : strdup(text);
}

int evf__sim_posix_memalign(void **ret, size_t alignment, size_t size)
{
    return evf__sim_fault(EVF__FAULT_MEMORY) ? ENOMEM : posix_memalign(ret, alignment, size);
}

/* -- extents -- */

static struct {
    void *memory;
    size_t size;
} kept[PAGES_KEPT];

static bool is_page(size_t size, size_t alignment)
{
    return alignment == GUARD && size >= PAGE_MIN;
}

static void *take_page(size_t size)
{
    for (unsigned i = 0; i < PAGES_KEPT; i++) {
        if (kept[i].memory != NULL && kept[i].size == size) {
            void *memory = kept[i].memory;
            kept[i].memory = NULL;
            return memory;
        }
    }
    char *memory =
        mmap(NULL, size + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (mprotect(memory + size, GUARD, PROT_NONE) < 0)
        abort();
    return memory;
}

static void give_page(void *memory, size_t size)
{
    for (unsigned i = 0; i < PAGES_KEPT; i++) {
        if (kept[i].memory == NULL) {
            kept[i].memory = memory;
            kept[i].size = size;
            return;
        }
    }
    munmap(memory, size + GUARD);
}

static void *take(void *argument, size_t size, size_t alignment)
{
    (void)argument;
    if (evf__sim_fault(EVF__FAULT_MEMORY))
        return NULL;
    size_t whole = (size + alignment - 1) & ~(alignment - 1); /* as aligned_alloc wants it */
    void *memory = is_page(size, alignment) ? take_page(size) : aligned_alloc(alignment, whole);
    if (memory != NULL)
        memset(memory, FILL, size);
    return memory;
}

static void give(void *argument, void *memory, size_t size, size_t alignment)
{
    (void)argument;
    if (is_page(size, alignment))
        give_page(memory, size);
    else
        free(memory);
}

void evf__extents_init(struct evf__extents *extents)
{
    *extents = (struct evf__extents){ .take = take, .give = give };
}

void evf__extents_fini(struct evf__extents *extents)
{
    (void)extents;
}

bool evf__memory_poisons(void)
{
    return true;
}

const char *evf__memory_jemalloc_version(void)
{
    return NULL;
}

/* -- the end of a page -- */

void evf__sim_pages_unburn(evf_sim *sim)
{
    if (sim->burned.page != NULL)
        evf__page_drop(sim->burned.page);
    sim->burned = (evf_slice){ 0 };
}

/* How much the next receive could give: the most that is visible of one connection. */
static size_t next_input(const evf_sim *sim)
{
    size_t most = 0;
    for (const struct evf__list *at = sim->peers.next; at != &sim->peers; at = at->next) {
        const evf_sim_peer *peer = EVF__OWNER(at, evf_sim_peer, link);
        if (peer->stream != NULL && peer->visible > most)
            most = peer->visible;
    }
    return most;
}

/* Leaves so little of the current page that the next input ends at its last byte: all of it does,
 * or a part. */
void evf__sim_pages_burn(evf_sim *sim)
{
    struct evf__pages *pages = &sim->worker->pages;
    size_t input = next_input(sim), room;
    if (input == 0 || !evf__sim_mild(sim, EVF_SIM_PAGE_ENDS))
        return;
    bool guarded = sim->guarded;
    sim->guarded = false; /* nothing fails here */
    evf__sim_pages_unburn(sim);
    uint8_t *at = evf__pages_room(pages, &room);
    size_t left = evf__sim_below(sim, 2) == 0 ? input : 1 + evf__sim_below(sim, input);
    if (at != NULL && left < room) {
        evf_slice slice = evf__pages_filled(pages, room - left);
        evf__slice_hold(slice);
        evf__pages_settle(pages, slice);
        sim->burned = slice;
    }
    sim->guarded = guarded;
}
