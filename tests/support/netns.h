/* SPDX-License-Identifier: MIT
 *
 * A network of the test's own: its process, and what it starts from then on, gets a loopback that
 * nobody else has, and addresses that exist for it alone. All of it is gone with the test's
 * process. Needs root.
 */
#ifndef EVF_TESTS_SUPPORT_NETNS_H
#define EVF_TESTS_SUPPORT_NETNS_H

#include "check.h"

/* Enters a new network, with its loopback up: 127.0.0.0/8 and ::1. */
void netns_enter(void);
#define netns_enter(...) SUPPORT_HERE((netns_enter)(__VA_ARGS__))

/* An address of this host. Where nobody listens, connects to it are refused. */
void netns_own(const char *address);
#define netns_own(...) SUPPORT_HERE((netns_own)(__VA_ARGS__))

/* An address that swallows what is sent to it: its network and its link exist, nobody is there. */
void netns_silent(const char *address);
#define netns_silent(...) SUPPORT_HERE((netns_silent)(__VA_ARGS__))

/* A setting such as net.ipv4.ip_local_port_range. */
void netns_set(const char *path, const char *value);
#define netns_set(...) SUPPORT_HERE((netns_set)(__VA_ARGS__))

#endif
