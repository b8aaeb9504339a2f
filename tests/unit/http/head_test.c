/* SPDX-License-Identifier: MIT
 *
 * The scan for the end of a head: the same verdict however the bytes are cut.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/head.h"

enum { LINE = 20, HEAD = 64 };

/* Presents the first n bytes, for every n, as a connection would; returns the first verdict. */
static int scan_bytewise(const char *bytes, size_t len, bool trailers, uint32_t *ret_seen)
{
    struct http_head_scan scan = { 0, 0 };
    int verdict = HTTP_HEAD_MORE;
    for (size_t n = 0; n <= len && verdict == HTTP_HEAD_MORE; n++) {
        /* A copy of that size, so that a sanitizer sees a look too far. */
        char *copy = malloc(n + 1);
        memcpy(copy, bytes, n);
        char *exact = realloc(copy, n > 0 ? n : 1);
        verdict = http_head_scan(&scan, exact, n, LINE, HEAD, trailers);
        free(exact);
    }
    *ret_seen = scan.seen;
    return verdict;
}

static void expect(const char *bytes, size_t len, bool trailers, int expected, uint32_t seen)
{
    struct http_head_scan scan = { 0, 0 };
    uint32_t bytewise_seen;
    int verdict = http_head_scan(&scan, bytes, len, LINE, HEAD, trailers);
    cr_assert_eq(verdict, expected, "%.*s gave %d", (int)len, bytes, verdict);
    if (expected == HTTP_HEAD_COMPLETE)
        cr_assert_eq(scan.seen, seen, "%.*s saw %u", (int)len, bytes, scan.seen);
    verdict = scan_bytewise(bytes, len, trailers, &bytewise_seen);
    cr_assert_eq(verdict, expected, "%.*s gave %d bytewise", (int)len, bytes, verdict);
    if (expected == HTTP_HEAD_COMPLETE)
        cr_assert_eq(bytewise_seen, seen);
    for (size_t cut = 0; cut <= len; cut++) {
        scan = (struct http_head_scan){ 0, 0 };
        verdict = http_head_scan(&scan, bytes, cut, LINE, HEAD, trailers);
        if (verdict == HTTP_HEAD_MORE)
            verdict = http_head_scan(&scan, bytes, len, LINE, HEAD, trailers);
        cr_assert_eq(verdict, expected, "%.*s cut at %zu gave %d", (int)len, bytes, cut, verdict);
    }
}

#define EXPECT(text, expected, seen) expect(text, sizeof(text) - 1, false, expected, seen)
#define EXPECT_TRAILERS(text, expected, seen) expect(text, sizeof(text) - 1, true, expected, seen)

Test(head, is_found_and_what_follows_is_left_alone)
{
    EXPECT("GET /\r\n\r\n", HTTP_HEAD_COMPLETE, 9);
    EXPECT("GET /\r\nA: b\r\n\r\nPOST", HTTP_HEAD_COMPLETE, 15);
    EXPECT("GET /\r\nA: \tb\r\n\r\n\r\n\r\n", HTTP_HEAD_COMPLETE, 16);
    EXPECT("GET /\r\n\xff\x7f\r\n\r\n\n\0\r", HTTP_HEAD_COMPLETE, 13);
}

Test(head, needs_more_until_the_empty_line)
{
    EXPECT("", HTTP_HEAD_MORE, 0);
    EXPECT("G", HTTP_HEAD_MORE, 0);
    EXPECT("GET /\r", HTTP_HEAD_MORE, 0);
    EXPECT("GET /\r\n", HTTP_HEAD_MORE, 0);
    EXPECT("GET /\r\nA: b\r\n\r", HTTP_HEAD_MORE, 0);
}

Test(head, has_no_line_ends_but_crlf_and_no_other_control_characters)
{
    EXPECT("GET /\n\n", 400, 0);
    EXPECT("GET /\nA: b\r\n\r\n", 400, 0);
    EXPECT("GET /\r\nA: b\n\r\n", 400, 0);
    EXPECT("GET /\r\nA: b\r\n\n", 400, 0);
    EXPECT("GET /\r\nA: b\rC: d\r\n\r\n", 400, 0);
    EXPECT("GET /\r\r\n\r\n", 400, 0);
    EXPECT("GET /\r\nA: b\0c\r\n\r\n", 400, 0);
    EXPECT("\0", 400, 0);
    EXPECT("GET /\r\nA: \x01\r\n\r\n", 400, 0);
    EXPECT("GET /\r\nA: \x1f\r\n\r\n", 400, 0);
    EXPECT("\x16\x03\x01\x02", 400, 0);
}

Test(head, has_no_folded_lines)
{
    EXPECT("GET /\r\nA: b\r\n c\r\n\r\n", 400, 0);
    EXPECT("GET /\r\nA: b\r\n\tc\r\n\r\n", 400, 0);
    EXPECT("GET /\r\n A: b\r\n\r\n", 400, 0);
}

Test(head, does_not_begin_with_an_empty_line)
{
    EXPECT("\r\n", 400, 0);
    EXPECT("\r\nGET /\r\n\r\n", 400, 0);
}

Test(head, keeps_to_its_limits_to_the_byte)
{
    /* A request line of exactly LINE bytes, then one more. */
    EXPECT("GET /aaaaaaaaaaaaaaa\r\n\r\n", HTTP_HEAD_COMPLETE, 24);
    EXPECT("GET /aaaaaaaaaaaaaaaa\r\n\r\n", 414, 0);
    EXPECT("GET /aaaaaaaaaaaaaaaa", 414, 0);
    EXPECT(
        "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
        414, 0);

    char head[HEAD + 32];
    for (int excess = -1; excess <= 1; excess++) {
        int fill = HEAD + excess - (int)strlen("GET /\r\nA: \r\n\r\n");
        int len = snprintf(head, sizeof head, "GET /\r\nA: %0*d\r\n\r\n", fill, 0);
        cr_assert_eq(len, HEAD + excess);
        expect(head, (size_t)len, false, excess > 0 ? 431 : HTTP_HEAD_COMPLETE, (uint32_t)len);
    }
}

Test(head, gives_the_same_verdict_at_every_cut_also_where_two_rules_are_broken)
{
    EXPECT("GET /\r\nA: 0123456789012345678901234567890123456789012345678901234567890\n", 431, 0);
    EXPECT("GET /\r\nA: 01234567890123456789012345678901234567890123456789012\r\n b\r\n\r\n", 431,
           0);
    EXPECT("GET /\r\nA: 01234567890123456789012345678901234567890123456789012345\n\r\n\r\n", 431,
           0);
}

Test(head, as_trailers_has_no_request_line)
{
    EXPECT_TRAILERS("\r\n", HTTP_HEAD_COMPLETE, 2);
    EXPECT_TRAILERS("A: b\r\n\r\n", HTTP_HEAD_COMPLETE, 8);
    EXPECT_TRAILERS("A: b\r\nC: d\r\n\r\nGET", HTTP_HEAD_COMPLETE, 14);
    EXPECT_TRAILERS("\n", 400, 0);
    EXPECT_TRAILERS("A: b\r\n c\r\n\r\n", 400, 0);
    EXPECT_TRAILERS("A: b\n\r\n", 400, 0);
    EXPECT_TRAILERS("A: 01234567890123456789012345678901234567890123456789012345678901\r\n\r\n",
                    431, 0);
}
