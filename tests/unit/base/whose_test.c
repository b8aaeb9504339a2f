/* SPDX-License-Identifier: MIT
 *
 * Whose code it is: plugins by name and by address, files by address, and a full table.
 */
#include "base/whose.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/limits.h"

static const char name[] = "one", other_name[] = "other";
static int here;

static void code(void)
{
    here++;
}

static struct evf__whose plugin(const char *called)
{
    return (struct evf__whose){ .name = called, .version = "1.0", .path = "./file.so" };
}

Test(whose, knows_a_plugin_by_its_name_and_by_its_code)
{
    struct evf__whose one = plugin(name), found = { .name = NULL };
    cr_assert_not(evf__whose_name(name, &found));
    cr_assert_not(evf__whose_code((void *)code, &found));
    evf__whose_add(&one, &here, &one);
    cr_assert(evf__whose_name(name, &found));
    cr_assert_eq(found.version, one.version);
    static char elsewhere[] = "one";
    cr_assert_not(evf__whose_name(elsewhere, &found), "another pointer is another plugin's");
    found.name = NULL;
    cr_assert(evf__whose_code((void *)code, &found), "code of the module that &here lies in");
    cr_assert_eq(found.name, name);
    cr_assert_not(evf__whose_code((void *)strlen, &found), "another module");
    cr_assert_not(evf__whose_code(NULL, &found));
    evf__whose_remove(&one);
    cr_assert_not(evf__whose_name(name, &found));
}

Test(whose, does_not_guess_between_two_plugins_of_one_module)
{
    struct evf__whose one = plugin(name), same = plugin(name), other = plugin(other_name), found;
    evf__whose_add(&one, &here, &one);
    evf__whose_add(&same, &here, &same);
    cr_assert(evf__whose_code((void *)code, &found), "two instances of one plugin");
    evf__whose_add(&other, &here, &other);
    cr_assert_not(evf__whose_code((void *)code, &found));
    cr_assert(evf__whose_name(other_name, &found), "a name is enough");
    evf__whose_remove(&other);
    evf__whose_remove(&same);
    evf__whose_remove(&one);
}

Test(whose, forgets_what_does_not_fit)
{
    static char keys[EVF__PLUGINS_KNOWN_MAX + 1];
    struct evf__whose one = plugin(name), last = plugin(other_name), found;
    for (unsigned i = 0; i < EVF__PLUGINS_KNOWN_MAX; i++)
        evf__whose_add(&keys[i], &here, &one);
    evf__whose_add(&keys[EVF__PLUGINS_KNOWN_MAX], &here, &last);
    cr_assert_not(evf__whose_name(other_name, &found));
    evf__whose_remove(&keys[7]);
    evf__whose_add(&keys[EVF__PLUGINS_KNOWN_MAX], &here, &last);
    cr_assert(evf__whose_name(other_name, &found));
    for (unsigned i = 0; i <= EVF__PLUGINS_KNOWN_MAX; i++)
        evf__whose_remove(&keys[i]);
}

Test(whose, finds_the_file_of_an_address)
{
    struct evf__place place;
    evf__place_init();
    cr_assert(evf__place_of((uintptr_t)code, &place));
    cr_assert_not_null(strstr(place.shown, "unit_base_whose"), "%s", place.shown);
    cr_assert_leq(place.base, (uintptr_t)code);
    cr_assert(evf__place_of((uintptr_t)strlen, &place));
    cr_assert_not(evf__place_of(0, &place));
    cr_assert_not(evf__place_of((uintptr_t)&place, &place), "the stack is no file");

    /* A plugin is shown as the file that its copy was made of. */
    struct evf__whose one = plugin(name);
    evf__whose_add(&one, &here, &one);
    cr_assert(evf__place_of((uintptr_t)code, &place));
    cr_assert_str_eq(place.shown, "./file.so");
    cr_assert_str_neq(place.file, "./file.so");
    evf__whose_remove(&one);
}
