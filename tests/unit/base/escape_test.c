/* SPDX-License-Identifier: MIT
 *
 * Escaping: nothing harmful comes through, and nothing that was sent is lost.
 *
 * The random tests judge by others' work: iconv says what is well-formed, and the decoders here
 * read the escapes back by the rules in base/escape.h.
 */
#include "base/escape.h"

#include <criterion/criterion.h>
#include <iconv.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

static const char *escaped(enum evf__escape_style style, const char *text, size_t len)
{
    static char out[4096];
    size_t taken, count = evf__escape(out, sizeof(out) - 1, text, len, style, &taken);
    cr_assert_eq(taken, len);
    out[count] = '\0';
    return out;
}

#define IN_TEXT(literal) escaped(EVF__ESCAPE_TEXT, literal, sizeof(literal) - 1)
#define IN_WORD(literal) escaped(EVF__ESCAPE_WORD, literal, sizeof(literal) - 1)
#define IN_JSON(literal) escaped(EVF__ESCAPE_JSON, literal, sizeof(literal) - 1)

Test(escape, leaves_readable_text_as_it_is)
{
    cr_assert_str_eq(IN_TEXT("GET /a?b=\"c\" HTTP/1.1"), "GET /a?b=\"c\" HTTP/1.1");
    cr_assert_str_eq(IN_TEXT("gr\xc3\xbc\xc3\x9f"
                             "e \xe2\x82\xac \xf0\x9f\x8c\x8d"),
                     "gr\xc3\xbc\xc3\x9f"
                     "e \xe2\x82\xac \xf0\x9f\x8c\x8d");
    cr_assert_str_eq(IN_TEXT(""), "");
    cr_assert_str_eq(IN_JSON("plain"), "plain");
}

Test(escape, shows_control_characters_by_their_number)
{
    cr_assert_str_eq(IN_TEXT("a\x1b[31mb\r\n\t\x7f"), "a\\x1b[31mb\\x0d\\x0a\\x09\\x7f");
    cr_assert_str_eq(IN_TEXT("\0end"), "\\x00end");
    cr_assert_str_eq(IN_TEXT("\xc2\x85 \xc2\x9b"), "\\u0085 \\u009b");
    cr_assert_str_eq(IN_JSON("\x1b\n\0\x7f\xc2\x9b"), "\\u001b\\u000a\\u0000\\u007f\\u009b");
}

