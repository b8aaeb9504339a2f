/* SPDX-License-Identifier: MIT
 *
 * Text that came from outside, made fit for one line of a log or a terminal.
 *
 * Escaped are: control characters (C0, DEL, C1), so that nothing drives a terminal or begins a new
 * line; the controls of writing direction and the separators of lines and paragraphs, so that
 * nothing is shown in another order than it was sent; every byte that is not part of well-formed
 * UTF-8 (RFC 3629). Everything else stays as it is, so the outcome is always well-formed UTF-8.
 *
 *   in text    \x1b for C0 and DEL, \u202e for the others, \xff for an ill-formed byte. A backslash
 *              stays single where it cannot be mistaken for one of these and is doubled where it
 *              can: what was sent can always be told from what is shown.
 *   in a word  the same, and blanks as \x20
 *   in JSON    the inside of a string: \u001b for all of them, \" and \\ as JSON has them, and an
 *              ill-formed byte as the four characters \xff. Well-formed text decodes to itself.
 *
 * Pure functions, any thread.
 */
#ifndef EVF_BASE_ESCAPE_H
#define EVF_BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

enum evf__escape_style { EVF__ESCAPE_TEXT, EVF__ESCAPE_WORD, EVF__ESCAPE_JSON };

/* Writes as much of text as fits into room bytes, never a part of a character or of an escape, and
 * no terminator. Returns the bytes written; *ret_taken, when asked for, is how much of text they
 * stand for. */
size_t evf__escape(char *to, size_t room, const char *text, size_t len,
                   enum evf__escape_style style, size_t *ret_taken);

/* The length of text without an incomplete character at its end, as a cut leaves one behind. */
size_t evf__escape_whole(const char *text, size_t len);

#endif
