/* SPDX-License-Identifier: MIT
 *
 * What a line means. Pure logic on a valid line of lines.h.
 */
#ifndef CHAT_COMMAND_H
#define CHAT_COMMAND_H

#include <stddef.h>

enum chat_command_kind {
    CHAT_COMMAND_NOTHING, /* an empty line */
    CHAT_COMMAND_SAY,     /* a message to the room: argument */
    CHAT_COMMAND_NAME,    /* /name NAME */
    CHAT_COMMAND_JOIN,    /* /join ROOM */
    CHAT_COMMAND_LEAVE,
    CHAT_COMMAND_WHO,
    CHAT_COMMAND_HELP,
    CHAT_COMMAND_QUIT,
    CHAT_COMMAND_UNKNOWN, /* argument is the word */
};

struct chat_command {
    enum chat_command_kind kind;
    const char *argument; /* a part of the line; not terminated */
    size_t len;
};

/* A line that begins with '/' is a command, its argument what follows the word, without the blanks
 * around it. Any other is a message, and one that begins with "//" too, without the first slash. */
struct chat_command chat_command_parse(const char *line, size_t len);

#endif
