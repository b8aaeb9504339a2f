/* SPDX-License-Identifier: MIT
 *
 * Request targets: what they split into, which paths they name, and which they cannot name.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "http/path.h"

static struct http_text text(const char *terminated)
{
    return (struct http_text){ terminated, strlen(terminated) };
}

static void expect_path(const char *raw, const char *expected)
{
    char path[256] = "untouched";
    size_t len = 0;
    int status = http_path_resolve(text(raw), path, sizeof path, &len);
    cr_assert_eq(status, 0, "%s gave %d", raw, status);
    cr_assert_str_eq(path, expected, "%s gave %s", raw, path);
    cr_assert_eq(len, strlen(expected));
}

static void expect_refused(const char *raw, int expected)
{
    char path[256];
    size_t len = 77;
    int status = http_path_resolve(text(raw), path, sizeof path, &len);
    cr_assert_eq(status, expected, "%s gave %d", raw, status);
    cr_assert_eq(len, 77);
}

Test(path, resolves_relative_to_root)
{
    expect_path("/", "");
    expect_path("/a", "a");
    expect_path("/a/", "a/");
    expect_path("/a/b.html", "a/b.html");
    expect_path("//a///b//", "a/b/");
    expect_path("/.", "");
    expect_path("/./", "");
    expect_path("/a/.", "a/");
    expect_path("/a/./b", "a/b");
    expect_path("/a/..", "");
    expect_path("/a/../b", "b");
    expect_path("/a/b/../../c", "c");
    expect_path("/a/b/..", "a/");
    expect_path("/...", "...");
    expect_path("/..a", "..a");
    expect_path("/.hidden", ".hidden");
}

Test(path, decodes_once)
{
    expect_path("/%61", "a");
    expect_path("/a%20b", "a b");
    expect_path("/%2561", "%61");
    expect_path("/%252e%252e/a", "%2e%2e/a");
    expect_path("/%C3%A4", "\xc3\xa4");
    expect_path("/a/%2e%2e/b", "b");
    expect_path("/a/%2E/b", "a/b");
    expect_path("/+", "+");
}

Test(path, never_leads_above_root)
{
    static const char *const climbing[] = {
        "/..",
        "/../",
        "/../../../etc/passwd",
        "/a/../..",
        "/a/../../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/%2e./etc/passwd",
        "/.%2E/etc/passwd",
        "/./../etc/passwd",
        "//../etc/passwd",
        "/a/b/../../../c",
    };
    for (size_t i = 0; i < sizeof climbing / sizeof climbing[0]; i++)
        expect_refused(climbing[i], 400);
}

Test(path, refuses_what_no_file_is_called)
{
    expect_refused("/%00", 400);
    expect_refused("/a%00.html", 400);
    expect_refused("/%", 400);
    expect_refused("/%4", 400);
    expect_refused("/%zz", 400);
    expect_refused("/%4g", 400);
    expect_refused("/..%2f..%2fetc/passwd", 404);
    expect_refused("/a%2Fb", 404);
    expect_refused("/%2f", 404);
}

Test(path, refuses_what_does_not_fit_and_takes_what_just_does)
{
    char raw[64];
    char small[16];
    size_t len;
    for (size_t n = 1; n < 40; n++) {
        memset(raw, 'a', sizeof raw);
        raw[0] = '/';
        raw[n + 1] = 0;
        int status = http_path_resolve(text(raw), small, sizeof small, &len);
        cr_assert_eq(status, n < sizeof small ? 0 : 414, "%zu", n);
        raw[n] = '/';
        status = http_path_resolve(text(raw), small, sizeof small, &len);
        cr_assert_eq(status, n < sizeof small ? 0 : 414, "%zu with a slash", n);
    }
}

Test(path, encodes_so_that_it_decodes_to_the_same)
{
    char all[256];
    char encoded[1024];
    char again[512];
    size_t len = 0;
    for (int byte = 1; byte < 256; byte++)
        all[byte - 1] = (char)byte;
    all['/' - 1] = 'x';
    all[255] = 0;
    struct http_writer writer = { encoded, encoded + sizeof encoded, false };
    http_put(&writer, "/", 1);
    http_path_encode(&writer, all, 255);
    cr_assert_not(writer.full);
    for (const char *at = encoded; at < writer.at; at++)
        cr_assert(*at > ' ' && *at < 0x7f);
    struct http_text raw = { encoded, (size_t)(writer.at - encoded) };
    cr_assert_eq(http_path_resolve(raw, again, sizeof again, &len), 0);
    cr_assert_eq(len, 255);
    cr_assert_arr_eq(again, all, 255);
}

static void expect_target(const char *raw, enum http_target_form form, const char *path,
                          const char *query)
{
    struct http_target target;
    cr_assert(http_target_split(text(raw), &target), "%s", raw);
    cr_assert_eq(target.form, form, "%s", raw);
    cr_assert_eq(target.path.len, strlen(path), "%s", raw);
    cr_assert(path[0] == 0 || memcmp(target.path.at, path, strlen(path)) == 0, "%s", raw);
    cr_assert_eq(target.query.at == NULL, query == NULL, "%s", raw);
    if (query != NULL) {
        cr_assert_eq(target.query.len, strlen(query), "%s", raw);
        cr_assert_arr_eq(target.query.at, query, strlen(query), "%s", raw);
    }
}

Test(target, splits_every_form)
{
    expect_target("/", HTTP_ORIGIN, "/", NULL);
    expect_target("/a?b?c", HTTP_ORIGIN, "/a", "b?c");
    expect_target("/a?", HTTP_ORIGIN, "/a", "");
    expect_target("//a", HTTP_ORIGIN, "//a", NULL);
    expect_target("http://a", HTTP_ABSOLUTE, "/", NULL);
    expect_target("HTTP://a:80/b?c", HTTP_ABSOLUTE, "/b", "c");
    expect_target("https://[::1]:443/b", HTTP_ABSOLUTE, "/b", NULL);
    expect_target("http://a?b", HTTP_ABSOLUTE, "/", "b");
    expect_target("*", HTTP_ASTERISK, "*", NULL);
    expect_target("a:1", HTTP_AUTHORITY, "", NULL);
}

Test(target, refuses_what_is_none)
{
    static const char *const wrong[] = { "",
                                         "/a#b",
                                         "#",
                                         "http://",
                                         "http:///a",
                                         "http://u@a/",
                                         "http://a b/",
                                         "ftp://a/b",
                                         "http://a:x/",
                                         "http://:80/" };
    struct http_target target;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_not(http_target_split(text(wrong[i]), &target), "%s", wrong[i]);
}

Test(host, is_a_name_or_an_address_with_perhaps_a_port)
{
    static const char *const right[] = { "",           "a",     "a.b", "a-b_c~d",
                                         "127.0.0.1",  "a:80",  "a:",  "[::1]",
                                         "[::1]:8080", "a%20b", "a,b", "[fe80::1%25eth0]",
                                         "a:65535" };
    static const char *const wrong[] = { "a b",     "a/b", "u@a",  "a:80:80", "a:-1",
                                         "a:65536", "::1", "[::1", "[]",      "[::1]x",
                                         "[::1]:x", "a?b", "a#b",  "a\\b",    "a\"",
                                         "<a>",     ":80", "a%2",  "a%zz",    "\xc3\xa4",
                                         "[a/b]" };
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        cr_assert(http_host_valid(text(right[i])), "%s", right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_not(http_host_valid(text(wrong[i])), "%s", wrong[i]);
}

/* What RFC 3986 says, character by character. */
static bool host_by_the_book(const char *host, size_t len)
{
    size_t at = 0;
    while (at < len && host[at] != ':') {
        if (host[at] == '%') {
            if (len - at < 3 || !isxdigit((unsigned char)host[at + 1]) ||
                !isxdigit((unsigned char)host[at + 2]))
                return false;
            at += 3;
        } else if (isalnum((unsigned char)host[at]) ||
                   strchr("-._~!$&'()*+,;=", host[at]) != NULL) {
            at++;
        } else {
            return false;
        }
    }
    if (at == len)
        return true;
    unsigned long port = 0;
    for (size_t digit = at + 1; digit < len; digit++) {
        if (!isdigit((unsigned char)host[digit]))
            return false;
        port = port > 100000 ? port : port * 10 + (unsigned long)(host[digit] - '0');
    }
    return at > 0 && port <= 65535;
}

Test(host, is_judged_by_the_book)
{
    static const char some[] = "aZ09-._~!$&'()*+,;=%%%::::556/@?# <]\\^\"\x7f\xc3";
    struct random random = random_start();
    unsigned right = 0;
    for (unsigned i = random_rounds(400000); i > 0; i--) {
        size_t len = random_below(&random, 10);
        /* Mostly of what is allowed, or nothing would be right. */
        size_t from = random_below(&random, 4) == 0 ? sizeof some - 1 : 30;
        char *host = malloc(len + 1);
        for (size_t at = 0; at < len; at++)
            host[at] = some[random_below(&random, from)];
        bool expected = host_by_the_book(host, len);
        right += expected;
        cr_assert_eq(http_host_valid((struct http_text){ host, len }), expected, "%.*s", (int)len,
                     host);
        free(host);
    }
    cr_assert_gt(right, 100);
}
