/* SPDX-License-Identifier: MIT
 *
 * Who may log in: the users' file, read at the start, then only read from. Any thread.
 *
 * Each line is `NAME:PASSWORD`; the name has no colon, the password may. Empty lines and lines that
 * begin with '#' are left out. Name and password have 1 to 255 bytes each, as the protocol has it.
 */
#ifndef SOCKS5_USERS_H
#define SOCKS5_USERS_H

#include "message.h"

struct socks5_user {
    char name[SOCKS5_TEXT_MAX + 1]; /* padded with zeros, so that all can be compared alike */
    char password[SOCKS5_TEXT_MAX + 1];
    uint8_t name_len, password_len;
};

struct socks5_users {
    struct socks5_user *all;
    unsigned count;
};

/* What is wrong with a file, for the operator. */
struct socks5_complaint {
    unsigned line; /* 0: the file itself */
    const char *what;
};

/* Reads the file. 0, or a negative code with a complaint. */
int socks5_users_read(struct socks5_users *users, const char *path,
                      struct socks5_complaint *ret_complaint);
void socks5_users_free(struct socks5_users *users);

/* Takes one line, without its end. 0, or a negative code and what is wrong. Passes by what is no
 * entry. */
int socks5_users_add(struct socks5_users *users, const char *line, size_t len,
                     const char **ret_what);

/* True when user and password belong together. How long it takes depends on the number of users
 * alone. */
bool socks5_users_know(const struct socks5_users *users, const struct socks5_login *login);

#endif
