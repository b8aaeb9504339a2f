/* SPDX-License-Identifier: MIT
 *
 * Who may log in; see users.h.
 */
#include "users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Grows by doubling, at powers of two. */
static int make_room(struct socks5_users *users)
{
    if ((users->count & (users->count - 1)) != 0)
        return 0;
    size_t count = users->count == 0 ? 1 : 2 * (size_t)users->count;
    struct socks5_user *all = realloc(users->all, count * sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    users->all = all;
    return 0;
}

int socks5_users_add(struct socks5_users *users, const char *line, size_t len,
                     const char **ret_what)
{
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len == 0 || line[0] == '#')
        return 0;
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon != NULL ? (size_t)(colon - line) : 0;
    size_t password_len = colon != NULL ? len - name_len - 1 : 0;
    if (name_len == 0 || password_len == 0)
        *ret_what = "this is not NAME:PASSWORD";
    else if (name_len > SOCKS5_TEXT_MAX || password_len > SOCKS5_TEXT_MAX)
        *ret_what = "a name and a password have at most 255 bytes";
    else if (users->count == SOCKS5_USERS_MAX)
        *ret_what = "there are more than 1024 users";
    else if (make_room(users) < 0)
        *ret_what = "no memory";
    else {
        struct socks5_user *user = &users->all[users->count++];
        *user = (struct socks5_user){ .name_len = (uint8_t)name_len,
                                      .password_len = (uint8_t)password_len };
        memcpy(user->name, line, name_len);
        memcpy(user->password, colon + 1, password_len);
        return 0;
    }
    return -EINVAL;
}

static int read_lines(struct socks5_users *users, FILE *file, struct socks5_complaint *complaint)
{
    char line[SOCKS5_LINE_MAX];
    while (fgets(line, sizeof line, file) != NULL) {
        size_t len = strlen(line);
        complaint->line++;
        if (len > 0 && line[len - 1] == '\n') {
            len--;
        } else if (!feof(file)) {
            complaint->what = "the line is too long, or has a zero byte";
            return -EINVAL;
        }
        int status = socks5_users_add(users, line, len, &complaint->what);
        if (status < 0)
            return status;
    }
    complaint->line = 0;
    complaint->what = ferror(file) ? strerror(errno) : "there is no user in it";
    return ferror(file) ? -EIO : users->count == 0 ? -EINVAL : 0;
}

int socks5_users_read(struct socks5_users *users, const char *path,
                      struct socks5_complaint *ret_complaint)
{
    *ret_complaint = (struct socks5_complaint){ 0 };
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        ret_complaint->what = strerror(errno);
        return -errno;
    }
    int status = read_lines(users, file, ret_complaint);
    fclose(file);
    return status;
}

void socks5_users_free(struct socks5_users *users)
{
    if (users->all != NULL)
        explicit_bzero(users->all, users->count * sizeof *users->all);
    free(users->all);
    *users = (struct socks5_users){ 0 };
}

/* 0 when they are the same; looks at every byte in any case. */
static unsigned difference(const char *padded, uint8_t padded_len, const uint8_t *bytes,
                           uint8_t len)
{
    unsigned different = padded_len ^ len;
    for (unsigned i = 0; i < len; i++)
        different |= (uint8_t)padded[i] ^ bytes[i];
    return different;
}

bool socks5_users_know(const struct socks5_users *users, const struct socks5_login *login)
{
    bool known = false;
    for (unsigned i = 0; i < users->count; i++) {
        const struct socks5_user *user = &users->all[i];
        unsigned different =
            difference(user->name, user->name_len, login->user, login->user_len) |
            difference(user->password, user->password_len, login->password, login->password_len);
        known |= different == 0;
    }
    return known;
}
