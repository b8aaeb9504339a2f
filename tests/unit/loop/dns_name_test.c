/* SPDX-License-Identifier: MIT
 *
 * What can be a host's name, and where names are looked for.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/base.h>

#include "../random.h"
#include "loop/dns_name.h"

static void expect_name(const char *host, const char *name)
{
    char ret[EVF__DNS_NAME_SIZE] = "untouched";
    cr_assert_eq(evf__dns_name(host, ret), 0, "%s", host);
    cr_assert_str_eq(ret, name);
}

static void expect_no_name(const char *host, int status)
{
    char ret[EVF__DNS_NAME_SIZE] = "untouched";
    cr_assert_eq(evf__dns_name(host, ret), status, "%s", host);
    cr_assert_str_eq(ret, "untouched");
}

Test(dns_name, folds_case_and_keeps_the_last_dot)
{
    expect_name("Host.Example.TEST", "host.example.test");
    expect_name("host.", "host.");
    expect_name("_sip._tcp.a-b.test", "_sip._tcp.a-b.test");
    expect_name("1.2.3", "1.2.3");
}

Test(dns_name, refuses_what_cannot_be_one)
{
    char label[65], name[400] = "";
    memset(label, 'x', sizeof label);
    label[64] = '\0';
    expect_no_name(label, -EINVAL);
    expect_name(label + 1, label + 1);
    static const char *const bad[] = { "",    ".",    "..",   ".a",    "a..b",   "a..",
                                       "a b", "a\tb", "a\n",  "a\x7f", "a\\.b",  "\xc3\xa4",
                                       "a/b", "a:1",  "[::1", "a%lo",  "a@b.com" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_no_name(bad[i], -EINVAL);
    expect_no_name(NULL, -EINVAL);
    while (strlen(name) < 250)
        strcat(name, "abcdefghi.");
    strcat(name, "abc");
    cr_assert_eq(strlen(name), EVF__DNS_NAME_MAX);
    expect_name(name, name);
    strcat(name, ".");
    expect_name(name, name);
    strcpy(name + 253, "d");
    expect_no_name(name, -ENAMETOOLONG);
    strcpy(name + 253, ".e");
    expect_no_name(name, -ENAMETOOLONG);
}

Test(dns_name, knows_the_names_that_nobody_is_asked_for)
{
    cr_expect(evf__dns_name_is_loopback("localhost"));
    cr_expect(evf__dns_name_is_loopback("localhost."));
    cr_expect(evf__dns_name_is_loopback("a.b.localhost"));
    cr_expect(evf__dns_name_is_loopback("a.localhost."));
    cr_expect_not(evf__dns_name_is_loopback("alocalhost"));
    cr_expect_not(evf__dns_name_is_loopback("localhost.test"));
    cr_expect_not(evf__dns_name_is_loopback("host"));
    cr_expect(evf__dns_name_is_onion("x.onion"));
    cr_expect(evf__dns_name_is_onion("x.onion."));
    cr_expect_not(evf__dns_name_is_onion("onion.test"));
}

/* All candidates of a name, joined by blanks. */
static const char *candidates(const char *name, unsigned dots, const char *first,
                              const char *second)
{
    static char all[1024];
    struct evf__dns_domains domains = { .dots = dots };
    struct evf__dns_search search = { .next = 0 };
    char candidate[EVF__DNS_NAME_SIZE];
    if (first != NULL)
        domains.names[domains.count++] = (char *)first;
    if (second != NULL)
        domains.names[domains.count++] = (char *)second;
    all[0] = '\0';
    while (evf__dns_search_next(&search, &domains, name, candidate)) {
        strcat(all, candidate);
        strcat(all, " ");
    }
    return all;
}

Test(dns_name, is_looked_for_in_the_domains)
{
    cr_expect_str_eq(candidates("a", 1, "x.test", "y.test"), "a.x.test a.y.test a ");
    cr_expect_str_eq(candidates("a.b", 1, "x.test", "y.test"), "a.b a.b.x.test a.b.y.test ");
    cr_expect_str_eq(candidates("a.b", 2, "x.test", NULL), "a.b.x.test a.b ");
    cr_expect_str_eq(candidates("a", 0, "x.test", NULL), "a a.x.test ");
    cr_expect_str_eq(candidates("a.", 1, "x.test", NULL), "a ");
    cr_expect_str_eq(candidates("a", 1, NULL, NULL), "a ");
}

Test(dns_name, is_not_looked_for_where_it_becomes_too_long)
{
    char name[EVF__DNS_NAME_SIZE] = "", expected[600];
    while (strlen(name) < 240)
        strcat(name, "abcdefghi.");
    strcat(name, "abcdef"); /* 246, and ".x.test" makes it 253 */
    snprintf(expected, sizeof expected, "%s %s.x.test ", name, name);
    cr_expect_str_eq(candidates(name, 1, "x.test", "yy.test"), expected);
}

static int status_of(int first, uint32_t first_ms, int second, uint32_t second_ms, uint32_t *ret_ms)
{
    struct evf__dns_search search = { .next = 2 };
    evf__dns_search_note(&search, first, first_ms);
    evf__dns_search_note(&search, second, second_ms);
    return evf__dns_search_status(&search, ret_ms);
}

Test(dns_name, comes_to_what_its_candidates_say)
{
    uint32_t ms;
    cr_expect_eq(status_of(EVF_ENONAME, 10, EVF_ENONAME, 20, &ms), EVF_ENONAME);
    cr_expect_eq(ms, 10);
    cr_expect_eq(status_of(EVF_ENONAME, 30, EVF_ENOADDRESS, 20, &ms), EVF_ENOADDRESS);
    cr_expect_eq(ms, 20);
    cr_expect_eq(status_of(EVF_ENONAME, 30, EVF_EDNS, 0, &ms), EVF_EDNS);
    cr_expect_eq(ms, 0);
    cr_expect_eq(status_of(EVF_EDNS, 0, EVF_ENOADDRESS, 20, &ms), EVF_ENOADDRESS);
    cr_expect_eq(ms, 0, "one candidate is unknown");
    cr_expect_eq(status_of(EVF_ENONAME, 0, EVF_ENONAME, 20, &ms), EVF_ENONAME);
    cr_expect_eq(ms, 0, "one candidate's absence has no time");
}

Test(dns_name, survives_any_bytes)
{
    struct random randomness = random_start();
    for (unsigned round = random_rounds(200000); round > 0; round--) {
        size_t len = random_below(&randomness, 300);
        char *host = malloc(len + 1), name[EVF__DNS_NAME_SIZE];
        cr_assert_not_null(host);
        for (size_t i = 0; i < len; i++)
            host[i] = random_below(&randomness, 50) == 0
                          ? (char)random_next(&randomness)
                          : "abcXYZ019-_..."[random_next(&randomness) % 14];
        host[len] = '\0';
        if (evf__dns_name(host, name) == 0) {
            cr_assert_eq(strcasecmp(host, name), 0);
            cr_assert_null(strstr(name, ".."));
            cr_assert_leq(strlen(name), EVF__DNS_NAME_MAX + 1);
        }
        free(host);
    }
}
