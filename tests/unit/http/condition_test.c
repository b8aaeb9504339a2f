/* SPDX-License-Identifier: MIT
 *
 * Conditional and range requests.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/condition.h"
#include "http/date.h"

enum { MODIFIED = 784111777, NOW = 1704067200 };

static const struct http_facts facts = {
    .size = 1000, .inode = 0xabc, .modified_s = MODIFIED, .modified_ns = 5
};

static struct http_text text(const char *terminated)
{
    return (struct http_text){ terminated, strlen(terminated) };
}

static struct http_verdict judge(struct http_wishes wishes)
{
    return http_judge(&wishes, &facts, NOW);
}

static const char *etag(void)
{
    static char tag[HTTP_ETAG_MAX + 1];
    tag[http_etag_format(&facts, tag)] = 0;
    return tag;
}

static void expect_range(const char *range, uint16_t status, uint64_t first, uint64_t len)
{
    struct http_verdict verdict = judge((struct http_wishes){ .get = true, .range = text(range) });
    cr_assert_eq(verdict.status, status, "%s gave %u", range, verdict.status);
    cr_assert_eq(verdict.first, first, "%s gave %" PRIu64, range, verdict.first);
    cr_assert_eq(verdict.len, len, "%s gave %" PRIu64, range, verdict.len);
}

Test(etag, changes_with_everything_that_is_known)
{
    char base[HTTP_ETAG_MAX];
    size_t len = http_etag_format(&facts, base);
    cr_assert_eq(base[0], '"');
    cr_assert_eq(base[len - 1], '"');
    struct http_facts others[] = { facts, facts, facts, facts };
    others[0].size++;
    others[1].inode++;
    others[2].modified_s++;
    others[3].modified_ns++;
    for (size_t i = 0; i < 4; i++) {
        char other[HTTP_ETAG_MAX];
        size_t other_len = http_etag_format(&others[i], other);
        cr_assert(other_len != len || memcmp(base, other, len) != 0, "%zu", i);
    }
    struct http_facts largest = { UINT64_MAX, UINT64_MAX, INT64_MAX, 999999999 };
    cr_assert_leq(http_etag_format(&largest, base), (size_t)HTTP_ETAG_MAX);
}

Test(range, gives_the_part_that_was_asked_for)
{
    expect_range("bytes=0-0", 206, 0, 1);
    expect_range("bytes=0-499", 206, 0, 500);
    expect_range("bytes=500-", 206, 500, 500);
    expect_range("bytes=999-", 206, 999, 1);
    expect_range("bytes=-1", 206, 999, 1);
    expect_range("bytes=-1000", 206, 0, 1000);
    expect_range("bytes=-5000", 206, 0, 1000);
    expect_range("bytes=900-5000", 206, 900, 100);
    expect_range("bytes=0-18446744073709551615", 206, 0, 1000);
    expect_range("bytes=0-99999999999999999999999", 206, 0, 1000);
    expect_range("BYTES= 0-1 ", 206, 0, 2);
}

Test(range, is_not_satisfiable_beyond_the_end)
{
    expect_range("bytes=1000-", 416, 0, 0);
    expect_range("bytes=1000-2000", 416, 0, 0);
    expect_range("bytes=99999999999999999999999-", 416, 0, 0);
    expect_range("bytes=-0", 416, 0, 0);
}

Test(range, is_ignored_when_malformed_or_of_another_kind_or_one_of_several)
{
    static const char *const ignored[] = {
        "",          "bytes",         "bytes=",     "bytes=-",     "bytes=a-b",
        "bytes=5-2", "bytes=0-1,3-4", "lines=0-1",  "bytes 0-1",   "bytes=0-1-2",
        "bytes=--1", "bytes=0 - 1",   "bytes=+1-2", "bytes=0x1-2",
    };
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        expect_range(ignored[i], 200, 0, 1000);
}

Test(range, is_for_get_alone)
{
    struct http_verdict verdict = judge((struct http_wishes){ .range = text("bytes=0-1") });
    cr_assert_eq(verdict.status, 200);
    cr_assert_eq(verdict.len, 1000);
}

Test(range, of_an_empty_file_is_the_whole_or_nothing)
{
    struct http_facts empty = facts;
    empty.size = 0;
    struct http_wishes wishes = { .get = true, .range = text("bytes=0-") };
    cr_assert_eq(http_judge(&wishes, &empty, NOW).status, 416);
    wishes.range = text("bytes=-5");
    cr_assert_eq(http_judge(&wishes, &empty, NOW).status, 200);
}

Test(condition, none_match_takes_lists_weak_tags_and_any)
{
    char list[256];
    struct http_wishes wishes = { .get = true };
    static const char *const around[][2] = {
        { "", "" }, { "\"x\", ", "" }, { "", ",\"y\"" }, { "W/", "" }, { "\"a,b\" , W/", "" },
    };
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        snprintf(list, sizeof list, "%s%s%s", around[i][0], etag(), around[i][1]);
        wishes.if_none_match = text(list);
        cr_assert_eq(judge(wishes).status, 304, "%s", list);
    }
    wishes.if_none_match = text(" * ");
    cr_assert_eq(judge(wishes).status, 304);
    wishes.if_none_match = text("\"x\", W/\"y\"");
    cr_assert_eq(judge(wishes).status, 200);
    wishes.if_none_match = text("");
    cr_assert_eq(judge(wishes).status, 200);
}

Test(condition, none_match_outweighs_modified_since)
{
    struct http_wishes wishes = { .get = true,
                                  .if_none_match = text("\"x\""),
                                  .if_modified_since = text("Sun, 06 Nov 1994 08:49:37 GMT") };
    cr_assert_eq(judge(wishes).status, 200);
}

Test(condition, modified_since_compares_seconds)
{
    struct http_wishes wishes = { .get = true };
    wishes.if_modified_since = text("Sun, 06 Nov 1994 08:49:37 GMT");
    cr_assert_eq(judge(wishes).status, 304);
    wishes.if_modified_since = text("Sun, 06 Nov 1994 08:49:38 GMT");
    cr_assert_eq(judge(wishes).status, 304);
    wishes.if_modified_since = text("Sun, 06 Nov 1994 08:49:36 GMT");
    cr_assert_eq(judge(wishes).status, 200);
    wishes.if_modified_since = text("yesterday");
    cr_assert_eq(judge(wishes).status, 200);
}

Test(condition, match_is_strong_and_comes_first)
{
    char weak[128];
    struct http_wishes wishes = { .get = true, .if_match = text(etag()) };
    cr_assert_eq(judge(wishes).status, 200);
    wishes.if_match = text("*");
    cr_assert_eq(judge(wishes).status, 200);
    snprintf(weak, sizeof weak, "W/%s", etag());
    wishes.if_match = text(weak);
    cr_assert_eq(judge(wishes).status, 412);
    wishes.if_match = text("\"x\"");
    wishes.if_none_match = text("*");
    cr_assert_eq(judge(wishes).status, 412);
}

Test(condition, unmodified_since_fails_when_it_was_modified)
{
    struct http_wishes wishes = { .get = true };
    wishes.if_unmodified_since = text("Sun, 06 Nov 1994 08:49:36 GMT");
    cr_assert_eq(judge(wishes).status, 412);
    wishes.if_unmodified_since = text("Sun, 06 Nov 1994 08:49:37 GMT");
    cr_assert_eq(judge(wishes).status, 200);
    wishes.if_unmodified_since = text("nonsense");
    cr_assert_eq(judge(wishes).status, 200);
}

Test(condition, if_range_decides_between_part_and_whole)
{
    char weak[128];
    struct http_wishes wishes = { .get = true, .range = text("bytes=0-1") };
    wishes.if_range = text(etag());
    cr_assert_eq(judge(wishes).status, 206);
    wishes.if_range = text("Sun, 06 Nov 1994 08:49:37 GMT");
    cr_assert_eq(judge(wishes).status, 206);
    wishes.if_range = text("Sun, 06 Nov 1994 08:49:38 GMT");
    cr_assert_eq(judge(wishes).status, 200);
    wishes.if_range = text("\"x\"");
    cr_assert_eq(judge(wishes).status, 200);
    snprintf(weak, sizeof weak, "W/%s", etag());
    wishes.if_range = text(weak);
    cr_assert_eq(judge(wishes).status, 200);
    /* Changed within this very second: the date says nothing yet. */
    wishes.if_range = text("Sun, 06 Nov 1994 08:49:37 GMT");
    cr_assert_eq(http_judge(&wishes, &facts, MODIFIED).status, 200);
}

Test(condition, last_modified_is_never_in_the_future)
{
    struct http_facts ahead = facts;
    ahead.modified_s = NOW + 100;
    cr_assert_eq(http_last_modified(&ahead, NOW), NOW);
    cr_assert_eq(http_last_modified(&facts, NOW), MODIFIED);
}
