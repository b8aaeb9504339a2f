/* SPDX-License-Identifier: MIT
 *
 * The handler: what happens on a stream.
 */
#ifndef CHAT_CONNECTION_H
#define CHAT_CONNECTION_H

#include <evframe/evframe.h>

extern const struct evf_handler chat_handler;

#endif
