/* SPDX-License-Identifier: MIT
 *
 * What a listener's options do to its sockets and connections, and for which listeners they are.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "server.h"

static struct server *with(const char *accept, const char *address, const char *plugin,
                           const char *options)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--accept", accept, "--listen",
                       test_listen(address, plugin, options) },
    });
}

static void expect_echo(const char *address)
{
    int peer = peer_connect(address);

    peer_send_text(peer, "hello");
    peer_expect_text(peer, "hello");
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
}

static void refuses(const char *address, const char *options, const char *text)
{
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--workers", "1", "--listen", test_listen(address, "minimal", options) },
        },
        1, text);
}

/* The same by --check, and it begins with the listener. */
static void is_not_for(const char *address, const char *options, const char *option,
                       const char *reason)
{
    const char *text = test_text("listener %s: option %s %s", address, option, reason);

    refuses(address, options, text);
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--check", "--listen", test_listen(address, "minimal", options) },
        },
        1, text);
}

/* -- connections -- */

/* What the peer sends waits in the kernel until the plugin resumes the stream, which is open all
 * the while. */
static void check_pause_on_connect(const char *accept)
{
    struct server *server =
        with(accept, "127.0.0.1:0", "probe",
             "pause-on-connect=on,open=state;text hello;timer 300,timer=bytes;resume");
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "text heard\n");
    peer_expect_text(peer, "hello");
    peer_expect_text(peer, "heard");
    server_expect_events(server, peer_port(peer), "open; state open; timer; bytes 0 5");
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(listen_options, starts_connections_paused)
{
    check_pause_on_connect("shared");
}

Test(listen_options, starts_connections_paused_with_reuseport)
{
    check_pause_on_connect("reuseport");
}

Test(listen_options, leaves_a_paused_connection_paused_until_it_is_resumed)
{
    struct server *server =
        with("shared", "127.0.0.1:0", "probe", "pause-on-connect,idle-timeout=1s,open=state");
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "say heard\n");
    server_expect_events(server, peer_port(peer), "open; state open; timeout; close ETIMEDOUT");
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(listen_options, reads_a_paused_connection_that_open_resumes)
{
    struct server *server = with("shared", "127.0.0.1:0", "probe", "pause-on-connect,open=resume");
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "text heard\n");
    peer_expect_text(peer, "heard");
    peer_close(peer);
    server_stop_cleanly(server);
}

/* What the accepted socket has, by the plugin's own getsockopt. */
static void check_socket(const char *accept, const char *address, const char *reached,
                         const char *options, const char *text)
{
    struct server *server = with(accept, address, "probe", options);
    int peer = peer_connect(test_text("%s:%u", reached, server_port(server, 0)));

    peer_send_text(peer, "sockopts\n");
    server_wait_event(server, peer_port(peer), text);
    peer_close(peer);
    server_stop_cleanly(server);
}

static const char *const keepalive =
    "keepalive=on,keepalive-idle=77s,keepalive-interval=11s,keepalive-count=5";

Test(listen_options, keeps_connections_alive)
{
    check_socket("shared", "127.0.0.1:0", "127.0.0.1", keepalive,
                 "sockopts nodelay=1 keepalive=1,77,11,5 tos=0");
    check_socket("reuseport", "127.0.0.1:0", "127.0.0.1", keepalive,
                 "sockopts nodelay=1 keepalive=1,77,11,5 tos=0");
    check_socket("shared", "[::]:0", "[::1]", keepalive,
                 "sockopts nodelay=1 keepalive=1,77,11,5 tos=0");
}

Test(listen_options, marks_what_it_sends)
{
    check_socket("shared", "127.0.0.1:0", "127.0.0.1", "tos=184",
                 "sockopts nodelay=1 keepalive=0,7200,75,9 tos=184");
    check_socket("reuseport", ":0", "127.0.0.1", "tos=184",
                 "sockopts nodelay=1 keepalive=0,7200,75,9 tos=184");
}

/* Who speaks is served while one that came earlier is still silent; that one is served later. */
static void check_deferred(const char *accept)
{
    struct server *server = with(accept, "127.0.0.1:0", "probe", "defer-accept=1s");
    int silent = peer_connect(server_address(server, 0));
    unsigned silent_port = peer_port(silent);
    int speaks = peer_connect(server_address(server, 0));

    peer_send_text(speaks, "text first\n");
    peer_expect_text(speaks, "first");
    server_wait_figure(server, "connections_accepted", 1);
    server_wait_event(server, silent_port, "open");
    peer_send_text(silent, "text second\n");
    peer_expect_text(silent, "second");
    peer_close(speaks);
    peer_close(silent);
    server_stop_cleanly(server);
}

