/* SPDX-License-Identifier: MIT
 *
 * Descriptors over unix streams, both ways; who the peer is; and that a connection that was passed
 * on and closed here leaves the loop alone.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow.h"
#include "pattern.h"
#include "peer.h"
#include "server.h"

enum { MESSAGE_MAX = 253 }; /* descriptors in one message */

static struct server *server;
static const char *folder;
static int boss; /* the unix stream that gives orders */

static void start(unsigned long open_files)
{
    folder = test_folder();
    server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen",
                       test_listen(test_text("unix:%s/boss", folder), "descriptors", NULL),
                       "--listen", test_listen("127.0.0.1:0", "descriptors", NULL) },
        .open_files = open_files,
    });
    boss = peer_connect(server_address(server, 0));
}

static void begin(void)
{
    start(0);
}

static void finish(void)
{
    if (boss >= 0)
        peer_close(boss);
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

TestSuite(descriptors, .init = begin, .fini = finish);

/* ---- Verbs ---- */

static void order(const char *text)
{
    peer_send_text(boss, test_text("%s\n", text));
}

static void expect(const char *text)
{
    peer_expect_text(boss, test_text("%s\n", text));
}

/* Sends the text with descriptors on its first byte. */
static void send_fds(const char *text, const int *fds, unsigned count)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(MESSAGE_MAX * sizeof(int))];
    } control = { .bytes = { 0 } };
    struct iovec piece = { (void *)(uintptr_t)text, strlen(text) };
    struct msghdr message = { .msg_iov = &piece,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
    cr_assert(wait_for_fd(boss, POLLOUT, deadline_usual()));
    cr_assert_eq(sendmsg(boss, &message, MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Receives at most size bytes; *ret_fd is the descriptor that came, or -1. */
static size_t receive_fd(void *bytes, size_t size, int *ret_fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec piece = { bytes, size };
    struct msghdr message = { .msg_iov = &piece,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof control };
    cr_assert(wait_for_fd(boss, POLLIN, deadline_usual()));
    ssize_t got = recvmsg(boss, &message, MSG_CMSG_CLOEXEC);
    cr_assert_gt(got, 0);
    *ret_fd = -1;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL) {
        cr_assert_eq(header->cmsg_type, SCM_RIGHTS);
        cr_assert_eq(header->cmsg_len, CMSG_LEN(sizeof(int)), "one at a time");
        memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
    }
    return (size_t)got;
}

/* The descriptor that comes with the byte "P". */
static int receive_passed(void)
{
    int fd;
    char byte;
    cr_assert_eq(receive_fd(&byte, 1, &fd), 1);
    cr_assert_eq(byte, 'P');
    cr_assert_geq(fd, 0, "a descriptor comes with it");
    return fd;
}

/* Some file, and the answer that tells that it came. */
static int some_file(const char **ret_answer)
{
    struct stat file;
    int fd = memfd_create("some", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fstat(fd, &file), 0);
    *ret_answer = test_text("fd %llu", (unsigned long long)file.st_ino);
    return fd;
}

/* A TCP connection that the plugin calls the other. */
static int connect_other(const struct peer_settings *settings)
{
    int peer = settings != NULL ? peer_connect_with(server_address(server, 1), settings)
                                : peer_connect(server_address(server, 1));
    peer_send_text(peer, "hello");
    peer_expect_text(peer, "hello");
    return peer;
}

/* The stream of that peer is closed, and for a second the server does nothing at all. */
static void expect_idle(int peer)
{
    server_wait_event(server, peer_port(peer), "close ok");
    size_t logged = strlen(server_log(server));
    uint64_t before = server_cpu_ms(server);
    cr_assert_not(wait_quietly(boss, 1000));
    uint64_t used = server_cpu_ms(server) - before;
    cr_assert_lt(used, 150, "an idle server used %llu ms of a second", (unsigned long long)used);
    cr_assert_eq(strlen(server_log(server)), logged, "%s", server_log(server) + logged);
}

/* Both directions work between the peer and the descriptor that was passed to us. */
static void expect_connected(int peer, int passed)
{
    peer_send_text(peer, "to the new owner");
    peer_expect_text(passed, "to the new owner");
    peer_send_text(passed, "and back");
    peer_expect_text(peer, "and back");
}

/* ---- Sending ---- */

Test(descriptors, of_a_connection_can_be_passed_on_and_used)
{
    int peer = connect_other(NULL);
    order("pass");
    int passed = receive_passed();
    order("drop");
    expect("dropped");
    expect_connected(peer, passed);
    close(passed);
    peer_expect_end(peer);
    peer_close(peer);
}

Test(descriptors, come_with_their_own_byte_among_all_kinds_of_writes)
{
    unsigned total = test_scaled(600000), fds = 0;
    order(test_text("mix %u", total));
    for (uint64_t at = 0; at < total; at++) {
        uint64_t place;
        uint8_t byte;
        int fd;
        cr_assert_eq(receive_fd(&byte, 1, &fd), 1);
        cr_assert_eq(byte, pattern_byte(at % (256 * 1024)), "byte %llu", (unsigned long long)at);
        if (fd < 0)
            continue;
        cr_assert_eq(pread(fd, &place, sizeof place, 0), (ssize_t)sizeof place);
        cr_assert_eq(place, at, "the one for %llu came at %llu", (unsigned long long)place,
                     (unsigned long long)at);
        close(fd);
        fds++;
    }
    cr_assert_gt(fds, total / 20000);
    order("that was all");
    expect("that was all");
}

Test(descriptors, that_wait_are_closed_with_their_stream)
{
    order("mix 4000000");
    cr_assert(wait_for_fd(boss, POLLIN, deadline_usual()));
    peer_close(boss); /* with much unread */
    boss = -1;        /* and the suite's end finds every descriptor closed */
}

Test(descriptors, are_refused_where_they_cannot_be_sent)
{
    int peer = connect_other(NULL);
    order("over tcp");
    expect("EOPNOTSUPP");
    order("status");
    expect("EINVAL Bad file descriptor Bad file descriptor");
    server_wait_log(server, "event 0 ended EPIPE;");
    peer_expect_end(boss);
    expect_connected(peer, peer);
    peer_close(peer);
}

/* ---- Outgoing streams ---- */

static int listen_at(const char *path)
{
    char address[128];
    return peer_listen(test_text("unix:%s", path), address, sizeof address);
}

/* The outgoing stream's other end is the boss from now on. Returns the boss before. */
static int accept_boss(int listening)
{
    int before = boss;
    cr_assert(wait_for_fd(listening, POLLIN, deadline_usual()));
    boss = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    cr_assert_geq(boss, 0);
    return before;
}

static void expect_early(char expected, bool with_fd)
{
    uint8_t bytes[8];
    char byte;
    int fd;
    cr_assert_eq(receive_fd(&byte, 1, &fd), 1);
    cr_assert_eq(byte, expected);
    cr_assert_eq(fd >= 0, with_fd, "with %c", expected);
    if (fd < 0)
        return;
    cr_assert_eq(pread(fd, bytes, sizeof bytes, 0), 8);
    cr_assert_eq(pattern_mismatch(bytes, 0, sizeof bytes), 8);
    close(fd);
}

Test(descriptors, sent_before_the_connection_stands_come_in_their_place)
{
    const char *path = test_text("%s/called", folder), *answer;
    int listening = listen_at(path), file = some_file(&answer);
    order(test_text("dial %s", path));
    expect("dialled");
    int before = accept_boss(listening);
    expect_early('a', true);
    expect_early('b', false);
    expect_early('c', true);
    send_fds("take it\n", &file, 1); /* and outgoing streams take them */
    expect(answer);
    expect("take it");
    peer_close(boss);
    boss = before;
    close(file);
    close(listening);
}

Test(descriptors, sent_before_the_connection_stands_are_closed_with_the_stream)
{
    const char *path = test_text("%s/called", folder);
    int listening = listen_at(path);
    order(test_text("dial+drop %s", path));
    expect("dialled");
    order(test_text("dial+drop %s/nobody", folder));
    expect("dialled");
    order(test_text("dial %s/nobody", folder));
    expect("dialled");
    server_wait_log_count(server, "event 0 without Bad file descriptor;", 3);
    close(listening);
} /* the suite's end finds none left over */

Test(descriptors, are_refused_over_tcp_before_the_connection_stands)
{
    order(test_text("dial tcp %u", server_port(server, 1)));
    expect("EOPNOTSUPP ENOTCONN");
}

/* ---- Receiving ---- */

Test(descriptors, are_given_to_the_handler_before_their_bytes)
{
    const char *answer;
    int file = some_file(&answer);
    send_fds("first\n", &file, 1);
    expect(answer);
    expect("first");
    order("without");
    expect("without");
    send_fds("second\n", &file, 1);
    expect(answer);
    expect("second");
    close(file);
}

Test(descriptors, come_in_their_order_as_many_as_a_message_holds)
{
    int fds[MESSAGE_MAX];
    const char *answers[MESSAGE_MAX];
    for (unsigned i = 0; i < MESSAGE_MAX; i++)
        fds[i] = some_file(&answers[i]);
    for (unsigned round = 0; round < 3; round++) {
        send_fds("all\n", fds, MESSAGE_MAX);
        for (unsigned i = 0; i < MESSAGE_MAX; i++)
            expect(answers[i]);
        expect("all");
        order("credentials"); /* which the kernel then puts in front of the next ones */
        expect("on");
    }
    for (unsigned i = 0; i < MESSAGE_MAX; i++)
        close(fds[i]);
}

Test(descriptors, come_before_a_rest_that_their_bytes_complete)
{
    const char *one, *two;
    int first = some_file(&one), second = some_file(&two);
    peer_send_text(boss, "a l");
    send_fds("i", &first, 1);
    expect(one);
    send_fds("ne\n", &second, 1);
    expect(two);
    expect("a line");
    close(first);
    close(second);
}

Test(descriptors, that_the_closing_handler_did_not_take_are_closed)
{
    int fds[20];
    const char *answer;
    for (unsigned i = 0; i < 20; i++)
        fds[i] = some_file(&answer);
    order("close");
    expect("closing");
    send_fds("unread\n", fds, 20);
    peer_expect_gone(boss);
    for (unsigned i = 0; i < 20; i++)
        close(fds[i]);
} /* the suite's end finds none left over */

Test(descriptors, in_a_flood_are_handed_over_one_message_after_the_other)
{
    unsigned messages = test_scaled(2000);
    const char *answer;
    int file = some_file(&answer);
    int fds[30];
    for (unsigned i = 0; i < 30; i++)
        fds[i] = file;
    for (unsigned i = 0; i < messages; i++) {
        send_fds("\n", fds, 30);
        for (unsigned k = 0; k < 30; k++)
            expect(answer);
        expect("");
    }
    close(file);
}

Test(descriptors, that_no_slot_takes_never_reach_the_process)
{
    const char *path = test_text("unix:%s/bare", folder), *answer;
    int file = some_file(&answer);
    struct server *bare = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen(path, "frames", NULL) },
    });
    int before = boss, mine;
    mine = boss = peer_connect(server_address(bare, 0));
    unsigned open = 0;
    for (unsigned i = 0; i < 50; i++) {
        peer_send(boss, "\0\0\0", 3);
        send_fds("\1", &file, 1);
        peer_send(boss, "x", 1);
        peer_expect_text(boss, "1 120\n");
        open = i == 0 ? server_open_files(bare) : open;
    }
    cr_assert_eq(server_open_files(bare), open);
    boss = before;
    peer_close(mine);
    close(file);
    server_stop_cleanly(bare);
}

