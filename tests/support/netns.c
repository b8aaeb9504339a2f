/* SPDX-License-Identifier: MIT
 *
 * Networks of a test's own; see netns.h.
 */
#define SUPPORT_INSIDE
#include "netns.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void ip(const char *command)
{
    char line[300];

    snprintf(line, sizeof line, "ip %s", command);
    if (system(line) != 0)
        support_fail("%s failed", line);
}

void(netns_enter)(void)
{
    if (unshare(CLONE_NEWNET) != 0)
        support_fail("a network of its own needs root: %m");
    ip("link set lo up");
}

static int bits(const char *address)
{
    return strchr(address, ':') != NULL ? 128 : 32;
}

void(netns_own)(const char *address)
{
    char command[200];

    snprintf(command, sizeof command, "address add %s/%d dev lo%s", address, bits(address),
             bits(address) == 128 ? " nodad" : "");
    ip(command);
}

/* Packets for a neighbour that is entered by hand go out on one end of a pair of interfaces, and
 * reach the other end, which is not meant. */
void(netns_silent)(const char *address)
{
    static bool linked;
    char command[200];

    if (!linked) {
        ip("link add silent0 type veth peer name silent1");
        ip("link set silent0 up");
        ip("link set silent1 up");
        ip("address add 198.18.0.1/32 dev silent0");
        ip("address add 2001:db8:ffff::1/128 dev silent0 nodad");
        linked = true;
    }
    snprintf(command, sizeof command, "route add %s/%d dev silent0", address, bits(address));
    ip(command);
    snprintf(command, sizeof command, "neighbour add %s lladdr 02:00:00:00:00:99 dev silent0",
             address);
    ip(command);
}

void(netns_set)(const char *path, const char *value)
{
    char file[200] = "/proc/sys/";

    strncat(file, path, sizeof file - strlen(file) - 1);
    int fd = open(file, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
        support_fail("%s: %m", file);
    close(fd);
}