Test(listen_options, defers_silent_connections)
{
    check_deferred("shared");
    check_deferred("reuseport");
}

Test(listen_options, marks_what_it_sends_over_ipv6)
{
    struct server *server = with("shared", "[::1]:0", "probe", "tos=72");
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "tclass\n");
    server_wait_event(server, peer_port(peer), "tclass 72");
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(listen_options, sets_what_connections_inherit_on_an_inherited_socket)
{
    char own[128];
    int listener = peer_listen("127.0.0.1:0", own, sizeof own);
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen",
                       test_listen("fd:3", "probe", "keepalive,keepalive-idle=33,tos=96") },
        .inherit = { listener },
        .inherit_count = 1,
    });
    int peer = peer_connect(own);

    peer_send_text(peer, "sockopts\n");
    server_wait_event(server, peer_port(peer), "sockopts nodelay=1 keepalive=1,33,75,9 tos=96");
    peer_close(peer);
    server_wait_figure(server, "streams", 0);
    server_signal(server, SIGTERM);
    server_ended(server, 0);
    peer_close(listener);
}

Test(listen_options, says_what_is_wrong_with_keepalive)
{
    refuses("127.0.0.1:0", "keepalive-idle=5",
            "option keepalive-idle: value \"5\" has no effect "
            "without keepalive=on");
    refuses("127.0.0.1:0", "keepalive,keepalive-idle=2500ms", "no whole number of seconds");
    refuses("127.0.0.1:0", "keepalive,keepalive-idle=10h", "1s to 32767s");
    refuses("127.0.0.1:0", "tos=300", "0 to 255");
}

/* -- sockets -- */

/* [::] alone, so that somebody else can have the port over IPv4. */
static void check_v6_only(const char *accept)
{
    struct server *six = with(accept, "[::]:0", "minimal", "v6-only=on");
    unsigned port = server_port(six, 0);
    const char *four = test_text("127.0.0.1:%u", port);

    expect_echo(test_text("[::1]:%u", port));
    cr_expect_eq(peer_try_connect(four), -ECONNREFUSED);
    struct server *other = with(accept, test_text("0.0.0.0:%u", port), "minimal", NULL);
    expect_echo(four);
    server_stop_cleanly(other);
    server_stop_cleanly(six);
}

Test(listen_options, leaves_ipv4_to_others)
{
    check_v6_only("shared");
}

Test(listen_options, leaves_ipv4_to_others_with_reuseport)
{
    check_v6_only("reuseport");
}

/* Two processes on one port: both get connections. */
static void check_reuse_port(const char *accept)
{
    struct server *one = with(accept, "127.0.0.1:0", "which", "reuse-port=on");
    const char *address = server_address(one, 0);
    struct server *two = with(accept, address, "which", "reuse-port=on");
    char index;

    for (unsigned i = 0; i < 200; i++) {
        int peer = peer_connect(address);

        peer_read_exactly(peer, &index, 1);
        peer_reset(peer);
        if (i % 20 == 19 && server_figure(one, "connections_accepted") > 0 &&
            server_figure(two, "connections_accepted") > 0)
            break;
    }
    cr_expect_gt(server_figure(one, "connections_accepted"), 0);
    cr_expect_gt(server_figure(two, "connections_accepted"), 0);
    refuses(address, NULL, "another process is listening there");
    server_stop_cleanly(one);
    server_stop_cleanly(two);
}

Test(listen_options, shares_its_port_with_another_process)
{
    check_reuse_port("shared");
}

Test(listen_options, shares_its_port_with_another_process_with_reuseport)
{
    check_reuse_port("reuseport");
}

/* That goes for other processes: two plugins on one address would each get half of its peers. */
Test(listen_options, does_not_share_a_port_between_its_own_listeners)
{
    struct server *other = with("shared", "127.0.0.1:0", "minimal", "reuse-port");
    const char *address = server_address(other, 0);

    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--workers", "1", "--listen",
                           test_listen(address, "minimal", "reuse-port"), "--listen",
                           test_listen(address, "upper", "reuse-port") },
        },
        1, "another listener of this server");
    server_stop_cleanly(other);
}

