/* SPDX-License-Identifier: MIT
 *
 * Refused: its evf_plugin is a function.
 */
__attribute__((visibility("default"))) int evf_plugin(void);

int evf_plugin(void)
{
    return 42;
}
