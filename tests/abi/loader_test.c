/* SPDX-License-Identifier: MIT
 *
 * The loader: good plugins are loaded, and everything that can be wrong with a file or a descriptor
 * is refused with a sentence of its own.
 *
 * The plugins are those of abi/plugins, each built to a file of its name in EVF_TEST_PLUGIN_DIR.
 * Files that no compiler makes (empty ones, cut ones, FIFOs) are made here, in a folder for one
 * test.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <evframe/evframe.h>

#include "plugin/instance.h"

static char error[2048];
static char folder[64];
static unsigned descriptors_before;

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *fds = opendir("/proc/self/fd");
    cr_assert_not_null(fds);
    while (readdir(fds) != NULL)
        count++;
    closedir(fds);
    return count;
}

static void set_up(void)
{
    strcpy(folder, "/tmp/evframe-loader-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    descriptors_before = open_descriptors();
}

/* Given any test, then nothing is left: no descriptor, and no file but the folder's own. */
static void tear_down(void)
{
    cr_assert_eq(open_descriptors(), descriptors_before, "a descriptor is left open");
    DIR *files = opendir(folder);
    cr_assert_not_null(files);
    struct dirent *file;
    while ((file = readdir(files)) != NULL)
        if (file->d_name[0] != '.')
            unlinkat(dirfd(files), file->d_name, file->d_type == DT_DIR ? AT_REMOVEDIR : 0);
    closedir(files);
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(loader, .init = set_up, .fini = tear_down);

static const char *plugin_folder(void)
{
    const char *built = getenv("EVF_TEST_PLUGIN_DIR");
#if defined(EVF_TEST_PLUGIN_DIR)
    built = built != NULL ? built : EVF_TEST_PLUGIN_DIR;
#endif
    cr_assert_not_null(built, "EVF_TEST_PLUGIN_DIR tells where the plugins were built");
    return built;
}

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int load(const char *plugin, const char *search_path, const char *options,
                evf_instance **ret)
{
    const struct evf__instance_spec spec = {
        .address = "127.0.0.1:8080",
        .plugin = plugin,
        .search_path = search_path,
        .options = options,
        .defaults = { .limits = { .max_frame = 1024, .write_high = 10, .write_max = 20 } },
    };
    error[0] = '\0';
    return evf__instance_create(&spec, ret, error, sizeof(error));
}

static evf_instance *load_good(const char *plugin, const char *options)
{
    evf_instance *instance = NULL;
    cr_assert_eq(load(plugin, plugin_folder(), options, &instance), 0, "%s", error);
    return instance;
}

/* Asserts that the file at path is refused with a sentence that has all the words, ended by NULL.
 */
static void refuses_path(const char *path, const char *const *words)
{
    evf_instance *untouched = (evf_instance *)(void *)error, *instance = untouched;
    int code = load(path, plugin_folder(), NULL, &instance);
    cr_assert_eq(code, EVF_EPLUGIN, "%s gives %d: %s", path, code, error);
    cr_assert_eq(instance, untouched);
    cr_assert_not_null(strstr(error, "127.0.0.1:8080"), "no listener in: %s", error);
    cr_assert_not_null(strstr(error, path), "no '%s' in: %s", path, error);
    for (; *words != NULL; words++)
        cr_assert_not_null(strstr(error, *words), "no '%s' in: %s", *words, error);
    cr_assert_null(strstr(error, "/proc/"), "the copy is named in: %s", error);
}

#define REFUSES(path, ...) refuses_path(path, (const char *const[]){ __VA_ARGS__, NULL })

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

/* The bytes of a file, on the heap. */
static uint8_t *read_file(const char *path, size_t *ret_len)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
    cr_assert_eq(fstat(fd, &status), 0);
    uint8_t *bytes = malloc((size_t)status.st_size);
    cr_assert_not_null(bytes);
    cr_assert_eq(read(fd, bytes, (size_t)status.st_size), status.st_size);
    close(fd);
    *ret_len = (size_t)status.st_size;
    return bytes;
}

/* The bytes of a plugin that was built. */
static uint8_t *read_plugin(const char *name, size_t *ret_len)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.so", plugin_folder(), name);
    return read_file(path, ret_len);
}

static void copy_plugin(const char *name, const char *path)
{
    size_t len;
    uint8_t *bytes = read_plugin(name, &len);
    write_file(path, bytes, len);
    free(bytes);
}

/* ---- What is accepted ---- */

