/* SPDX-License-Identifier: MIT
 *
 * Cutting input into lines: the same lines wherever the network cuts, too long ones refused once,
 * wrong UTF-8 told with its offset.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "../random.h"
#include "chat/lines.h"

enum { MAX = 8 };

/* What came out, as text: lines in brackets, '!' too long, '?' and the offset for wrong UTF-8. */
struct told {
    char text[4096];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void tell(struct told *told, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    told->len +=
        (size_t)vsnprintf(told->text + told->len, sizeof told->text - told->len, format, arguments);
    va_end(arguments);
    cr_assert_lt(told->len, sizeof told->text);
}

/* As the handler does: bytes come up to `cut`, what is not used comes again in front of the rest.
 */
static void present(struct chat_lines *lines, const char *bytes, size_t *used, size_t cut,
                    struct told *told)
{
    while (*used < cut) {
        struct chat_line line;
        size_t len = cut - *used < MAX + 2 ? cut - *used : MAX + 2;
        enum chat_line_kind kind =
            chat_lines_next(lines, MAX, (const uint8_t *)bytes + *used, len, &line);
        cr_assert_leq(line.used, len);
        *used += line.used;
        cr_assert_eq(lines->offset, *used);
        if (kind == CHAT_LINE_TEXT)
            tell(told, "[%.*s]", (int)line.len, line.text);
        else if (kind == CHAT_LINE_TOO_LONG)
            tell(told, "!");
        else if (kind == CHAT_LINE_BAD_UTF8)
            tell(told, "?%d", (int)line.bad_offset);
        else if (kind == CHAT_LINE_NONE && len == MAX + 2)
            cr_assert_fail("nothing used of %zu bytes", len);
        else if (kind == CHAT_LINE_NONE)
            break;
    }
}

static void expect_cut(const char *bytes, size_t len, const size_t *cuts, size_t count,
                       const char *expected)
{
    struct chat_lines lines = { 0 };
    struct told told = { .len = 0 };
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        present(&lines, bytes, &used, cuts[i], &told);
    present(&lines, bytes, &used, len, &told);
    cr_assert_str_eq(told.text, expected, "cut %zu times, first at %zu: %s", count,
                     count > 0 ? cuts[0] : 0, told.text);
}

/* Whole, cut at every byte, cut at every two bytes, and byte by byte. */
static void expect_bytes(const char *bytes, size_t len, const char *expected)
{
    size_t all[256];
    expect_cut(bytes, len, NULL, 0, expected);
    for (size_t first = 0; first <= len; first++)
        for (size_t second = first; second <= len; second++)
            expect_cut(bytes, len, (size_t[]){ first, second }, 2, expected);
    for (size_t i = 0; i < len; i++)
        all[i] = i;
    expect_cut(bytes, len, all, len, expected);
}

static void expect(const char *text, const char *expected)
{
    expect_bytes(text, strlen(text), expected);
}

Test(lines, end_with_lf_or_crlf)
{
    expect("", "");
    expect("a", "");
    expect("\n", "[]");
    expect("\r\n", "[]");
    expect("a\nb\r\n\nc", "[a][b][]");
    expect("a\rb\n", "[a\rb]");
    expect("a\r\r\n", "[a\r]");
    expect("a\n\rb\n", "[a][\rb]");
}

Test(lines, keep_bytes_that_end_strings)
{
    expect_bytes("a\0b\n", 4, "[a]"); /* as printf shows it */
    struct chat_lines lines = { 0 };
    struct chat_line line;
    cr_assert_eq(chat_lines_next(&lines, MAX, (const uint8_t *)"a\0b\n", 4, &line), CHAT_LINE_TEXT);
    cr_assert_eq(line.len, 3);
}

Test(lines, have_at_most_max_bytes_before_their_end)
{
    expect("12345678\n", "[12345678]");
    expect("12345678\r\n", "[12345678]");
    expect("123456789\n", "!");
    expect("123456789\r\n", "!");
    expect("12345678\rx\n", "!");
    expect("1234567\r\r\n", "[1234567\r]");
    expect("12345678\r\r\n", "!");
}

Test(lines, that_are_too_long_are_refused_once_and_passed_over)
{
    expect("a\n1234567890123456789012345678901234567890\nb\n", "[a]![b]");
    expect("1234567890\n1234567890\nb\n", "!![b]");
    expect("12345678901234567890", "!");
    expect("1234567890\xff\xff\nb\n", "![b]"); /* nobody looks at what is passed over */
}

Test(lines, tell_where_utf8_is_wrong)
{
    expect("\xc3\xa4\xe2\x82\xac\n", "[\xc3\xa4\xe2\x82\xac]");
    expect("\xf0\x9f\x98\x80\n", "[\xf0\x9f\x98\x80]");
    expect("ab\xff\n", "?2");
    expect("a\nb\xc3\n", "[a]?3"); /* cut off by the end of the line */
    expect("a\xe2\x82\r\n", "?1");
    expect("a\n\xed\xa0\x80\n", "[a]?2"); /* a surrogate */
    expect("\xc0\xaf\n", "?0");           /* overlong */
    expect("\xf4\x90\x80\x80\nok\n", "?0[ok]");
    expect("1234567890\nb\xff\n", "!?12"); /* the offset counts what was passed over */
}

/* A copy of the state that is thrown away leaves the line where it is. */
Test(lines, can_be_left_where_they_are)
{
    struct chat_lines lines = { 0 };
    for (int i = 0; i < 3; i++) {
        struct chat_lines copy = lines;
        struct chat_line line;
        cr_assert_eq(chat_lines_next(&copy, MAX, (const uint8_t *)"a\xff\n", 3, &line),
                     CHAT_LINE_BAD_UTF8);
        cr_assert_eq(line.bad_offset, 1);
    }
}

/* Against a model that sees everything at once: random text of a few kinds of bytes. */
Test(lines, are_the_same_however_they_are_cut)
{
    static const char *const pieces[] = {
        "a", "bc", "\n", "\r\n", "\xc3\xa4", "\xff", "12345", ""
    };
    struct random random = random_start();
    for (unsigned round = random_rounds(4000); round > 0; round--) {
        char bytes[128] = "";
        struct told whole = { .len = 0 }, cut = { .len = 0 };
        struct chat_lines at_once = { 0 }, in_pieces = { 0 };
        size_t used = 0, used_cut = 0;
        for (unsigned i = 0; i < 20; i++)
            strcat(bytes, pieces[random_below(&random, 8)]);
        size_t len = strlen(bytes);
        present(&at_once, bytes, &used, len, &whole);
        for (size_t at = 0; at < len; at += random_below(&random, 12))
            present(&in_pieces, bytes, &used_cut, at, &cut);
        present(&in_pieces, bytes, &used_cut, len, &cut);
        cr_assert_str_eq(cut.text, whole.text);
    }
}
