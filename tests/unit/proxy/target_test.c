/* SPDX-License-Identifier: MIT
 *
 * Addresses of upstream servers, taken apart.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "proxy/worker.h"

static struct proxy_target parse(const char *text)
{
    struct proxy_target target;
    const char *why = "";
    cr_assert_eq(proxy_target_parse(text, &target, &why), 0, "%s: %s", text, why);
    cr_assert_eq(target.text, text);
    return target;
}

static void expect_host(const char *text, const char *host, unsigned port, bool is_name)
{
    struct proxy_target target = parse(text);
    cr_assert_str_eq(target.host, host);
    cr_assert_eq(target.port, port);
    cr_assert_null(target.unix_path);
    cr_assert_eq(target.is_name, is_name, "%s", text);
}

static void expect_path(const char *text, const char *path)
{
    struct proxy_target target = parse(text);
    cr_assert_str_eq(target.unix_path, path);
    cr_assert_not(target.is_name);
}

static void expect_refused(const char *text)
{
    struct proxy_target target;
    const char *why = NULL;
    cr_assert_lt(proxy_target_parse(text, &target, &why), 0, "%s", text);
    cr_assert_not_null(why);
}

Test(target, is_a_name_an_address_or_a_path)
{
    expect_host("db.example:5432", "db.example", 5432, true);
    expect_host("localhost:1", "localhost", 1, true);
    expect_host("127.0.0.1:65535", "127.0.0.1", 65535, false);
    expect_host("[::1]:80", "::1", 80, false);
    expect_host("[fe80::1%lo]:80", "fe80::1%lo", 80, false);
    expect_host("[fe80::1%1]:80", "fe80::1%1", 80, false);
    expect_path("unix:/run/db", "/run/db");
    expect_path("unix:@db", "@db");
}

Test(target, is_refused_without_a_host_or_a_port)
{
    expect_refused("8080");
    expect_refused(":8080");
    expect_refused("name.example:0");
    expect_refused("name.example");
    expect_refused("name.example:65536");
    expect_refused("");
}
