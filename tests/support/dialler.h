/* SPDX-License-Identifier: MIT
 *
 * A server with the test plugin `connect`, a stream to give it commands by, and a listener of the
 * test's own for it to connect to.
 */
#ifndef EVF_TESTS_SUPPORT_DIALLER_H
#define EVF_TESTS_SUPPORT_DIALLER_H

#include <stdint.h>

#include "check.h"
#include "flow.h"
#include "peer.h"
#include "server.h"

struct dialler {
    struct server *server;
    int control;
    int listening;     /* -1: closed by the test */
    char address[128]; /* of the listener */
    unsigned port;     /* likewise; 0 of a unix socket */
    unsigned control_port;
    char line[2048]; /* what was told last */
};

/* Starts all three: one worker; the listener on that address, NULL: some port of 127.0.0.1. */
struct dialler dialler_start(const char *address);
#define dialler_start(...) SUPPORT_HERE((dialler_start)(__VA_ARGS__))

/* The same with a server of the test's own, whose first listener has the plugin. */
struct dialler dialler_with(struct server *server, const char *address);
#define dialler_with(...) SUPPORT_HERE((dialler_with)(__VA_ARGS__))

/* Gives a line of commands. */
__attribute__((format(printf, 2, 3))) void dialler_say(struct dialler *dialler, const char *format,
                                                       ...);
#define dialler_say(...) SUPPORT_HERE((dialler_say)(__VA_ARGS__))

/* The next line told must be this one, or begin like this; it stays in `line`. */
__attribute__((format(printf, 2, 3))) void dialler_expect(struct dialler *dialler,
                                                          const char *format, ...);
#define dialler_expect(...) SUPPORT_HERE((dialler_expect)(__VA_ARGS__))
void dialler_expect_begin(struct dialler *dialler, const char *begin);
#define dialler_expect_begin(...) SUPPORT_HERE((dialler_expect_begin)(__VA_ARGS__))

/* Takes the next connection that was made to the listener. */
int dialler_accept(struct dialler *dialler);
#define dialler_accept(...) SUPPORT_HERE((dialler_accept)(__VA_ARGS__))

/* Takes and closes connections until a line is told, which is in `line` then. */
void dialler_serve_until_line(struct dialler *dialler);
#define dialler_serve_until_line(...) SUPPORT_HERE((dialler_serve_until_line)(__VA_ARGS__))

/* The port at the other end of a connection that was accepted. */
unsigned dialler_peer_port(int fd);

/* Fills the listener's queue, so that the next connect is not answered; takes what waits there;
 * closes what filled it. */
void dialler_fill(struct dialler *dialler, int waiting[4]);
#define dialler_fill(...) SUPPORT_HERE((dialler_fill)(__VA_ARGS__))
void dialler_empty(struct dialler *dialler);
#define dialler_empty(...) SUPPORT_HERE((dialler_empty)(__VA_ARGS__))
void dialler_unfill(int waiting[4]);

/* Nothing more was told; the control stream ends; the server is at rest and stops cleanly. */
void dialler_finish(struct dialler *dialler);
#define dialler_finish(...) SUPPORT_HERE((dialler_finish)(__VA_ARGS__))

#endif
