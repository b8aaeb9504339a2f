/* SPDX-License-Identifier: MIT
 *
 * Whether some bytes are a shared object that this process can load; see elf.h and elf(5).
 *
 * Everything is copied out of the file before it is looked at, because nothing in a file needs to
 * be aligned, and every offset is checked against the size first.
 */
#include "plugin/elf.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

typedef ElfW(Ehdr) elf_header;
typedef ElfW(Phdr) elf_segment;
typedef ElfW(Dyn) elf_dynamic;

#if __SIZEOF_POINTER__ == 8
enum { OWN_CLASS = ELFCLASS64 };
#else
enum { OWN_CLASS = ELFCLASS32 };
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { OWN_ORDER = ELFDATA2LSB };
#else
enum { OWN_ORDER = ELFDATA2MSB };
#endif
#if defined(__x86_64__)
enum { OWN_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OWN_MACHINE = EM_AARCH64 };
#elif defined(__riscv)
enum { OWN_MACHINE = EM_RISCV };
#elif defined(__i386__)
enum { OWN_MACHINE = EM_386 };
#elif defined(__arm__)
enum { OWN_MACHINE = EM_ARM };
#else
#error "this machine's ELF number is not known: add it here"
#endif

struct file {
    const uint8_t *bytes;
    size_t size;
};

static bool copy_out(const struct file *file, uint64_t offset, void *ret, size_t len)
{
    if (offset > file->size || len > file->size - offset)
        return false;
    memcpy(ret, file->bytes + offset, len);
    return true;
}

static const char *machine_name(unsigned machine)
{
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {
        { EM_X86_64, "x86-64" }, { EM_AARCH64, "aarch64" }, { EM_386, "i386" },
        { EM_ARM, "arm" },       { EM_RISCV, "riscv" },     { EM_PPC64, "ppc64" },
        { EM_S390, "s390" },     { EM_MIPS, "mips" },       { EM_PPC, "ppc" },
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].machine == machine)
            return names[i].name;
    return NULL;
}

static void add_machine(struct evf__sentence *error, unsigned machine)
{
    const char *name = machine_name(machine);
    if (name != NULL)
        evf__sentence_add(error, "%s", name);
    else
        evf__sentence_add(error, "machine %u", machine);
}

/* The identification and e_machine lie at the same place in every class, so they are looked at
 * before the rest of the header is taken for one of ours. */
static bool check_machine(const struct file *file, struct evf__sentence *error)
{
    uint8_t ident[EI_NIDENT];
    uint8_t machine_bytes[2];
    if (!copy_out(file, 0, ident, SELFMAG) || memcmp(ident, ELFMAG, SELFMAG) != 0) {
        evf__sentence_add(error, "is not an ELF file");
        return false;
    }
    if (!copy_out(file, 0, ident, sizeof(ident)) ||
        !copy_out(file, offsetof(elf_header, e_machine), machine_bytes, 2)) {
        evf__sentence_add(error, "is an ELF file cut short: its header is incomplete");
        return false;
    }
    unsigned machine = ident[EI_DATA] == ELFDATA2MSB
                           ? (unsigned)(machine_bytes[0] << 8 | machine_bytes[1])
                           : (unsigned)(machine_bytes[1] << 8 | machine_bytes[0]);
    if (machine != OWN_MACHINE) {
        evf__sentence_add(error, "is an ELF file for ");
        add_machine(error, machine);
        evf__sentence_add(error, ", this is ");
        add_machine(error, OWN_MACHINE);
        return false;
    }
    if (ident[EI_CLASS] != OWN_CLASS) {
        evf__sentence_add(error, "is an ELF file of %s bits, this process has %d",
                          ident[EI_CLASS] == ELFCLASS32   ? "32"
                          : ident[EI_CLASS] == ELFCLASS64 ? "64"
                                                          : "an unknown number of",
                          __SIZEOF_POINTER__ * 8);
        return false;
    }
    if (ident[EI_DATA] != OWN_ORDER) {
        evf__sentence_add(error, "is an ELF file of the other byte order");
        return false;
    }
    return true;
}

static bool check_type(unsigned type, struct evf__sentence *error)
{
    switch (type) {
    case ET_DYN:
        return true;
    case ET_EXEC:
        evf__sentence_add(error, "is an executable, not a shared object: link it with -shared");
        return false;
    case ET_REL:
        evf__sentence_add(error, "is an object file, not a shared object: link it with -shared");
        return false;
    case ET_CORE:
        evf__sentence_add(error, "is a core dump, not a shared object");
        return false;
    default:
        evf__sentence_add(error, "is an ELF file of type %u, not a shared object", type);
        return false;
    }
}

static bool cut_short(const struct file *file, struct evf__sentence *error, const char *what)
{
    evf__sentence_add(error, "is an ELF file cut short: its %s reach beyond its %zu bytes", what,
                      file->size);
    return false;
}

/* A position-independent executable has the type of a shared object; a flag in its dynamic section
 * tells them apart. */
static bool is_executable(const struct file *file, const elf_segment *dynamic)
{
    for (uint64_t at = 0; at + sizeof(elf_dynamic) <= dynamic->p_filesz;
         at += sizeof(elf_dynamic)) {
        elf_dynamic entry;
        if (!copy_out(file, dynamic->p_offset + at, &entry, sizeof(entry)) ||
            entry.d_tag == DT_NULL)
            return false;
        if (entry.d_tag == DT_FLAGS_1)
            return (entry.d_un.d_val & DF_1_PIE) != 0;
    }
    return false;
}

static bool check_segments(const struct file *file, const elf_header *header,
                           struct evf__sentence *error)
{
    if (header->e_phnum == 0 || header->e_phentsize != sizeof(elf_segment)) {
        evf__sentence_add(error, "is an ELF file without segments to load");
        return false;
    }
    bool dynamic_found = false;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        elf_segment segment;
        if (header->e_phoff > file->size ||
            !copy_out(file, header->e_phoff + (uint64_t)i * sizeof(segment), &segment,
                      sizeof(segment)))
            return cut_short(file, error, "program headers");
        if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC)
            continue;
        if (segment.p_offset > file->size || segment.p_filesz > file->size - segment.p_offset)
            return cut_short(file, error, "segments");
        if (segment.p_type != PT_DYNAMIC)
            continue;
        dynamic_found = true;
        if (is_executable(file, &segment)) {
            evf__sentence_add(error, "is an executable, not a shared object: link it with -shared");
            return false;
        }
    }
    if (!dynamic_found)
        evf__sentence_add(error, "is an executable, not a shared object: link it with -shared");
    return dynamic_found;
}

bool evf__elf_check(const void *bytes, size_t size, struct evf__sentence *error)
{
    const struct file file = { .bytes = bytes, .size = size };
    if (!check_machine(&file, error))
        return false;
    elf_header header;
    if (!copy_out(&file, 0, &header, sizeof(header))) {
        evf__sentence_add(error, "is an ELF file cut short: its header is incomplete");
        return false;
    }
    if (!check_type(header.e_type, error) || !check_segments(&file, &header, error))
        return false;
    /* The linker writes the section headers last, so their end tells of every cut. A file stripped
     * of them says so with an offset of 0. */
    uint64_t sections = (uint64_t)header.e_shnum * header.e_shentsize;
    if (header.e_shoff > size || sections > size - header.e_shoff)
        return cut_short(&file, error, "section headers");
    return true;
}