Test(escape, shows_what_turns_the_direction_of_writing)
{
    cr_assert_str_eq(IN_TEXT("\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae"),
                     "\\u202a\\u202b\\u202c\\u202d\\u202e");
    cr_assert_str_eq(IN_JSON("\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9"),
                     "\\u2066\\u2067\\u2068\\u2069");
    cr_assert_str_eq(IN_TEXT("\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c"), "\\u200e\\u200f\\u061c");
    cr_assert_str_eq(IN_TEXT("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029");
    cr_assert_str_eq(IN_TEXT("\xe2\x81\xaa"), "\xe2\x81\xaa", "the next one is no control");
}

Test(escape, shows_ill_formed_bytes_one_by_one)
{
    cr_assert_str_eq(IN_TEXT("\xff\xfe"), "\\xff\\xfe");
    cr_assert_str_eq(IN_TEXT("\x80"), "\\x80", "a continuation without a beginning");
    cr_assert_str_eq(IN_TEXT("\xc0\xaf"), "\\xc0\\xaf", "an overlong form");
    cr_assert_str_eq(IN_TEXT("\xe0\x80\xaf"), "\\xe0\\x80\\xaf", "a longer one");
    cr_assert_str_eq(IN_TEXT("\xed\xa0\x80"), "\\xed\\xa0\\x80", "a surrogate");
    cr_assert_str_eq(IN_TEXT("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80", "beyond U+10FFFF");
    cr_assert_str_eq(IN_TEXT("\xe2\x82(\xc3"), "\\xe2\\x82(\\xc3", "cut short");
    cr_assert_str_eq(IN_JSON("a\xff\"b"), "a\\\\xff\\\"b");
}

Test(escape, doubles_a_backslash_only_where_it_could_be_mistaken)
{
    cr_assert_str_eq(IN_TEXT("C:\\dir\\n\\"), "C:\\dir\\n\\");
    cr_assert_str_eq(IN_TEXT("\\x1b"), "\\\\x1b");
    cr_assert_str_eq(IN_TEXT("\\u202e"), "\\\\u202e");
    cr_assert_str_eq(IN_TEXT("\\\x1b"), "\\\\\\x1b");
    cr_assert_str_eq(IN_TEXT("\\\\a"), "\\\\\\a");
    cr_assert_str_eq(IN_JSON("\\\""), "\\\\\\\"");
}

Test(escape, leaves_no_blank_in_a_word)
{
    cr_assert_str_eq(IN_WORD("unix:/a b: c"), "unix:/a\\x20b:\\x20c");
    cr_assert_str_eq(IN_WORD("\\ "), "\\\\\\x20");
}

Test(escape, never_writes_a_part_of_an_escape_or_character)
{
    static const char text[] = "a\x1b\xe2\x82\xac\xff";
    static const char whole[] = "a\\x1b\xe2\x82\xac\\xff";
    static const size_t ends[] = { 0, 1, 5, 8, 12 }; /* of the units in `whole` */
    static const size_t takes[] = { 0, 1, 2, 5, 6 };

    for (size_t room = 0; room < sizeof(whole); room++) {
        char *to = malloc(room + 1);
        size_t taken, unit = 4;
        while (ends[unit] > room)
            unit--;

        size_t count = evf__escape(to, room, text, sizeof(text) - 1, EVF__ESCAPE_TEXT, &taken);

        cr_assert_eq(count, ends[unit]);
        cr_assert_eq(taken, takes[unit]);
        cr_assert_eq(memcmp(to, whole, count), 0);
        free(to);
    }
}

Test(escape, finds_the_incomplete_character_that_a_cut_leaves)
{
    static const struct {
        const char *text;
        size_t whole;
    } rows[] = {
        { "", 0 },
        { "abc", 3 },
        { "a\xc3", 1 },
        { "a\xc3\xbc", 3 },
        { "a\xe2", 1 },
        { "a\xe2\x82", 1 },
        { "\xe2\x82\xac", 3 },
        { "\xf0\x9f\x8c", 0 },
        { "a\xf0", 1 },
        { "\xf0\x9f\x8c\x8d", 4 },
        { "a\xff", 2 }, /* ill-formed, not incomplete: it is shown */
        { "\x80\x80", 2 },
        { "\xe0\x80", 2 },
        { "\xed\xa0", 2 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(evf__escape_whole(rows[i].text, strlen(rows[i].text)), rows[i].whole,
                     "row %zu", i);
}

/* ---- At random ---- */

enum { PIECES_MAX = 40, BYTES_MAX = PIECES_MAX * 4, SHOWN_MAX = BYTES_MAX * 6 };

/* A text of pieces that matter to the rules. */
static size_t make_text(uint64_t *state, char *text, bool well_formed)
{
    static const char *const pieces[] = {
        "\\",
        "\\",
        "x",
        "u",
        "\"",
        " ",
        "/",
        "é",
        "€",
        "🌍",
        "\x1b",
        "\n",
        "\x7f",
        "1b",
        "\xc2\x80",
        "\xc2\xa0",
        "\xe2\x80\xae",
        "\xe2\x81\xa9",
        "\xed\x9f\xbf",
        "\xef\xbf\xbf",
        "\xf4\x8f\xbf\xbf",
        "\xdf\xbf",
    };
    size_t len = 0, count = random_below(state, PIECES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!well_formed && random_below(state, 2) == 0) {
            text[len++] = (char)random_below(state, 256);
            continue;
        }
        const char *piece = pieces[random_below(state, sizeof(pieces) / sizeof(pieces[0]))];
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return len;
}

/* The characters of text, or SIZE_MAX when it is not well-formed. */
static size_t characters(iconv_t to_ucs4, const char *text, size_t len, uint32_t *ret)
{
    char copy[SHOWN_MAX], *from = copy, *to = (char *)ret;
    size_t left = len, room = SHOWN_MAX * sizeof(uint32_t);
    memcpy(copy, text, len);
    iconv(to_ucs4, NULL, NULL, NULL, NULL);
    if (iconv(to_ucs4, &from, &left, &to, &room) == (size_t)-1)
        return SIZE_MAX;
    return SHOWN_MAX - room / sizeof(uint32_t);
}

static size_t encode(uint32_t code, char *to)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    to[0] = (char)(0xe0 | code >> 12);
    to[1] = (char)(0x80 | (code >> 6 & 0x3f));
    to[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

static uint32_t hex(const char *digits, size_t count)
{
    char copy[8] = { 0 }, *end;
    memcpy(copy, digits, count);
    cr_assert_eq(strspn(copy, "0123456789abcdef"), count, "'%s' is no number", copy);
    return (uint32_t)strtoul(copy, &end, 16);
}

/* Reads escapes back: as a person who knows the rules reads text, or as JSON is read. */
static size_t unescape(enum evf__escape_style style, const char *shown, size_t len, char *to)
{
    size_t at = 0, count = 0;
    while (at < len) {
        char letter = shown[at++], next = at < len ? shown[at] : '\0';
        if (letter != '\\') {
            cr_assert(style != EVF__ESCAPE_JSON || letter != '"');
            to[count++] = letter;
        } else if (next == 'u') {
            count += encode(hex(shown + at + 1, 4), to + count);
            at += 5;
        } else if (next == 'x' && style != EVF__ESCAPE_JSON) {
            to[count++] = (char)hex(shown + at + 1, 2);
            at += 3;
        } else if (next == '\\' || style == EVF__ESCAPE_JSON) {
            cr_assert(next == '\\' || next == '"');
            to[count++] = next;
            at++;
        } else {
            to[count++] = '\\';
        }
    }
    return count;
}

static bool harmful(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

static void check_round(iconv_t to_ucs4, uint64_t *state, uint64_t seed, bool well_formed)
{
    static char text[BYTES_MAX], shown[SHOWN_MAX], back[SHOWN_MAX];
    static uint32_t codes[SHOWN_MAX];
    enum evf__escape_style style = (enum evf__escape_style)random_below(state, 3);
    size_t len = make_text(state, text, well_formed), taken;
    bool was_well_formed = characters(to_ucs4, text, len, codes) != SIZE_MAX;
    cr_assert(was_well_formed || !well_formed);

    size_t room = random_below(state, SHOWN_MAX);
    size_t count = evf__escape(shown, room, text, len, style, &taken);

    cr_assert_leq(count, room);
    size_t seen = characters(to_ucs4, shown, count, codes);
    cr_assert_neq(seen, SIZE_MAX, "ill-formed UTF-8 came through, seed %" PRIu64, seed);
    for (size_t i = 0; i < seen; i++)
        cr_assert_not(harmful(codes[i]), "U+%04x came through, seed %" PRIu64, codes[i], seed);
    if (style == EVF__ESCAPE_WORD)
        cr_assert_null(memchr(shown, ' ', count), "seed %" PRIu64, seed);

    /* In JSON, an ill-formed byte and the text that stands for it look the same. */
    if (style == EVF__ESCAPE_JSON && !was_well_formed)
        return;
    size_t back_len = unescape(style, shown, count, back);
    cr_assert_eq(back_len, taken, "seed %" PRIu64, seed);
    cr_assert_eq(memcmp(back, text, taken), 0, "another text came back, seed %" PRIu64, seed);
}

Test(escape, lets_nothing_harmful_through_and_loses_nothing)
{
    uint64_t seed = random_seed(), state = seed;
    iconv_t to_ucs4 = iconv_open("UTF-32LE", "UTF-8");
    cr_assert_neq(to_ucs4, (iconv_t)-1);

    for (int round = 0; round < 40000; round++)
        check_round(to_ucs4, &state, seed, round % 2 == 0);

    iconv_close(to_ucs4);
}
