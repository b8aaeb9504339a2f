/* SPDX-License-Identifier: MIT
 *
 * Labels: names of people and of rooms, together with their hash, which decides what worker is
 * their home. Two labels are the same when their bytes are.
 */
#ifndef CHAT_LABEL_H
#define CHAT_LABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "limits.h"

struct chat_label {
    uint64_t hash;
    uint32_t len;              /* 0: there is none */
    char text[CHAT_LABEL_MAX]; /* not terminated */
};

/* For printf's %.*s. */
#define CHAT_LABEL(label) (int)(label).len, (label).text

/* The secret that the hash depends on: who does not know it cannot choose names that all have the
 * same home, or fall into the same slot of a table. */
struct chat_key {
    uint64_t first, second;
};

/* len is at most CHAT_LABEL_MAX. */
struct chat_label chat_label_make(struct chat_key key, const char *text, size_t len);

static inline bool chat_label_same(const struct chat_label *a, const struct chat_label *b)
{
    return a->hash == b->hash && a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* SipHash with one round for each word and three at the end, as Aumasson and Bernstein describe
 * it. */
uint64_t chat_hash(struct chat_key key, const void *bytes, size_t len);

#endif
