/* SPDX-License-Identifier: MIT
 *
 * The hosts file: its lines, its changes, and what is beyond its limits.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../plugin/leaks.h"
#include "../random.h"
#include "base/limits.h"
#include "loop/dns_name.h"
#include "loop/hosts.h"

static struct evf__hosts *hosts;

static void parse(const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len + 1); /* of just its size */
    bool cut;
    cr_assert_not_null(copy);
    memcpy(copy, text, len);
    evf__hosts_free(hosts);
    hosts = evf__hosts_parse(copy, len, &cut);
    cr_assert_not_null(hosts);
    cr_assert_not(cut);
    free(copy);
}

static void finish(void)
{
    evf__hosts_free(hosts);
    hosts = NULL;
    expect_no_leaks();
}

TestSuite(hosts, .fini = finish);

/* The addresses, joined by blanks; "-" when the name is not known. */
static const char *find(const char *name, int family)
{
    static char text[1024];
    struct sockaddr_storage found[EVF__ADDRESSES_MAX];
    int count = evf__hosts_find(hosts, name, family, found, EVF__ADDRESSES_MAX);
    if (count < 0)
        return "-";
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&found[i];
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&found[i];
        const void *bytes =
            family == AF_INET ? (const void *)&in->sin_addr : (const void *)&in6->sin6_addr;
        cr_assert_eq(found[i].ss_family, family);
        cr_assert_not_null(inet_ntop(family, bytes, text + strlen(text), INET6_ADDRSTRLEN));
        if (i + 1 < count)
            strcat(text, " ");
    }
    return text;
}

Test(hosts, has_addresses_names_and_aliases)
{
    parse("127.0.0.1 one uno\n"
          "::1\tone\tsix # a comment with two\n"
          "# 127.0.0.2 two\n"
          "  127.0.0.3   three#four\r\n"
          "127.0.0.4 ONE Five.\n"
          "127.0.0.5 last");
    cr_expect_str_eq(find("one", AF_INET), "127.0.0.1 127.0.0.4");
    cr_expect_str_eq(find("one", AF_INET6), "::1");
    cr_expect_str_eq(find("one.", AF_INET6), "::1");
    cr_expect_str_eq(find("uno", AF_INET), "127.0.0.1");
    cr_expect_str_eq(find("uno", AF_INET6), "", "it is known, and has none");
    cr_expect_str_eq(find("six", AF_INET6), "::1");
    cr_expect_str_eq(find("two", AF_INET), "-");
    cr_expect_str_eq(find("three", AF_INET), "127.0.0.3");
    cr_expect_str_eq(find("four", AF_INET), "-");
    cr_expect_str_eq(find("five", AF_INET), "127.0.0.4");
    cr_expect_str_eq(find("last", AF_INET), "127.0.0.5");
}

Test(hosts, passes_over_lines_that_make_no_sense)
{
    parse("\n\n   \n#\nname only\n300.1.1.1 a\n127.0.0.1\n127.0.0.1 in/valid b\n1.2.3 c\n"
          "fe80::1%nowhere d\nfe80::1%lo e\n");
    cr_expect_str_eq(find("only", AF_INET), "-");
    cr_expect_str_eq(find("a", AF_INET), "-");
    cr_expect_str_eq(find("b", AF_INET), "127.0.0.1");
    cr_expect_str_eq(find("c", AF_INET), "-");
    cr_expect_str_eq(find("d", AF_INET6), "-");
    cr_expect_str_eq(find("e", AF_INET6), "fe80::1");
    struct sockaddr_storage found;
    cr_assert_eq(evf__hosts_find(hosts, "e", AF_INET6, &found, 1), 1);
    cr_expect_eq(((struct sockaddr_in6 *)&found)->sin6_scope_id, 1, "lo");
}

Test(hosts, is_empty_when_there_is_nothing)
{
    parse("");
    cr_expect_str_eq(find("a", AF_INET), "-");
    evf__hosts_free(hosts);
    hosts = NULL;
    cr_expect_str_eq(find("a", AF_INET), "-");
}

Test(hosts, gives_no_more_addresses_than_there_is_room_for)
{
    char text[4096] = "";
    struct sockaddr_storage found[2];
    for (unsigned i = 0; i < 50; i++)
        sprintf(text + strlen(text), "127.0.0.%u many\n", i);
    parse(text);
    cr_expect_eq(evf__hosts_find(hosts, "many", AF_INET, found, 2), 2);
}

