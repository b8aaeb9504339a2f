/* SPDX-License-Identifier: MIT
 *
 * Whose code it is: see whose.h.
 *
 * A row is in use while its key is set. Rows are made under the lock, the key last. A reader may
 * see a row that is just being taken away; only the memory that its texts lie in must not go while
 * somebody may read: a worker is never inside a plugin whose instance is being destroyed.
 *
 * Modules are found by _dl_find_object, which takes no lock (dladdr takes the dynamic loader's).
 */
#include "base/whose.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "base/limits.h"

struct row {
    _Atomic(const void *) key; /* release; pairs with the acquire of readers */
    _Atomic(const struct link_map *) module;
    _Atomic(const char *) name, version, path;
};

static pthread_mutex_t rows_lock = PTHREAD_MUTEX_INITIALIZER;
static struct row rows[EVF__PLUGINS_KNOWN_MAX];

static char program[PATH_MAX] = "the program";

static const struct link_map *module_of(const void *address)
{
    struct dl_find_object found;
    if (address == NULL || _dl_find_object((void *)address, &found) != 0)
        return NULL;
    return found.dlfo_link_map;
}

void evf__whose_add(const void *key, const void *descriptor, const struct evf__whose *whose)
{
    pthread_mutex_lock(&rows_lock);
    for (unsigned i = 0; i < EVF__PLUGINS_KNOWN_MAX; i++) {
        struct row *row = &rows[i];
        if (atomic_load_explicit(&row->key, memory_order_relaxed) != NULL)
            continue;
        atomic_store_explicit(&row->module, module_of(descriptor), memory_order_relaxed);
        atomic_store_explicit(&row->name, whose->name, memory_order_relaxed);
        atomic_store_explicit(&row->version, whose->version, memory_order_relaxed);
        atomic_store_explicit(&row->path, whose->path, memory_order_relaxed);
        atomic_store_explicit(&row->key, key, memory_order_release);
        break;
    }
    pthread_mutex_unlock(&rows_lock);
}

void evf__whose_remove(const void *key)
{
    pthread_mutex_lock(&rows_lock);
    for (unsigned i = 0; i < EVF__PLUGINS_KNOWN_MAX; i++)
        if (atomic_load_explicit(&rows[i].key, memory_order_relaxed) == key)
            atomic_store_explicit(&rows[i].key, NULL, memory_order_release);
    pthread_mutex_unlock(&rows_lock);
}

static void read_row(const struct row *row, struct evf__whose *ret)
{
    ret->name = atomic_load_explicit(&row->name, memory_order_relaxed);
    ret->version = atomic_load_explicit(&row->version, memory_order_relaxed);
    ret->path = atomic_load_explicit(&row->path, memory_order_relaxed);
}

bool evf__whose_name(const char *name, struct evf__whose *ret)
{
    for (unsigned i = 0; name != NULL && i < EVF__PLUGINS_KNOWN_MAX; i++) {
        const struct row *row = &rows[i];
        if (atomic_load_explicit(&row->key, memory_order_acquire) == NULL ||
            atomic_load_explicit(&row->name, memory_order_relaxed) != name)
            continue;
        read_row(row, ret);
        return true;
    }
    return false;
}

static bool whose_module(const struct link_map *module, struct evf__whose *ret)
{
    struct evf__whose found = { .name = NULL };
    for (unsigned i = 0; module != NULL && i < EVF__PLUGINS_KNOWN_MAX; i++) {
        const struct row *row = &rows[i];
        struct evf__whose this;
        if (atomic_load_explicit(&row->key, memory_order_acquire) == NULL ||
            atomic_load_explicit(&row->module, memory_order_relaxed) != module)
            continue;
        read_row(row, &this);
        if (found.name != NULL && found.name != this.name)
            return false; /* several plugins inside one program */
        found = this;
    }
    if (found.name != NULL)
        *ret = found;
    return found.name != NULL;
}

bool evf__whose_code(const void *address, struct evf__whose *ret)
{
    return whose_module(module_of(address), ret);
}

bool evf__place_of(uintptr_t address, struct evf__place *ret)
{
    const struct link_map *module = module_of((const void *)address);
    struct evf__whose whose;
    if (module == NULL)
        return false;
    ret->base = module->l_addr;
    ret->file = module->l_name[0] != '\0' ? module->l_name : program;
    ret->shown = ret->file;
    if (whose_module(module, &whose) && whose.path != NULL)
        ret->shown = whose.path;
    return true;
}

void evf__place_init(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    for (ssize_t i = 0; i < len; i++)
        program[i] = path[i];
    if (len > 0)
        program[len] = '\0';
}