/* ---- Out of descriptors ---- */

TestSuite(scarce);

Test(scarce, descriptors_are_lost_but_not_their_bytes)
{
    enum { SENT = 200, LIMIT = 100 };
    int fds[SENT];
    char line[64];
    unsigned released;
    const char *answer;
    int file = some_file(&answer);
    for (unsigned i = 0; i < SENT; i++)
        fds[i] = file;
    start(LIMIT);
    order("hold");
    expect("holding");
    for (unsigned i = 0; i < 3; i++) {
        send_fds("many\n", fds, SENT);
        expect("many");
    }
    server_wait_log(server, "raise the limit of open files");
    server_wait_figure(server, "descriptors_lost", 3);
    cr_assert_eq(server_log_count(server, "raise the limit of open files"), 1, "once a stream");
    order("release");
    peer_read_line(boss, line, sizeof line);
    cr_assert_eq(sscanf(line, "released %u", &released), 1, "%s", line);
    cr_assert(released > 30 && released < LIMIT, "%u were kept", released);
    send_fds("again\n", fds, 1);
    expect(answer);
    expect("again");
    close(file);
    finish();
}

/* ---- Who is there ---- */

Test(descriptors, go_with_credentials_of_the_peer)
{
    char line[64];
    int pid;
    unsigned uid, gid;
    order("creds");
    peer_read_line(boss, line, sizeof line);
    cr_assert_eq(sscanf(line, "%d %u %u", &pid, &uid, &gid), 3, "%s", line);
    cr_assert(pid == getpid() && uid == geteuid() && gid == getegid(), "%s", line);
}

