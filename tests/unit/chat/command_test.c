/* SPDX-License-Identifier: MIT
 *
 * What a line means.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "chat/command.h"

static void expect(const char *line, enum chat_command_kind kind, const char *argument)
{
    struct chat_command command = chat_command_parse(line, strlen(line));
    cr_assert_eq(command.kind, kind, "%s gave %d", line, (int)command.kind);
    cr_assert_eq(command.len, strlen(argument), "%s: %zu bytes", line, command.len);
    cr_assert(command.len == 0 || memcmp(command.argument, argument, command.len) == 0, "%s", line);
}

Test(command, is_a_message_without_a_slash)
{
    expect("hello", CHAT_COMMAND_SAY, "hello");
    expect(" /name x ", CHAT_COMMAND_SAY, " /name x ");
    expect(" ", CHAT_COMMAND_SAY, " ");
}

Test(command, is_a_message_with_two_slashes_less_the_first)
{
    expect("//", CHAT_COMMAND_SAY, "/");
    expect("//name x", CHAT_COMMAND_SAY, "/name x");
    expect("///", CHAT_COMMAND_SAY, "//");
}

Test(command, has_an_argument_without_the_blanks_around_it)
{
    expect("/name bob", CHAT_COMMAND_NAME, "bob");
    expect("/name   bob  ", CHAT_COMMAND_NAME, "bob");
    expect("/join two words", CHAT_COMMAND_JOIN, "two words");
    expect("/name", CHAT_COMMAND_NAME, "");
    expect("/name    ", CHAT_COMMAND_NAME, "");
    expect("/leave", CHAT_COMMAND_LEAVE, "");
    expect("/who", CHAT_COMMAND_WHO, "");
    expect("/help", CHAT_COMMAND_HELP, "");
    expect("/quit", CHAT_COMMAND_QUIT, "");
}

Test(command, is_unknown_by_its_word)
{
    expect("/", CHAT_COMMAND_UNKNOWN, "/");
    expect("/nam e", CHAT_COMMAND_UNKNOWN, "/nam");
    expect("/names x", CHAT_COMMAND_UNKNOWN, "/names");
    expect("/NAME x", CHAT_COMMAND_UNKNOWN, "/NAME");
    expect("/ name", CHAT_COMMAND_UNKNOWN, "/");
}

Test(command, is_nothing_in_an_empty_line)
{
    expect("", CHAT_COMMAND_NOTHING, "");
}
