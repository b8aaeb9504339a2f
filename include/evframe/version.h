/* SPDX-License-Identifier: MIT
 *
 * Versions of the library and of its binary interface.
 */
#ifndef EVFRAME_VERSION_H
#define EVFRAME_VERSION_H

#include <evframe/base.h>

#define EVF_VERSION "0.1.0"

/* The binary interface between evframe and plugins.
 *
 * A plugin is accepted when its major number equals evframe's and its minor number is not newer.
 * Changelog of the interface, newest first:
 *   1.1  struct evf_handler: fd, behind close. struct evf_server_options: stall_warn_ms.
 *   1.0  the first: struct evf_plugin, struct evf_handler and struct evf_option as they stand.
 */
#define EVF_ABI_MAJOR 1
#define EVF_ABI_MINOR 1

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that is running, like "0.1.0". Static text. */
EVF_ANY_THREAD const char *evf_version(void);

/* One line per component: evframe, its ABI, libevent, c-ares, jemalloc. Static text, each line
 * ended by a newline. jemalloc is "not in use" where the process runs on another allocator. */
EVF_ANY_THREAD const char *evf_version_details(void);

#ifdef __cplusplus
}
#endif

#endif