/* ---- Passed on, closed here, alive elsewhere ---- */

Test(descriptors, passed_on_and_closed_leave_the_loop_alone_when_readable)
{
    int peer = connect_other(NULL);
    order("pass");
    int passed = receive_passed();
    order("drop");
    expect("dropped");
    peer_send_text(peer, "unread");
    cr_assert(wait_for_fd(passed, POLLIN, deadline_usual()), "readable here, as it would be there");
    expect_idle(peer);
    peer_expect_text(passed, "unread");
    peer_end(peer);
    cr_assert(wait_for_fd(passed, POLLIN, deadline_usual()), "ended: readable for ever");
    expect_idle(peer);
    close(passed);
    peer_close(peer);
}

Test(descriptors, passed_on_and_closed_leave_the_loop_alone_when_writable)
{
    int peer = connect_other(&(struct peer_settings){ .receive_buffer = 4096 });
    uint8_t bytes[65536];
    size_t total = 0;
    order("fill");
    expect("full");
    order("pass");
    int passed = receive_passed();
    order("drop");
    expect("dropped");
    while (wait_for_fd(peer, POLLIN, clock_ms() + 200)) /* until there is room to send again */
        total += peer_read(peer, bytes, sizeof bytes);
    cr_assert_gt(total, 0);
    cr_assert(wait_for_fd(passed, POLLOUT, deadline_usual()), "writable here");
    expect_idle(peer);
    expect_connected(peer, passed);
    close(passed);
    peer_close(peer);
}