Test(listen_options, is_not_shared_where_only_the_second_asks)
{
    struct server *server = with("shared", "127.0.0.1:0", "minimal", NULL);

    refuses(server_address(server, 0), "reuse-port=on", "in use");
    server_stop_cleanly(server);
}

/* How many of ten connects succeed within a second while nobody accepts; the kernel queues one more
 * than the backlog. */
static unsigned connects_that_succeed(struct server *server)
{
    struct sockaddr_storage to;
    socklen_t len = peer_address(server_address(server, 0), &to);
    int peers[10];
    unsigned connected = 0;
    uint64_t deadline = deadline_in(1000);

    for (unsigned i = 0; i < 10; i++) {
        peers[i] = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int status = connect(peers[i], (struct sockaddr *)&to, len);
        cr_assert(status == 0 || errno == EINPROGRESS || errno == EAGAIN);
        connected += status == 0;
        if (status < 0 && errno == EINPROGRESS)
            connected += wait_for_fd(peers[i], POLLOUT, deadline);
    }
    for (unsigned i = 0; i < 10; i++)
        peer_reset(peers[i]);
    return connected;
}

static void check_backlog(const char *address)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--backlog", "4000", "--listen",
                       test_listen(address, "minimal", "backlog=3") },
    });

    server_signal(server, SIGSTOP);
    server_wait_stopped(server);
    cr_expect_eq(connects_that_succeed(server), 4);
    server_signal(server, SIGCONT);
    server_wait_figure_from(server, "connections_accepted", 4); /* room for one more */
    expect_echo(server_address(server, 0));
    server_wait_figure(server, "streams", 0);
    server_stop_cleanly(server);
}

Test(listen_options, lets_as_many_wait_as_its_own_backlog_says)
{
    check_backlog("127.0.0.1:0");
    check_backlog("unix:@evf-backlog");
}

/* -- the file of a unix socket -- */

static struct stat status_of(const char *path)
{
    struct stat ret;

    cr_assert_eq(lstat(path, &ret), 0, "%s: %s", path, strerror(errno));
    return ret;
}

Test(listen_options, gives_a_unix_socket_its_mode)
{
    static const struct {
        const char *option;
        mode_t mode;
    } modes[] = {
        { "mode=0666", 0666 }, { "mode=600", 0600 }, { "mode=0777", 0777 }, { NULL, 0660 }
    };
    const char *folder = test_folder();
    const char *path = test_text("%s/socket", folder);

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct server *server =
            with("shared", test_text("unix:%s", path), "minimal", modes[i].option);

        cr_expect_eq(status_of(path).st_mode & 07777, modes[i].mode, "%s: %o", modes[i].option,
                     status_of(path).st_mode & 07777u);
        expect_echo(test_text("unix:%s", path));
        server_stop_cleanly(server);
    }
    test_folder_remove(folder);
}

/* Its own group can be given by anyone, another owner by root alone. */
Test(listen_options, gives_a_unix_socket_its_owner_and_group)
{
    const char *folder = test_folder();
    const char *path = test_text("%s/socket", folder);
    bool root = geteuid() == 0;
    unsigned owner = root ? 4711 : geteuid(), group = root ? 4712 : getegid();
    struct server *server = with("shared", test_text("unix:%s", path), "minimal",
                                 test_text("owner=%u,group=%u,mode=0640", owner, group));

    cr_expect_eq(status_of(path).st_uid, owner);
    cr_expect_eq(status_of(path).st_gid, group);
    cr_expect_eq(status_of(path).st_mode & 07777, 0640);
    server_stop_cleanly(server);

    struct group *named = getgrgid(getegid());
    if (named != NULL) {
        server = with("shared", test_text("unix:%s", path), "minimal",
                      test_text("group=%s", named->gr_name));
        cr_expect_eq(status_of(path).st_gid, getegid());
        server_stop_cleanly(server);
    }
    test_folder_remove(folder);
}

