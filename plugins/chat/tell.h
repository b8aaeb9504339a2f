/* SPDX-License-Identifier: MIT
 *
 * Lines for one person.
 *
 * Who does not read is dropped. What is written beyond what the peer reads waits in the stream's
 * queue. When that has grown to the listener's write-high (EVF_FULL), the person is behind, and has
 * CHAT_PATIENCE_MS and CHAT_BEHIND_MAX bytes to catch up: a worker that was busy for a moment may
 * bring a hundred messages at once. Who does not catch up is dismissed: told so, behind what waits,
 * and counted. They have CHAT_GOODBYE_MS to read it, then the stream is closed. So what somebody
 * can make the server hold is bounded, and nobody else waits for them.
 */
#ifndef CHAT_TELL_H
#define CHAT_TELL_H

#include <stdarg.h>

#include "person.h"

/* Why somebody who does not read leaves, as others are told. */
#define CHAT_SLOW "reads too slowly"

/* printf's format, with its newline; lines of more than CHAT_REPLY_MAX are cut. No effect once
 * goodbye was said. */
void chat_tell(struct chat_person *person, const char *format, ...) EVF_PRINTF(2, 3);

/* A line that many get, by reference; they get all lines of one turn at once. */
void chat_tell_slice(struct chat_person *person, evf_slice line);

/* The last line, and the end of the stream. */
void chat_tell_last(struct chat_person *person, const char *line);

/* The answers that a letter has brought back. */
void chat_tell_who(struct chat_person *person, const struct chat_letter *letter);

/* As vsnprintf, but the length is what stands in the buffer; a line that is cut keeps its newline.
 */
uint32_t chat_format(char *buffer, size_t size, const char *format, va_list arguments)
    EVF_PRINTF(3, 0);

#endif
