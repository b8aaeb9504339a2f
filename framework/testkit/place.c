/* SPDX-License-Identifier: MIT
 *
 * Where something was called from: return addresses when it happens, function, file and line only
 * when somebody reads it. elfutils reads the debug information, also of a plugin that was loaded
 * from its private copy.
 */
#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <execinfo.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "testkit/sim.h"

enum { FRAMES = 32 };

/* Where this library's code lies, to leave its frames out. */
static struct {
    uintptr_t begin, end;
} own;

static int find_own(struct dl_phdr_info *info, size_t size, void *argument)
{
    uintptr_t here = (uintptr_t)argument;
    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD || here < begin || here >= begin + part->p_memsz)
            continue;
        own.begin = begin;
        own.end = begin + part->p_memsz;
        return 1;
    }
    return 0;
}

static bool is_own(const void *frame)
{
    return (uintptr_t)frame >= own.begin && (uintptr_t)frame < own.end;
}

void evf__sim_place_take(struct evf__sim_place *ret)
{
    void *frames[FRAMES];
    if (own.end == 0)
        dl_iterate_phdr(find_own, (void *)evf__sim_place_take);
    int count = backtrace(frames, FRAMES), kept = 0, i = 0;
    memset(ret, 0, sizeof *ret);
    while (i < count && is_own(frames[i]))
        i++;
    for (; i < count && kept < EVF__SIM_PLACE_DEPTH && !is_own(frames[i]); i++)
        ret->frames[kept++] = frames[i];
}

static int report_object(struct dl_phdr_info *info, size_t size, void *argument)
{
    Dwfl *dwfl = argument;
    const char *path = info->dlpi_name[0] != '\0' ? info->dlpi_name : "/proc/self/exe";
    (void)size;
    (void)dwfl_report_elf(dwfl, path, path, -1, info->dlpi_addr, false);
    return 0;
}

static Dwfl *begin(void)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
    };
    Dwfl *dwfl = dwfl_begin(&callbacks);
    if (dwfl == NULL)
        return NULL;
    dwfl_report_begin(dwfl);
    dl_iterate_phdr(report_object, dwfl);
    dwfl_report_end(dwfl, NULL, NULL);
    return dwfl;
}

/* Every unit is asked: Clang writes no table of which one an address is in. */
static const char *find_line(Dwfl_Module *module, Dwarf_Addr address, int *ret_number)
{
    Dwarf_Addr bias;
    for (Dwarf_Die *unit = NULL; (unit = dwfl_module_nextcu(module, unit, &bias)) != NULL;) {
        Dwarf_Line *line;
        if (dwarf_haspc(unit, address - bias) != 1 ||
            (line = dwarf_getsrc_die(unit, address - bias)) == NULL)
            continue;
        (void)dwarf_lineno(line, ret_number);
        return dwarf_linesrc(line, NULL, NULL);
    }
    return NULL;
}

static void tell_frame(struct evf__sim_bytes *text, Dwfl *dwfl, void *frame)
{
    Dwarf_Addr address = (Dwarf_Addr)(uintptr_t)frame - 1; /* inside the call */
    Dwfl_Module *module = dwfl != NULL ? dwfl_addrmodule(dwfl, address) : NULL;
    const char *name = module != NULL ? dwfl_module_addrname(module, address) : NULL;
    int number = 0;
    const char *file = module != NULL ? find_line(module, address, &number) : NULL;
    Dl_info info;
    if (file != NULL)
        evf__sim_append(text, "    %s (%s:%d)\n", name != NULL ? name : "?", file, number);
    else if (dladdr(frame, &info) != 0)
        evf__sim_append(text, "    %s (%s+0x%zx)\n", name != NULL ? name : "?",
                        evf__sim_subject_path(info.dli_fname),
                        (size_t)((char *)frame - (char *)info.dli_fbase));
    else
        evf__sim_append(text, "    %p\n", frame);
}

void evf__sim_place_tell(struct evf__sim_bytes *text, const struct evf__sim_place *place)
{
    Dwfl *dwfl = begin();
    for (unsigned i = 0; i < EVF__SIM_PLACE_DEPTH && place->frames[i] != NULL; i++)
        tell_frame(text, dwfl, place->frames[i]);
    if (dwfl != NULL)
        dwfl_end(dwfl);
}