Test(loader, loads_a_good_plugin_in_c_with_its_options_and_runs_it)
{
    evf_instance *instance = load_good("good", "depth=7,colour=blue,max-frame=2k");
    struct evf__figure_registry figures = { .count = 0 };

    cr_assert_str_eq(instance->label, "127.0.0.1:8080=good");
    cr_assert_str_eq(instance->plugin.version, "1.2.3");
    cr_assert_eq(instance->handler.stream_state_size, 32);
    cr_assert_eq(instance->settings.limits.max_frame, 2048);
    cr_assert_eq(instance->settings.limits.write_max, 20);
    cr_assert_eq(evf__instance_start(instance, 2, &figures, error, sizeof(error)), 0, "%s", error);
    cr_assert_eq(*(int64_t *)evf_instance_state(instance), 7);
    evf__instance_stop(instance);
    evf__instance_destroy(instance);
}

Test(loader, loads_a_good_plugin_in_cpp)
{
    evf_instance *instance = load_good("good_cpp", "greeting=moin");
    cr_assert_str_eq(evf_option_string(instance, "greeting"), "moin");
    evf__instance_destroy(instance);
}

Test(loader, passes_on_what_a_failing_start_says)
{
    evf_instance *instance = load_good("good", "fail=no luck");
    struct evf__figure_registry figures = { .count = 0 };
    cr_assert_eq(evf__instance_start(instance, 1, &figures, error, sizeof(error)), EVF_EFAILED);
    cr_assert_str_eq(error, "127.0.0.1:8080=good: start failed: asked to fail: no luck");
    evf__instance_destroy(instance);
}

Test(loader, accepts_structs_with_fields_it_does_not_know)
{
    evf_instance *instance = load_good("longer_structs", NULL);
    cr_assert_eq(evf_option_int(instance, "first"), 11);
    cr_assert_eq(evf_option_int(instance, "second"), 2048);
    cr_assert_eq(instance->handler.stream_state_size, 24);
    evf__instance_destroy(instance);
}

/* A handler of 1.0 ends before `fd`; what lies behind it is somebody else's. */
Test(loader, accepts_a_plugin_of_an_earlier_minor_version)
{
    evf_instance *instance = load_good("earlier_minor", NULL);
    cr_assert_eq(instance->plugin.abi_minor, 0);
    cr_assert_not_null(instance->handler.close);
    cr_assert_null(instance->handler.fd);
    evf__instance_destroy(instance);
}

Test(loader, takes_a_path_with_a_slash_as_it_is)
{
    copy_plugin("good", in_folder("renamed.plugin"));
    evf_instance *instance = NULL;
    cr_assert_eq(load(in_folder("renamed.plugin"), NULL, NULL, &instance), 0, "%s", error);
    evf__instance_destroy(instance);
}

/* ---- Files that cannot be reached ---- */

Test(loader, tells_every_place_where_it_looked)
{
    evf_instance *instance = NULL;
    cr_assert_eq(load("nope", "/nowhere/a::/nowhere/b", NULL, &instance), EVF_EPLUGIN);
    cr_assert_str_eq(error, "listener 127.0.0.1:8080, plugin nope: was not found; looked at "
                            "/nowhere/a/nope.so, /nowhere/b/nope.so");
    cr_assert_eq(load("nope", NULL, NULL, &instance), EVF_EPLUGIN);
    cr_assert_not_null(strstr(error, "no folder to look in"), "%s", error);
}

Test(loader, tells_how_a_file_in_the_present_folder_is_named)
{
    REFUSES("nope.so", "was not found", "./nope.so");
}

Test(loader, tells_of_a_path_that_leads_nowhere)
{
    REFUSES("/nowhere/nope.so", "was not found");
    REFUSES("./nope.so", "was not found; looked in /");
    REFUSES("", "no plugin is named");
}

Test(loader, refuses_an_unreadable_file)
{
    copy_plugin("good", in_folder("secret.so"));
    cr_assert_eq(chmod(in_folder("secret.so"), 0), 0);
    cr_assert_eq(chmod(folder, 0755), 0);
    uid_t user = geteuid();
    cr_assert(user != 0 || seteuid(65534) == 0);
    REFUSES(in_folder("secret.so"), "cannot be read: Permission denied");
    cr_assert(user != 0 || seteuid(0) == 0);
}

