/* SPDX-License-Identifier: MIT
 *
 * Makes what a fixture's .fini asserts count; linked into every Criterion program.
 *
 * Criterion 2.4.1 prints an assertion that fails in a .fini, but counts the test as passed and ends
 * with status 0. When assertions failed that no test answers for, the program ends as failed.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdio.h>

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    if (stats->tests_failed > 0 || stats->asserts_failed == 0)
        return;
    fprintf(stderr, "%zu assertions failed in fixtures\n", stats->asserts_failed);
    stats->tests_failed = 1;
}
