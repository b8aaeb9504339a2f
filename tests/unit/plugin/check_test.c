/* SPDX-License-Identifier: MIT
 *
 * Checking descriptors and the options they declare: one sentence for each field that is wrong.
 */
#include "plugin/check.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../random.h"
#include "base/limits.h"
#include "leaks.h"

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };
static struct evf_plugin plugin;
static struct evf__checked_plugin checked;
static char error[1024];

static void set_up(void)
{
    plugin = (struct evf_plugin){
        EVF_PLUGIN_HEADER,
        .name = "plugin",
        .version = "1.0",
        .handler = &handler,
    };
}

TestSuite(check, .init = set_up, .fini = expect_no_leaks);

static int check(size_t size)
{
    struct evf__sentence sentence;
    evf__sentence_init(&sentence, error, sizeof(error));
    return evf__plugin_check(&plugin, size, &checked, &sentence);
}

static void accepts(void)
{
    cr_assert_eq(check(SIZE_MAX), 0, "%s", error);
    cr_assert_str_eq(error, "");
    free(checked.options);
}

static void refuses(const char *sentence)
{
    checked.options = (struct evf_option *)(void *)error;
    cr_assert_eq(check(SIZE_MAX), EVF_EPLUGIN);
    cr_assert_str_eq(error, sentence);
    cr_assert_eq(checked.options, (struct evf_option *)(void *)error, "outputs are untouched");
}

/* An option that is wrong, behind one that is right. */
static void refuses_option(struct evf_option option, const char *sentence)
{
    const struct evf_option options[] = {
        { .name = "good", .type = EVF_OPTION_STRING, .help = "fine" }, option, { 0 }
    };
    plugin.options = options;
    refuses(sentence);
}

static void accepts_option(struct evf_option option)
{
    const struct evf_option options[] = { option, { 0 } };
    plugin.options = options;
    accepts();
}

Test(check, reads_nothing_that_was_not_proven_to_be_there)
{
    /* given a descriptor of any size that ends where memory ends */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    cr_assert_eq(mprotect(memory + page, page, PROT_NONE), 0);
    for (size_t size = 0; size <= sizeof(plugin); size++) {
        struct evf__sentence sentence;
        char *descriptor = memory + page - size;
        memcpy(descriptor, &plugin, size);
        evf__sentence_init(&sentence, error, sizeof(error));
        int code = evf__plugin_check(descriptor, size, &checked, &sentence);
        cr_assert_eq(code, size == sizeof(plugin) ? 0 : EVF_EPLUGIN, "%zu: %s", size, error);
    }
    free(checked.options);
    munmap(memory, 2 * page);
}

Test(check, copies_what_it_knows_of_longer_structs)
{
    struct {
        struct evf_plugin plugin;
        void *unknown;
    } longer = { .plugin = plugin };
    struct evf__sentence sentence;
    longer.plugin.struct_size = sizeof(longer);
    evf__sentence_init(&sentence, error, sizeof(error));
    cr_assert_eq(evf__plugin_check(&longer, sizeof(longer), &checked, &sentence), 0, "%s", error);
    cr_assert_str_eq(checked.plugin.name, "plugin");
    cr_assert_not_null(checked.options);
    cr_assert_null(checked.options[0].name);
    free(checked.options);
}

Test(check, wants_name_and_version_as_one_short_line)
{
    char longest[EVF__PLUGIN_NAME_MAX + 2];
    memset(longest, 'n', sizeof(longest));
    longest[EVF__PLUGIN_NAME_MAX] = '\0';
    plugin.name = longest;
    accepts();
    longest[EVF__PLUGIN_NAME_MAX] = 'n';
    longest[EVF__PLUGIN_NAME_MAX + 1] = '\0';
    refuses("field name: expected one line of 1 to 63 bytes, found more");
    plugin.name = "";
    refuses("field name: expected one line of 1 to 63 bytes, found an empty text");
    plugin.name = "a\nb";
    refuses("field name: expected one line of 1 to 63 bytes, found \"a\\x0ab\"");
    set_up();
    plugin.version = NULL;
    refuses("field version: expected one line of 1 to 63 bytes, found NULL");
    set_up();
    plugin.summary = "\x7f";
    refuses("field summary: expected one line of at most 255 bytes, found \"\\x7f\"");
    plugin.summary = "";
    accepts();
}

