/* SPDX-License-Identifier: MIT
 *
 * Every limit of this plugin that is not an option, with the reason for its value.
 */
#ifndef SOCKS5_LIMITS_H
#define SOCKS5_LIMITS_H

enum {
    /* A name of a host, of a user, and a password: each has a length of one byte in the protocol.
     */
    SOCKS5_TEXT_MAX = 255,

    /* The longest reply: with an IPv6 address. */
    SOCKS5_REPLY_MAX = 4 + 16 + 2,

    /* Users of one listener: each login compares all of them, so that the time it takes tells
     * nothing; a thousand take less than 100 µs. */
    SOCKS5_USERS_MAX = 1024,

    /* A line of the users' file: a name, a colon, a password, an end. */
    SOCKS5_LINE_MAX = 2 * SOCKS5_TEXT_MAX + 8,

    /* What a client may send behind its request before it was answered. It is held where it is; a
     * greeting of another protocol fits. */
    SOCKS5_EARLY_MAX = 16 * 1024,
};

#endif
