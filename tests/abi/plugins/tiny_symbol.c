/* SPDX-License-Identifier: MIT
 *
 * Refused: its evf_plugin ends inside the header.
 */
__attribute__((visibility("default"))) extern const char evf_plugin[4];

const char evf_plugin[4] = "EVF";