/* Beside a model: for each name the addresses that its lines gave, in their order. */
Test(hosts, agrees_with_a_model)
{
    enum { NAMES = 20, LINES = 40 };
    struct random randomness = random_start();
    for (unsigned round = random_rounds(3000); round > 0; round--) {
        static char text[LINES * 200], model[NAMES][LINES * 4 * 20];
        char name[8];
        bool known[NAMES] = { false };
        text[0] = '\0';
        memset(model, 0, sizeof model);
        for (unsigned line = 0; line < LINES; line++) {
            unsigned number = (unsigned)random_below(&randomness, 250);
            bool bad = random_below(&randomness, 8) == 0;
            sprintf(text + strlen(text), bad ? "127.0.0,%u" : "127.0.0.%u", number);
            for (unsigned i = (unsigned)random_below(&randomness, 3); i > 0; i--) {
                unsigned which = (unsigned)random_below(&randomness, NAMES);
                sprintf(text + strlen(text), random_below(&randomness, 2) == 0 ? " n%u" : "\tN%u",
                        which);
                if (bad)
                    continue;
                sprintf(model[which] + strlen(model[which]), "%s127.0.0.%u",
                        known[which] ? " " : "", number);
                known[which] = true;
            }
            strcat(text, random_below(&randomness, 4) == 0 ? " # n1 n2\n" : "\n");
        }
        parse(text);
        for (unsigned i = 0; i < NAMES; i++) {
            sprintf(name, "n%u", i);
            cr_assert_str_eq(find(name, AF_INET), known[i] ? model[i] : "-", "%s in:\n%s", name,
                             text);
        }
    }
}

Test(hosts, survives_any_bytes)
{
    struct random randomness = random_start();
    for (unsigned round = random_rounds(20000); round > 0; round--) {
        char text[201];
        size_t len = random_below(&randomness, 200);
        for (size_t i = 0; i < len; i++)
            text[i] = random_below(&randomness, 20) == 0
                          ? (char)(random_next(&randomness) % 255 + 1)
                          : "127.0.1:: \n\tab#"[random_next(&randomness) % 15];
        text[len] = '\0';
        parse(text);
    }
}

/* -- files -- */

static char path[64];

static void write_file(const void *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static int read_again(struct evf__hosts_stamp *stamp)
{
    struct evf__hosts *read = NULL;
    int status = evf__hosts_read(path, stamp, &read);
    if (read != NULL) {
        evf__hosts_free(hosts);
        hosts = read;
    }
    return status;
}

static void make_path(void)
{
    snprintf(path, sizeof path, "/tmp/evf-hosts-%d", (int)getpid());
    unlink(path);
}

static void remove_path(void)
{
    unlink(path);
    rmdir(path);
    finish();
}

TestSuite(hosts_file, .init = make_path, .fini = remove_path);

Test(hosts_file, is_read_when_it_has_changed)
{
    struct evf__hosts_stamp stamp = { .looked = false };
    cr_expect_eq(read_again(&stamp), 1, "that there is none is news");
    cr_expect_eq(read_again(&stamp), 0);
    cr_expect_str_eq(find("a", AF_INET), "-");
    write_file("127.0.0.1 a\n", 12);
    cr_expect_eq(read_again(&stamp), 1);
    cr_expect_eq(read_again(&stamp), 0);
    cr_expect_str_eq(find("a", AF_INET), "127.0.0.1");
    write_file("127.0.0.12 a\n", 13);
    cr_expect_eq(read_again(&stamp), 1);
    cr_expect_str_eq(find("a", AF_INET), "127.0.0.12");
    struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    cr_assert_eq(utimensat(AT_FDCWD, path, old, 0), 0);
    cr_expect_eq(read_again(&stamp), 1, "its time has changed");
    unlink(path);
    cr_expect_eq(read_again(&stamp), 1);
    cr_expect_str_eq(find("a", AF_INET), "-");
}

Test(hosts_file, keeps_the_stamp_when_it_cannot_be_read)
{
    struct evf__hosts_stamp stamp = { .looked = false };
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_expect_eq(read_again(&stamp), -EINVAL, "a folder");
    cr_expect_eq(read_again(&stamp), -EINVAL);
    rmdir(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(read_again(&stamp), -EINVAL, "a pipe, which is not waited for");
    unlink(path);
    write_file("127.0.0.1 a\n", 12);
    cr_expect_eq(read_again(&stamp), 1);
}

Test(hosts_file, is_used_in_part_beyond_its_limits)
{
    struct evf__hosts_stamp stamp = { .looked = false };
    size_t size = EVF__HOSTS_FILE_MAX + 1000, at;
    char *text = malloc(size);
    cr_assert_not_null(text);
    memset(text, '#', size);
    memcpy(text, "127.0.0.1 first\n", 16);
    memcpy(text + EVF__HOSTS_FILE_MAX - 10, "\n127.0.0.1 cut\n", 15);
    write_file(text, size);
    cr_expect_eq(read_again(&stamp), -E2BIG);
    cr_expect_str_eq(find("first", AF_INET), "127.0.0.1");
    cr_expect_str_eq(find("cut", AF_INET), "-", "only whole lines count");
    cr_expect_eq(read_again(&stamp), 0);

    at = 0;
    for (unsigned i = 0; i < EVF__HOSTS_NAMES_MAX + 10; i++)
        at += (size_t)sprintf(text + at, "::1 n%u\n", i);
    write_file(text, at);
    cr_expect_eq(read_again(&stamp), -E2BIG);
    char name[16];
    sprintf(name, "n%d", EVF__HOSTS_NAMES_MAX - 1);
    cr_expect_str_eq(find(name, AF_INET6), "::1");
    sprintf(name, "n%d", EVF__HOSTS_NAMES_MAX);
    cr_expect_str_eq(find(name, AF_INET6), "-");
    free(text);
}
