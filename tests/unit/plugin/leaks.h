/* SPDX-License-Identifier: MIT
 *
 * Proof at the end of a test that no memory is left, in builds with AddressSanitizer: Criterion
 * ends a test without it.
 */
#ifndef EVF_TESTS_UNIT_PLUGIN_LEAKS_H
#define EVF_TESTS_UNIT_PLUGIN_LEAKS_H

#include <criterion/criterion.h>

#if defined(__SANITIZE_ADDRESS__)
#define LEAKS_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_CHECKED 1
#endif
#endif

#if defined(LEAKS_CHECKED)
#include <sanitizer/lsan_interface.h>
#endif

static inline void expect_no_leaks(void)
{
#if defined(LEAKS_CHECKED)
    cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "memory is left");
#endif
}

#endif