/* test_folder_remove fails when a file is left that it does not know; rmdir alone does always. */
Test(listen_options, leaves_nothing_behind_when_owner_or_group_cannot_be)
{
    const char *folder = test_folder();
    const char *address = test_text("unix:%s/socket", folder);

    refuses(address, "owner=nobody-of-that-name",
            "option owner: value \"nobody-of-that-name\" is neither a name that this system knows");
    refuses(address, "group=no-such-group", "option group: value \"no-such-group\" is neither");
    refuses(address, "mode=rw-rw----", "three octal digits");
    if (geteuid() != 0)
        refuses(address, "owner=0", "its owner cannot be set to 0");
    cr_expect_eq(rmdir(folder), 0, "%s", strerror(errno));
}

/* -- which is for whom -- */

Test(listen_options, says_for_which_listeners_an_option_is)
{
    const char *folder = test_folder();
    const char *path = test_text("unix:%s/socket", folder);

    is_not_for("127.0.0.1:0", "mode=0660", "mode", "is for the file of a unix socket");
    is_not_for("[::1]:0", "owner=root", "owner", "is for the file of a unix socket");
    is_not_for("0", "group=root", "group", "is for the file of a unix socket");
    is_not_for("unix:@evf-none", "mode=0660", "mode",
               "is for the file of a unix socket, and an "
               "abstract name has none");
    is_not_for("127.0.0.1:0", "v6-only", "v6-only", "is for an IPv6 address");
    is_not_for(":0", "v6-only", "v6-only", "is for an IPv6 address; write [::]:PORT");
    is_not_for(path, "v6-only", "v6-only", "is for TCP, and this is a unix socket");
    is_not_for(path, "reuse-port", "reuse-port", "is for TCP, and this is a unix socket");
    is_not_for(path, "keepalive", "keepalive", "is for TCP, and this is a unix socket");
    is_not_for("unix:@evf-none", "tos=8", "tos", "is for TCP, and this is a unix socket");
    cr_expect_eq(rmdir(folder), 0, "nothing was made: %s", strerror(errno));
}

static void is_not_for_inherited(int fd, const char *options, const char *text)
{
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--check", "--listen", test_listen("fd:3", "minimal", options) },
            .inherit = { fd },
            .inherit_count = 1,
        },
        1, text);
}

Test(listen_options, says_which_options_come_too_late_for_an_inherited_socket)
{
    char own[128];
    int tcp = peer_listen("127.0.0.1:0", own, sizeof own);
    int local = peer_listen("unix:@evf-late", own, sizeof own);

    is_not_for_inherited(tcp, "backlog=5", "listener fd:3: option backlog comes too late");
    is_not_for_inherited(tcp, "reuse-port", "option reuse-port comes too late");
    is_not_for_inherited(tcp, "v6-only", "option v6-only comes too late");
    is_not_for_inherited(tcp, "mode=0600", "option mode comes too late");
    is_not_for_inherited(local, "owner=root", "option owner comes too late");
    is_not_for_inherited(local, "keepalive", "option keepalive is for TCP");
    peer_close(tcp);
    peer_close(local);
}

/* A plugin that has an option by the name of a newer one of evframe keeps it. */
Test(listen_options, are_shown_by_inspect)
{
    static const char *const names[] = {
        "block",           "allow",
        "block-file",      "allow-file",
        "keepalive",       "keepalive-interval",
        "keepalive-count", "pause-on-connect",
        "keepalive-idle",  "tos",
        "v6-only",         "reuse-port",
        "backlog",         "mode",
        "owner",           "group",
        "defer-accept",
    };
    struct launcher_result result = launcher_run(&(struct server_spec){
        .arguments = { "inspect", test_plugin("minimal") },
    });

    cr_expect_eq(result.status, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_expect_not_null(strstr(result.output, test_text("\n  %s ", names[i])), "%s in %s",
                           names[i], result.output);
}

/* -- inherited descriptors -- */

/* None was passed on: what the launcher itself has opened by then is not mistaken for one. */
Test(listen_options, does_not_take_its_own_descriptors_for_inherited_ones)
{
    for (unsigned fd = 3; fd < 12; fd++) {
        const char *address = test_text("fd:%u", fd);

        refuses(address, NULL,
                "no such descriptor is open; whoever starts the server must pass "
                "it on");
        launcher_refuses(
            &(struct server_spec){
                .arguments = { "--check", "--listen", test_listen(address, "minimal", NULL) },
            },
            1, test_text("cannot listen on %s: no such descriptor", address));
    }
}
