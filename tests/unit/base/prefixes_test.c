/* SPDX-License-Identifier: MIT
 *
 * Lists of addresses and prefixes: what they take, what they match, also compared with a list that
 * is gone through bit by bit; and who may come by two of them.
 */
#include "base/prefixes.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <evframe/base.h>

#include "../random.h"
#include "base/access.h"
#include "base/address.h"
#include "base/limits.h"

static union evf__address address(const char *text)
{
    union evf__address ret = { .storage = { .ss_family = AF_INET } };
    if (inet_pton(AF_INET, text, &ret.ipv4.sin_addr) == 1)
        return ret;
    ret.ipv6.sin6_family = AF_INET6;
    cr_assert_eq(inet_pton(AF_INET6, text, &ret.ipv6.sin6_addr), 1, "%s", text);
    return ret;
}

static void add(struct evf__prefixes *prefixes, const char *text)
{
    char error[300] = "";
    cr_assert_eq(evf__prefixes_add(prefixes, text, error, sizeof error), 0, "%s", error);
}

static bool matches(const struct evf__prefixes *prefixes, const char *text)
{
    union evf__address wanted = address(text);
    return evf__prefixes_match(prefixes, &wanted.any);
}

/* A list of one entry. */
static bool covers(const char *prefix, const char *text)
{
    struct evf__prefixes prefixes = { 0 };
    add(&prefixes, prefix);
    evf__prefixes_sort(&prefixes);
    bool ret = matches(&prefixes, text);
    evf__prefixes_free(&prefixes);
    return ret;
}

static void refuses(const char *text, const char *because)
{
    struct evf__prefixes prefixes = { 0 };
    char error[300] = "";
    cr_assert_eq(evf__prefixes_add(&prefixes, text, error, sizeof error), EVF_EADDRESS, "'%s'",
                 text);
    cr_assert(strstr(error, because) != NULL, "'%s': '%s' lacks '%s'", text, error, because);
    cr_assert_eq(prefixes.count, 0);
    evf__prefixes_free(&prefixes);
}

Test(prefixes, an_empty_list_matches_nothing)
{
    struct evf__prefixes prefixes = { 0 };
    evf__prefixes_sort(&prefixes);
    cr_assert_not(matches(&prefixes, "127.0.0.1"));
    cr_assert_not(matches(&prefixes, "::1"));
    evf__prefixes_free(&prefixes);
}

Test(prefixes, an_address_alone_matches_itself_only)
{
    cr_assert(covers("192.0.2.1", "192.0.2.1"));
    cr_assert_not(covers("192.0.2.1", "192.0.2.0"));
    cr_assert_not(covers("192.0.2.1", "192.0.2.2"));
    cr_assert(covers("2001:db8::1", "2001:db8::1"));
    cr_assert_not(covers("2001:db8::1", "2001:db8::2"));
}

