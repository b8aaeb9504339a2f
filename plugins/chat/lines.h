/* SPDX-License-Identifier: MIT
 *
 * Cutting what a client sends into lines. Pure logic: bytes in, lines out, wherever the network
 * cut them.
 *
 * A line ends with \n, or \r\n, and has at most `max` bytes before that. One that is longer is
 * refused once, as soon as that is known, and passed over up to its end. A line that is not valid
 * UTF-8 is refused with the offset of the first wrong byte among all that the client sent.
 */
#ifndef CHAT_LINES_H
#define CHAT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero before the first byte. Free to be copied: a caller who may have to leave a line where it
 * is works on a copy and stores it when the line is taken. */
struct chat_lines {
    uint64_t offset; /* bytes used so far */
    bool skipping;   /* inside a line that was too long */
};

enum chat_line_kind {
    CHAT_LINE_NONE,     /* no whole line is there; come again with more */
    CHAT_LINE_TEXT,     /* text and len are the line without its end */
    CHAT_LINE_TOO_LONG, /* a line of more than max bytes begins here */
    CHAT_LINE_BAD_UTF8, /* bad_offset tells where */
    CHAT_LINE_SKIPPED,  /* more of a line that was too long */
};

struct chat_line {
    size_t used; /* bytes of the input to be consumed; 0 for CHAT_LINE_NONE */
    const char *text;
    size_t len;
    uint64_t bad_offset;
};

/* The next line in len bytes, at least one, which follow those that were used. With max + 2 bytes
 * it always uses some. */
enum chat_line_kind chat_lines_next(struct chat_lines *lines, size_t max, const uint8_t *bytes,
                                    size_t len, struct chat_line *ret);

#endif
