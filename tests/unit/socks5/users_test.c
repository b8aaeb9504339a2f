/* SPDX-License-Identifier: MIT
 *
 * Who may log in, and what a users' file may hold.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "socks5/users.h"

static struct socks5_login login_of(const char *user, const char *password)
{
    return (struct socks5_login){ (const uint8_t *)user, (const uint8_t *)password,
                                  (uint8_t)strlen(user), (uint8_t)strlen(password) };
}

static bool knows(const struct socks5_users *users, const char *user, const char *password)
{
    struct socks5_login login = login_of(user, password);
    return socks5_users_know(users, &login);
}

/* Reads a file with these bytes. */
static int read_text(struct socks5_users *users, const char *text, size_t len,
                     struct socks5_complaint *complaint)
{
    char path[] = "/tmp/users-XXXXXX";
    int fd = mkstemp(path);
    *users = (struct socks5_users){ 0 };
    cr_assert(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    close(fd);
    int status = socks5_users_read(users, path, complaint);
    unlink(path);
    return status;
}

Test(users, know_name_and_password_together)
{
    struct socks5_users users;
    struct socks5_complaint complaint;
    static const char text[] =
        "# people\n\nbob:secret\r\nann:with:colon\nbob2:secre\n# end\nlast:x";

    cr_assert_eq(read_text(&users, text, strlen(text), &complaint), 0, "%s", complaint.what);
    cr_expect_eq(users.count, 4);
    cr_expect(knows(&users, "bob", "secret"));
    cr_expect(knows(&users, "ann", "with:colon"));
    cr_expect(knows(&users, "last", "x"));
    cr_expect_not(knows(&users, "bob", "secre"));
    cr_expect_not(knows(&users, "bob", "secrett"));
    cr_expect_not(knows(&users, "bo", "secret"));
    cr_expect_not(knows(&users, "bob2", "secret"));
    cr_expect_not(knows(&users, "Bob", "secret"));
    cr_expect_not(knows(&users, "# people", "x"));
    struct socks5_login zeros = { (const uint8_t *)"bob\0", (const uint8_t *)"secret", 4, 6 };
    cr_expect_not(socks5_users_know(&users, &zeros));
    socks5_users_free(&users);
    cr_expect_not(knows(&users, "bob", "secret"));
}

static void expect_complaint(const char *text, size_t len, unsigned line, const char *what)
{
    struct socks5_users users;
    struct socks5_complaint complaint;
    cr_assert_lt(read_text(&users, text, len, &complaint), 0);
    cr_expect_eq(complaint.line, line, "line %u", complaint.line);
    cr_expect_str_eq(complaint.what, what);
    socks5_users_free(&users);
}

Test(users, files_are_refused_by_their_line)
{
    char long_name[700];
    memset(long_name, 'n', sizeof long_name);
    memcpy(long_name, "a:b\n", 4);

    expect_complaint("", 0, 0, "there is no user in it");
    expect_complaint("# nobody\n", 9, 0, "there is no user in it");
    expect_complaint("a:b\nnothing\n", 12, 2, "this is not NAME:PASSWORD");
    expect_complaint(":b\n", 3, 1, "this is not NAME:PASSWORD");
    expect_complaint("a:\n", 3, 1, "this is not NAME:PASSWORD");
    expect_complaint("a\0:b\nc:d\n", 9, 1, "the line is too long, or has a zero byte");
    expect_complaint(long_name, sizeof long_name, 2, "the line is too long, or has a zero byte");
    long_name[300] = ':';
    expect_complaint(long_name, 400, 2, "a name and a password have at most 255 bytes");

    struct socks5_users users = { 0 };
    struct socks5_complaint complaint;
    cr_expect_eq(socks5_users_read(&users, "/nowhere/users", &complaint), -ENOENT);
    cr_expect_str_eq(complaint.what, "No such file or directory");
}

Test(users, are_at_most_1024)
{
    struct socks5_users users = { 0 };
    const char *what = "";
    for (unsigned i = 0; i < SOCKS5_USERS_MAX; i++) {
        char line[32];
        int len = snprintf(line, sizeof line, "user%u:password%u", i, i);
        cr_assert_eq(socks5_users_add(&users, line, (size_t)len, &what), 0);
    }
    cr_expect_eq(socks5_users_add(&users, "one:more", 8, &what), -EINVAL);
    cr_expect_str_eq(what, "there are more than 1024 users");
    cr_expect(knows(&users, "user0", "password0"));
    cr_expect(knows(&users, "user1023", "password1023"));
    cr_expect_not(knows(&users, "user7", "password8"));
    socks5_users_free(&users);
}