Test(check, bounds_sizes)
{
    plugin.worker_state_size = EVF__PLUGIN_STATE_MAX + 1u;
    refuses("field worker_state_size: expected at most 1073741824, found 1073741825");
    plugin.worker_state_size = 0;
    plugin.instance_state_size = UINT32_MAX;
    refuses("field instance_state_size: expected at most 1073741824, found 4294967295");
    set_up();
    plugin.option_size = 60;
    refuses("field option_size: expected a multiple of 8 up to 4096, found 60");
    plugin.option_size = 8192;
    refuses("field option_size: expected a multiple of 8 up to 4096, found 8192");
}

Test(check, wants_names_of_options_that_can_be_typed)
{
    static const char expected[] = "field options[1].name: expected 1 to 63 of a-z, 0-9 and '-', "
                                   "the first no '-', found ";
    static const char *const names[] = { "", "Depth", "a b", "-a", "a=b", "a_b", "a,b" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char sentence[256];
        snprintf(sentence, sizeof(sentence), "%s\"%s\"", expected, names[i]);
        refuses_option((struct evf_option){ .name = names[i], .type = EVF_OPTION_INT }, sentence);
    }
    accepts_option((struct evf_option){ .name = "2-depths", .type = EVF_OPTION_INT });
    refuses_option((struct evf_option){ .name = "good", .type = EVF_OPTION_INT },
                   "field options[1].name: expected a new name, found \"good\" as in options[0]");
}

Test(check, keeps_the_names_that_every_listener_has)
{
    static const char *const names[] = { "max-connections", "idle-timeout", "max-frame",
                                         "write-high",      "write-max",    "first-byte",
                                         "max-lifetime",    "min-rate",     "linger" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char sentence[256];
        snprintf(sentence, sizeof(sentence),
                 "field options[1].name: expected no name that every listener has already, found "
                 "\"%s\"",
                 names[i]);
        refuses_option((struct evf_option){ .name = names[i], .type = EVF_OPTION_INT }, sentence);
    }
}

Test(check, wants_a_known_type_and_flags)
{
    static const uint32_t types[] = { 0, 9, 255, EVF_OPTION_INT | 0x400, UINT32_MAX };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char sentence[256];
        snprintf(sentence, sizeof(sentence),
                 "field options[1].type (depth): expected one of enum evf_option_type and known "
                 "flags, found 0x%x",
                 types[i]);
        refuses_option((struct evf_option){ .name = "depth", .type = types[i] }, sentence);
    }
    accepts_option((struct evf_option){
        .name = "depth", .type = EVF_OPTION_INT | EVF_OPTION_REPEATABLE | EVF_OPTION_REQUIRED });
}

Test(check, wants_ranges_that_hold_something_and_only_for_numbers)
{
    refuses_option(
        (struct evf_option){ .name = "depth", .type = EVF_OPTION_INT, .min = 1 },
        "field options[1].max (depth): expected at least min, which is 1, found 0 (INT64_MAX is "
        "no limit)");
    refuses_option((struct evf_option){ .name = "depth", .type = EVF_OPTION_PATH, .max = 1 },
                   "field options[1].max (depth): expected no range, which only numbers, sizes "
                   "and times have");
    accepts_option((struct evf_option){ .name = "depth", .type = EVF_OPTION_INT, .min = -1 });
}

Test(check, wants_choices_where_they_belong)
{
    static const char *const none[] = { NULL }, *const odd[] = { "a", "", NULL };
    refuses_option((struct evf_option){ .name = "colour", .type = EVF_OPTION_CHOICE },
                   "field options[1].choices (colour): expected an array of names ended by NULL, "
                   "found NULL");
    refuses_option(
        (struct evf_option){ .name = "colour", .type = EVF_OPTION_CHOICE, .choices = none },
        "field options[1].choices (colour): expected 1 to 256 names and then NULL, found none");
    refuses_option(
        (struct evf_option){ .name = "colour", .type = EVF_OPTION_CHOICE, .choices = odd },
        "field options[1].choices[1]: expected one line of 1 to 255 bytes, found an empty text");
    refuses_option(
        (struct evf_option){ .name = "colour", .type = EVF_OPTION_STRING, .choices = odd },
        "field options[1].choices (colour): expected NULL for a type that is not "
        "EVF_OPTION_CHOICE");
}