Test(descriptors, passed_on_in_the_call_that_closes_leave_the_loop_alone)
{
    int peer = connect_other(NULL);
    order("pass+drop");
    int passed = receive_passed();
    peer_send_text(peer, "unread");
    cr_assert(wait_for_fd(passed, POLLIN, deadline_usual()));
    expect_idle(peer);
    peer_expect_text(passed, "unread");
    expect_connected(peer, passed);
    close(passed);
    peer_close(peer);
}

Test(descriptors, passed_on_in_close_leave_the_loop_alone)
{
    int peer = connect_other(NULL);
    order("pass@close");
    order("drop");
    char line[16];
    int passed = -1;
    for (size_t got = 0; got < strlen("dropped\nP");) { /* in this order or the other */
        int fd;
        got += receive_fd(line, 1, &fd);
        passed = fd >= 0 ? fd : passed;
    }
    cr_assert_geq(passed, 0);
    peer_send_text(peer, "unread");
    cr_assert(wait_for_fd(passed, POLLIN, deadline_usual()));
    expect_idle(peer);
    peer_expect_text(passed, "unread");
    expect_connected(peer, passed);
    close(passed);
    peer_close(peer);
}

Test(descriptors, duplicated_here_leave_the_loop_alone_when_the_stream_is_closed)
{
    int peer = connect_other(NULL);
    order("dup");
    expect("kept");
    order("drop");
    expect("dropped");
    peer_send_text(peer, "unread");
    expect_idle(peer);
    order("release");
    expect("released 1");
    peer_expect_gone(peer);
    peer_close(peer);
}

Test(descriptors, that_came_and_were_closed_leave_the_loop_alone)
{
    const char *answer;
    int peer = connect_other(NULL), pair[2];
    struct stat file;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(fstat(pair[0], &file), 0);
    answer = test_text("fd %llu", (unsigned long long)file.st_ino);
    peer_send_text(pair[1], "unread");
    send_fds("take it\n", pair, 1);
    expect(answer);
    expect("take it");
    order("drop");
    expect("dropped");
    expect_idle(peer);
    peer_expect_text(pair[0], "unread");
    close(pair[0]);
    close(pair[1]);
    peer_close(peer);
}
