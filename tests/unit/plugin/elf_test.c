/* SPDX-License-Identifier: MIT
 *
 * ELF files with anything in them: the check reads nothing outside the bytes it was given. What it
 * accepts and refuses, and how it says so, is tested with real plugins in abi/loader_test.c.
 */
#include "plugin/elf.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "leaks.h"

enum { SIZE = 1024, SEGMENTS = 3, DYNAMIC_AT = 512 };

static char error[256];

TestSuite(elf, .fini = expect_no_leaks);

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#else
enum { MACHINE = EM_AARCH64 };
#endif

/* The smallest file that counts as a shared object: a header, three segments, a dynamic section. */
static void make(uint8_t bytes[SIZE])
{
    ElfW(Ehdr) header = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
                     __SIZEOF_POINTER__ == 8 ? ELFCLASS64 : ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_DYN,
        .e_machine = MACHINE,
        .e_phoff = sizeof(header),
        .e_phentsize = sizeof(ElfW(Phdr)),
        .e_phnum = SEGMENTS,
        .e_shoff = SIZE - 64,
        .e_shentsize = 64,
        .e_shnum = 1,
    };
    const ElfW(Phdr) segments[SEGMENTS] = {
        { .p_type = PT_LOAD, .p_filesz = SIZE },
        { .p_type = PT_DYNAMIC, .p_offset = DYNAMIC_AT, .p_filesz = 3 * sizeof(ElfW(Dyn)) },
        { .p_type = PT_NOTE, .p_offset = UINT32_MAX },
    };
    const ElfW(Dyn) dynamic[3] = { { .d_tag = DT_SONAME }, { .d_tag = DT_FLAGS_1 }, { 0 } };
    memset(bytes, 0, SIZE);
    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + sizeof(header), segments, sizeof(segments));
    memcpy(bytes + DYNAMIC_AT, dynamic, sizeof(dynamic));
}

/* On a copy of its own, so that reading past its end is seen by AddressSanitizer. */
static bool check(const uint8_t *bytes, size_t size)
{
    struct evf__sentence sentence;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, size);
    evf__sentence_init(&sentence, error, sizeof(error));
    bool fine = evf__elf_check(copy, size, &sentence);
    free(copy);
    cr_assert_eq(fine, error[0] == '\0', "%s", error);
    return fine;
}

Test(elf, accepts_a_whole_shared_object_and_no_part_of_it)
{
    uint8_t bytes[SIZE];
    make(bytes);
    cr_assert(check(bytes, SIZE), "%s", error);
    for (size_t size = 0; size < SIZE; size++)
        cr_assert_not(check(bytes, size), "%zu bytes are accepted", size);
}

Test(elf, refuses_segments_that_reach_beyond_the_file)
{
    uint8_t bytes[SIZE];
    const ElfW(Off) no_sections = 0;
    make(bytes);
    memcpy(bytes + offsetof(ElfW(Ehdr), e_shoff), &no_sections, sizeof(no_sections));
    cr_assert(check(bytes, SIZE), "%s", error);
    cr_assert_not(check(bytes, SIZE - 1));
    cr_assert_str_eq(error, "is an ELF file cut short: its segments reach beyond its 1023 bytes");
}

Test(elf, tells_an_executable_by_its_flag)
{
    uint8_t bytes[SIZE];
    make(bytes);
    const ElfW(Dyn) flags = { .d_tag = DT_FLAGS_1, .d_un.d_val = DF_1_PIE | DF_1_NOW };
    memcpy(bytes + DYNAMIC_AT + sizeof(flags), &flags, sizeof(flags));
    cr_assert_not(check(bytes, SIZE));
    cr_assert_not_null(strstr(error, "is an executable"));
}

Test(elf, reads_nothing_outside_whatever_the_bytes_are)
{
    struct random random = random_start();
    for (unsigned round = 0; round < random_rounds(100000); round++) {
        uint8_t bytes[SIZE];
        make(bytes);
        for (uint64_t n = 1 + random_below(&random, 6); n > 0; n--) {
            size_t at = (size_t)random_below(&random, random_below(&random, 3) ? 240 : SIZE);
            bytes[at] = random_below(&random, 2) ? 0xff : (uint8_t)random_below(&random, 256);
        }
        (void)check(bytes, random_below(&random, 2) ? SIZE : random_below(&random, SIZE));
    }
}