Test(loader, refuses_folders_fifos_sockets_and_devices_without_blocking)
{
    REFUSES(folder, "is a directory");
    cr_assert_eq(mkfifo(in_folder("fifo"), 0600), 0);
    REFUSES(in_folder("fifo"), "is a FIFO");

    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(address.sun_path, in_folder("socket"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    REFUSES(in_folder("socket"), "is a socket");
    close(fd);
    REFUSES("/dev/null", "is a device");
}

/* ---- Files that are no shared object for this machine ---- */

Test(loader, refuses_files_that_are_not_elf)
{
    write_file(in_folder("empty"), "", 0);
    REFUSES(in_folder("empty"), "is an empty file");
    write_file(in_folder("text"), "#!/bin/sh\n", 10);
    REFUSES(in_folder("text"), "is not an ELF file");
    write_file(in_folder("three"),
               "\x7f"
               "EL",
               3);
    REFUSES(in_folder("three"), "is not an ELF file");
}

Test(loader, refuses_a_file_that_was_cut_anywhere)
{
    size_t len;
    uint8_t *bytes = read_plugin("good", &len);
    for (size_t cut = 4; cut < len; cut += cut < 256 ? 1 : 211) {
        write_file(in_folder("cut"), bytes, cut);
        REFUSES(in_folder("cut"), "is an ELF file cut short");
    }
    free(bytes);
}

Test(loader, refuses_a_file_too_large_to_be_a_plugin)
{
    write_file(in_folder("huge"), "x", 1);
    cr_assert_eq(truncate(in_folder("huge"), (off_t)1 << 40), 0);
    REFUSES(in_folder("huge"), "is larger than 256m");
}

struct change {
    size_t offset;
    uint8_t value;
    const char *words;
};

Test(loader, refuses_elf_files_for_another_machine_or_of_another_type)
{
    static const struct change changes[] = {
        { EI_CLASS, ELFCLASS32, "32 bits, this process has 64" },
        { EI_CLASS, 9, "unknown number of bits" },
        { EI_DATA, 9, "other byte order" },
        { offsetof(ElfW(Ehdr), e_machine), EM_SPARC, "for machine 2, this is" },
        { offsetof(ElfW(Ehdr), e_machine), EM_MIPS, "for mips, this is" },
        { offsetof(ElfW(Ehdr), e_type), ET_EXEC, "is an executable, not a shared object" },
        { offsetof(ElfW(Ehdr), e_type), ET_REL, "is an object file, not a shared object" },
        { offsetof(ElfW(Ehdr), e_type), ET_CORE, "is a core dump" },
        { offsetof(ElfW(Ehdr), e_type), 77, "type 77" },
        { offsetof(ElfW(Ehdr), e_phnum), 0, "without segments" },
        { offsetof(ElfW(Ehdr), e_phentsize), 7, "without segments" },
    };
    size_t len;
    uint8_t *bytes = read_plugin("good", &len);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        uint8_t before = bytes[changes[i].offset];
        bytes[changes[i].offset] = changes[i].value;
        write_file(in_folder("changed"), bytes, len);
        REFUSES(in_folder("changed"), changes[i].words);
        bytes[changes[i].offset] = before;
    }
    free(bytes);
}

Test(loader, names_the_other_machine_and_this_one)
{
    size_t len;
    uint8_t *bytes = read_plugin("good", &len);
    uint16_t own, other = EM_AARCH64;
    memcpy(&own, bytes + offsetof(ElfW(Ehdr), e_machine), sizeof(own));
    other = own == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
    memcpy(bytes + offsetof(ElfW(Ehdr), e_machine), &other, sizeof(other));
    write_file(in_folder("other"), bytes, len);
    if (own == EM_X86_64)
        REFUSES(in_folder("other"), "is an ELF file for aarch64, this is x86-64");
    else
        REFUSES(in_folder("other"), "is an ELF file for ");
    free(bytes);
}

Test(loader, refuses_a_position_independent_executable)
{
    size_t len;
    uint8_t *bytes = read_file("/proc/self/exe", &len);
    write_file(in_folder("executable"), bytes, len);
    free(bytes);
    REFUSES(in_folder("executable"), "is an executable, not a shared object");
}

/* ---- Descriptors ---- */

static void refuses_plugin(const char *name, const char *words)
{
    evf_instance *instance = NULL;
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.so", plugin_folder(), name);
    int code = load(name, plugin_folder(), NULL, &instance);
    cr_assert_eq(code, EVF_EPLUGIN, "%s gives %d: %s", name, code, error);
    cr_assert_not_null(strstr(error, words), "no '%s' in: %s", words, error);
    cr_assert_not_null(strstr(error, path), "no '%s' in: %s", path, error);
    cr_assert_null(strstr(error, "/proc/"), "the copy is named in: %s", error);
}

Test(loader, names_the_field_that_is_wrong_and_what_was_expected_and_found)
{
    char newer_minor[128];
    snprintf(newer_minor, sizeof(newer_minor),
             "field abi_minor: expected at most %d, found %d: the plugin needs a newer evframe, "
             "with ABI %d.%d",
             EVF_ABI_MINOR, EVF_ABI_MINOR + 1, EVF_ABI_MAJOR, EVF_ABI_MINOR + 1);
    refuses_plugin("no_symbol", "has no symbol evf_plugin");
    refuses_plugin("function_symbol", "evf_plugin is no object");
    refuses_plugin("tiny_symbol", "evf_plugin has 4 bytes, its header alone needs 16");
    refuses_plugin("bad_magic", "field magic: expected 0x31465645, found 0x4b4e554a");
    refuses_plugin("wrong_major", "field abi_major: expected 1, found 2");
    refuses_plugin("newer_minor", newer_minor);
    refuses_plugin("short_struct", "field struct_size: expected at least 96, found 40");
    refuses_plugin("overlong_struct", "field struct_size: found 4096, but the symbol evf_plugin "
                                      "has 96 bytes");
    refuses_plugin("bad_option_size", "field option_size: expected at least 56, found 3");
    refuses_plugin("no_name", "field name: expected one line of 1 to 63 bytes, found NULL");
    refuses_plugin("no_handler", "field handler: expected a struct evf_handler, found NULL");
    refuses_plugin("bad_handler_size", "field handler.struct_size: expected at least 64, found 0");
    refuses_plugin("uneven_handler",
                   "field handler.struct_size: expected a multiple of 8, found 68");
    refuses_plugin("big_stream_state", "handler.stream_state_size: expected at most 65536");
    refuses_plugin("bad_option_default", "options[1].default_value (depth): value \"17\" is too "
                                         "large; allowed: a number: 1 to 10");
    refuses_plugin("bad_option_name", "options[0].name: expected no name that every listener has");
}

Test(loader, names_the_symbol_that_cannot_be_resolved)
{
    refuses_plugin("unresolved_symbol", "undefined symbol: function_that_exists_nowhere");
}

/* ---- Versions side by side ---- */

Test(loader, shares_one_library_between_instances_of_an_unchanged_file)
{
    evf_instance *one = load_good("good", NULL), *two = load_good("good", NULL);
    cr_assert_eq(one->library, two->library);
    evf__instance_destroy(one);
    cr_assert_str_eq(two->plugin.name, "good");
    evf__instance_destroy(two);
}

Test(loader, finds_an_unchanged_file_under_any_path)
{
    evf_instance *one = NULL, *two = NULL;
    char linked[256];
    copy_plugin("good", in_folder("one.so"));
    snprintf(linked, sizeof(linked), "%s/two.so", folder);
    cr_assert_eq(symlink(in_folder("one.so"), linked), 0);
    cr_assert_eq(load(in_folder("one.so"), NULL, NULL, &one), 0, "%s", error);
    cr_assert_eq(load(linked, NULL, NULL, &two), 0, "%s", error);
    cr_assert_eq(one->library, two->library);
    evf__instance_destroy(one);
    evf__instance_destroy(two);
}

Test(loader, loads_a_replaced_file_beside_the_old_one)
{
    evf_instance *old = NULL, *new = NULL, *again = NULL;
    char next[256];
    copy_plugin("good", in_folder("plugin.so"));
    cr_assert_eq(load(in_folder("plugin.so"), NULL, NULL, &old), 0, "%s", error);

    /* when another plugin takes its place, and the old one's file is gone */
    snprintf(next, sizeof(next), "%s/next.so", folder);
    copy_plugin("good_cpp", next);
    cr_assert_eq(rename(next, in_folder("plugin.so")), 0);
    cr_assert_eq(load(in_folder("plugin.so"), NULL, NULL, &new), 0, "%s", error);
    cr_assert_str_eq(old->plugin.name, "good");
    cr_assert_str_eq(new->plugin.name, "good_cpp");

    /* then the old one still runs, and its end leaves the new one */
    struct evf__figure_registry figures = { .count = 0 };
    cr_assert_eq(evf__instance_start(old, 1, &figures, error, sizeof(error)), 0, "%s", error);
    evf__instance_stop(old);
    evf__instance_destroy(old);
    cr_assert_eq(load(in_folder("plugin.so"), NULL, NULL, &again), 0, "%s", error);
    cr_assert_eq(new->library, again->library);
    evf__instance_destroy(new);
    evf__instance_destroy(again);
}

Test(loader, runs_on_when_its_file_is_overwritten_in_place)
{
    evf_instance *instance = NULL;
    struct evf__figure_registry figures = { .count = 0 };
    copy_plugin("good", in_folder("plugin.so"));
    cr_assert_eq(load(in_folder("plugin.so"), NULL, NULL, &instance), 0, "%s", error);
    write_file(in_folder("plugin.so"), "gone", 4);
    REFUSES(in_folder("plugin.so"), "is not an ELF file");
    cr_assert_eq(evf__instance_start(instance, 1, &figures, error, sizeof(error)), 0, "%s", error);
    evf__instance_stop(instance);
    evf__instance_destroy(instance);
}

Test(loader, loads_and_closes_different_files_again_and_again)
{
    static const char *const names[] = { "good", "good_cpp", "longer_structs", "no_symbol" };
    for (unsigned i = 0; i < 40; i++) {
        const char *name = names[i % 4];
        evf_instance *instance = NULL;
        int code = load(name, plugin_folder(), NULL, &instance);
        cr_assert_eq(code, i % 4 == 3 ? EVF_EPLUGIN : 0, "%s", error);
        if (code == 0)
            cr_assert_str_eq(instance->plugin.name, name);
        evf__instance_destroy(instance);
        cr_assert_eq(open_descriptors(), descriptors_before);
    }
}

Test(loader, never_takes_a_library_that_stays_mapped_for_another)
{
    /* given a plugin that dlclose may leave mapped, loaded and closed several times */
    for (unsigned i = 0; i < 5; i++) {
        struct evf__figure_registry figures = { .count = 0 };
        evf_instance *instance = load_good("resident", NULL);
        cr_assert_eq(evf__instance_start(instance, 1, &figures, error, sizeof(error)), EVF_EFAILED);
        cr_assert_not_null(strstr(error, "start number"), "%s", error);
        evf__instance_destroy(instance);
    }

    /* then at most one descriptor stays with it, and other files are still themselves */
    unsigned now = open_descriptors();
    cr_assert_leq(now, descriptors_before + 1);
    evf_instance *good = load_good("good", NULL), *cpp = load_good("good_cpp", NULL);
    cr_assert_str_eq(good->plugin.name, "good");
    cr_assert_str_eq(cpp->plugin.name, "good_cpp");
    evf__instance_destroy(good);
    evf__instance_destroy(cpp);
    cr_assert_eq(open_descriptors(), now);
    descriptors_before = now;
}

/* ---- Inspection ---- */

static const char *inspect(const char *path, int *ret_code)
{
    static char text[16384];
    int fd = memfd_create("inspected", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    error[0] = '\0';
    *ret_code = evf_plugin_inspect(path, fd, error, sizeof(error));
    ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
    cr_assert_geq(len, 0);
    text[len] = '\0';
    close(fd);
    return text;
}

Test(loader, tells_what_a_plugin_is_without_starting_it)
{
    char abi[64];
    snprintf(abi, sizeof(abi), "ABI       %d.%d (this evframe has %d.%d)\n", EVF_ABI_MAJOR,
             EVF_ABI_MINOR, EVF_ABI_MAJOR, EVF_ABI_MINOR);
    const char *const words[] = {
        "name      good\n",
        "version   1.2.3\n",
        "summary   a plugin with one of everything\n",
        abi,
        "handler   data\n",
        "callbacks start, stop\n",
        "state     32 bytes per stream, 8 per worker, 8 per instance\n",
        "  depth     int                  3        1 to 10             how deep it goes\n",
        "  buffer    size                 64k      1 to 1g\n",
        "  colour    choice               green    red, green or blue\n",
        "address, repeatable",
        "idle-timeout",
    };
    int code;
    copy_plugin("good", in_folder("good.so"));
    const char *text = inspect(in_folder("good.so"), &code);
    cr_assert_eq(code, 0, "%s", error);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        cr_assert_not_null(strstr(text, words[i]), "no '%s' in:\n%s", words[i], text);
}

Test(loader, tells_why_a_file_cannot_be_inspected)
{
    int code;
    const char *text = inspect("nope.so", &code);
    cr_assert_eq(code, EVF_EPLUGIN);
    cr_assert_str_eq(text, "");
    cr_assert_not_null(strstr(error, "./nope.so was not found"), "%s", error);
    copy_plugin("wrong_major", in_folder("wrong.so"));
    inspect(in_folder("wrong.so"), &code);
    cr_assert_eq(code, EVF_EPLUGIN);
    cr_assert_not_null(strstr(error, "wrong.so: field abi_major"), "%s", error);
    cr_assert_eq(evf_plugin_inspect(in_folder("wrong.so"), 1, NULL, 0), EVF_EPLUGIN);
}
