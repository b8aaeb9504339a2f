/* SPDX-License-Identifier: MIT
 *
 * evf_strerror: a text for every code there is, and for those there are not.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <evframe/base.h>

static const struct {
    int code;
    const char *text;
} own[] = {
#define ROW(name, value, text) { name, text },
    EVF_ERRORS(ROW)
#undef ROW
};

enum { OWN = sizeof(own) / sizeof(own[0]) };

Test(error, gives_every_own_code_its_text)
{
    for (int i = 0; i < OWN; i++) {
        cr_assert_str_eq(evf_strerror(own[i].code), own[i].text);
        cr_assert_gt(strlen(own[i].text), 0);
    }
}

Test(error, own_codes_are_distinct_and_never_meet_an_errno)
{
    for (int i = 0; i < OWN; i++) {
        cr_assert_lt(own[i].code, -4095);
        for (int j = 0; j < i; j++) {
            cr_assert_neq(own[i].code, own[j].code);
            cr_assert_str_neq(own[i].text, own[j].text);
        }
    }
}

Test(error, gives_a_negated_errno_the_text_of_the_system)
{
    cr_assert_str_eq(evf_strerror(-ENOENT), "No such file or directory");
    cr_assert_str_eq(evf_strerror(-ETIMEDOUT), "Connection timed out");
    cr_assert_str_eq(evf_strerror(-EPERM), "Operation not permitted");
}

Test(error, calls_what_is_not_negative_success)
{
    cr_assert_str_eq(evf_strerror(0), "success");
    cr_assert_str_eq(evf_strerror(EVF_FULL), "success");
    cr_assert_str_eq(evf_strerror(INT_MAX), "success");
}

Test(error, has_a_text_for_codes_that_do_not_exist)
{
    static const int codes[] = { -4000, -4095, -4200, -100000, INT_MIN, INT_MIN + 1 };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        cr_assert_str_eq(evf_strerror(codes[i]), "unknown error");
}
