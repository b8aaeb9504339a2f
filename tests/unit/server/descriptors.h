/* SPDX-License-Identifier: MIT
 *
 * How many descriptors this process has open: to prove that none is left.
 */
#ifndef EVF_TESTS_UNIT_SERVER_DESCRIPTORS_H
#define EVF_TESTS_UNIT_SERVER_DESCRIPTORS_H

#include <criterion/criterion.h>
#include <dirent.h>

static inline unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    cr_assert_not_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

#endif
