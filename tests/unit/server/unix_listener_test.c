/* SPDX-License-Identifier: MIT
 *
 * Unix listeners: the file, the lock beside it, dead sockets, and that nothing else is ever
 * deleted.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "descriptors.h"
#include "server/listener.h"

static char folder[64], path[128], lock[160], text[160], error[600];
static unsigned descriptors_before;

static void make_folder(void)
{
    descriptors_before = count_descriptors();
    snprintf(folder, sizeof folder, "/tmp/evf-unix-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(lock, sizeof lock, "%s.lock", path);
    snprintf(text, sizeof text, "unix:%s", path);
}

static void nothing_is_left(void)
{
    cr_assert_eq(rmdir(folder), 0, "the folder is empty again: %s", strerror(errno));
    cr_assert_eq(count_descriptors(), descriptors_before, "descriptors are left");
}

TestSuite(unix_listener, .init = make_folder, .fini = nothing_is_left);

static int try_open(struct evf__listener *listener, const char *address)
{
    struct evf__listen_settings settings = { .backlog = 16 };
    *listener = (struct evf__listener){ 0 };
    int status = evf__listener_init(listener, address, error, sizeof error);
    cr_assert_eq(status, 0, "%s", error);
    return evf__listener_open(listener, &settings, error, sizeof error);
}

/* The same with owner, group and mode. */
static int try_open_with(struct evf__listener *listener, const struct evf__socket_settings *rights)
{
    struct evf__listen_settings settings = { .backlog = 16, .socket = *rights };
    *listener = (struct evf__listener){ 0 };
    cr_assert_eq(evf__listener_init(listener, text, error, sizeof error), 0, "%s", error);
    return evf__listener_open(listener, &settings, error, sizeof error);
}

static void given_open(struct evf__listener *listener)
{
    cr_assert_eq(try_open(listener, text), 0, "%s", error);
}

static void expect_refusal(const char *address, int status, const char *reason)
{
    struct evf__listener listener;
    int got = try_open(&listener, address);
    cr_assert_eq(got, status, "status %d: %s", got, error);
    cr_assert_not_null(strstr(error, address), "'%s' names the address", error);
    cr_assert_not_null(strstr(error, reason), "'%s' says '%s'", error, reason);
    evf__listener_fini(&listener);
}

static struct sockaddr_un address_of(const char *at)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, at, strlen(at) + 1);
    return address;
}

static int try_connect(const char *at)
{
    struct sockaddr_un address = address_of(at);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    int status = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : -errno;
    close(fd);
    return status;
}

/* Somebody else's socket at the path. */
static int other_socket(int type, bool listening)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, type, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    if (listening)
        cr_assert_eq(listen(fd, 1), 0);
    return fd;
}

static void write_file(const char *at, const char *content)
{
    FILE *file = fopen(at, "w");
    cr_assert_not_null(file);
    fputs(content, file);
    fclose(file);
}

static bool exists(const char *at)
{
    struct stat found;
    return lstat(at, &found) == 0;
}

static mode_t mode_of(const char *at)
{
    struct stat found;
    cr_assert_eq(lstat(at, &found), 0);
    return found.st_mode & 07777;
}

/* -- what works -- */

Test(unix_listener, listens_and_leaves_nothing_behind)
{
    struct evf__listener listener;
    given_open(&listener);
    cr_assert_eq(try_connect(path), 0);
    cr_assert_str_eq(((struct sockaddr_un *)&listener.sockets[0].bound)->sun_path, path);
    evf__listener_fini(&listener);
    cr_assert_not(exists(path));
    cr_assert_not(exists(lock));
}

Test(unix_listener, gives_the_file_its_mode_whatever_the_umask)
{
    static const mode_t masks[] = { 0, 022, 077, 0777 };
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        struct evf__listener listener;
        umask(masks[i]);
        given_open(&listener);
        cr_assert_eq(mode_of(path), 0660, "umask %o", (unsigned)masks[i]);
        evf__listener_fini(&listener);
    }
}

Test(unix_listener, replaces_a_dead_socket)
{
    struct evf__listener listener;
    close(other_socket(SOCK_STREAM, true));
    cr_assert(exists(path));
    given_open(&listener);
    cr_assert_eq(try_connect(path), 0);
    evf__listener_fini(&listener);
}

Test(unix_listener, takes_over_the_lock_of_a_dead_server)
{
    struct evf__listener listener;
    write_file(lock, "");
    given_open(&listener);
    evf__listener_fini(&listener);
    cr_assert_not(exists(lock));
}

Test(unix_listener, keeps_a_lock_file_in_which_somebody_wrote)
{
    struct evf__listener listener;
    write_file(lock, "precious");
    given_open(&listener);
    evf__listener_fini(&listener);
    cr_assert(exists(lock));
    unlink(lock);
}

Test(unix_listener, can_be_hidden_while_it_still_listens)
{
    struct evf__listener listener;
    given_open(&listener);
    evf__listener_hide(&listener);
    cr_assert_not(exists(path));
    cr_assert(exists(lock), "nobody else listens there yet");
    expect_refusal(text, -EADDRINUSE, "another server is listening there");
    evf__listener_fini(&listener);
}

