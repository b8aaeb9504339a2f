/* SPDX-License-Identifier: MIT
 *
 * Name look-ups by the system's own files, in a network and with files of the test's own, and the
 * options of the launcher.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "names.h"
#include "peer.h"
#include "server.h"

static void ask(int peer, const char *question, const char *answer)
{
    peer_send_text(peer, question);
    peer_expect_text(peer, answer);
}

/* What is told about `name` begins with that, and nothing else is waited for. */
static void ask_long(int peer, const char *question, char *ret_answer, size_t size)
{
    peer_send_text(peer, question);
    peer_read_line(peer, ret_answer, size);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

/* This test's process gets a network and files of its own, so that name servers may listen on port
 * 53 and /etc be written to. */
static void enter_own_world(const char *resolv_conf, const char *hosts)
{
    struct ifreq request = { .ifr_name = "lo" };
    int fd;

    cr_assert_eq(unshare(CLONE_NEWNET | CLONE_NEWNS), 0, "unshare: %s; this test needs root",
                 strerror(errno));
    cr_assert_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    cr_assert_eq(mount(resolv_conf, "/etc/resolv.conf", NULL, MS_BIND, NULL), 0);
    cr_assert_eq(mount(hosts, "/etc/hosts", NULL, MS_BIND, NULL), 0);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    cr_assert_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
}

Test(resolve_system, goes_by_resolv_conf)
{
    const char *folder = test_folder();
    const char *resolv_conf = test_text("%s/resolv.conf", folder);
    const char *hosts = test_text("%s/hosts", folder);

    write_file(resolv_conf, "nameserver 127.0.0.1\nsearch first.test zone.test\n"
                            "options ndots:2\n");
    write_file(hosts, "");
    enter_own_world(resolv_conf, hosts);
    struct names *names = names_start(&(struct names_spec){
        .hosts = "127.0.0.1 v4.zone.test a.b.zone.test\n127.0.0.2 both.first.test a.b.test\n"
                 "127.0.0.3 both.zone.test both a.b.test.zone.test\n",
        .port = 53 });
    struct server *server = server_with("1", "resolve", NULL);
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve v4 4\n", "v4 ok 127.0.0.1\n");
    ask(peer, "resolve both 4\n", "both ok 127.0.0.2\n");
    ask(peer, "resolve both. 4\n", "both. ok 127.0.0.3\n");
    ask(peer, "resolve a.b 4\n", "a.b ok 127.0.0.1\n");
    ask(peer, "resolve a.b.test 4\n", "a.b.test ok 127.0.0.2\n"); /* two dots: as it stands first */
    ask(peer, "resolve v4. 4\n", "v4. ENONAME\n");
    ask(peer, "resolve nowhere 4\n", "nowhere ENONAME\n");
    ask(peer, "resolve v4 6\n", "v4 ENOADDRESS\n");
    ask(peer, "resolve v4.zone.test 4\n", "v4.zone.test ok 127.0.0.1\n");
    cr_expect_eq(names_asked(names, "[A] nowhere.first.test"), 1);
    cr_expect_eq(names_asked(names, "[A] nowhere.zone.test"), 1);
    cr_expect_eq(names_asked(names, "[A] nowhere"), 1);
    cr_expect_eq(names_asked(names, "[A] v4.zone.test.first.test"), 0);
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
    test_folder_remove(folder);
}

Test(resolve_system, goes_by_the_hosts_file_first_and_sees_it_change)
{
    const char *folder = test_folder();
    const char *resolv_conf = test_text("%s/resolv.conf", folder);
    const char *hosts = test_text("%s/hosts", folder);
    uint64_t deadline;
    char line[256] = "";

    write_file(resolv_conf, "nameserver 127.0.0.1\n");
    write_file(hosts, "# of this test\n127.0.0.8 Alpha.zone.test alpha # the first\n"
                      "::8 alpha.zone.test\n\nnonsense here\n127.0.0.9\talpha only4\n");
    enter_own_world(resolv_conf, hosts);
    struct names *names = names_start(&(struct names_spec){
        .hosts = "127.0.0.1 alpha.zone.test later.zone.test only4\n::1 only4\n", .port = 53 });
    struct server *server = server_with("1", "resolve", NULL);
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve alpha.zone.test any\n", "alpha.zone.test ok ::8 127.0.0.8\n");
    ask(peer, "resolve ALPHA.zone.test. any\n", "ALPHA.zone.test. ok ::8 127.0.0.8\n");
    ask(peer, "resolve alpha 4\n", "alpha ok 127.0.0.8 127.0.0.9\n");
    ask(peer, "resolve only4 6\n", "only4 ENOADDRESS\n");
    ask(peer, "resolve only4 any\n", "only4 ok 127.0.0.9\n");
    ask(peer, "ttl alpha any\n", "ttl 5000\n");
    cr_expect_eq(names_asked(names, ""), 0);
    ask(peer, "resolve later.zone.test 4\n", "later.zone.test ok 127.0.0.1\n");

    write_file(hosts, "127.0.0.7 alpha later.zone.test\n");
    deadline = deadline_in(20000); /* it is looked at every 5 s */
    while (strcmp(line, "alpha ok 127.0.0.7") != 0) {
        cr_assert(deadline_left(deadline) > 0, "still %s", line);
        ask_long(peer, "resolve alpha 4\n", line, sizeof line);
    }
    /* What was known from the name server is known better now. */
    ask(peer, "resolve later.zone.test 4\n", "later.zone.test ok 127.0.0.7\n");
    ask(peer, "resolve alpha.zone.test 4\n", "alpha.zone.test ok 127.0.0.1\n");
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
    test_folder_remove(folder);
}

/* A server that looks nothing up needs neither file. */
Test(resolve_system, starts_with_files_that_are_of_no_use)
{
    const char *folder = test_folder();
    const char *resolv_conf = test_text("%s/resolv.conf", folder);
    const char *hosts = test_text("%s/hosts", folder);

    write_file(resolv_conf, "\n\x01\xff nonsense\nnameserver\nnameserver here\n");
    write_file(hosts, "");
    enter_own_world(resolv_conf, hosts);
    struct server *server = server_with("2", "resolve", NULL);
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve localhost 4\n", "localhost ok 127.0.0.1\n");
    ask(peer, "resolve some.test 4\n", "some.test EDNS\n"); /* nobody listens on port 53 here */
    peer_close(peer);
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

/* -- options -- */

static void refuses(const char *option, const char *value, int status, const char *text)
{
    launcher_refuses(
        &(struct server_spec){ .arguments = { option, value, "--listen",
                                              test_listen("127.0.0.1:0", "resolve", NULL) } },
        status, text);
}

Test(resolve_system, refuses_wrong_options)
{
    refuses("--dns-server", "nonsense", 1, "dns-server: 'nonsense' is no server");
    refuses("--dns-server", "127.0.0.1,name.test:53", 1, "dns-server: 'name.test:53'");
    refuses("--dns-server", "127.0.0.1:0", 1, "dns-server: '127.0.0.1:0'");
    refuses("--dns-server", "127.0.0.1:65536", 1, "dns-server: '127.0.0.1:65536'");
    refuses("--dns-server", "127.0.0.1,,127.0.0.2", 1, "dns-server: ''");
    refuses("--dns-server", "127.0.0.1,", 1, "dns-server: ''");
    refuses("--dns-server", "[::1", 1, "dns-server: '[::1'");
    refuses("--dns-server", "[127.0.0.1]x", 1, "dns-server: '[127.0.0.1]x'");
    refuses("--dns-server", "fe80::1%lo", 1, "dns-server: 'fe80::1%lo'");
    refuses("--dns-server", "unix:/dns", 1, "dns-server: 'unix:/dns'");
    refuses("--dns-server", "::1,::2,::3,::4,::5,::6,::7,::8,::9", 1,
            "dns-server: there are more than 8 servers");
    refuses("--dns-server", "", 2, "--dns-server");
    refuses("--dns-timeout", "0", 2, "--dns-timeout");
    refuses("--dns-timeout", "soon", 2, "--dns-timeout");
    refuses("--dns-timeout", "25d", 2, "--dns-timeout");
}

Test(resolve_system, takes_servers_in_every_form)
{
    struct launcher_result result = launcher_run(&(struct server_spec){
        .arguments = { "--check", "--dns-timeout", "250ms", "--dns-server",
                       "127.0.0.1,127.0.0.1:5353,::1,[::1],[::1]:5353,2001:db8::5:53", "--listen",
                       test_listen("127.0.0.1:0", "resolve", NULL) } });

    cr_expect_eq(result.status, 0, "%s", result.errors);
}
