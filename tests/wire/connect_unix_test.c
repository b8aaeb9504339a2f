/* SPDX-License-Identifier: MIT
 *
 * Outgoing streams to unix sockets: row C2 of the behaviours. Each failure has an error of its own.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dialler.h"

Test(connect_unix, reaches_unix_sockets)
{
    const char *folder = test_folder();
    struct dialler d = dialler_start(test_text("unix:%s/socket", folder));

    dialler_say(&d, "dial a unix=%s/socket; facts a; nodelay a 1; write a early", folder);
    dialler_expect(&d, "a connect ok");
    dialler_expect_begin(&d, test_text("a facts opening unix:%s/socket peer=ENOTCONN", folder));
    dialler_expect(&d, "a nodelay EOPNOTSUPP");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d, "a open");
    int peer = dialler_accept(&d);
    peer_expect_text(peer, "early");
    dialler_expect(&d, "a drain 0");
    dialler_say(&d, "facts a");
    dialler_expect(&d, "a facts open unix:%s/socket peer=unix local=unix queued=0 found=1 given=1",
                   folder);
    peer_close(peer);
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    dialler_finish(&d);
    unlink(test_text("%s/socket", folder));
    test_folder_remove(folder);
}

/* Reads `len` bytes of which the first brings a descriptor; what can be read from that. */
static void expect_passed(int peer, const char *text)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    char bytes[64] = "";
    size_t len = strlen(text);
    struct iovec piece = { bytes, len };
    struct msghdr message = { .msg_iov = &piece,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof control };
    int fd;

    cr_assert(wait_for_fd(peer, POLLIN, deadline_usual()));
    cr_assert_eq(recvmsg(peer, &message, MSG_CMSG_CLOEXEC), (ssize_t)len);
    cr_assert_str_eq(bytes, text);
    cr_assert_not_null(CMSG_FIRSTHDR(&message), "a descriptor comes with the first byte");
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    memset(bytes, 0, sizeof bytes);
    cr_assert_eq(read(fd, bytes, sizeof bytes - 1), (ssize_t)len);
    cr_assert_str_eq(bytes, text);
    close(fd);
}

Test(connect_unix, passes_descriptors_that_were_sent_while_opening)
{
    const char *name = test_text("@evf-connect-%d", (int)getpid());
    struct dialler d = dialler_start(test_text("unix:%s", name));

    dialler_say(&d, "dial a unix=%s; write a one,; pass a two,; on a open pass a three", name);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d, "a pass queued");
    dialler_expect(&d, "a open");
    dialler_expect(&d, "a pass queued");
    int peer = dialler_accept(&d);
    peer_expect_text(peer, "one,");
    expect_passed(peer, "two,");
    expect_passed(peer, "three");
    dialler_expect(&d, "a drain 0");
    peer_close(peer);
    dialler_expect(&d, "a end");
    dialler_expect(&d, "a close ok");
    peer_close(d.listening);
    d.listening = peer_listen("127.0.0.1:0", d.address, sizeof d.address);
    dialler_say(&d, "dial b host=127.0.0.1 port=%s; pass b no; close b",
                strrchr(d.address, ':') + 1);
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "b pass EOPNOTSUPP");
    dialler_expect_begin(&d, "b close ok: ");
    dialler_finish(&d);
}

Test(connect_unix, reaches_abstract_unix_sockets)
{
    const char *name = test_text("@evf-connect-%d", (int)getpid());
    struct dialler d = dialler_start(test_text("unix:%s", name));

    dialler_say(&d, "dial a unix=%s", name);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a open");
    dialler_say(&d, "facts a; close a; dial b unix=%s-not", name);
    dialler_expect_begin(&d, test_text("a facts open unix:%s peer=unix", name));
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "a close ok");
    dialler_expect(&d, "b close Connection refused: connect to unix:%s-not: Connection refused",
                   name);
    dialler_finish(&d);
}

Test(connect_unix, tells_the_failures_of_unix_sockets_apart)
{
    const char *folder = test_folder();
    struct dialler d = dialler_start(test_text("unix:%s/dead", folder));
    FILE *file = fopen(test_text("%s/file", folder), "w");

    fclose(file);
    peer_close(d.listening);
    d.listening = -1;
    dialler_say(&d,
                "dial a unix=%s/missing; dial b unix=%s/file; dial c unix=%s/dead; "
                "dial e unix=%s; dial f unix=%s/file/under",
                folder, folder, folder, folder, folder);
    for (char name = 'a'; name <= 'f'; name++)
        if (name != 'd')
            dialler_expect(&d, "%c connect ok", name);
    dialler_expect(
        &d,
        "a close No such file or directory: connect to unix:%s/missing: there is no such "
        "file",
        folder);
    dialler_expect(
        &d,
        "b close Socket operation on non-socket: connect to unix:%s/file: the file is no "
        "socket",
        folder);
    dialler_expect(&d, "c close Connection refused: connect to unix:%s/dead: Connection refused",
                   folder);
    dialler_expect(&d,
                   "e close Socket operation on non-socket: connect to unix:%s: the file is no "
                   "socket",
                   folder);
    dialler_expect(&d, "f close Not a directory: connect to unix:%s/file/under: Not a directory",
                   folder);
    dialler_finish(&d);
    unlink(test_text("%s/dead", folder));
    unlink(test_text("%s/file", folder));
    test_folder_remove(folder);
}

Test(connect_unix, waits_for_room_in_a_unix_sockets_queue)
{
    const char *name = test_text("@evf-connect-%d", (int)getpid());
    struct dialler d = dialler_start(test_text("unix:%s", name));
    int waiting[4];

    dialler_fill(&d, waiting);
    dialler_say(&d, "dial a unix=%s timeout=200", name);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d,
                   "a close ETIMEDOUT: connect to unix:%s: its queue is full: nobody accepts; not "
                   "connected within 200 ms",
                   name);
    dialler_say(&d, "dial b unix=%s; write b patient", name);
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "b write queued");
    server_wait_figure(d.server, "connect_attempts", 2);
    dialler_empty(&d);
    dialler_expect(&d, "b open");
    int peer = dialler_accept(&d);
    peer_expect_text(peer, "patient");
    peer_close(peer);
    dialler_expect(&d, "b drain 0");
    dialler_expect(&d, "b end");
    dialler_expect(&d, "b close ok");
    dialler_unfill(waiting);
    dialler_finish(&d);
}
