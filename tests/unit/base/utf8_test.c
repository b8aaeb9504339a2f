/* SPDX-License-Identifier: MIT
 *
 * The UTF-8 validator against another definition of the same: what encoding a code point gives.
 *
 * The oracle knows no table of byte ranges. It decodes by the bits of the first byte, refuses what
 * is no code point, and encodes the result again: only the bytes that come back are well-formed.
 */
#include <evframe/utf8.h>

#include <criterion/criterion.h>
#include <string.h>

#include "../random.h"

/* ---- The oracle ---- */

static size_t encode(uint32_t point, uint8_t ret[4])
{
    if (point < 0x80) {
        ret[0] = (uint8_t)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        ret[i] = (uint8_t)(0x80 | (point & 0x3f));
    ret[0] = (uint8_t)((0xf00 >> size) | point);
    return size;
}

static bool is_scalar(uint32_t point)
{
    return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

/* True when the bytes are exactly one well-formed character. */
static bool is_character(const uint8_t *bytes, size_t len)
{
    uint8_t again[4];
    uint32_t point = bytes[0];
    if (len > 1)
        point &= 0x7fu >> len;
    for (size_t i = 1; i < len; i++) {
        if (bytes[i] >> 6 != 2)
            return false;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    return is_scalar(point) && encode(point, again) == len && memcmp(bytes, again, len) == 0;
}

/* How many bytes a character that begins with these still lacks, at least; 0 when none does. */
static size_t lacks(const uint8_t *bytes, size_t len)
{
    static const uint8_t fills[] = { 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf };
    uint8_t longer[4];
    for (size_t size = len + 1; size <= 4; size++) {
        memcpy(longer, bytes, len);
        memset(longer + len, 0x80, size - len);
        for (size_t i = 0; i < sizeof fills; i++) {
            longer[len] = fills[i];
            if (is_character(longer, size))
                return size - len;
        }
    }
    return 0;
}

struct verdict {
    size_t valid;
    bool failed;
    size_t missing;
};

static struct verdict oracle(const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t size = 1, rest = len - at;
        while (size <= 4 && size <= rest && !is_character(bytes + at, size))
            size++;
        if (size > 4 || size > rest) {
            size_t missing = rest < 4 ? lacks(bytes + at, rest) : 0;
            return (struct verdict){ at, missing == 0, missing };
        }
        at += size;
    }
    return (struct verdict){ at, false, 0 };
}

/* ---- Whole sequences ---- */

/* Counts a difference instead of asserting: Criterion's assertions are too slow for millions. */
static unsigned differences;

static void compare(const uint8_t *bytes, size_t len)
{
    struct evf_utf8 utf8 = { 0 };
    struct verdict expected = oracle(bytes, len);
    size_t valid = evf_utf8_check(&utf8, bytes, len);
    if (valid == expected.valid && evf_utf8_failed(&utf8) == expected.failed &&
        utf8.missing == expected.missing && utf8.offset == valid)
        return;
    if (differences++ > 0)
        return;
    cr_expect(false, "%02x %02x %02x %02x (%zu bytes): valid %zu, failed %d, missing %u", bytes[0],
              len > 1 ? bytes[1] : 0, len > 2 ? bytes[2] : 0, len > 3 ? bytes[3] : 0, len, valid,
              evf_utf8_failed(&utf8), utf8.missing);
}

Test(utf8, judges_every_sequence_of_up_to_three_bytes)
{
    for (uint32_t number = 0; number < 1u << 24; number++) {
        uint8_t bytes[3] = { (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };
        if (number < 1u << 8)
            compare(bytes + 2, 1);
        if (number < 1u << 16)
            compare(bytes + 1, 2);
        compare(bytes, 3);
    }
    cr_assert_eq(differences, 0, "%u differ", differences);
}

Test(utf8, judges_four_bytes_by_every_first_and_second)
{
    static const uint8_t others[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                      0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xf0, 0xf4, 0xff };
    for (unsigned pair = 0; pair < 1u << 16; pair++) {
        for (unsigned rest = 0; rest < sizeof others * sizeof others; rest++) {
            uint8_t bytes[4] = { (uint8_t)(pair >> 8), (uint8_t)pair, others[rest / sizeof others],
                                 others[rest % sizeof others] };
            compare(bytes, 4);
        }
    }
    cr_assert_eq(differences, 0, "%u differ", differences);
}

Test(utf8, takes_every_character_and_asks_for_what_its_parts_lack)
{
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        uint8_t bytes[4];
        size_t size = encode(point, bytes);
        struct evf_utf8 utf8 = { 0 };
        if (!is_scalar(point))
            continue;
        for (size_t part = 1; part < size; part++) {
            cr_assert_eq(evf_utf8_check(&utf8, bytes, part), 0);
            cr_assert(!evf_utf8_failed(&utf8) && utf8.missing == size - part, "U+%04X", point);
        }
        cr_assert_eq(evf_utf8_check(&utf8, bytes, size), size, "U+%04X", point);
        cr_assert(utf8.offset == size && utf8.missing == 0 && !evf_utf8_failed(&utf8));
    }
}

/* ---- In pieces ---- */

enum { TEXT_MAX = 600 };

/* Characters of every size, runs of ASCII among them, and here and there an ill-formed byte. */
static size_t random_text(struct random *random, uint8_t *text, unsigned ill_formed_one_in)
{
    size_t len = 0, most = random_below(random, TEXT_MAX - 40);
    while (len < most) {
        uint64_t kind = random_below(random, 6);
        if (ill_formed_one_in > 0 && random_below(random, ill_formed_one_in) == 0) {
            text[len++] = (uint8_t)random_next(random);
        } else if (kind == 0) {
            for (uint64_t n = random_below(random, 30); n > 0; n--)
                text[len++] = (uint8_t)random_below(random, 0x80);
        } else {
            static const uint32_t below[] = { 0x80, 0x800, 0xd800, 0x10000, 0x110000 };
            uint32_t point = (uint32_t)random_below(random, below[kind - 1]);
            if (is_scalar(point))
                len += encode(point, text + len);
        }
    }
    return len;
}

/* Gives the text as a stream would: a rest stands in front of what follows. Returns the bytes that
 * were taken. */
static size_t check_cut(struct evf_utf8 *utf8, const uint8_t *text, size_t len, size_t cut)
{
    size_t taken = evf_utf8_check(utf8, text, cut);
    cr_assert_leq(taken, cut);
    cr_assert(cut - taken <= 3 || evf_utf8_failed(utf8));
    return taken + evf_utf8_check(utf8, text + taken, len - taken);
}

Test(utf8, comes_to_the_same_wherever_the_input_is_cut)
{
    struct random random = random_start();
    for (unsigned round = random_rounds(400); round > 0; round--) {
        uint8_t text[TEXT_MAX];
        size_t len = random_text(&random, text, round % 2 == 0 ? 40 : 0);
        struct verdict expected = oracle(text, len);
        for (size_t cut = 0; cut <= len; cut++) {
            struct evf_utf8 utf8 = { 0 };
            size_t taken = check_cut(&utf8, text, len, cut);
            cr_assert_eq(taken, expected.valid, "cut at %zu of %zu", cut, len);
            cr_assert_eq(utf8.offset, expected.valid);
            cr_assert_eq(evf_utf8_failed(&utf8), expected.failed, "cut at %zu of %zu", cut, len);
            cr_assert_eq(utf8.missing, expected.missing);
        }
    }
}

Test(utf8, comes_to_the_same_byte_by_byte)
{
    struct random random = random_start();
    for (unsigned round = random_rounds(2000); round > 0; round--) {
        uint8_t text[TEXT_MAX];
        size_t len = random_text(&random, text, round % 2 == 0 ? 100 : 0), taken = 0;
        struct verdict expected = oracle(text, len);
        struct evf_utf8 utf8 = { 0 };
        for (size_t end = 1; end <= len; end++)
            taken += evf_utf8_check(&utf8, text + taken, end - taken);
        cr_assert_eq(taken, expected.valid);
        cr_assert_eq(utf8.offset, expected.valid);
        cr_assert_eq(evf_utf8_failed(&utf8), expected.failed);
        cr_assert_eq(utf8.missing, expected.missing);
    }
}

Test(utf8, finds_one_bad_byte_at_every_place_of_a_long_ascii_text)
{
    enum { LEN = 70 };
    for (size_t start = 0; start < 8; start++) {
        for (size_t bad = start; bad < LEN; bad++) {
            uint8_t text[LEN];
            struct evf_utf8 utf8 = { 0 };
            memset(text, 'a', sizeof text);
            text[bad] = 0x80;
            cr_assert_eq(evf_utf8_check(&utf8, text + start, LEN - start), bad - start);
            cr_assert(evf_utf8_failed(&utf8) && utf8.offset == bad - start);
        }
    }
}

/* ---- States ---- */

Test(utf8, fails_at_once_where_no_byte_that_follows_can_mend_it)
{
    static const char *const hopeless[] = {
        "\xe0\x80", "\xe0\x9f", "\xed\xa0", "\xed\xbf", "\xf0\x80",     "\xf0\x8f",
        "\xf4\x90", "\xf4\xbf", "\xc2\x41", "\xe1\xc0", "\xf1\x80\x7f", "\xf1\x80\x80\xc0",
        "\x80",     "\xc0",     "\xc1",     "\xf5",     "\xff",
    };
    for (size_t i = 0; i < sizeof hopeless / sizeof *hopeless; i++) {
        struct evf_utf8 utf8 = { 0 };
        cr_assert_eq(evf_utf8_check(&utf8, hopeless[i], strlen(hopeless[i])), 0);
        cr_assert(evf_utf8_failed(&utf8), "number %zu", i);
        cr_assert_eq(utf8.missing, 0);
    }
}

Test(utf8, tells_the_offset_of_the_whole_ill_formed_sequence)
{
    struct evf_utf8 utf8 = { 0 };
    cr_assert_eq(evf_utf8_check(&utf8, "ab\xe2\x82", 4), 2);
    cr_assert(utf8.missing == 1 && utf8.offset == 2);
    cr_assert_eq(evf_utf8_check(&utf8, "\xe2\x82\xac\xf0\x9f", 5), 3);
    cr_assert(utf8.missing == 2 && utf8.offset == 5);
    cr_assert_eq(evf_utf8_check(&utf8, "\xf0\x9f\x8c ", 4), 0);
    cr_assert(evf_utf8_failed(&utf8) && utf8.offset == 5 && utf8.missing == 0);
}

Test(utf8, stays_failed_until_it_is_zeroed)
{
    struct evf_utf8 utf8 = { 0 };
    cr_assert_eq(evf_utf8_check(&utf8, "a\xff", 2), 1);
    cr_assert_eq(evf_utf8_check(&utf8, "good", 4), 0);
    cr_assert(evf_utf8_failed(&utf8) && utf8.offset == 1);
    utf8 = (struct evf_utf8){ 0 };
    cr_assert_eq(evf_utf8_check(&utf8, "good", 4), 4);
}

Test(utf8, takes_nothing_for_what_it_is)
{
    struct evf_utf8 utf8 = { 0 };
    cr_assert_eq(evf_utf8_check(&utf8, NULL, 0), 0);
    cr_assert(!evf_utf8_failed(&utf8) && utf8.missing == 0 && utf8.offset == 0);
    cr_assert_eq(evf_utf8_check(&utf8, "\xc3", 1), 0);
    cr_assert_eq(utf8.missing, 1);
    cr_assert_eq(evf_utf8_check(&utf8, "", 0), 0);
    cr_assert_eq(utf8.missing, 0, "nothing ends with a cut character");
}
