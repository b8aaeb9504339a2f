/* SPDX-License-Identifier: MIT
 *
 * HAProxy in front: what it sends as PROXY headers is understood.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow.h"
#include "peer.h"
#include "server.h"

static struct server *server;
static const char *folder;
static pid_t haproxy;
static char front[64]; /* where clients reach HAProxy */

/* HAProxy in the foreground with our socket as its descriptor 3; it dies with the test. */
static void run_haproxy(const char *config, int listener)
{
    haproxy = fork();
    cr_assert_geq(haproxy, 0);
    if (haproxy > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int quiet = open("/dev/null", O_RDWR);
    dup2(quiet, 0);
    dup2(quiet, 1);
    dup2(listener, 3);
    execlp("haproxy", "haproxy", "-db", "-f", config, (char *)NULL);
    perror("haproxy");
    _exit(127);
}

/* The server, and HAProxy in front of it with these words on its `server` line. */
static void start(const char *options, const char *words)
{
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    server = server_with("1", "arrival", options);
    folder = test_folder();
    const char *path = test_text("%s/haproxy.cfg", folder);
    FILE *config = fopen(path, "we");
    cr_assert_not_null(config);
    fprintf(config,
            "defaults\n mode tcp\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n"
            "listen one\n bind fd@3\n unique-id-format %%{+X}o\\ %%ci:%%cp\n"
            " server it 127.0.0.1:%u %s\n",
            server_port(server, 0), words);
    fclose(config);
    int listener = peer_listen("127.0.0.1:0", front, sizeof front);
    run_haproxy(path, listener);
    close(listener);
}

static void finish(void)
{
    kill(haproxy, SIGKILL);
    waitpid(haproxy, NULL, 0);
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

static void check_client(const char *words, unsigned version, const char *tlvs)
{
    char line[3100];
    start("proxy-protocol=required", words);
    for (int i = 0; i < 20; i++) {
        int peer = peer_connect(front);
        const char *expected =
            test_text("peer=127.0.0.1:%u local=%s proxy=127.0.0.1:", peer_port(peer), front);

        peer_send_text(peer, "hello");
        peer_read_line(peer, line, sizeof line);
        cr_assert_eq(strncmp(line, expected, strlen(expected)), 0, "\"%s\" is not \"%s\"", line,
                     expected);
        cr_assert_not_null(strstr(line, test_text("version=%u tlvs=%s", version, tlvs)), "%s",
                           line);
        peer_expect_text(peer, "hello");
        if (i == 0)
            flow_echo(peer, &(struct flow){ .total = 1 << 20,
                                            .send_least = 1,
                                            .send_most = 50000,
                                            .read_most = 65536,
                                            .seed = test_seed() });
        peer_close(peer);
    }
    server_wait_figure(server, "proxy_headers", 20);
    finish();
}

Test(proxy_haproxy, names_its_client_in_version_1)
{
    check_client("send-proxy", 1, " ");
}

Test(proxy_haproxy, names_its_client_in_version_2)
{
    check_client("send-proxy-v2", 2, " ");
}

Test(proxy_haproxy, sends_a_checksum_and_a_unique_id)
{
    check_client("send-proxy-v2 proxy-v2-options crc32c,unique-id", 2, "03:");
}

/* Health checks come with LOCAL. */
Test(proxy_haproxy, looks_whether_the_server_is_well)
{
    start("proxy-protocol=required", "send-proxy-v2 check inter 50 check-send-proxy");
    server_wait_figure_from(server, "proxy_headers", 3);
    cr_expect_eq(server_figure(server, "proxy_headers_bad"), 0);
    finish();
}
