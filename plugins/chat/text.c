/* SPDX-License-Identifier: MIT
 *
 * Which characters people may send; see text.h.
 */
#include "text.h"

struct range {
    uint32_t first, last;
};

/* Act on a terminal or on the text around them. */
static const struct range controls[] = {
    { 0x0000, 0x001f }, /* C0, tab and escape included */
    { 0x007f, 0x009f }, /* DEL, C1 */
    { 0x2028, 0x202e }, /* line and paragraph separator; embeddings and overrides of direction */
    { 0x2066, 0x206f }, /* isolates; deprecated formatting */
    { 0xfff9, 0xfffb }, /* interlinear annotation */
};

/* Cannot be seen: with them two names could look the same. */
static const struct range invisible[] = {
    { 0x0020, 0x0020 }, { 0x00a0, 0x00a0 }, { 0x00ad, 0x00ad },   { 0x034f, 0x034f },
    { 0x061c, 0x061c }, { 0x115f, 0x1160 }, { 0x1680, 0x1680 },   { 0x17b4, 0x17b5 },
    { 0x180b, 0x180f }, { 0x2000, 0x200f }, { 0x202f, 0x202f },   { 0x205f, 0x2065 },
    { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },
    { 0xffa0, 0xffa0 }, { 0xfff0, 0xfff8 }, { 0xe0000, 0xe0fff },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool among(uint32_t character, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (character >= ranges[i].first && character <= ranges[i].last)
            return true;
    return false;
}

uint32_t chat_character(const char *text, size_t *at)
{
    uint8_t first = (uint8_t)text[(*at)++];
    if (first < 0x80)
        return first;
    unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    uint32_t character = first & (0x3fu >> more);
    while (more-- > 0)
        character = character << 6 | ((uint8_t)text[(*at)++] & 0x3fu);
    return character;
}

size_t chat_text_check(const char *text, size_t len, uint32_t *ret_character)
{
    for (size_t at = 0; at < len;) {
        size_t start = at;
        uint32_t character = chat_character(text, &at);
        if (among(character, controls, COUNT(controls))) {
            *ret_character = character;
            return start;
        }
    }
    return len;
}

bool chat_label_allowed(const char *text, size_t len)
{
    if (len == 0 || text[0] == '/')
        return false;
    for (size_t at = 0; at < len;) {
        uint32_t character = chat_character(text, &at);
        if (character == '<' || character == '>' || among(character, controls, COUNT(controls)) ||
            among(character, invisible, COUNT(invisible)))
            return false;
    }
    return true;
}
