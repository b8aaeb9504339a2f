/* SPDX-License-Identifier: MIT
 *
 * What a plugin calls of the C library and must be the simulation's: memory, so that it can be
 * missing and what is left is found; and the clocks.
 *
 * The plugin's own table of imports is changed to lead here, nobody else's: the test program, the
 * framework and the C library go on with the real ones. It works for any allocator, and with
 * AddressSanitizer. In a plugin that is compiled into the test program the program's imports are
 * changed, and calls count only while the plugin runs.
 */
#include <errno.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "testkit/sim.h"

/* -- memory -- */

static bool inside(void)
{
    return evf__sim_current != NULL && evf__sim_current->inside;
}

/* True when the plugin is to get none. */
static bool fails(void)
{
    evf_sim *sim = evf__sim_current;
    if (!inside() || !sim->guarded ||
        !evf__sim_harsh(sim, EVF_SIM_MEMORY, "no memory for the plugin"))
        return false;
    errno = ENOMEM;
    return true;
}

static void *got(void *memory, size_t size)
{
    if (memory != NULL && inside())
        evf__sim_track(memory, size);
    return memory;
}

static void let_go(void *memory)
{
    if (memory != NULL && evf__sim_current != NULL)
        (void)evf__sim_untrack(memory);
}

static void *sim_malloc(size_t size)
{
    return fails() ? NULL : got(malloc(size), size);
}

static void *sim_calloc(size_t count, size_t size)
{
    return fails() ? NULL : got(calloc(count, size), count * size);
}

static void *sim_realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    let_go(memory);
    void *moved = realloc(memory, size);
    if (moved == NULL && memory != NULL && size > 0)
        abort();
    return size > 0 || memory == NULL ? got(moved, size) : moved;
}

static void *sim_reallocarray(void *memory, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return sim_realloc(memory, total);
}

static void sim_free(void *memory)
{
    let_go(memory);
    free(memory);
}

static char *sim_strdup(const char *text)
{
    return fails() ? NULL : got(strdup(text), strlen(text) + 1);
}

static char *sim_strndup(const char *text, size_t len)
{
    return fails() ? NULL : got(strndup(text, len), strnlen(text, len) + 1);
}

static int sim_posix_memalign(void **ret, size_t alignment, size_t size)
{
    if (fails())
        return ENOMEM;
    int status = posix_memalign(ret, alignment, size);
    if (status == 0)
        got(*ret, size);
    return status;
}

static void *sim_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : got(aligned_alloc(alignment, size), size);
}

__attribute__((format(printf, 2, 0))) static int sim_vasprintf(char **ret, const char *format,
                                                               va_list arguments)
{
    if (fails())
        return -1;
    int len = vasprintf(ret, format, arguments);
    if (len >= 0)
        got(*ret, (size_t)len + 1);
    return len;
}

__attribute__((format(printf, 2, 3))) static int sim_asprintf(char **ret, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = sim_vasprintf(ret, format, arguments);
    va_end(arguments);
    return len;
}

/* With _FORTIFY_SOURCE. */
__attribute__((format(printf, 3, 0))) static int
sim_vasprintf_chk(char **ret, int flag, const char *format, va_list arguments)
{
    (void)flag;
    return sim_vasprintf(ret, format, arguments);
}

__attribute__((format(printf, 3, 4))) static int sim_asprintf_chk(char **ret, int flag,
                                                                  const char *format, ...)
{
    va_list arguments;
    (void)flag;
    va_start(arguments, format);
    int len = sim_vasprintf(ret, format, arguments);
    va_end(arguments);
    return len;
}

static ssize_t sim_getdelim(char **line, size_t *size, int end, FILE *file)
{
    let_go(*line);
    ssize_t len = getdelim(line, size, end, file);
    got(*line, *size);
    return len;
}

static ssize_t sim_getline(char **line, size_t *size, FILE *file)
{
    return sim_getdelim(line, size, '\n', file);
}

/* C++'s. They do not fail: a plugin's exceptions are not the simulator's to throw. */
static void *sim_new(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL)
        abort();
    return got(memory, size);
}

static void sim_delete_sized(void *memory, size_t size)
{
    (void)size;
    sim_free(memory);
}

/* -- clocks and chance -- */

