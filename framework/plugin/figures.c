/* SPDX-License-Identifier: MIT
 *
 * Counters and gauges of plugins: made in `start` on the main thread, written on workers.
 *
 * A figure is a slot in every worker's block (base/figures.h). The pointer that a plugin holds is
 * one into a table that is never written: its place there is the number of the slot. So a figure
 * costs no memory of its own, and adding to it is a subtraction and a store.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/log.h>

#include "base/assert.h"
#include "base/figures.h"
#include "base/limits.h"
#include "loop/worker.h"
#include "plugin/instance.h"

struct evf_counter {
    char place;
};
struct evf_gauge {
    char place;
};
static struct evf_counter counters[EVF__PLUGIN_FIGURES_MAX];
static struct evf_gauge gauges[EVF__PLUGIN_FIGURES_MAX];

enum { NAME_MAX_LEN = 63 };

static bool good_name(const char *name)
{
    size_t len = name != NULL ? strnlen(name, NAME_MAX_LEN + 1) : 0;
    return len > 0 && len <= NAME_MAX_LEN &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* The index of the instance's figure of that name; the count when there is none. */
static unsigned find(const struct evf__figure_registry *registry, const evf_instance *instance,
                     const char *name)
{
    unsigned i = 0;
    while (i < registry->count && (registry->entries[i].instance != instance ||
                                   strcmp(registry->entries[i].name, name) != 0))
        i++;
    return i;
}

#define MADE_IN_START(instance)                                                                    \
    EVF_RULE((instance)->starting, "counters and gauges are made in start")

/* Whoever changes a figure does it on a worker, which has a slot of its own for it. */
#define ON_A_WORKER(figure, all)                                                                   \
    do {                                                                                           \
        EVF_RULE(evf__worker_current != NULL, "figures are changed on workers only");              \
        EVF_DEBUG_RULE((figure) >= (all) && (figure) < (all) + EVF__PLUGIN_FIGURES_MAX,            \
                       "the figure is one that evframe made");                                     \
    } while (0)

/* The index of the figure, made if need be; -1 with the reason logged. */
static int make(evf_instance *instance, const char *name, const char *help, bool gauge)
{
    struct evf__figure_registry *registry = instance->figures;
    if (!good_name(name)) {
        evf_log(EVF_ERROR,
                "%s: a figure's name must be 1 to %d of a-z, 0-9 and '_', found \"%.*s\"",
                instance->label, NAME_MAX_LEN, NAME_MAX_LEN, name != NULL ? name : "");
        return -1;
    }
    if (strcmp(name, "refused_limit") == 0 || strcmp(name, "refused_blocked") == 0) {
        evf_log(EVF_ERROR, "%s: the figure %s is evframe's own, of every listener", instance->label,
                name);
        return -1;
    }
    unsigned index = find(registry, instance, name);
    if (index < registry->count) {
        if (registry->entries[index].gauge == gauge)
            return (int)index;
        evf_log(EVF_ERROR, "%s: the figure %s is both a counter and a gauge", instance->label,
                name);
        return -1;
    }
    if (index == EVF__PLUGIN_FIGURES_MAX) {
        evf_log(EVF_ERROR, "%s: no room for the figure %s: a server has %d of plugins",
                instance->label, name, EVF__PLUGIN_FIGURES_MAX);
        return -1;
    }
    struct evf__plugin_figure *figure = &registry->entries[index];
    char *name_copy = strdup(name);
    char *help_copy = strdup(help != NULL ? help : "");
    if (name_copy == NULL || help_copy == NULL) {
        evf_log(EVF_ERROR, "%s: no memory is left for the figure %s", instance->label, name);
        free(name_copy);
        free(help_copy);
        return -1;
    }
    *figure = (struct evf__plugin_figure){
        .instance = instance, .name = name_copy, .help = help_copy, .gauge = gauge
    };
    registry->count++;
    return (int)index;
}

/* The block of the calling thread, and the figure's slot in it. */
static struct evf__figures *own_slot(ptrdiff_t place, unsigned *ret_slot)
{
    *ret_slot = EVF__FIGURES_OWN + (unsigned)place;
    return &evf__worker_current->figures;
}

evf_counter *evf_counter_new(evf_instance *instance, const char *name, const char *help)
{
    MADE_IN_START(instance);
    int index = make(instance, name, help, false);
    return index < 0 ? NULL : &counters[index];
}

void evf_counter_add(evf_counter *counter, uint64_t amount)
{
    unsigned slot;
    if (counter == NULL)
        return;
    ON_A_WORKER(counter, counters);
    struct evf__figures *figures = own_slot(counter - counters, &slot);
    evf__figure_add(figures, slot, amount);
}

evf_gauge *evf_gauge_new(evf_instance *instance, const char *name, const char *help)
{
    MADE_IN_START(instance);
    int index = make(instance, name, help, true);
    return index < 0 ? NULL : &gauges[index];
}

void evf_gauge_set(evf_gauge *gauge, int64_t value)
{
    unsigned slot;
    if (gauge == NULL)
        return;
    ON_A_WORKER(gauge, gauges);
    struct evf__figures *figures = own_slot(gauge - gauges, &slot);
    evf__figure_set(figures, slot, (uint64_t)value);
}

void evf_gauge_add(evf_gauge *gauge, int64_t amount)
{
    unsigned slot;
    if (gauge == NULL)
        return;
    ON_A_WORKER(gauge, gauges);
    struct evf__figures *figures = own_slot(gauge - gauges, &slot);
    evf__figure_add(figures, slot, (uint64_t)amount);
}
