/* SPDX-License-Identifier: MIT
 *
 * The other end of a connection, as a test plays it: plain descriptors, always non-blocking, every
 * wait with the usual deadline.
 */
#ifndef EVF_TESTS_SUPPORT_PEER_H
#define EVF_TESTS_SUPPORT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "check.h"

/* Splits `127.0.0.1:80`, `[::1]:80`, `unix:/path` and `unix:@name` into a socket address. */
socklen_t peer_address(const char *address, struct sockaddr_storage *ret);

/* Connects and waits until the connection stands. */
int peer_connect(const char *address);
#define peer_connect(...) SUPPORT_HERE((peer_connect)(__VA_ARGS__))

/* The same with a receive buffer of about that size and, when source is not NULL, from that local
 * address ("127.0.0.7"). */
struct peer_settings {
    int receive_buffer; /* bytes for SO_RCVBUF, set before connecting; 0: unchanged */
    int send_buffer;    /* bytes for SO_SNDBUF */
    const char *source;
};
int peer_connect_with(const char *address, const struct peer_settings *settings);
#define peer_connect_with(...) SUPPORT_HERE((peer_connect_with)(__VA_ARGS__))

/* Tries to connect: a descriptor, or the negated errno with which it was refused. */
int peer_try_connect(const char *address);
#define peer_try_connect(...) SUPPORT_HERE((peer_try_connect)(__VA_ARGS__))

/* A listening socket of the test's own on that address (port 0 works), for handing it on. */
int peer_listen(const char *address, char *ret_address, size_t size);
#define peer_listen(...) SUPPORT_HERE((peer_listen)(__VA_ARGS__))

/* The local port: the label under which the test plugins report this connection. */
unsigned peer_port(int fd);

/* Sends all of it. */
void peer_send(int fd, const void *bytes, size_t len);
#define peer_send(...) SUPPORT_HERE((peer_send)(__VA_ARGS__))
void peer_send_text(int fd, const char *text);
#define peer_send_text(...) SUPPORT_HERE((peer_send_text)(__VA_ARGS__))

/* Sends what the kernel takes at once; how much that was. */
size_t peer_send_some(int fd, const void *bytes, size_t len);
#define peer_send_some(...) SUPPORT_HERE((peer_send_some)(__VA_ARGS__))

/* The next bytes must be these. */
void peer_expect(int fd, const void *bytes, size_t len);
#define peer_expect(...) SUPPORT_HERE((peer_expect)(__VA_ARGS__))
void peer_expect_text(int fd, const char *text);
#define peer_expect_text(...) SUPPORT_HERE((peer_expect_text)(__VA_ARGS__))

/* Waits for some bytes: at least one, at most size; 0 at the end. A reset fails the test. */
size_t peer_read(int fd, void *bytes, size_t size);
#define peer_read(...) SUPPORT_HERE((peer_read)(__VA_ARGS__))

/* Exactly len bytes. */
void peer_read_exactly(int fd, void *bytes, size_t len);
#define peer_read_exactly(...) SUPPORT_HERE((peer_read_exactly)(__VA_ARGS__))

/* One line without its newline, terminated. */
void peer_read_line(int fd, char *ret_line, size_t size);
#define peer_read_line(...) SUPPORT_HERE((peer_read_line)(__VA_ARGS__))

/* All until the server ends its side; returns how many came (at most size, else the test fails). */
size_t peer_read_until_closed(int fd, void *bytes, size_t size);
#define peer_read_until_closed(...) SUPPORT_HERE((peer_read_until_closed)(__VA_ARGS__))

/* The server ends its side now, without another byte. */
void peer_expect_end(int fd);
#define peer_expect_end(...) SUPPORT_HERE((peer_expect_end)(__VA_ARGS__))

/* The connection is reset; bytes before it are dropped. */
void peer_expect_reset(int fd);
#define peer_expect_reset(...) SUPPORT_HERE((peer_expect_reset)(__VA_ARGS__))

/* The connection ends either way; bytes before it are dropped. */
void peer_expect_gone(int fd);
#define peer_expect_gone(...) SUPPORT_HERE((peer_expect_gone)(__VA_ARGS__))

/* True when nothing has come and the connection stands: looks without waiting. */
bool peer_is_quiet(int fd);

/* Half-close; close; close with RST. */
void peer_end(int fd);
void peer_close(int fd);
void peer_reset(int fd);

#endif
