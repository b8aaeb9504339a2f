/* SPDX-License-Identifier: MIT
 *
 * What a plugin takes and has to give back: slices, timers, memory; each with where it was taken.
 *
 * Holds of a slice are counted per page, and any slice of a page gives one back. So of several
 * slices of a page that were kept, a drop is taken for the one whose bytes it names, else for the
 * one that was kept first: what is told of the rest is where a hold that is left may come from.
 *
 * evf_slice_keep and its like, and evf_timer_start, are the framework's own, compiled under another
 * name (framework/testkit/CMakeLists.txt), with the books kept around them.
 */
#include <stdlib.h>
#include <string.h>

#include "loop/resolver_inside.h"
#include "memory/page.h"
#include "plugin/instance.h"
#include "testkit/sim.h"

enum { TOLD_MAX = 8 };

/* -- a table of what is taken, by address -- */

struct taken {
    const void *key; /* NULL: free; GONE: was taken */
    size_t size;
    const void *page; /* of a slice */
    struct evf__sim_place place;
};

struct table {
    struct taken *entries;
    size_t room, used, count; /* used: with those that are gone */
};

static char gone;
#define GONE ((const void *)&gone)

static struct table slices, blocks, timers;

static size_t hash(const void *key)
{
    uint64_t word = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u;
    return (size_t)(word >> 20);
}

static struct taken *add(struct table *table, const void *key);

static void grow(struct table *table)
{
    struct table larger = { .room = table->count < 32 ? 128 : 4 * table->count };
    size_t room = 1;
    while (room < larger.room)
        room *= 2;
    larger.room = room;
    larger.entries = calloc(room, sizeof *larger.entries);
    if (larger.entries == NULL)
        abort();
    for (size_t i = 0; i < table->room; i++)
        if (table->entries[i].key != NULL && table->entries[i].key != GONE)
            *add(&larger, table->entries[i].key) = table->entries[i];
    free(table->entries);
    *table = larger;
}

static struct taken *add(struct table *table, const void *key)
{
    if (2 * (table->used + 1) > table->room)
        grow(table);
    size_t at = hash(key) & (table->room - 1);
    while (table->entries[at].key != NULL)
        at = (at + 1) & (table->room - 1);
    table->entries[at] = (struct taken){ .key = key };
    table->used++;
    table->count++;
    return &table->entries[at];
}

static struct taken *find(const struct table *table, const void *key)
{
    if (table->count == 0)
        return NULL;
    for (size_t at = hash(key) & (table->room - 1); table->entries[at].key != NULL;
         at = (at + 1) & (table->room - 1))
        if (table->entries[at].key == key)
            return &table->entries[at];
    return NULL;
}

static void drop(struct table *table, struct taken *taken)
{
    taken->key = GONE;
    table->count--;
}

static void clear(struct table *table)
{
    if (table->used == 0)
        return;
    memset(table->entries, 0, table->room * sizeof *table->entries);
    table->used = table->count = 0;
}

void evf__sim_leaks_reset(void)
{
    clear(&slices);
    clear(&blocks);
    clear(&timers);
}

/* Tells of each that is left, oldest or not, up to a few. */
static void tell(struct evf__sim_bytes *text, const struct table *table, const char *what)
{
    unsigned told = 0;
    for (size_t i = 0; i < table->room && told < TOLD_MAX; i++) {
        const struct taken *taken = &table->entries[i];
        if (taken->key == NULL || taken->key == GONE)
            continue;
        evf__sim_append(text, "  %zu bytes were %s at\n", taken->size, what);
        evf__sim_place_tell(text, &taken->place);
        told++;
    }
    if (table->count > told)
        evf__sim_append(text, "  and %zu more\n", table->count - told);
}

static void report(evf_sim *sim, struct evf__sim_bytes *text)
{
    evf__sim_bytes_add(text, "", 1);
    evf__sim_fail(sim, "%s", (const char *)text->data);
    evf__sim_bytes_free(text);
}

/* -- slices -- */

evf_slice evf__real_slice_keep(evf_slice slice);
void evf__real_slice_drop(evf_slice slice);
int evf__real_slice_new(evf_worker *worker, const void *data, size_t len, evf_slice *ret);

static void took_slice(evf_slice slice)
{
    if (slice.page == NULL)
        return;
    struct taken *taken = add(&slices, slice.data);
    taken->size = slice.len;
    taken->page = slice.page;
    evf__sim_place_take(&taken->place);
}

