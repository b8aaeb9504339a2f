/* SPDX-License-Identifier: MIT
 *
 * Driving the test plugin `connect`; see dialler.h.
 */
#define SUPPORT_INSIDE
#include "dialler.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dialler(dialler_with)(struct server *server, const char *address)
{
    struct dialler dialler = { .server = server, .listening = -1 };

    dialler.listening = (peer_listen)(address != NULL ? address : "127.0.0.1:0", dialler.address,
                                      sizeof dialler.address);
    if (strncmp(dialler.address, "unix:", 5) != 0)
        dialler.port = (unsigned)strtoul(strrchr(dialler.address, ':') + 1, NULL, 10);
    dialler.control = (peer_connect)(server_address(server, 0));
    return dialler;
}

struct dialler(dialler_start)(const char *address)
{
    return (dialler_with)((server_with)("1", "connect", NULL), address);
}

void(dialler_say)(struct dialler *dialler, const char *format, ...)
{
    char line[2048];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof line - 1)
        support_fail("too long a line of commands");
    strcat(line, "\n");
    (peer_send_text)(dialler->control, line);
}

void(dialler_expect)(struct dialler *dialler, const char *format, ...)
{
    char wanted[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(wanted, sizeof wanted, format, arguments);
    va_end(arguments);
    (peer_read_line)(dialler->control, dialler->line, sizeof dialler->line);
    if (strcmp(dialler->line, wanted) != 0)
        support_fail("expected '%s', was told '%s'", wanted, dialler->line);
}

void(dialler_expect_begin)(struct dialler *dialler, const char *begin)
{
    (peer_read_line)(dialler->control, dialler->line, sizeof dialler->line);
    if (strncmp(dialler->line, begin, strlen(begin)) != 0)
        support_fail("expected '%s…', was told '%s'", begin, dialler->line);
}

int(dialler_accept)(struct dialler *dialler)
{
    int fd = -1;

    if (!wait_for_fd(dialler->listening, POLLIN, deadline_usual()))
        support_fail("nobody connects to %s", dialler->address);
    fd = accept4(dialler->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        support_fail("accept: %m");
    return fd;
}

void(dialler_serve_until_line)(struct dialler *dialler)
{
    uint64_t deadline = deadline_in(60000);

    for (;;) {
        struct pollfd fds[] = { { .fd = dialler->control, .events = POLLIN },
                                { .fd = dialler->listening, .events = POLLIN } };

        if (poll(fds, 2, deadline_left(deadline)) <= 0)
            support_fail("nothing was told");
        if (fds[0].revents != 0)
            break;
        int fd = accept4(dialler->listening, NULL, NULL, SOCK_CLOEXEC);

        if (fd >= 0)
            close(fd);
    }
    (peer_read_line)(dialler->control, dialler->line, sizeof dialler->line);
}

unsigned dialler_peer_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;

    if (getpeername(fd, (struct sockaddr *)&address, &len) != 0)
        support_fail("getpeername: %m");
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* The kernel lets one connection more wait than the backlog says; then it answers nobody. */
void(dialler_fill)(struct dialler *dialler, int waiting[4])
{
    struct sockaddr_storage address;
    socklen_t len = (peer_address)(dialler->address, &address);

    if (listen(dialler->listening, 0) != 0)
        support_fail("listen: %m");
    for (unsigned i = 0; i < 4; i++) {
        waiting[i] = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(waiting[i], (struct sockaddr *)&address, len);
    }
    if (!wait_for_fd(waiting[0], POLLOUT, deadline_usual()))
        support_fail("not even one connection fits");
}

void(dialler_empty)(struct dialler *dialler)
{
    close((dialler_accept)(dialler));
}

void dialler_unfill(int waiting[4])
{
    for (unsigned i = 0; i < 4; i++)
        close(waiting[i]);
}

void(dialler_finish)(struct dialler *dialler)
{
    (peer_end)(dialler->control);
    (peer_expect_end)(dialler->control);
    (peer_close)(dialler->control);
    if (dialler->listening >= 0)
        close(dialler->listening);
    (server_stop_cleanly)(dialler->server);
}
