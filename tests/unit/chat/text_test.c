/* SPDX-License-Identifier: MIT
 *
 * Which characters may be sent: nothing that moves somebody's cursor.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "chat/text.h"

static size_t encode(uint32_t character, char *ret)
{
    if (character < 0x80) {
        ret[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        ret[0] = (char)(0xc0 | character >> 6);
        ret[1] = (char)(0x80 | (character & 0x3f));
        return 2;
    }
    if (character < 0x10000) {
        ret[0] = (char)(0xe0 | character >> 12);
        ret[1] = (char)(0x80 | (character >> 6 & 0x3f));
        ret[2] = (char)(0x80 | (character & 0x3f));
        return 3;
    }
    ret[0] = (char)(0xf0 | character >> 18);
    ret[1] = (char)(0x80 | (character >> 12 & 0x3f));
    ret[2] = (char)(0x80 | (character >> 6 & 0x3f));
    ret[3] = (char)(0x80 | (character & 0x3f));
    return 4;
}

Test(text, decodes_every_character)
{
    for (uint32_t character = 0; character <= 0x10ffff; character++) {
        char bytes[4];
        size_t at = 0, len = encode(character, bytes);
        if (character >= 0xd800 && character <= 0xdfff)
            continue;
        cr_assert_eq(chat_character(bytes, &at), character, "U+%04X", character);
        cr_assert_eq(at, len, "U+%04X", character);
    }
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x206f) || (c >= 0xfff9 && c <= 0xfffb);
}

Test(text, refuses_every_control_and_tells_its_place)
{
    for (uint32_t character = 0; character <= 0x10ffff; character++) {
        char bytes[8] = "ab";
        uint32_t told = 0xffffff;
        size_t len = 2 + encode(character, bytes + 2);
        if (character >= 0xd800 && character <= 0xdfff)
            continue;
        bytes[len++] = 'c';
        size_t bad = chat_text_check(bytes, len, &told);
        if (is_control(character))
            cr_assert(bad == 2 && told == character, "U+%04X gave %zu", character, bad);
        else
            cr_assert(bad == len && told == 0xffffff, "U+%04X gave %zu", character, bad);
    }
}

static bool allowed(const char *label)
{
    return chat_label_allowed(label, strlen(label));
}

Test(text, allows_names_that_can_be_seen)
{
    cr_expect(allowed("bob"));
    cr_expect(allowed("J\xc3\xbcrgen"));
    cr_expect(allowed("\xe6\x9d\x8e"));
    cr_expect(allowed("\xf0\x9f\x98\x80"));
    cr_expect(allowed("a/b"));
    cr_expect(allowed("-"));
}

Test(text, refuses_names_that_cannot)
{
    cr_expect_not(allowed(""));
    cr_expect_not(allowed("/a"));
    cr_expect_not(allowed("a b"));
    cr_expect_not(allowed("a<"));
    cr_expect_not(allowed(">a"));
    cr_expect_not(allowed("a\tb"));
    cr_expect_not(allowed("\x1b[2J"));
    cr_expect_not(allowed("a\xc2\x85"));        /* NEL */
    cr_expect_not(allowed("a\xc2\xa0"));        /* no-break space */
    cr_expect_not(allowed("a\xc2\xad"));        /* soft hyphen */
    cr_expect_not(allowed("bob\xe2\x80\x8b"));  /* zero width space */
    cr_expect_not(allowed("bob\xe2\x80\xae"));  /* right-to-left override */
    cr_expect_not(allowed("bob\xef\xbb\xbf"));  /* byte order mark */
    cr_expect_not(allowed("bob\xe3\x80\x80"));  /* ideographic space */
    cr_expect_not(allowed("\xf3\xa0\x81\xa1")); /* a tag */
    cr_expect_not(chat_label_allowed("a\0b", 3));
}