static void now(struct timespec *ret, bool calendar)
{
    const evf_sim *sim = evf__sim_current;
    uint64_t ms = calendar ? sim->options.wall_ms + evf_sim_now(sim) : sim->now_ms;
    *ret =
        (struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
}

static int sim_clock_gettime(clockid_t clock, struct timespec *ret)
{
    if (!inside() || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
        return clock_gettime(clock, ret);
    now(ret, clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI);
    return 0;
}

static time_t sim_time(time_t *ret)
{
    struct timespec at;
    if (!inside())
        return time(ret);
    now(&at, true);
    if (ret != NULL)
        *ret = at.tv_sec;
    return at.tv_sec;
}

static int sim_gettimeofday(struct timeval *ret, void *zone)
{
    struct timespec at;
    if (!inside())
        return gettimeofday(ret, zone);
    now(&at, true);
    *ret = (struct timeval){ .tv_sec = at.tv_sec, .tv_usec = at.tv_nsec / 1000 };
    return 0;
}

static ssize_t sim_getrandom(void *ret, size_t size, unsigned flags)
{
    if (!inside())
        return getrandom(ret, size, flags);
    uint8_t *bytes = ret;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(evf__sim_roll(&evf__sim_current->play_dice) >> 32);
    return (ssize_t)size;
}

/* -- the table -- */

static const struct {
    const char *name;
    void *function;
} imports[] = {
    { "malloc", (void *)sim_malloc },
    { "calloc", (void *)sim_calloc },
    { "realloc", (void *)sim_realloc },
    { "reallocarray", (void *)sim_reallocarray },
    { "free", (void *)sim_free },
    { "strdup", (void *)sim_strdup },
    { "__strdup", (void *)sim_strdup },
    { "strndup", (void *)sim_strndup },
    { "posix_memalign", (void *)sim_posix_memalign },
    { "aligned_alloc", (void *)sim_aligned_alloc },
    { "memalign", (void *)sim_aligned_alloc },
    { "asprintf", (void *)sim_asprintf },
    { "vasprintf", (void *)sim_vasprintf },
    { "__asprintf_chk", (void *)sim_asprintf_chk },
    { "__vasprintf_chk", (void *)sim_vasprintf_chk },
    { "getline", (void *)sim_getline },
    { "getdelim", (void *)sim_getdelim },
    { "__getdelim", (void *)sim_getdelim },
    { "_Znwm", (void *)sim_new },
    { "_Znam", (void *)sim_new },
    { "_ZdlPv", (void *)sim_free },
    { "_ZdaPv", (void *)sim_free },
    { "_ZdlPvm", (void *)sim_delete_sized },
    { "_ZdaPvm", (void *)sim_delete_sized },
    { "clock_gettime", (void *)sim_clock_gettime },
    { "time", (void *)sim_time },
    { "gettimeofday", (void *)sim_gettimeofday },
    { "getrandom", (void *)sim_getrandom },
};

#if defined(__x86_64__)
static bool is_address(unsigned type)
{
    return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64;
}
#elif defined(__aarch64__)
static bool is_address(unsigned type)
{
    return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT || type == R_AARCH64_ABS64;
}
#else
#error "say which relocations hold a function's address on this machine"
#endif

static void put(void **at, void *function)
{
    uintptr_t page = (uintptr_t)at & ~(uintptr_t)4095;
    /* It may lie in what the linker has made read-only, and stays writable then. */
    if (mprotect((void *)page, 4096, PROT_READ | PROT_WRITE) < 0)
        abort();
    *at = function;
}

static void patch(const struct link_map *map, const ElfW(Rela) * relocations, size_t size,
                  const ElfW(Sym) * symbols, const char *names)
{
    if (relocations == NULL)
        return;
    for (size_t i = 0; i < size / sizeof *relocations; i++) {
        const ElfW(Rela) *relocation = &relocations[i];
        const ElfW(Sym) *symbol = &symbols[ELF64_R_SYM(relocation->r_info)];
        if (!is_address((unsigned)ELF64_R_TYPE(relocation->r_info)) ||
            symbol->st_shndx != SHN_UNDEF)
            continue;
        for (size_t j = 0; j < sizeof imports / sizeof *imports; j++)
            if (strcmp(names + symbol->st_name, imports[j].name) == 0)
                put((void **)(map->l_addr + relocation->r_offset), imports[j].function);
    }
}

void evf__sim_imports_patch(struct link_map *map)
{
    const ElfW(Rela) *plain = NULL, *lazy = NULL;
    const ElfW(Sym) *symbols = NULL;
    const char *names = NULL;
    size_t plain_size = 0, lazy_size = 0;
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB:
            symbols = (const void *)entry->d_un.d_ptr;
            break;
        case DT_STRTAB:
            names = (const void *)entry->d_un.d_ptr;
            break;
        case DT_RELA:
            plain = (const void *)entry->d_un.d_ptr;
            break;
        case DT_RELASZ:
            plain_size = entry->d_un.d_val;
            break;
        case DT_JMPREL:
            lazy = (const void *)entry->d_un.d_ptr;
            break;
        case DT_PLTRELSZ:
            lazy_size = entry->d_un.d_val;
            break;
        default:
            break;
        }
    }
    if (symbols == NULL || names == NULL)
        return;
    patch(map, plain, plain_size, symbols, names);
    patch(map, lazy, lazy_size, symbols, names);
}
