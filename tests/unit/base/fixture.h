/* SPDX-License-Identifier: MIT
 *
 * What the ends of fixtures need.
 *
 * Criterion 2.4.1 prints an assertion that fails in a .fini, but lets the test pass; only a crash
 * there counts. So fixtures PROVE instead of asserting.
 */
#ifndef EVF_TESTS_UNIT_BASE_FIXTURE_H
#define EVF_TESTS_UNIT_BASE_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>

#define PROVE(condition, what)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            cr_expect(false, "%s", what);                                                          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIXTURE_FINDS_LEAKS
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define FIXTURE_FINDS_LEAKS
#endif

/* Leaks are not looked for when a test ends: Criterion leaves by _exit. */
#ifdef FIXTURE_FINDS_LEAKS
#include <sanitizer/lsan_interface.h>
#define PROVE_NO_LEAK() PROVE(__lsan_do_recoverable_leak_check() == 0, "memory is left")
#else
#define PROVE_NO_LEAK() ((void)0)
#endif

#endif
