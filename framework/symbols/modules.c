/* SPDX-License-Identifier: MIT
 *
 * Names of addresses by libdw: see modules.h. libdw finds debug information in the file itself or,
 * by its build id, under /usr/lib/debug.
 */
#include "symbols/modules.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

struct modules {
    Dwfl *dwfl;
    unsigned count;
    uint64_t bases[EVF__FRAMES_FIRST + EVF__FRAMES_LAST]; /* of those that are added */
};

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

struct modules *modules_create(void)
{
    struct modules *modules = calloc(1, sizeof *modules);
    if (modules == NULL)
        return NULL;
    modules->dwfl = dwfl_begin(&callbacks);
    if (modules->dwfl == NULL) {
        free(modules);
        return NULL;
    }
    dwfl_report_begin(modules->dwfl);
    return modules;
}

void modules_destroy(struct modules *modules)
{
    dwfl_end(modules->dwfl);
    free(modules);
}

void modules_add(struct modules *modules, uint64_t base, const char *file, const char *shown)
{
    for (unsigned i = 0; i < modules->count; i++)
        if (modules->bases[i] == base)
            return;
    int fd = file[0] != '\0' ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || modules->count == EVF__FRAMES_FIRST + EVF__FRAMES_LAST)
        return;
    modules->bases[modules->count++] = base;
    if (dwfl_report_elf(modules->dwfl, shown, file, fd, base, true) == NULL)
        close(fd);
}

void modules_added(struct modules *modules)
{
    dwfl_report_end(modules->dwfl, NULL, NULL);
}

/* The last part of a source's path and the folder that it is in: enough to find it. */
static const char *short_path(const char *path)
{
    const char *at = path + strlen(path);
    unsigned slashes = 0;
    while (at > path && (at[-1] != '/' || ++slashes < 3))
        at--;
    return at;
}

static void print_source(const char *file, int line)
{
    if (file == NULL)
        return;
    printf(" at %s", short_path(file));
    if (line > 0)
        printf(":%d", line);
}

/* The compilation unit that the instruction belongs to. Clang writes no table of them by address,
 * so they are asked one by one where the table says nothing. */
static Dwarf_Die *unit_of(Dwfl_Module *module, uint64_t pc, Dwarf_Addr *ret_bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, pc, ret_bias);
    if (unit != NULL)
        return unit;
    while ((unit = dwfl_module_nextcu(module, unit, ret_bias)) != NULL)
        if (dwarf_haspc(unit, pc - *ret_bias) > 0)
            return unit;
    return NULL;
}

/* The line of the source that the instruction belongs to. */
static const char *source_of(Dwarf_Die *unit, uint64_t address, int *ret_line)
{
    Dwarf_Line *line = unit != NULL ? dwarf_getsrc_die(unit, address) : NULL;
    if (line == NULL)
        return NULL;
    (void)dwarf_lineno(line, ret_line);
    return dwarf_linesrc(line, NULL, NULL);
}

static const char *caller_file(Dwarf_Die *unit, Dwarf_Die *call)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number;
    Dwarf_Files *files;
    size_t count;
    if (dwarf_formudata(dwarf_attr(call, DW_AT_call_file, &attribute), &number) != 0 ||
        dwarf_getsrcfiles(unit, &files, &count) != 0 || number >= count)
        return NULL;
    return dwarf_filesrc(files, number, NULL, NULL);
}

/* Prints the calls that the compiler has put into the code around it, the innermost first, and
 * moves file and line to the place of the outermost of them. */
static void print_inlined(Dwarf_Die *unit, const char *prefix, unsigned long number,
                          uint64_t address, const char **file, int *line)
{
    Dwarf_Die *scopes = NULL;
    int count = dwarf_getscopes(unit, address, &scopes);
    for (int i = 0; i < count && dwarf_tag(&scopes[i]) != DW_TAG_subprogram; i++) {
        Dwarf_Attribute attribute;
        Dwarf_Word at = 0;
        if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
            continue;
        const char *name = dwarf_diename(&scopes[i]);
        printf("%s#%lu inlined %s", prefix, number, name != NULL ? name : "??");
        print_source(*file, *line);
        putchar('\n');
        *file = caller_file(unit, &scopes[i]);
        (void)dwarf_formudata(dwarf_attr(&scopes[i], DW_AT_call_line, &attribute), &at);
        *line = (int)at;
    }
    free(scopes);
}

void modules_print(struct modules *modules, const char *prefix, unsigned long number, uint64_t pc,
                   bool exact, uint64_t base, const char *shown)
{
    /* A return address may be the first of the next function: its call lies before it. */
    uint64_t looked = exact || pc == 0 ? pc : pc - 1;
    Dwfl_Module *module = dwfl_addrmodule(modules->dwfl, looked);
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char *name = NULL, *file = NULL;
    int line = 0;
    if (module != NULL) {
        name = dwfl_module_addrinfo(module, looked, &offset, &symbol, NULL, NULL, NULL);
        Dwarf_Addr bias = 0;
        Dwarf_Die *unit = unit_of(module, looked, &bias);
        file = source_of(unit, looked - bias, &line);
        if (unit != NULL)
            print_inlined(unit, prefix, number, looked - bias, &file, &line);
    }
    printf("%s#%lu 0x%" PRIx64, prefix, number, pc);
    if (name != NULL)
        printf(" %s+0x%" PRIx64, name, (uint64_t)offset + (pc - looked));
    print_source(file, line);
    if (shown[0] != '\0')
        printf(" (%s+0x%" PRIx64 ")", shown, pc - base);
    putchar('\n');
}