Test(check, bounds_the_walk_over_choices_and_options)
{
    static const char *choices[EVF__OPTION_CHOICES_MAX + 2];
    static char names[EVF__OPTIONS_MAX + 1][8];
    static struct evf_option options[EVF__OPTIONS_MAX + 2];
    for (unsigned i = 0; i <= EVF__OPTION_CHOICES_MAX; i++)
        choices[i] = "same";
    refuses_option(
        (struct evf_option){ .name = "colour", .type = EVF_OPTION_CHOICE, .choices = choices },
        "field options[1].choices (colour): expected 1 to 256 names and then NULL, found more");
    choices[EVF__OPTION_CHOICES_MAX] = NULL;
    accepts_option(
        (struct evf_option){ .name = "colour", .type = EVF_OPTION_CHOICE, .choices = choices });

    for (unsigned i = 0; i <= EVF__OPTIONS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "o%u", i);
        options[i] = (struct evf_option){ .name = names[i], .type = EVF_OPTION_INT };
    }
    plugin.options = options;
    refuses("field options: expected at most 256 and then a zero entry, found more");
    options[EVF__OPTIONS_MAX].name = NULL;
    accepts();
}

Test(check, wants_defaults_that_could_be_given)
{
    static const char *const colours[] = { "red", "blue", NULL };
    refuses_option(
        (struct evf_option){ .name = "wait", .type = EVF_OPTION_DURATION, .default_value = "1d" },
        "field options[1].default_value (wait): value \"1d\" is malformed; allowed: a time (with "
        "ms, s, m, h)");
    refuses_option(
        (struct evf_option){
            .name = "size", .type = EVF_OPTION_SIZE, .default_value = "2k", .max = 1024 },
        "field options[1].default_value (size): value \"2k\" is too large; allowed: a "
        "size (bytes, or with k, m, g): at most 1k");
    refuses_option((struct evf_option){ .name = "colour",
                                        .type = EVF_OPTION_CHOICE,
                                        .default_value = "pink",
                                        .choices = colours },
                   "field options[1].default_value (colour): value \"pink\" is none of the "
                   "choices; allowed: red or blue");
    refuses_option(
        (struct evf_option){ .name = "on", .type = EVF_OPTION_BOOL, .default_value = "" },
        "field options[1].default_value (on): value \"\" is malformed; allowed: on, yes, true, 1 "
        "or off, no, false, 0");
}

Test(check, wants_help_in_one_line)
{
    refuses_option((struct evf_option){ .name = "x", .type = EVF_OPTION_INT, .help = "a\tb" },
                   "field options[1].help: expected one line of at most 255 bytes, found "
                   "\"a\\x09b\"");
}

Test(check, of_a_header_with_any_bits_changed_never_accepts_what_it_must_not)
{
    struct random random = random_start();
    const struct evf_plugin good = plugin;
    for (unsigned round = 0; round < random_rounds(20000); round++) {
        uint8_t header[16];
        plugin = good;
        memcpy(header, &plugin, sizeof(header));
        header[random_below(&random, 16)] ^= (uint8_t)(1u << random_below(&random, 8));
        if (random_below(&random, 2) == 0)
            header[random_below(&random, 16)] = (uint8_t)random_below(&random, 256);
        memcpy(&plugin, header, sizeof(header));
        int code = check(sizeof(plugin));
        bool same = plugin.magic == good.magic && plugin.abi_major == good.abi_major &&
                    plugin.abi_minor <= good.abi_minor && plugin.struct_size == sizeof(plugin);
        cr_assert(code == EVF_EPLUGIN || same, "a changed header is accepted");
        if (code == 0)
            free(checked.options);
    }
}