Test(prefixes, a_prefix_matches_from_its_first_to_its_last_address)
{
    cr_assert(covers("192.0.2.0/25", "192.0.2.0"));
    cr_assert(covers("192.0.2.0/25", "192.0.2.127"));
    cr_assert_not(covers("192.0.2.0/25", "192.0.2.128"));
    cr_assert_not(covers("192.0.2.0/25", "192.0.1.255"));
    cr_assert(covers("2001:db8::/33", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"));
    cr_assert_not(covers("2001:db8::/33", "2001:db8:8000::"));
    cr_assert_not(covers("2001:db8::/33", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"));
}

Test(prefixes, length_zero_is_every_address_of_that_family)
{
    cr_assert(covers("0.0.0.0/0", "0.0.0.0"));
    cr_assert(covers("0.0.0.0/0", "255.255.255.255"));
    cr_assert_not(covers("0.0.0.0/0", "::1"));
    cr_assert(covers("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    cr_assert_not(covers("::/0", "192.0.2.1"));
}

Test(prefixes, ipv4_mapped_into_ipv6_counts_as_ipv4_on_both_sides)
{
    cr_assert(covers("192.0.2.0/24", "::ffff:192.0.2.9"));
    cr_assert_not(covers("192.0.2.0/24", "::ffff:192.0.3.9"));
    cr_assert(covers("::ffff:192.0.2.0/120", "192.0.2.9"));
    cr_assert_not(covers("::ffff:192.0.2.0/120", "192.0.3.9"));
    cr_assert(covers("::ffff:0:0/96", "203.0.113.5"));
    cr_assert_not(covers("::/0", "::ffff:192.0.2.9"));
    cr_assert_not(covers("::/64", "::ffff:192.0.2.9"));
    cr_assert(covers("::fffe:0:0/95", "::fffe:0:1")); /* IPv6, which ends where mapped ones do */
    cr_assert_not(covers("::fffe:0:0/95", "192.0.2.9"));
    cr_assert(covers("::192.0.2.9", "::192.0.2.9")); /* IPv4 in IPv6 of another kind */
    cr_assert_not(covers("::192.0.2.9", "192.0.2.9"));
}

Test(prefixes, overlapping_and_touching_prefixes_match_as_one)
{
    struct evf__prefixes prefixes = { 0 };
    add(&prefixes, "10.0.1.0/24");
    add(&prefixes, "255.255.255.255");
    add(&prefixes, "10.0.0.0/24");
    add(&prefixes, "10.0.0.0/8");
    add(&prefixes, "10.0.0.7");
    add(&prefixes, "::/128");
    evf__prefixes_sort(&prefixes);
    cr_assert_eq(prefixes.count, 3);
    cr_assert(matches(&prefixes, "10.255.255.255"));
    cr_assert_not(matches(&prefixes, "11.0.0.0"));
    cr_assert_not(matches(&prefixes, "9.255.255.255"));
    cr_assert(matches(&prefixes, "255.255.255.255"));
    cr_assert(matches(&prefixes, "::"));
    cr_assert_not(matches(&prefixes, "::1"));
    evf__prefixes_free(&prefixes);
}

Test(prefixes, touching_prefixes_become_one_range)
{
    struct evf__prefixes prefixes = { 0 };
    add(&prefixes, "10.0.1.0/24");
    add(&prefixes, "10.0.0.255");
    add(&prefixes, "10.0.3.0/24");
    evf__prefixes_sort(&prefixes);
    cr_assert_eq(prefixes.count, 2);
    cr_assert(matches(&prefixes, "10.0.0.255"));
    cr_assert(matches(&prefixes, "10.0.1.255"));
    cr_assert_not(matches(&prefixes, "10.0.2.255"));
    evf__prefixes_free(&prefixes);
}

Test(prefixes, a_unix_address_matches_nothing)
{
    struct evf__prefixes prefixes = { 0 };
    struct sockaddr_un local = { .sun_family = AF_UNIX, .sun_path = "/tmp/x" };
    add(&prefixes, "0.0.0.0/0");
    add(&prefixes, "::/0");
    evf__prefixes_sort(&prefixes);
    cr_assert_not(evf__prefixes_match(&prefixes, (const struct sockaddr *)&local));
    evf__prefixes_free(&prefixes);
}

Test(prefixes, says_what_is_wrong_with_a_text)
{
    static const char *const strange[] = {
        "",   "x",     "192.0.2",    "192.0.2.256", "192.0.2.1 ", "192.0.2.1:80",
        "/8", "[::1]", "fe80::1%lo", "localhost",   "192.0.2.01"
    };
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        refuses(strange[i], "is no IP address");
    refuses("10.0.0.0/", "from 0 to 32");
    refuses("10.0.0.0/33", "from 0 to 32");
    refuses("10.0.0.0/-1", "from 0 to 32");
    refuses("10.0.0.0/8/8", "from 0 to 32");
    refuses("10.0.0.0/+8", "from 0 to 32");
    refuses("10.0.0.0/0008", "from 0 to 32");
    refuses("::/129", "from 0 to 128");
    refuses("0123456789012345678901234567890123456789012345678901234567890123456789/8",
            "is no IP address");
}

Test(prefixes, bits_behind_the_prefix_are_an_error_that_names_the_right_form)
{
    refuses("192.0.2.77/24", "the prefix is 192.0.2.0/24, the address alone 192.0.2.77");
    refuses("2001:db8::1/32", "the prefix is 2001:db8::/32");
    refuses("::1/0", "the prefix is ::/0");
    refuses("128.0.0.0/0", "the prefix is 0.0.0.0/0");
}

/* -- files -- */

struct list_file {
    char path[64];
};

static struct list_file list_file(const void *text, size_t len)
{
    struct list_file ret = { "/tmp/evframe-prefixes-XXXXXX" };
    int fd = mkstemp(ret.path);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
    return ret;
}

/* Adds a file of that text and removes it. */
static int add_file(struct evf__prefixes *prefixes, const void *text, size_t len, char error[600])
{
    struct list_file file = list_file(text, len);
    int status = evf__prefixes_add_file(prefixes, file.path, error, 600);
    cr_assert(status == 0 || strstr(error, file.path) != NULL, "'%s' lacks the file", error);
    unlink(file.path);
    return status;
}

Test(prefixes, a_file_has_one_a_line_and_comments)
{
    static const char text[] = "# who is not wanted\n"
                               "192.0.2.0/24\n"
                               "\n"
                               "  \t 198.51.100.7 # a noisy one\r\n"
                               "#203.0.113.1\n"
                               "2001:db8::/32";
    struct evf__prefixes prefixes = { 0 };
    char error[600] = "";
    cr_assert_eq(add_file(&prefixes, text, sizeof text - 1, error), 0, "%s", error);
    evf__prefixes_sort(&prefixes);
    cr_assert_eq(prefixes.count, 3);
    cr_assert(matches(&prefixes, "192.0.2.200"));
    cr_assert(matches(&prefixes, "198.51.100.7"));
    cr_assert(matches(&prefixes, "2001:db8::77"));
    cr_assert_not(matches(&prefixes, "203.0.113.1"));
    evf__prefixes_free(&prefixes);
}

Test(prefixes, an_empty_file_adds_nothing)
{
    struct evf__prefixes prefixes = { 0 };
    char error[600] = "";
    cr_assert_eq(add_file(&prefixes, "", 0, error), 0, "%s", error);
    cr_assert_eq(prefixes.count, 0);
    evf__prefixes_free(&prefixes);
}

Test(prefixes, a_bad_line_is_named)
{
    static const char text[] = "192.0.2.0/24\n\nlocalhost\n192.0.2.9\n";
    struct evf__prefixes prefixes = { 0 };
    char error[600] = "";
    cr_assert_eq(add_file(&prefixes, text, sizeof text - 1, error), EVF_EADDRESS);
    cr_assert(strstr(error, "line 3: 'localhost' is no IP address") != NULL, "%s", error);
    evf__prefixes_free(&prefixes);
}

Test(prefixes, a_line_too_long_or_no_text_is_named)
{
    struct evf__prefixes prefixes = { 0 };
    char error[600] = "", fits[EVF__PREFIX_LINE_MAX + 1], over[EVF__PREFIX_LINE_MAX + 4];
    memset(fits, '#', sizeof fits);
    fits[sizeof fits - 1] = '\n';
    cr_assert_eq(add_file(&prefixes, fits, sizeof fits, error), 0, "%s", error);
    memset(over, '#', sizeof over);
    over[sizeof over - 1] = '\n';
    cr_assert_eq(add_file(&prefixes, over, sizeof over, error), EVF_EADDRESS);
    cr_assert(strstr(error, "line 1 is no text or longer") != NULL, "%s", error);
    cr_assert_eq(add_file(&prefixes,
                          "10.0.0.0/8\0"
                          "1\n10.0.0.1\n",
                          22, error),
                 EVF_EADDRESS);
    cr_assert(strstr(error, "line 1 is no text or longer") != NULL, "%s", error);
    cr_assert_eq(prefixes.count, 0);
    evf__prefixes_free(&prefixes);
}

Test(prefixes, what_is_no_readable_file_is_named)
{
    struct evf__prefixes prefixes = { 0 };
    char error[600] = "", path[] = "/tmp/evframe-prefixes-pipe-XXXXXX";
    cr_assert_eq(evf__prefixes_add_file(&prefixes, "/nowhere/list", error, sizeof error), -ENOENT);
    cr_assert(strstr(error, "/nowhere/list: cannot be opened: No such file") != NULL, "%s", error);
    cr_assert_eq(evf__prefixes_add_file(&prefixes, "/tmp", error, sizeof error), -EINVAL);
    cr_assert(strstr(error, "is not a regular file") != NULL, "%s", error);
    cr_assert(mkdtemp(path) != NULL);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(evf__prefixes_add_file(&prefixes, path, error, sizeof error), -EINVAL);
    unlink(path);
    cr_assert_eq(prefixes.count, 0);
}

Test(prefixes, a_list_has_a_limit)
{
    struct evf__prefixes prefixes = { 0 };
    char error[300] = "";
    for (unsigned i = 0; i < EVF__PREFIXES_MAX; i++)
        cr_assert_eq(evf__prefixes_add(&prefixes, "10.0.0.0/8", error, sizeof error), 0);
    cr_assert_eq(evf__prefixes_add(&prefixes, "10.0.0.0/8", error, sizeof error), -E2BIG);
    cr_assert(strstr(error, "at most 1048576 entries") != NULL, "%s", error);
    evf__prefixes_sort(&prefixes);
    cr_assert_eq(prefixes.count, 1);
    evf__prefixes_free(&prefixes);
}

/* -- random lists, beside one that is gone through bit by bit -- */

struct model_entry {
    bool ipv6;
    uint8_t bytes[16];
    unsigned length;
};

/* Few different bytes, so that prefixes often contain each other. */
static struct model_entry random_entry(struct random *random)
{
    static const uint8_t bytes[] = { 0, 1, 127, 128, 254, 255 };
    struct model_entry ret = { .ipv6 = random_below(random, 2) == 1 };
    unsigned count = ret.ipv6 ? 16 : 4;
    for (unsigned i = 0; i < count; i++)
        ret.bytes[i] = i % 4 < 2 ? 7 : bytes[random_below(random, sizeof bytes)];
    ret.length = (unsigned)random_below(random, 8 * count + 1);
    return ret;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned length)
{
    for (unsigned bit = 0; bit < length; bit++)
        if ((a[bit / 8] ^ b[bit / 8]) & 0x80 >> bit % 8)
            return false;
    return true;
}

static void add_entry(struct evf__prefixes *prefixes, struct model_entry *entry)
{
    char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];
    for (unsigned bit = entry->length; bit < 128; bit++)
        entry->bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    inet_ntop(entry->ipv6 ? AF_INET6 : AF_INET, entry->bytes, host, sizeof host);
    snprintf(text, sizeof text, "%s/%u", host, entry->length);
    add(prefixes, text);
}

static bool list_says(const struct evf__prefixes *prefixes, const struct model_entry *peer)
{
    union evf__address wanted = { .storage = { .ss_family = peer->ipv6 ? AF_INET6 : AF_INET } };
    if (peer->ipv6)
        memcpy(&wanted.ipv6.sin6_addr, peer->bytes, 16);
    else
        memcpy(&wanted.ipv4.sin_addr, peer->bytes, 4);
    return evf__prefixes_match(prefixes, &wanted.any);
}

Test(prefixes, random_lists_match_as_one_that_is_gone_through)
{
    struct random random = random_start();
    struct model_entry entries[24];
    unsigned hits = 0, questions = 0;
    for (unsigned round = 0; round < random_rounds(2000); round++) {
        struct evf__prefixes prefixes = { 0 };
        unsigned count = (unsigned)random_below(&random, 24);
        for (unsigned i = 0; i < count; i++) {
            entries[i] = random_entry(&random);
            add_entry(&prefixes, &entries[i]);
        }
        evf__prefixes_sort(&prefixes);
        for (unsigned i = 0; i < 64; i++) {
            struct model_entry peer = random_entry(&random);
            bool wanted = false;
            for (unsigned j = 0; j < count; j++)
                wanted |= entries[j].ipv6 == peer.ipv6 &&
                          same_bits(entries[j].bytes, peer.bytes, entries[j].length);
            cr_assert_eq(list_says(&prefixes, &peer), wanted, "round %u, question %u", round, i);
            hits += wanted;
            questions++;
        }
        evf__prefixes_free(&prefixes);
    }
    cr_assert(hits > questions / 10 && hits < questions / 10 * 9, "%u of %u", hits, questions);
}

/* -- who may come -- */

static bool may_come(const struct evf__access *access, const char *text)
{
    union evf__address peer = address(text);
    return evf__access_allows(access, &peer.any);
}

Test(access, everybody_may_come_where_nothing_is_listed)
{
    struct evf__access access = { 0 };
    cr_assert(may_come(&access, "192.0.2.1"));
    cr_assert(may_come(NULL, "192.0.2.1"));
}

Test(access, block_wins_over_allow)
{
    struct evf__access access = { .listed_only = true };
    add(&access.allow, "192.0.2.0/24");
    add(&access.block, "192.0.2.7");
    add(&access.block, "198.51.100.0/24");
    evf__prefixes_sort(&access.allow);
    evf__prefixes_sort(&access.block);
    cr_assert(may_come(&access, "192.0.2.1"));
    cr_assert(may_come(&access, "::ffff:192.0.2.1"));
    cr_assert_not(may_come(&access, "192.0.2.7"));
    cr_assert_not(may_come(&access, "::ffff:192.0.2.7"));
    cr_assert_not(may_come(&access, "198.51.100.1"));
    cr_assert_not(may_come(&access, "203.0.113.1"));
    access.listed_only = false;
    cr_assert(may_come(&access, "203.0.113.1"));
    cr_assert_not(may_come(&access, "192.0.2.7"));
    evf__access_free(&access);
}

Test(access, an_empty_list_of_allowed_ones_lets_nobody_in)
{
    struct evf__access access = { .listed_only = true };
    cr_assert_not(may_come(&access, "192.0.2.1"));
    cr_assert_not(may_come(&access, "::1"));
}

Test(access, unix_peers_are_not_touched)
{
    struct evf__access access = { .listed_only = true };
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    cr_assert(evf__access_allows(&access, (const struct sockaddr *)&local));
}
