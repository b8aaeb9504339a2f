/* SPDX-License-Identifier: MIT
 *
 * Opening files beneath root, without a server around it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/file.h"

static char folder[] = "/tmp/evframe-http-XXXXXX";
static int root = -1;

static void put(const char *name, const char *text)
{
    int fd = openat(root, name, O_WRONLY | O_CREAT, 0644);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void make_folder(void)
{
    bool cached;
    cr_assert_not_null(mkdtemp(folder));
    root = http_root_open(folder, &cached);
    cr_assert_geq(root, 0);
    put("file", "hello");
    cr_assert_eq(mkdirat(root, "sub", 0755), 0);
    cr_assert_eq(symlinkat("/etc", root, "out"), 0);
    cr_assert_eq(symlinkat("..", root, "up"), 0);
    cr_assert_eq(symlinkat("file", root, "in"), 0);
    cr_assert_eq(mkfifoat(root, "pipe", 0644), 0);
}

static void remove_folder(void)
{
    static const char *const names[] = { "file", "out", "up", "in", "pipe" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlinkat(root, names[i], 0);
    unlinkat(root, "sub", AT_REMOVEDIR);
    close(root);
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(file, .init = make_folder, .fini = remove_folder);

static void expect_error(const char *path, int expected)
{
    struct http_file file = { .fd = -7 };
    int error = http_file_open(root, path, false, &file);
    cr_assert_eq(error, expected, "%s gave %d", path, error);
    cr_assert_eq(file.fd, -7);
}

Test(file, inside_root_opens)
{
    static const char *const inside[] = { "file", "in", "sub/../file" };
    for (size_t i = 0; i < 3; i++) {
        struct http_file file;
        char text[5];
        cr_assert_eq(http_file_open(root, inside[i], false, &file), 0, "%s", inside[i]);
        cr_assert_eq(file.facts.size, 5);
        cr_assert_eq(pread(file.fd, text, 5, 0), 5);
        cr_assert(memcmp(text, "hello", 5) == 0);
        close(file.fd);
    }
}

Test(file, outside_root_does_not)
{
    expect_error("../file", -EXDEV);
    expect_error("sub/../../etc/passwd", -EXDEV);
    expect_error("out/passwd", -EXDEV);
    expect_error("up/file", -EXDEV);
    expect_error("/etc/passwd", -EXDEV);
}

Test(file, that_is_none_says_what_it_is)
{
    expect_error("", -EISDIR);
    expect_error("sub", -EISDIR);
    expect_error("pipe", -EACCES);
    expect_error("absent", -ENOENT);
    expect_error("file/absent", -ENOTDIR);
    cr_assert_eq(http_file_status(-EXDEV), 404);
    cr_assert_eq(http_file_status(-ENOENT), 404);
    cr_assert_eq(http_file_status(-EACCES), 403);
    cr_assert_eq(http_file_status(-EMFILE), 503);
    cr_assert_eq(http_file_status(-EIO), 500);
}

Test(file, that_was_never_looked_for_is_not_looked_for_when_that_could_wait)
{
    struct http_file file;
    cr_assert_eq(http_file_open(root, "never-looked-for", true, &file), -EAGAIN);
    expect_error("never-looked-for", -ENOENT);
    cr_assert_eq(http_file_open(root, "never-looked-for", true, &file), -ENOENT);
}

Test(file, as_root_is_refused_when_it_is_no_folder)
{
    bool cached = true;
    char path[64];
    snprintf(path, sizeof path, "%s/file", folder);
    cr_assert_eq(http_root_open(path, &cached), -ENOTDIR);
    snprintf(path, sizeof path, "%s/absent", folder);
    cr_assert_eq(http_root_open(path, &cached), -ENOENT);
}

Test(file, is_read_in_part_when_cached)
{
    struct http_file file;
    char text[5] = { 0 };
    cr_assert_eq(http_file_open(root, "file", false, &file), 0);
    cr_assert(http_file_read_cached(&file, 1, text, 3));
    cr_assert(memcmp(text, "ell", 3) == 0);
    /* Shorter than it was: not to be answered from memory. */
    cr_assert_not(http_file_read_cached(&file, 3, text, 3));
    close(file.fd);
}
