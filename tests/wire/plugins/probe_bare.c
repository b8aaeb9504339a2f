/* SPDX-License-Identifier: MIT
 *
 * Test plugin: probe.c without the slots end, drain, timeout and quiesce, for what the framework
 * does in their place.
 */
#define PROBE_BARE
#include "probe.c"
