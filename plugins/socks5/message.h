/* SPDX-License-Identifier: MIT
 *
 * The messages of SOCKS version 5 (RFC 1928) and of its logins with a password (RFC 1929). Pure
 * logic on bytes; texts and addresses that were read point into them.
 *
 * A message is read by one of three functions, which return how many bytes it has, 0 when not all
 * of them are there yet, or a negative number when they are no such message: then no byte that
 * follows can make it one. Every message has at most 515 bytes.
 */
#ifndef SOCKS5_MESSAGE_H
#define SOCKS5_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "limits.h"

enum { SOCKS5_BAD = -1 };

/* -- method negotiation -- */

enum socks5_method {
    SOCKS5_METHOD_NONE = 0x00,     /* no authentication */
    SOCKS5_METHOD_PASSWORD = 0x02, /* user and password */
    SOCKS5_METHOD_REFUSED = 0xff,  /* none that the client offers will do */
};

/* What the client offers. */
struct socks5_greeting {
    bool none, password;
};

int socks5_greeting_read(const uint8_t *bytes, size_t len, struct socks5_greeting *ret);

/* -- user and password -- */

struct socks5_login {
    const uint8_t *user, *password; /* not terminated; 1 … 255 bytes each */
    uint8_t user_len, password_len;
};

int socks5_login_read(const uint8_t *bytes, size_t len, struct socks5_login *ret);

/* -- the request -- */

enum socks5_command { SOCKS5_CONNECT = 1, SOCKS5_BIND = 2, SOCKS5_UDP_ASSOCIATE = 3 };

enum socks5_reply {
    SOCKS5_SUCCEEDED = 0,
    SOCKS5_FAILED = 1, /* a general failure */
    SOCKS5_NOT_ALLOWED = 2,
    SOCKS5_NETWORK_UNREACHABLE = 3,
    SOCKS5_HOST_UNREACHABLE = 4,
    SOCKS5_REFUSED = 5,
    SOCKS5_EXPIRED = 6, /* the time to live; used when nobody answered in time */
    SOCKS5_COMMAND_UNKNOWN = 7,
    SOCKS5_ADDRESS_UNKNOWN = 8, /* the type of address */
};

struct socks5_request {
    enum socks5_reply refusal; /* SOCKS5_SUCCEEDED: it may be carried out; else host is not set */
    char host[SOCKS5_TEXT_MAX + 1]; /* a name, or an address in text; terminated */
    uint16_t port;
};

/* A request that is well-formed as far as it can be read but cannot be carried out has a refusal.
 * (Of an unknown type of address the length is unknown too: four bytes are taken for it.) */
int socks5_request_read(const uint8_t *bytes, size_t len, struct socks5_request *ret);

/* Writes the reply to a request: with the address, IPv4 or IPv6, or 0.0.0.0:0 when it is NULL or
 * another. Returns its length, at most SOCKS5_REPLY_MAX. */
size_t socks5_reply_write(enum socks5_reply reply, const struct sockaddr_storage *bound,
                          uint8_t *ret);

/* The reply that tells why a connect failed: a status code of evframe. */
enum socks5_reply socks5_reply_for(int status);

#endif
