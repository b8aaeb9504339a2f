/* SPDX-License-Identifier: MIT
 *
 * What a line means; see command.h.
 */
#include "command.h"

#include <string.h>

static const struct {
    const char *word;
    enum chat_command_kind kind;
} commands[] = {
    { "/name", CHAT_COMMAND_NAME },   { "/join", CHAT_COMMAND_JOIN },
    { "/leave", CHAT_COMMAND_LEAVE }, { "/who", CHAT_COMMAND_WHO },
    { "/help", CHAT_COMMAND_HELP },   { "/quit", CHAT_COMMAND_QUIT },
};

static enum chat_command_kind command_of(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strlen(commands[i].word) == len && memcmp(commands[i].word, word, len) == 0)
            return commands[i].kind;
    return CHAT_COMMAND_UNKNOWN;
}

struct chat_command chat_command_parse(const char *line, size_t len)
{
    if (len == 0)
        return (struct chat_command){ .kind = CHAT_COMMAND_NOTHING };
    if (line[0] != '/')
        return (struct chat_command){ CHAT_COMMAND_SAY, line, len };
    if (len > 1 && line[1] == '/')
        return (struct chat_command){ CHAT_COMMAND_SAY, line + 1, len - 1 };

    const char *blank = memchr(line, ' ', len);
    size_t word = blank != NULL ? (size_t)(blank - line) : len;
    struct chat_command command = { command_of(line, word), line + word, len - word };
    if (command.kind == CHAT_COMMAND_UNKNOWN)
        return (struct chat_command){ CHAT_COMMAND_UNKNOWN, line, word };
    while (command.len > 0 && command.argument[0] == ' ') {
        command.argument++;
        command.len--;
    }
    while (command.len > 0 && command.argument[command.len - 1] == ' ')
        command.len--;
    return command;
}
