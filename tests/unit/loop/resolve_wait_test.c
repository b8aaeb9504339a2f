/* SPDX-License-Identifier: MIT
 *
 * Looking names up where waiting is allowed. The name server is a child process: it answers by the
 * name's first letter.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../plugin/leaks.h"
#include "loop/dns.h"
#include "loop/resolver.h"

static pid_t server;
static char servers[32], hosts_path[64];
static struct evf__resolver_settings settings;
static struct sockaddr_storage found[8];

/* s: silent. n: no such name. f: the server fails. 4: no IPv6. Else both, of IPv4 two. */
static void answer(int fd)
{
    uint8_t bytes[600];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t got = recvfrom(fd, bytes, 512, 0, (struct sockaddr *)&from, &from_len);
    if (got < 17 || bytes[13] == 's')
        return;
    size_t len = (size_t)got;
    bool ipv6 = bytes[len - 3] == 28;
    unsigned code = bytes[13] == 'n' ? 3 : (bytes[13] == 'f' ? 2 : 0);
    unsigned count = code != 0 || (bytes[13] == '4' && ipv6) ? 0 : (ipv6 ? 1 : 2);
    bytes[2] |= 0x80;
    bytes[3] = (uint8_t)(0x80 | code);
    bytes[7] = (uint8_t)count;
    for (unsigned i = 1; i <= count; i++) {
        size_t size = ipv6 ? 16 : 4;
        uint8_t head[] = { 0xc0, 12, 0, ipv6 ? 28 : 1, 0, 1, 0, 0, 0, 60, 0, (uint8_t)size };
        memcpy(bytes + len, head, sizeof head);
        len += sizeof head;
        memset(bytes + len, 0, size);
        bytes[len + size - 1] = (uint8_t)i;
        len += size;
    }
    (void)sendto(fd, bytes, len, 0, (struct sockaddr *)&from, sizeof from);
}

static void begin(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            answer(fd);
    }
    close(fd);
    snprintf(servers, sizeof servers, "127.0.0.1:%u", ntohs(address.sin_port));
    snprintf(hosts_path, sizeof hosts_path, "/tmp/evf-wait-hosts-%d", (int)getpid());
    FILE *file = fopen(hosts_path, "w");
    cr_assert(file != NULL && fputs("127.0.0.5 known\n::5 known\n127.0.0.6 four\n", file) > 0 &&
              fclose(file) == 0);
    settings = (struct evf__resolver_settings){ .servers = servers, .hosts_path = hosts_path };
}

static void finish(void)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(hosts_path);
    expect_no_leaks();
}

TestSuite(resolve_wait, .init = begin, .fini = finish);

/* The addresses, joined by blanks, or the status. */
static const char *look_up(const char *host, size_t room)
{
    static char text[512];
    int count = evf__resolve_wait(&settings, host, found, room);
    if (count < 0)
        return strcpy(text, evf_strerror(count));
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&found[i];
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&found[i];
        char one[INET6_ADDRSTRLEN];
        cr_assert(in->sin_port == 0);
        inet_ntop(found[i].ss_family,
                  found[i].ss_family == AF_INET ? (const void *)&in->sin_addr
                                                : (const void *)&in6->sin6_addr,
                  one, sizeof one);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? " " : "", one);
    }
    return text;
}

Test(resolve_wait, knows_addresses_localhost_and_the_hosts_file)
{
    settings.servers = "127.0.0.1:9"; /* nobody is there, and nobody is asked */
    cr_expect_str_eq(look_up("192.0.2.1", 8), "192.0.2.1");
    cr_expect_str_eq(look_up("fe80::1%lo", 8), "fe80::1");
    cr_expect_eq(((struct sockaddr_in6 *)&found[0])->sin6_scope_id, 1);
    cr_expect_str_eq(look_up("Localhost", 8), "::1 127.0.0.1");
    cr_expect_str_eq(look_up("KNOWN", 8), "::5 127.0.0.5");
    cr_expect_str_eq(look_up("four.", 8), "127.0.0.6");
    cr_expect_eq(evf__resolve_wait(&settings, "x.onion", found, 8), EVF_ENONAME);
    cr_expect_eq(evf__resolve_wait(&settings, "a..b", found, 8), -EINVAL);
    cr_expect_eq(evf__resolve_wait(&settings, NULL, found, 8), -EINVAL);
}

Test(resolve_wait, asks_name_servers_for_both_families)
{
    cr_expect_str_eq(look_up("both.test", 8), "::1 0.0.0.1 0.0.0.2");
    cr_expect_str_eq(look_up("4.test", 8), "0.0.0.1 0.0.0.2");
    cr_expect_str_eq(look_up("both.test", 2), "::1 0.0.0.1");
    cr_expect_str_eq(look_up("both.test", 1), "::1");
    cr_expect_str_eq(look_up("known", 1), "::5");
    cr_expect_str_eq(look_up("localhost", 1), "::1");
}

Test(resolve_wait, tells_why_there_is_nothing)
{
    cr_expect_eq(evf__resolve_wait(&settings, "nothing.test", found, 8), EVF_ENONAME);
    cr_expect_eq(evf__resolve_wait(&settings, "fails.test", found, 8), EVF_EDNS);
    settings.servers = "127.0.0.1:9";
    cr_expect_eq(evf__resolve_wait(&settings, "both.test", found, 8), EVF_EDNS);
}

Test(resolve_wait, gives_up_in_time)
{
    struct timespec before, after;
    settings.timeout_ms = 300;
    clock_gettime(CLOCK_MONOTONIC, &before);
    cr_expect_eq(evf__resolve_wait(&settings, "silent.test", found, 8), -ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long took_ms =
        (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    cr_expect(took_ms >= 100 && took_ms < 5000, "%ld ms", took_ms);
}