Test(unix_listener, does_not_remove_what_is_no_longer_its_file)
{
    struct evf__listener listener;
    given_open(&listener);
    unlink(path);
    write_file(path, "somebody else's");
    evf__listener_fini(&listener);
    cr_assert(exists(path));
    unlink(path);
}

Test(unix_listener, listens_on_an_abstract_name)
{
    struct evf__listener listener;
    char abstract[160];
    snprintf(abstract, sizeof abstract, "unix:@evf-test-%d", (int)getpid());
    cr_assert_eq(try_open(&listener, abstract), 0, "%s", error);
    const struct sockaddr_un *bound = (const struct sockaddr_un *)&listener.sockets[0].bound;
    cr_assert_eq(bound->sun_path[0], '\0');
    cr_assert_eq(listener.sockets[0].bound_len,
                 offsetof(struct sockaddr_un, sun_path) + strlen(abstract) - strlen("unix:"));
    expect_refusal(abstract, -EADDRINUSE, "another process is listening there");
    evf__listener_fini(&listener);
}

/* -- what does not, and is left alone -- */

Test(unix_listener, refuses_a_path_in_use_by_its_lock)
{
    struct evf__listener listener;
    given_open(&listener);
    expect_refusal(text, -EADDRINUSE, "it holds");
    cr_assert_eq(try_connect(path), 0, "the first one still listens");
    evf__listener_fini(&listener);
}

Test(unix_listener, refuses_a_path_in_use_by_somebody_without_a_lock)
{
    int fd = other_socket(SOCK_STREAM, true);
    expect_refusal(text, -EADDRINUSE, "another process is listening there");
    cr_assert_eq(try_connect(path), 0, "it still listens");
    expect_refusal(text, -EADDRINUSE, "another process is listening there");
    close(fd);
    unlink(path);
}

Test(unix_listener, refuses_a_socket_of_another_kind_that_is_in_use)
{
    int fd = other_socket(SOCK_DGRAM, false);
    expect_refusal(text, -EPROTOTYPE, "whether it is in use cannot be told");
    cr_assert(exists(path));
    close(fd);
    unlink(path);
}

Test(unix_listener, never_touches_a_file_that_is_no_socket)
{
    write_file(path, "precious");
    expect_refusal(text, -EEXIST, "not a socket");
    cr_assert(exists(path));
    unlink(path);
    cr_assert_eq(mkdir(path, 0700), 0);
    expect_refusal(text, -EEXIST, "not a socket");
    rmdir(path);
    cr_assert_eq(symlink("nowhere", path), 0);
    expect_refusal(text, -EEXIST, "not a socket");
    cr_assert(exists(path));
    unlink(path);
}

Test(unix_listener, refuses_a_lock_that_is_no_regular_file)
{
    cr_assert_eq(mkfifo(lock, 0600), 0);
    expect_refusal(text, -EEXIST, "not a regular file");
    cr_assert(exists(lock));
    unlink(lock);
    cr_assert_eq(symlink("nowhere", lock), 0);
    expect_refusal(text, -ELOOP, "its lock");
    cr_assert(exists(lock));
    unlink(lock);
}

Test(unix_listener, names_a_folder_that_does_not_exist)
{
    expect_refusal("unix:/nowhere/at/all", -ENOENT, "the folder does not exist");
}

Test(unix_listener, names_a_folder_in_which_it_may_not_write)
{
    cr_assert_eq(chmod(folder, 0555), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    expect_refusal(text, -EACCES, "cannot be opened");
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
}

/* -- owner, group and mode -- */

Test(unix_listener, has_the_mode_that_is_asked_for_whatever_the_umask)
{
    static const struct evf__socket_settings rights = { .mode = 0606 };
    struct evf__listener listener;
    struct stat status;
    mode_t before = umask(0777);
    int opened = try_open_with(&listener, &rights);
    umask(before);
    cr_assert_eq(opened, 0, "%s", error);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0606);
    evf__listener_fini(&listener);
}

Test(unix_listener, leaves_nothing_when_its_owner_or_group_cannot_be_set)
{
    static const struct evf__socket_settings owner = { .owner_given = true, .owner = 4711 },
                                             group = { .group_given = true, .group = 4711 };
    struct evf__listener listener;
    if (geteuid() == 0)
        cr_assert_eq(chown(folder, 65534, (gid_t)-1), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    cr_assert_eq(try_open_with(&listener, &owner), -EPERM);
    cr_assert_not_null(strstr(error, "its owner cannot be set to 4711"), "%s", error);
    cr_assert_not_null(strstr(error, "CAP_CHOWN"), "%s", error);
    evf__listener_fini(&listener);
    cr_assert_eq(try_open_with(&listener, &group), -EPERM);
    cr_assert_not_null(strstr(error, "its group cannot be set to 4711"), "%s", error);
    cr_assert_not_null(strstr(error, "not in that group"), "%s", error);
    evf__listener_fini(&listener);
    cr_assert_not(exists(path));
    cr_assert_not(exists(lock));
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
}
