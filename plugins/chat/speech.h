/* SPDX-License-Identifier: MIT
 *
 * From a line that somebody sent to what it does.
 */
#ifndef CHAT_SPEECH_H
#define CHAT_SPEECH_H

#include "person.h"

/* Acts on a line of valid UTF-8. The person has no errand under way. False when it cannot be done
 * now: the stream is paused, and the same line is to be given again. */
bool chat_speech(struct chat_person *person, const char *line, size_t len);

/* What everybody is told first. */
void chat_speech_greet(struct chat_person *person);

#endif
