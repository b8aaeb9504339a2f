/* SPDX-License-Identifier: MIT
 *
 * Which characters people may send. What one person types is written to the terminals of others,
 * so nothing may pass that moves a cursor, clears a screen or turns text around. Pure functions on
 * valid UTF-8.
 */
#ifndef CHAT_TEXT_H
#define CHAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at text[*at], which is moved behind it. text is valid UTF-8 and not at its end. */
uint32_t chat_character(const char *text, size_t *at);

/* Looks for a character that a message may not have: controls (C0 with tab, DEL, C1), line and
 * paragraph separators, and the controls that change the direction of text. Returns its offset and
 * tells it, or len when there is none. */
size_t chat_text_check(const char *text, size_t len, uint32_t *ret_character);

/* True for a name or a room: at least one byte, and neither what chat_text_check refuses, nor a
 * blank or anything that cannot be seen, nor '<' or '>', nor '/' at its beginning. */
bool chat_label_allowed(const char *text, size_t len);

#endif
