/* SPDX-License-Identifier: MIT
 *
 * Labels and their hash; see label.h.
 */
#include "label.h"

static uint64_t rotated(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void mix(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotated(v[1], 13) ^ v[0];
    v[3] = rotated(v[3], 16) ^ v[2];
    v[0] = rotated(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotated(v[1], 17) ^ v[2];
    v[3] = rotated(v[3], 21) ^ v[0];
    v[2] = rotated(v[2], 32);
}

uint64_t chat_hash(struct chat_key key, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t v[4] = { key.first ^ 0x736f6d6570736575u, key.second ^ 0x646f72616e646f6du,
                      key.first ^ 0x6c7967656e657261u, key.second ^ 0x7465646279746573u };
    for (size_t left = len;; left -= 8, at += 8) {
        bool last = left < 8;
        uint64_t word = last ? (uint64_t)len << 56 : 0;
        for (size_t i = 0; i < (last ? left : 8); i++)
            word |= (uint64_t)at[i] << (8 * i);
        v[3] ^= word;
        mix(v);
        v[0] ^= word;
        if (last)
            break;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        mix(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct chat_label chat_label_make(struct chat_key key, const char *text, size_t len)
{
    struct chat_label label = { .hash = chat_hash(key, text, len), .len = (uint32_t)len };
    memcpy(label.text, text, len);
    return label;
}
