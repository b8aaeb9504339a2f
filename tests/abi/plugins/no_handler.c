/* SPDX-License-Identifier: MIT
 *
 * Refused: has no handler.
 */
#include <evframe/evframe.h>

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "no_handler",
    .version = "1.0.0",
};