evf_slice evf_slice_keep(evf_slice slice)
{
    evf_slice kept = evf__real_slice_keep(slice);
    took_slice(kept);
    return kept;
}

void evf_slice_drop(evf_slice slice)
{
    struct taken *taken = find(&slices, slice.data);
    for (size_t i = 0; taken == NULL && slice.page != NULL && i < slices.room; i++)
        if (slices.entries[i].key != NULL && slices.entries[i].key != GONE &&
            slices.entries[i].page == slice.page)
            taken = &slices.entries[i];
    evf__real_slice_drop(slice);
    if (taken != NULL)
        drop(&slices, taken);
}

int evf_slice_new(evf_worker *worker, const void *data, size_t len, evf_slice *ret)
{
    int status = evf__real_slice_new(worker, data, len, ret);
    if (status == 0)
        took_slice(*ret);
    return status;
}

/* -- timers -- */

void evf__real_timer_start(evf_worker *worker, struct evf_timer *timer, uint32_t ms,
                           evf_timer_fn *fn, void *argument);

void evf_timer_start(evf_worker *worker, struct evf_timer *timer, uint32_t ms, evf_timer_fn *fn,
                     void *argument)
{
    evf__real_timer_start(worker, timer, ms, fn, argument);
    struct taken *taken = find(&timers, timer);
    if (taken == NULL)
        taken = add(&timers, timer);
    taken->size = ms;
    evf__sim_place_take(&taken->place);
}

/* Those that lie in the worker's state are dropped with it, as promised; the resolver's are its
 * own. What is given here runs. */
static bool is_left(const evf_sim *sim, const char *timer)
{
    const char *state = sim->instance->worker_states[0];
    const struct evf__resolver *resolver = sim->worker->resolver;
    if (state != NULL && timer >= state && timer < state + sim->instance->plugin.worker_state_size)
        return false;
    return timer < (const char *)resolver || timer >= (const char *)(resolver + 1);
}

/* -- the worker's end -- */

bool evf__sim_leaks_worker(evf_sim *sim)
{
    const struct evf__pages *pages = &sim->worker->pages;
    const struct evf_page *current = pages->current;
    struct evf__sim_bytes text = { 0 };
    size_t held = pages->pages_in_use + pages->blocks_in_use;
    if (current != NULL && current->holds == 0)
        held--;
    if (held > 0) {
        evf__sim_append(&text,
                        "a slice is left when the worker has stopped: %zu of the pages "
                        "behind slices are held\n",
                        held);
        tell(&text, &slices, "kept, and not dropped,");
        report(sim, &text);
        return false;
    }
    for (struct evf__list *at = sim->worker->timers.next; at != &sim->worker->timers;
         at = at->next) {
        const char *timer = evf__timer_of_link(at);
        const struct taken *taken = find(&timers, timer);
        if (taken == NULL || !is_left(sim, timer))
            continue;
        evf__sim_append(&text,
                        "a timer runs when the worker has stopped, outside of the worker's state; "
                        "it was started for %zu ms at\n",
                        taken->size);
        evf__sim_place_tell(&text, &taken->place);
        report(sim, &text);
        return false;
    }
    return true;
}

/* -- the plugin's memory -- */

void evf__sim_track(void *memory, size_t size)
{
    struct taken *taken = add(&blocks, memory);
    taken->size = size;
    evf__sim_place_take(&taken->place);
}

/* Memory that is given back must not hold a timer that runs. */
bool evf__sim_untrack(void *memory)
{
    evf_sim *sim = evf__sim_current;
    struct taken *taken = find(&blocks, memory);
    if (taken == NULL)
        return false;
    if (sim->worker_made && sim->guarded && evf__worker_current != NULL)
        evf__timers_assert_outside(sim->worker, memory, taken->size, "memory of the plugin");
    drop(&blocks, taken);
    return true;
}

bool evf__sim_leaks_memory(evf_sim *sim)
{
    struct evf__sim_bytes text = { 0 };
    if (blocks.count == 0)
        return true;
    evf__sim_append(&text, "memory is left when the plugin has stopped: %zu pieces\n",
                    blocks.count);
    tell(&text, &blocks, "taken");
    report(sim, &text);
    return false;
}
