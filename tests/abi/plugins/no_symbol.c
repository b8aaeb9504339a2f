/* SPDX-License-Identifier: MIT
 *
 * Refused: a shared object that exports something, but no evf_plugin.
 */
#include <evframe/base.h>

EVF_API int not_a_plugin(void);

int not_a_plugin(void)
{
    return 42;
}
