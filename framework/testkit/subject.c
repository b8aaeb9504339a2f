/* SPDX-License-Identifier: MIT
 *
 * The plugin that is simulated: loaded once, used for many simulations.
 *
 * A plugin file keeps its variables from one simulation to the next, which would make the second
 * differ from the first. So a copy of its writable memory is taken when it is loaded, after its
 * constructors have run, and put back before each start. A plugin that is compiled into the test
 * program is left as it is: its variables are the program's.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/poison.h"
#include "plugin/library.h"
#include "testkit/sim.h"

enum { IMAGE_PARTS = 8 };

struct evf__sim_subject {
    struct evf__sim_subject *next; /* of those that are loaded */
    unsigned holds;
    struct evf__library *file; /* NULL: compiled in */
    const struct evf_plugin *plugin;
    struct link_map *map;
    struct {
        char *memory, *copy;
        size_t size;
    } image[IMAGE_PARTS];
    unsigned image_count;
};

static struct evf__sim_subject *subjects;

/* Not memcpy: under AddressSanitizer what lies between a plugin's variables may not be touched, by
 * others than this. */
typedef uint64_t __attribute__((aligned(1), may_alias)) word;

__attribute__((noinline, no_sanitize("address"))) static void copy_words(void *to, const void *from,
                                                                         size_t size)
{
    volatile word *out = to;
    const volatile word *in = from;
    for (size_t i = 0; i < size / sizeof(word); i++)
        out[i] = in[i];
    volatile char *last_out = (char *)to + size / sizeof(word) * sizeof(word);
    const volatile char *last_in = (const char *)from + size / sizeof(word) * sizeof(word);
    for (size_t i = 0; i < size % sizeof(word); i++)
        last_out[i] = last_in[i];
}

static int take_image(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct evf__sim_subject *subject = argument;
    uintptr_t fixed_begin = 0, fixed_end = 0; /* what the linker has made read-only */
    (void)size;
    if (info->dlpi_addr != subject->map->l_addr)
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_GNU_RELRO) {
            fixed_begin = info->dlpi_addr + part->p_vaddr;
            fixed_end = fixed_begin + part->p_memsz;
        }
    }
    for (unsigned i = 0; i < info->dlpi_phnum && subject->image_count < IMAGE_PARTS; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + part->p_vaddr, end = begin + part->p_memsz;
        if (part->p_type != PT_LOAD || (part->p_flags & PF_W) == 0)
            continue;
        if (fixed_begin <= begin && fixed_end > begin)
            begin = (fixed_end + 4095) & ~(uintptr_t)4095;
        if (begin >= end)
            continue;
        char *copy = malloc(end - begin);
        if (copy == NULL)
            abort();
        copy_words(copy, (const void *)begin, end - begin);
        subject->image[subject->image_count].memory = (char *)begin;
        subject->image[subject->image_count].copy = copy;
        subject->image[subject->image_count++].size = end - begin;
    }
    return 1;
}

void evf__sim_subject_restore(struct evf__sim_subject *subject)
{
    for (unsigned i = 0; i < subject->image_count; i++)
        copy_words(subject->image[i].memory, subject->image[i].copy, subject->image[i].size);
}

static struct evf__sim_subject *add(struct evf__library *library, const struct evf_plugin *plugin)
{
    Dl_info info;
    struct evf__sim_subject *subject = calloc(1, sizeof *subject);
    if (subject == NULL)
        abort();
    *subject = (struct evf__sim_subject){ .next = subjects, .file = library, .plugin = plugin };
    subjects = subject;
    if (dladdr1(plugin, &info, (void **)&subject->map, RTLD_DL_LINKMAP) == 0)
        subject->map = NULL;
    if (subject->map != NULL)
        evf__sim_imports_patch(subject->map);
    if (subject->map != NULL && library != NULL)
        dl_iterate_phdr(take_image, subject);
    return subject;
}

struct evf__sim_subject *evf__sim_subject_take(const struct evf_sim_options *options, char *error,
                                               size_t size)
{
    const struct evf_plugin *plugin = options->plugin;
    struct evf__library *library = NULL;
    struct evf__sentence sentence;
    evf__sentence_init(&sentence, error, size);
    if (plugin == NULL) {
        size_t ignored;
        if (options->plugin_file == NULL) {
            evf__sentence_add(&sentence, "the options name no plugin: set plugin or plugin_file");
            return NULL;
        }
        if (evf__library_open(options->plugin_file, options->plugin_path, &library, &sentence) < 0)
            return NULL;
        plugin = evf__library_descriptor(library, &ignored);
    }
    struct evf__sim_subject *subject = subjects;
    while (subject != NULL && subject->plugin != plugin)
        subject = subject->next;
    if (subject == NULL)
        subject = add(library, plugin);
    else
        evf__library_drop(library);
    subject->holds++;
    return subject;
}

void evf__sim_subject_drop(struct evf__sim_subject *subject)
{
    if (subject == NULL || --subject->holds > 0)
        return;
    if (subject->file == NULL)
        return; /* it stays in the program, and so does what is known of it */
    struct evf__sim_subject **at = &subjects;
    while (*at != subject)
        at = &(*at)->next;
    *at = subject->next;
    for (unsigned i = 0; i < subject->image_count; i++)
        free(subject->image[i].copy);
    evf__library_drop(subject->file);
    free(subject);
}

const char *evf__sim_subject_path(const char *loaded)
{
    for (const struct evf__sim_subject *at = subjects; at != NULL; at = at->next)
        if (at->file != NULL && at->map != NULL && strcmp(at->map->l_name, loaded) == 0)
            return evf__library_path(at->file);
    return loaded;
}

const struct evf_plugin *evf__sim_subject_plugin(const struct evf__sim_subject *subject)
{
    return subject->plugin;
}
